"""Layer names are the model's own paths, and unique."""

import warnings

from small_nets import export

from frontend.layers import packed_layers


def test_a_shared_module_gets_a_number_for_each_call():
    names = list(packed_layers(export(bases=3, depths=(1, 1, 1))).values())
    assert len(names) == len(set(names))
    shared = [name for name in names if "#" in name]
    # Two downsamples, each shared by three bases: the second and third calls are numbered.
    assert len(shared) == 4
    assert {name.partition("#")[2] for name in shared} == {"1", "2"}
    assert {name.partition("#")[0] for name in shared} <= set(names)


def test_decomposition_keeps_the_names():
    exported = export(bases=2)
    before = list(packed_layers(exported).values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch warns about its own tree specs
        decomposed = exported.run_decompositions()
    assert list(packed_layers(decomposed).values()) == before
