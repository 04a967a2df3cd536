"""Running trained transforms on arrays: what every model's deployed form shares."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from threading import Barrier

import numpy as np
import torch
from torch import Tensor, nn

from dlic.models.base import under


def beside() -> Executor:
    """A thread for what can be computed while Python is busy with something else.

    It computes on one core: with a second team of OpenMP threads in the process, the first is slower by a tenth.
    """
    return _beside(os.getpid())  # a forked process has not inherited the thread


@lru_cache(maxsize=1)
def _beside(process: int) -> Executor:
    threads = torch.get_num_threads()
    executor = ThreadPoolExecutor(1, initializer=_on_one_core)
    executor.submit(int).result()
    torch.set_num_threads(threads)  # the thread has changed what later threads begin with
    return executor


def _on_one_core() -> None:
    torch.get_num_threads()  # a thread that has not asked yet would ask later, and get the number of the others
    torch.set_num_threads(1)


@contextmanager
def workers(count: int) -> Iterator[Executor]:
    """So many threads for work that is cut into pieces, each computing on one core, for as long as the block lasts."""
    threads, started = torch.get_num_threads(), Barrier(count)
    with ThreadPoolExecutor(count, initializer=_on_one_core) as executor:
        for waiting in [executor.submit(started.wait) for _ in range(count)]:  # each holds one thread until all are there
            waiting.result()
        torch.set_num_threads(threads)  # as in `_beside`
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)  # after an error or an interruption nobody waits for the rest
            _give_memory_back()


def _give_memory_back() -> None:
    """glibc keeps what threads have freed for them: two hundred megabytes each after transforms."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have no such function
        if trim is not None:
            trim(0)


class Deployed:
    """The cores that every deployed network computes on."""

    @property
    def beside(self) -> Executor:
        return beside()

    @property
    def cores(self) -> int:
        return torch.get_num_threads()

    def workers(self, count: int) -> AbstractContextManager[Executor]:
        return workers(count)


class DeployedAtOneRate(Deployed):
    """A network of one rate, which rounds its latents in steps of 1 around means that are known at once: its `context`."""

    levels, refinable = 1, False
    step_price: float | None = None  # encoders trained through rounding have shrunk y: wider zeros cost more than they save

    def at_level(self, latent: np.ndarray, level: int) -> np.ndarray:
        return latent

    def quantise(self, context: np.ndarray, quantise: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        return quantise(context, np.True_) + context

    def reconstruct(self, context: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return symbols.astype(np.float32) + context


def load_transform(module: nn.Module, prefix: str, weights: dict[str, Tensor]) -> nn.Module:
    """`module` with the weights stored under `prefix`, ready to run in channels-last float32."""
    module.load_state_dict({name: value.float() for name, value in under(prefix + ".", weights).items()})
    return module.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def to_tensor(pixels: np.ndarray, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 (H, W, 3) → (1, 3, H, W) in [0, 1], channels last."""
    return torch.from_numpy(np.require(pixels, requirements="CW")).permute(2, 0, 1)[None].to(dtype) / 255


def to_pixels(x_hat: Tensor) -> np.ndarray:
    """(1, 3, H, W), about [0, 1] → uint8 (H, W, 3), rounded."""
    return x_hat[0].mul(255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def to_batch(latent: np.ndarray) -> Tensor:
    """(h, w, M) → (1, M, h, w) channels-last, sharing memory."""
    return torch.from_numpy(latent).permute(2, 0, 1)[None]


def to_latent(batch: Tensor) -> np.ndarray:
    """Inverse of `to_batch`."""
    return batch[0].permute(1, 2, 0).contiguous().numpy()
