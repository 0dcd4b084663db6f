"""The runs of an ablation table: every variant of a study with every seed, on one data set."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ablation_run import Run
from benchmarks.ablation_studies import Entry, Study
from benchmarks.errors import BenchmarkError
from models.checkpoint import load_checkpoint
from models.training.preset_run import Plan, Request, make_plan


def plan_runs(
    study: Study,
    *,
    data: Path | None,
    preset: str | None = None,
    seeds: int = 3,
    pretrain_epochs: int | None = None,
    epochs: int | None = None,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    backbones: Sequence[Path] = (),
) -> list[Run]:
    """All runs of a table, in order: every variant with the first seed, then with the next.

    Args:
        study: Which table.
        data: Folder of the data set; None for data that need none.
        preset: In place of the study's; network and length are its own unless given.
        seeds: How many, from 0.
        pretrain_epochs: Of the stages before the last; None is the study's, or the other preset's.
        epochs: Of the last stage; None likewise.
        overrides: `NAME=VALUE` for every variant, see `Preset.overridden`.
        only: Names of the variants to take; none takes all.
        backbones: Checkpoints to start with: each variant takes the first of its K and precision.

    Raises:
        BenchmarkError: The preset is for another task, the folder does not exist, no variant has a name, or
            a variant has none of the backbones.
        ModelsError: A preset, a name or a value is not valid.
    """
    usual = preset is None
    common = (*(study.overrides if usual else ()), *overrides)
    base = Request(
        preset=study.preset if preset is None else preset,
        data=data,
        pretrain_epochs=study.pretrain_epochs if usual and pretrain_epochs is None else pretrain_epochs,
        epochs=study.epochs if usual and epochs is None else epochs,
        overrides=common,
    )
    plan = make_plan(base)
    if plan.config.task != study.name:
        raise BenchmarkError(
            f"expected a preset for {study.name}; got {base.preset!r}, which is for {plan.config.task}; "
            f"choose another one or --study {plan.config.task}"
        )
    entries = _chosen(study.entries(plan.preset, plan.config), only)
    digest = "" if data is None else folder_digest(data)
    return [
        Run(study.name, entry.name, _with_backbone(_plan(base, entry, seed), entry, backbones), digest)
        for seed in range(seeds)
        for entry in entries
    ]


def folder_digest(folder: Path) -> str:
    """A digest of the names and sizes of all files: another data set, or more of it, has another.

    Raises:
        BenchmarkError: There is no such folder.
    """
    if not folder.is_dir():
        raise BenchmarkError(f"expected the folder of a data set; got {folder}; name one with --data")
    files = sorted((path.relative_to(folder), path.stat().st_size) for path in _files(folder))
    text = "".join(f"{name.as_posix()} {size}\n" for name, size in files)
    return hashlib.sha256(text.encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _chosen(entries: list[Entry], only: Sequence[str]) -> list[Entry]:
    names = list(dict.fromkeys(entry.name for entry in entries))
    for name in only:
        if name not in names:
            raise BenchmarkError(f"expected variants in {', '.join(names)}; got {name!r}; choose among them")
    return [entry for entry in entries if not only or entry.name in only]


def _plan(base: Request, entry: Entry, seed: int) -> Plan:
    return make_plan(dataclasses.replace(base, seed=seed, overrides=(*base.overrides, *entry.overrides)))


def _with_backbone(plan: Plan, entry: Entry, backbones: Sequence[Path]) -> Plan:
    if not backbones:
        return plan
    last = plan.recipe.stages[-1].precision
    for path in backbones:
        found = load_checkpoint(path).meta.config
        if (found.bases, found.precision) == (plan.config.bases, last):
            return dataclasses.replace(plan, request=dataclasses.replace(plan.request, backbone=path))
    raise BenchmarkError(
        f"expected a backbone for {entry.name!r}, K = {plan.config.bases}, {last}; got none among "
        f"{', '.join(map(str, backbones))}; name one more with --backbone"
    )
