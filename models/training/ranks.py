"""Several processes that train one network: started by `torchrun`, they share each batch."""

import datetime
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed

from models.errors import TrainingError
from models.training.task import Shard

_TIMEOUT = datetime.timedelta(minutes=30)  # the first process alone scores the test images meanwhile
_ALONE = Shard()


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Shard]:
    """Join the processes that `torchrun` started with this one and leave them at the end; alone without it.

    Raises:
        TrainingError: `torchrun`'s variables are incomplete.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ and "WORLD_SIZE" not in os.environ:
        yield _ALONE
        return
    try:
        shard = Shard(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    except (KeyError, ValueError) as error:
        raise TrainingError(
            f"expected RANK and WORLD_SIZE as torchrun sets them; got a fault at {error}; start all "
            "processes with torchrun"
        ) from error
    if shard.world == 1:
        yield _ALONE
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, rank=shard.rank, world_size=shard.world, timeout=_TIMEOUT)
    try:
        yield shard
    finally:
        torch.distributed.destroy_process_group()


def choose_device(name: str) -> torch.device:
    """`auto` is this process's CUDA device where there is one, else the CPU; other names are torch's.

    Raises:
        TrainingError: No such device here.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if name == "auto":
        return torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if re.fullmatch(r"cpu|cuda(:\d+)?", name) is None:
        raise TrainingError(f"expected the device auto, cpu, cuda or cuda:N; got {name!r}; name one of them")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainingError(f"expected a CUDA device for {name!r}; got none that torch can use; use cpu")
    if device.index is not None and device.index >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise TrainingError(f"expected a CUDA device below {count}; got {name!r}; name one that is there")
    return torch.device("cuda", local) if device == torch.device("cuda") else device


def sum_over_processes(values: torch.Tensor, shard: Shard) -> torch.Tensor:
    """The sum of every process's tensor, without gradient; every process must call it."""
    values = values.detach()
    if shard.world > 1:
        values = values.clone()
        torch.distributed.all_reduce(values)
    return values


def wait_for_all(shard: Shard) -> None:
    """Return once every process has called it."""
    if shard.world > 1:
        torch.distributed.barrier()
