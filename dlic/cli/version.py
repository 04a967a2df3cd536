"""`dlic --version`: dlic, and the versions of the packages that run it."""

import platform
from importlib.metadata import PackageNotFoundError, version

from dlic import __version__

RUN_BY = ("numpy", "onnxruntime", "Pillow", "torch")  # torch is of the extra effort


def version_text() -> str:
    """'dlic 0.1.0' and a line of versions. No package is imported for it: torch alone would take seconds."""
    return f"dlic {__version__}\n{', '.join(_versions())}"


def _versions() -> list[str]:
    versions = [f"Python {platform.python_version()}"]
    for package in RUN_BY:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            if package != "torch":
                versions.append(f"{package} missing")
    return versions
