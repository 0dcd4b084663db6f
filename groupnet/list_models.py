"""`groupnet models`: the zoo, the architectures that can be built, and the presets that train them."""

from dataclasses import asdict

from groupnet.boundary import verb
from groupnet.console import AsJson, print_json, print_result, table
from groupnet.score_names import SCORE_TITLES


@verb
def models(as_json: AsJson = False) -> None:
    """List the trained models of the zoo, the architectures that can be built, and presets to train."""
    from models.registry import architectures
    from models.training.preset import preset_names, preset_of
    from models.zoo import entries

    zoo, registered = entries(), architectures()
    presets = {name: preset_of(name) for name in preset_names()}
    if as_json:
        print_json(
            {
                "zoo": [asdict(entry) | {"path": str(entry.path)} for entry in zoo],
                "architectures": [asdict(info) for info in registered],
                "presets": [{"name": name} | preset.to_dict() for name, preset in presets.items()],
            }
        )
        return
    trained = table(
        "Zoo (trained)", "name", "task", "bases", "data", "score", "description", numbers=("bases", "score")
    )
    for entry in zoo:
        score = f"{entry.score:.1%} {SCORE_TITLES[entry.metric]}"
        trained.add_row(entry.name, entry.task, str(entry.bases), entry.data, score, entry.description)
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
    trainings = table(
        "Presets (groupnet train NAME)", "name", "architecture", "data", "epochs", "description"
    )
    for name, preset in presets.items():
        epochs = " + ".join(str(stage.epochs) for stage in preset.recipe.stages)
        trainings.add_row(name, preset.architecture, preset.data, epochs, preset.description)
    print_result(trainings)
