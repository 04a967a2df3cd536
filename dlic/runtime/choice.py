"""The runtime of a checkpoint: ONNX Runtime or PyTorch."""

import sys
from importlib.util import find_spec

from dlic.errors import DlicError

TORCH, ONNX = "torch", "onnx"
PACKAGES = {TORCH: "torch", ONNX: "onnxruntime"}
INSTALL = {TORCH: "pip install 'dlic[effort]'", ONNX: "pip install onnxruntime"}
TITLES = {TORCH: "PyTorch", ONNX: "ONNX Runtime"}


def chosen_runtime(asked: str | None, has_graphs: bool, name: str) -> str:
    """The runtime to use for the checkpoint `name`. Without a wish: PyTorch if the process has loaded it already, as it costs
    nothing then, else ONNX Runtime. Raises DlicError where it is not installed or the checkpoint has no graphs for it.
    """
    if asked is not None:
        check_runtime(asked)
        if asked == ONNX and not has_graphs:
            raise DlicError(f"{name} has no graphs for ONNX Runtime; dlic export FOLDER makes them from its weights")
        return asked
    if is_loaded(TORCH):
        return TORCH
    if has_graphs and is_installed(ONNX):
        return ONNX
    if is_installed(TORCH):
        return TORCH
    lacking = f"{name} has no graphs for ONNX Runtime" if is_installed(ONNX) else "ONNX Runtime is not installed"
    raise DlicError(f"{lacking}, and PyTorch is not installed; {INSTALL[TORCH]} brings it")


def is_loaded(runtime: str) -> bool:
    """Whether this process has imported the package of a runtime."""
    return sys.modules.get(PACKAGES[runtime]) is not None


def is_installed(runtime: str) -> bool:
    """Whether the package of a runtime can be imported."""
    try:
        return find_spec(PACKAGES[runtime]) is not None
    except ValueError:  # something blocks the import
        return False


def check_runtime(asked: str) -> None:
    """Raises DlicError for a runtime that does not exist or is not installed."""
    if asked not in PACKAGES:
        raise DlicError(f"a runtime is {' or '.join(PACKAGES)}, not {asked!r}")
    if not is_installed(asked):
        raise DlicError(f"{TITLES[asked]} is not installed; {INSTALL[asked]} brings it")
