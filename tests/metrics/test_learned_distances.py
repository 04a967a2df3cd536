"""What is said where a package or its weights are missing, and what the packages are given."""

import sys
from types import ModuleType
from urllib.error import URLError

import numpy as np
import pytest
import torch

from dlic.errors import DlicError
from dlic.metrics import learned_distances as perceptual
from dlic.metrics.registry import available, dists, lpips

BOTH = pytest.mark.parametrize(("name", "package", "network"), [("lpips", "lpips", "LPIPS"), ("dists", "DISTS_pytorch", "DISTS")])


@pytest.fixture(autouse=True)
def forgotten():
    """No network that was loaded, or not, by another test."""
    perceptual._lpips.cache_clear()
    perceptual._dists.cache_clear()
    yield
    perceptual._lpips.cache_clear()
    perceptual._dists.cache_clear()


def pretend(monkeypatch, package: str, network: str, build) -> None:
    module = ModuleType(package)
    setattr(module, network, build)
    monkeypatch.setitem(sys.modules, package, module)


@BOTH
def test_a_missing_package_is_named(monkeypatch, name, package, network):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DlicError, match=f"{network} needs the package {package}: pip install {package}$"):
        available(["psnr", name])


@BOTH
@pytest.mark.parametrize(
    "error", [URLError("no network"), FileNotFoundError("no such file"), RuntimeError("invalid hash\nand more")]
)
def test_weights_that_cannot_be_had_are_one_sentence_before_anything_is_measured(monkeypatch, name, package, network, error):
    def build(**options):
        raise error

    pretend(monkeypatch, package, network, build)
    with pytest.raises(DlicError, match=f"{network} cannot be loaded .*downloads") as raised:
        available([name])
    assert "\n" not in str(raised.value)


class Difference(torch.nn.Module):
    """Mean difference, and what it was built and asked with."""

    def __init__(self, **options):
        super().__init__()
        self.options, self.least, self.most = options, 0.0, 0.0
        Difference.latest = self

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        assert not self.training and x.shape == y.shape and x.shape[:2] == (1, 3)
        self.least, self.most = min(self.least, float(x.min())), max(self.most, float(x.max()))
        return (x - y).abs().mean().reshape(1, 1, 1, 1)


@BOTH
def test_networks_are_loaded_once_and_see_the_range_they_were_trained_on(monkeypatch, name, package, network, photograph):
    built = []
    pretend(monkeypatch, package, network, lambda **options: built.append(options) or Difference(**options))
    (metric,) = available([name]).values()
    image = photograph[:40, :50].copy()
    image[0, :2] = [[0] * 3, [255] * 3]
    assert not metric.higher_is_better and metric.compute(image, image) == 0
    assert metric.compute(image, np.flip(image, 1)) > 0 and len(built) == 1
    assert (Difference.latest.least, Difference.latest.most) == ((-1, 1) if name == "lpips" else (0, 1))


def test_lpips_needs_room_and_alexnet(monkeypatch):
    pretend(monkeypatch, "lpips", "LPIPS", Difference)
    black = np.zeros((31, 31, 3), np.uint8)
    assert lpips(black, black) == 0 and lpips(black[:30], black[:30]) is None
    assert Difference.latest.options == {"net": "alex", "verbose": False}


def test_images_of_different_shapes_are_refused_before_a_network_is_loaded():
    for metric in (lpips, dists):
        with pytest.raises(DlicError, match="shapes"):
            metric(np.zeros((40, 40, 3), np.uint8), np.zeros((40, 41, 3), np.uint8))
