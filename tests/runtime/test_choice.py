"""The runtime of a checkpoint."""

import sys

import pytest

from dlic.errors import DlicError
from dlic.runtime import choice
from dlic.runtime.choice import ONNX, TORCH, chosen_runtime


@pytest.fixture
def machine(monkeypatch):
    """Says which runtimes are installed and which are loaded."""

    def has(installed: set[str], loaded: set[str] = frozenset()) -> None:
        monkeypatch.setattr(choice, "is_installed", installed.__contains__)
        monkeypatch.setattr(choice, "is_loaded", loaded.__contains__)

    return has


@pytest.mark.parametrize(
    ("installed", "loaded", "has_graphs", "expected"),
    [
        ({ONNX, TORCH}, set(), True, ONNX),
        ({ONNX, TORCH}, {TORCH}, True, TORCH),  # it costs nothing then
        ({ONNX, TORCH}, set(), False, TORCH),
        ({TORCH}, set(), True, TORCH),
        ({ONNX}, set(), True, ONNX),
    ],
)
def test_without_a_wish_it_is_what_starts_first(installed, loaded, has_graphs, expected, machine):
    machine(installed, loaded)
    assert chosen_runtime(None, has_graphs, "tiny") == expected


@pytest.mark.parametrize(
    ("asked", "installed", "has_graphs", "sentence"),
    [
        (None, {ONNX}, False, r"tiny has no graphs .* PyTorch is not installed; pip install 'dlic\[effort\]'"),
        (None, set(), True, r"ONNX Runtime is not installed, and PyTorch is not installed"),
        (TORCH, {ONNX}, True, r"PyTorch is not installed; pip install 'dlic\[effort\]'"),
        (ONNX, {TORCH}, True, r"ONNX Runtime is not installed; pip install onnxruntime"),
        (ONNX, {ONNX, TORCH}, False, r"tiny has no graphs for ONNX Runtime; dlic export"),
        ("tpu", {ONNX, TORCH}, True, r"torch or onnx, not 'tpu'"),
    ],
)
def test_what_cannot_run_is_one_sentence(asked, installed, has_graphs, sentence, machine):
    machine(installed)
    with pytest.raises(DlicError, match=sentence):
        chosen_runtime(asked, has_graphs, "tiny")


def test_a_blocked_import_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not choice.is_installed(TORCH) and not choice.is_loaded(TORCH)
