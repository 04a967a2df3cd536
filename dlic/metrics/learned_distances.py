"""Learned distances by their authors' optional packages.

Both compare the features of an ImageNet network, whose weights torchvision downloads once: 233 MB for LPIPS, 528 MB for DISTS.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException
from pickle import UnpicklingError
from typing import TYPE_CHECKING

import numpy as np

from dlic.errors import DlicError
from dlic.metrics.distances import check_same_shape

if TYPE_CHECKING:
    import torch

SMALLEST_LPIPS = 31  # pixels: below, AlexNet's second pooling has nothing left


def lpips(a: np.ndarray, b: np.ndarray) -> float | None:
    """LPIPS 0.1 (Zhang et al. 2018) of AlexNet, as papers on compression report it: 0 for equal images, then up, lower is better.

    Both uint8 sRGB (H, W, 3). None below 31 × 31 pixels. DlicError where the package or its weights cannot be had.
    """
    check_same_shape(a, b)
    if min(a.shape[:2]) < SMALLEST_LPIPS:
        return None
    return _distance(_lpips(), 2 * _tensor(a) - 1, 2 * _tensor(b) - 1)


def dists(a: np.ndarray, b: np.ndarray) -> float:
    """DISTS (Ding et al. 2020) at the images' own size: 0 for equal images, about 0 … 1, lower is better.

    Both uint8 sRGB (H, W, 3). DlicError where the package or its weights cannot be had.
    """
    check_same_shape(a, b)
    return _distance(_dists(), _tensor(a), _tensor(b))


@cache
def _lpips() -> "torch.nn.Module":
    with _said("LPIPS"):
        from lpips import LPIPS

        return LPIPS(net="alex", verbose=False).eval()


@cache
def _dists() -> "torch.nn.Module":
    with _said("DISTS"):
        from DISTS_pytorch import DISTS

        return DISTS().eval()


@contextmanager
def _said(label: str) -> Iterator[None]:
    """Turns errors of loading a network into one DlicError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # both packages call torchvision as it was in 2020
            yield
    except ModuleNotFoundError as error:
        raise DlicError(f"{label} needs the package {error.name}: pip install {error.name}") from error
    except (ImportError, OSError, HTTPException, RuntimeError, EOFError, UnpicklingError) as error:
        import torch

        reason = str(error).partition("\n")[0]
        raise DlicError(
            f"{label} cannot be loaded ({reason}); where weights are missing, its first use downloads them to {torch.hub.get_dir()}"
        ) from error


def _distance(network: "torch.nn.Module", x: "torch.Tensor", y: "torch.Tensor") -> float:
    import torch

    with torch.inference_mode():
        return max(0.0, float(network(x, y)))  # DISTS of equal images is rounded to −1e-7


def _tensor(image: np.ndarray) -> "torch.Tensor":
    """uint8 (H, W, 3) → float (1, 3, H, W) in 0 … 1."""
    import torch

    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
