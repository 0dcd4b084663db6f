"""Runs and measurements for tests of the ablation tables, without training."""

from benchmarks.ablation_plan import plan_runs
from benchmarks.ablation_run import Measurement
from benchmarks.ablation_studies import study_of
from models.complexity import Complexity


def sample_runs(seeds=2, only=("float", "LBD")):
    """Runs of the smallest table."""
    return plan_runs(study_of("classification"), data=None, preset="digits", seeds=seeds, only=only)


def sample_measurement(top1=0.5, seconds=10.0, threads=1):
    """What a run could have come to."""
    return Measurement({"top1": top1}, Complexity(640, 10, 6400, 100), seconds, threads, "cpu")
