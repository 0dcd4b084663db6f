"""`groupnet models`: the trained networks of the zoo and the architectures that can be built."""

from dataclasses import asdict

from groupnet.boundary import verb
from groupnet.console import AsJson, print_json, print_result, table


@verb
def models(as_json: AsJson = False) -> None:
    """List the trained models of the zoo and the architectures that can be built."""
    from models.registry import architectures
    from models.zoo import entries

    zoo, registered = entries(), architectures()
    if as_json:
        print_json(
            {
                "zoo": [asdict(entry) | {"path": str(entry.path)} for entry in zoo],
                "architectures": [asdict(info) for info in registered],
            }
        )
        return
    trained = table(
        "Zoo (trained)", "name", "task", "bases", "top-1", "description", numbers=("bases", "top-1")
    )
    for entry in zoo:
        trained.add_row(entry.name, entry.task, str(entry.bases), f"{entry.top1:.1%}", entry.description)
    print_result(trained)
    untrained = table(
        "Architectures (random weights until trained)",
        *("name", "task", "input", "classes", "bases", "description"),
        numbers=("input", "classes", "bases"),
    )
    for info in registered:
        untrained.add_row(
            info.name,
            info.task,
            f"{info.in_channels}x{info.input_size}x{info.input_size}",
            str(info.num_classes),
            str(info.default_bases),
            info.description,
        )
    print_result(untrained)
