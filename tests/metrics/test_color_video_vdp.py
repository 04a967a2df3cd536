"""How ColorVideoVDP's package is called. The package in these tests is a double: dlic does not install the real one."""

import sys
from types import ModuleType

import numpy as np
import pytest

from dlic.errors import DlicError
from dlic.metrics import color_video_vdp as module
from dlic.metrics.registry import METRICS, available


@pytest.fixture(autouse=True)
def forgotten():
    """No metric that was built, or not, by another test."""
    module._metric.cache_clear()
    yield
    module._metric.cache_clear()


class Double:
    """Stands in for pycvvdp.cvvdp: 10 JOD less the mean difference."""

    def __init__(self, display_name: str):
        assert display_name == "standard_4k"

    def predict(self, test, reference, dim_order):
        assert dim_order == "HWC" and reference.max() == 0  # the original comes second
        return np.float32(10 - np.abs(test.astype(float) - reference).mean()), None


def test_it_is_given_the_original_second(monkeypatch):
    package = ModuleType("pycvvdp")
    package.cvvdp = Double
    monkeypatch.setitem(sys.modules, "pycvvdp", package)
    black, grey = np.zeros((8, 9, 3), np.uint8), np.full((8, 9, 3), 4, np.uint8)
    assert module.color_video_vdp(black, grey) == 6 and module.color_video_vdp(black, black) == 10
    assert available(["cvvdp"])["cvvdp"].higher_is_better and METRICS["cvvdp"].unit == "JOD"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycvvdp", None)
    with pytest.raises(DlicError, match=r"needs the package cvvdp: pip install cvvdp$"):
        available(["cvvdp"])
