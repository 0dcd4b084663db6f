"""What `groupnet eval` shows people: scores, and how far a device is from PyTorch."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from groupnet.console import table
from groupnet.score_names import MAIN_SCORE, SCORE_TITLES


def score_table(results: list[dict[str, Any]]) -> Table:
    """One row for each result of `run_eval`, all of one task."""
    main = MAIN_SCORE[results[0]["task"]]
    same_units = f"same {results[0]['prediction_of']}s"
    numbers = ("images", SCORE_TITLES[main], f"PyTorch's {SCORE_TITLES[main]}", same_units)
    shown = table("Accuracy", "model", "data", "device", *numbers, numbers=numbers)
    for result in results:
        expected, same = result["pytorch_scores"], result["same_predictions"]
        shown.add_row(
            result["name"],
            result["data"],
            f"{result['device']['name']} ({result['device']['cpu']})",
            str(result["images"]),
            f"{result['scores'][main]:.2%}",
            "unknown" if expected is None else f"{expected[main]:.2%}",
            "unknown" if same is None else f"{same:,} of {result['predictions']:,}",
        )
    return shown


def worst_table(worst: list[dict[str, Any]]) -> Table:
    """The images where a device differs most from PyTorch."""
    numbers = ("image", "largest difference", "same")
    pictures = any("picture" in line for line in worst)
    columns = (*numbers, "picture") if pictures else numbers
    shown = table("Farthest from PyTorch", *columns, numbers=numbers)
    for line in worst:
        same = f"{line['same']:,} of {line['predictions']:,}"
        shown.add_row(
            str(line["image"]), f"{line['max_abs_diff']:.2g}", same, *([line["picture"]] if pictures else [])
        )
    return shown


def summarise_checks(checks: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """All images whose integers were compared, as `eval --json` prints them."""
    return {
        "images": sorted(checks),
        "integers": sum(check["integers"] for check in checks.values()),
        "exact": all(check["exact"] for check in checks.values()) if checks else None,
        "sign_flips": sum(check["sign_flips"] for check in checks.values()),
        "signs": sum(check["signs"] for check in checks.values()),
    }


def describe_checks(result: Mapping[str, Any]) -> str:
    """What was compared with PyTorch beside the predictions, and who scored how many images."""
    lines = []
    checks, difference = result["checks"], result["difference"]
    if checks["images"]:
        lines.append(
            f"{checks['integers']:,} integers of {len(checks['images'])} images equal PyTorch's; "
            f"{checks['sign_flips']} of {checks['signs']:,} signs lie on the other side of zero"
        )
    if difference:
        lines.append(
            f"outputs differ from PyTorch's by {difference['max_abs']:.2g} at most, "
            f"{difference['median_abs']:.2g} in the median image; "
            f"{difference['images_with_other_predictions']} images are predicted otherwise"
        )
    if len(result["images_by_device"]) > 1:
        shares = ", ".join(f"{count} by {name}" for name, count in result["images_by_device"].items())
        lines.append(f"images: {shares}")
    if result["kept_images"]:
        lines.append(f"{result['kept_images']} of the images were scored before this run")
    return "\n".join(lines)
