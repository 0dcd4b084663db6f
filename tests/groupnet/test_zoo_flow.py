"""Every trained network that ships, the whole way: this machine and the emulated phone score as PyTorch."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_verb import groupnet

from android_runner.emulator.phone import EmulatedPhone, start_phone, stop_phone
from groupnet.score_names import MAIN_SCORE
from models.data.shapes.generate import Plan, write_classification, write_scenes
from models.zoo import ZooEntry, entries

IMAGES = 20
ON_THE_PHONE = 6
ENTRIES = entries()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By entries' data, what `eval --data` takes: the first images that the cards' scores are of."""
    folder = tmp_path_factory.mktemp("shapes")
    write_classification(folder / "singles", Plan(kind="shapes", train=10, val=IMAGES, size=64, seed=0))
    write_scenes(folder / "scenes", Plan(kind="shapes", train=1, val=IMAGES, size=128, seed=0))
    return {
        "digits": "digits",
        "shapes-classification": str(folder / "singles"),
        "shapes": str(folder / "scenes"),
    }


@pytest.fixture(scope="module")
def phone() -> Iterator[EmulatedPhone]:
    name = f"zoo-{os.getpid()}"
    yield start_phone(cpu="cortex-a76", name=name)
    stop_phone(name)


def check(entry: ZooEntry, device: str, made: Path, folders: dict[str, str], images: int) -> None:
    """Verify and score a bundle; scores must be PyTorch's."""
    verified = groupnet("bench", made, "--device", device, "--runs", "1")["verified"]
    assert verified["exact"] is True and verified["binary_convs"] > 0
    data = folders[entry.data]
    result = groupnet("eval", made, "--data", data, "--device", device, "--limit", str(images))
    scores, expected = result["scores"], result["pytorch_scores"]
    assert result["images"] == images
    if entry.task == "classification":
        assert result["same_predictions"] == result["predictions"]
        assert scores == expected
        return
    # Floats are summed in another order: pixels on borders and boxes at thresholds may change sides.
    assert result["same_predictions"] >= 0.99 * result["predictions"]
    main = MAIN_SCORE[entry.task]
    assert scores[main] == pytest.approx(expected[main], abs=1e-3)
    assert scores[main] > entry.score / 4  # of few images


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_on_this_machine(entry: ZooEntry, folders: dict[str, str], zoo_bundle: Callable[[str], Path]) -> None:
    check(entry, "host", zoo_bundle(entry.name), folders, IMAGES)


@pytest.mark.phone
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_on_the_phone(entry: ZooEntry, folders: dict[str, str], phone: EmulatedPhone, tmp_path: Path) -> None:
    made = tmp_path / "net.bundle"
    groupnet("compile", entry.name, "--target", "cortex-a76", "--out", made)
    check(entry, f"adb:{phone.serial}", made, folders, ON_THE_PHONE)
