"""Packages that the base install lacks: a command that needs some says so before any work, and names the extra that brings them."""

from collections.abc import Sequence
from importlib.util import find_spec

from dlic.errors import DlicError

EXTRAS: dict[str, tuple[str, ...]] = {  # extra of pyproject.toml → modules that commands check for
    "effort": ("torch",),
    "eval": ("bjontegaard", "matplotlib", "plotly"),
    "train": ("torch", "pytorch_lightning", "jsonargparse", "tensorboard", "pytorch_optimizer", "compressai", "torchvision"),
    "cluster": ("distributed",),
    "hub": ("huggingface_hub",),
    "video": ("av",),
}


def require(extra: str, what: str, modules: Sequence[str] = ()) -> None:
    """Raises DlicError where a module of an extra is not installed; `modules`: those that are needed, instead of all."""
    for module in modules or EXTRAS[extra]:
        if find_spec(module) is None:
            raise DlicError(f"{what} needs {module}, which is not installed: pip install 'dlic[{extra}]'")


def missing(module: str) -> str:
    """The sentence for a module that was not found."""
    extra = next((extra for extra, modules in EXTRAS.items() if module.partition(".")[0] in modules), None)
    package = f"'dlic[{extra}]'" if extra else module
    return f"{module} is not installed: pip install {package}"
