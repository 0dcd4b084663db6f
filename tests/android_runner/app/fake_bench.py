"""Prints what docs/native.md says a benchmark program does, and goes wrong as the file `mode` says."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

KERNELS = (
    "binary_conv2d_b1b1f32_nhwc_n1h4w4c64o128k3x3s2x2p1x1d1x1b1x1relu0add0m1_t1x2v8u8__neon",
    "pack_f32b1_nhwc_n1h8w8c32b1x1pad1_v4__neon",
    "fused_max_pool2d_multiply_add",
)
MODELS = {
    "digits-k3": ("classification", [1, 32, 32, 1]),
    "shapes-fcos-k5": ("detection", [1, 128, 128, 3]),
    "shapes-bpac-k5": ("segmentation", [1, 96, 96, 3]),
    "needs-sve": ("classification", [1, 8, 8, 1]),
}
CORES = [
    {
        "number": n,
        "name": name,
        "role": role,
        "online": True,
        "governor": "schedutil",
        "capacity": None,
        "min_khz": 300000,
        "max_khz": khz,
        "limit_khz": khz,
        "now_khz": khz,
    }
    for n, (name, role, khz) in enumerate(
        [("Cortex-A55", "little", 1_800_000)] * 4 + [("Cortex-A76", "big", 2_400_000)] * 2
    )
]
DEVICE = {
    "machine": "aarch64",
    "kernel": "5.10",
    "features": ["neon", "dotprod"],
    "cores": CORES,
    "memory_bytes": 7_834_599_424,
    "cpu_celsius": 41.2,
    "zones": [],
}


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def model_list() -> None:
    models = [
        {
            "name": name,
            "task": task,
            "target": "arm64",
            "runs_here": name != "needs-sve",
            "refused": "needs SVE, which this processor lacks" if name == "needs-sve" else None,
            "inputs": [
                {"name": "x", "type": "uint8", "shape": shape, "bytes": shape[1] * shape[2] * shape[3]}
            ],
            "outputs": [],
            "labels": [],
            "kernel_calls": 21,
            "weights_bytes": 137576,
            "memory_bytes": 89216,
        }
        for name, (task, shape) in MODELS.items()
    ]
    say(event="list", schema=1, version="0.1.0", build={}, models=models, device=DEVICE)


def bench(name: str, mode: str) -> None:
    say(event="start", model=name, threads=1, cores=[], runs=30)
    say(event="check", ok=True, max_abs_err=1e-6)
    say(event="warmup", runs=96, ms=1.31)
    hot = mode == "hot"
    why = ["core 4 was allowed 1.2 of 2.4 GHz"] if hot else []
    say(event="reading", elapsed_s=1.0, cpu_celsius=43.1, throttled=hot, reasons=why, clocks=[])
    samples = [1.3 + 0.01 * (index * 7 % 11) for index in range(30)]
    for index, ms in enumerate(samples):
        say(event="run", index=index, of=30, ms=ms)
        if mode == "pauses" and index == 1:
            pause()
    say(event="something-new", x=1)
    ordered = sorted(samples)
    latency = {
        "min": ordered[0],
        "p50": ordered[15],
        "p95": ordered[28],
        "mean": sum(samples) / 30,
        "samples": samples,
    }
    if mode == "no-latency":
        latency = None
    kernels = [
        {"kernel": kernel, "call": 3 - at, "calls": 1, "ms": 0.6 - at * 0.1, "share": 0.4 - at * 0.1}
        for at, kernel in enumerate(KERNELS)
    ]
    say(
        event="result",
        schema=1,
        version="0.1.0",
        runtime="aot",
        stopped=False,
        model=name,
        task=MODELS[name][0],
        threads=1,
        cores={"asked": None, "used": [], "names": [], "pinned": False},
        runs=30,
        latency_ms=latency,
        profile=kernels,
        throttling={"throttled": hot, "reasons": why, "readings": 4},
        device=DEVICE,
    )


def pause() -> None:
    """Wait until somebody takes the file `pause` away."""
    flag = Path(__file__).resolve().parent / "pause"
    end = time.monotonic() + 120
    while flag.exists() and time.monotonic() < end:
        time.sleep(0.02)


def batch(name: str, folder: Path, mode: str) -> None:
    task, shape = MODELS[name]
    images = []
    for index, path in enumerate(sorted(folder.glob("*.bin"))):
        assert path.stat().st_size == shape[1] * shape[2] * shape[3]
        prediction: dict[str, Any] = {"classes": [{"index": 3, "label": "3", "score": 0.9}]}
        if task == "detection":
            box = {"index": 3, "label": "cross", "score": 0.8, "box": [51.5, 0, 94, 39]}
            prediction = {"boxes": [box, box | {"score": 0.1}]}
            if mode == "crowded":
                corner = [100, 100, 140, 128]
                prediction = {"boxes": [box | {"label": f"thing{n}", "index": n} for n in range(9)]}
                prediction["boxes"].append(box | {"label": "a thing with a long name", "box": corner})
        if task == "segmentation":
            prediction = {
                "height": shape[1],
                "width": shape[2],
                "runs": [0, shape[1] * shape[2] + (mode == "bad-mask")],
            }
        images.append({"file": path.name, "ms": 1.3, "prediction": prediction})
        say(event="image", index=index, of=12, **images[-1])
    say(event="result", schema=1, version="0.1.0", model=name, task=task, images=images)


def main() -> int:
    given = sys.argv[1:]
    mode = (Path(__file__).resolve().parent / "mode").read_text()
    if "--list" in given:
        if mode == "list-crash":
            os.abort()
        model_list()
        return 0
    if mode == "error":
        say(event="error", error={"type": "CheckError", "message": "expected PyTorch's numbers; got others"})
        return 2
    if mode == "silent":
        return 0
    if mode == "crash":
        os.abort()
    if mode == "garbage":
        print("<html>")
        return 0
    name = given[given.index("--model") + 1]
    if "--batch" in given:
        batch(name, Path(given[given.index("--batch") + 1]), mode)
    else:
        bench(name, mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
