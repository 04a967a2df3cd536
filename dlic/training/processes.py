"""The processes of distributed training (Lightning's strategy ddp), each on its own device; usually there is one."""

from torch import Tensor, distributed


def process_count() -> int:
    return distributed.get_world_size() if _together() else 1


def process_rank() -> int:
    """Number of this process, from 0."""
    return distributed.get_rank() if _together() else 0


def mean_over_processes(values: Tensor) -> Tensor:
    """Elementwise mean, the same on all; each must call it with as many values, on the device it trains on."""
    if not _together():
        return values
    summed = values.clone()
    distributed.all_reduce(summed)
    return summed / process_count()


def leave_together() -> None:
    """Closes the connections between processes: if they are open when one ends, gloo's threads may abort it (exit code 134)."""
    if _together():
        distributed.barrier()
        distributed.destroy_process_group()


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
