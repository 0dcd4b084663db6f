"""Draws the pictures of docs/app.

`python tests/android_runner/app/draw_screens.py PROGRAM`, PROGRAM being a `groupnet_bench` for arm64.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from phone_user import OnJvm, PhoneUser
from PIL import Image
from real_program import emulated

from android_runner.app.build import AppOrder, build_app
from groupnet.app_test_sets import test_set_assets
from groupnet.native import zoo_names

DOCS = Path(__file__).parents[3] / "docs/app"
MINUTES = 20 * 60
PART = 1462  # pixels of a long screen in one picture


def main(program: Path) -> None:
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        order = AppOrder(program, test_set_assets(zoo_names()), folder / "key/app.p12")
        build_app(order, folder / "app.apk", say=print)
        user = PhoneUser(
            OnJvm.prepare(folder / "app.apk", folder), emulated(program, folder), folder / "phone"
        )
        user.do("launch")
        user.sees("Cortex")
        draw(user, "device")
        user.taps("Models")
        draw(user, "models")
        user.taps("Measure")
        user.sees("shapes-bpac-k5, model", MINUTES)
        user.sees("Run 20", MINUTES)
        draw(user, "run")
        user.sees("See the results", MINUTES)
        user.taps("See the results")
        draw(user, "results", "pictures")
        user.taps("History")
        draw(user, "history")
        user.do("night", True)
        user.do("kill")
        user.taps("Models")
        draw(user, "night")
        user.taps("Results")
        draw(user, "night_results")
        user.close()


def draw(user: PhoneUser, *names: str) -> None:
    """Draw the screen, or the parts of a long one; few colours do, and make small files."""
    path = DOCS / f"{names[0]}.png"
    user.do("picture", str(path), len(names) > 1)
    with Image.open(path) as image:
        height = PART if len(names) > 1 else image.height
        parts = [image.crop((0, at * height, image.width, (at + 1) * height)) for at in range(len(names))]
    for name, part in zip(names, parts, strict=True):
        part.quantize(128).save(DOCS / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
