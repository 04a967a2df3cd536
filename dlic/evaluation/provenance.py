"""Provenance of figures: versions, machine and command, without names of people, hosts or folders."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from dlic.runtime import threads

CPU_INFO = Path("/proc/cpuinfo")  # Linux; `platform` knows no more than the architecture there


@dataclass(frozen=True)
class Provenance:
    """The information for reproducing the figures."""

    command: str
    versions: dict[str, str]
    cpu: str
    cores: int
    threads: int  # that networks compute with
    system: str


def provenance(command: str) -> Provenance:
    """This process and the machine it runs on."""
    cores = os.cpu_count() or 1
    return Provenance(command, _versions(), _cpu(), cores, threads.cores(), f"{platform.system()} {platform.machine()}")


def version_of(package: str) -> str:
    """Version of an installed package, by its name in pip; "unknown" for a source tree on the path."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _versions() -> dict[str, str]:
    """Versions of everything that influences figures, including the peers' encoders."""
    import numpy
    import PIL
    from PIL import features

    import dlic

    python = {"dlic": dlic.__version__, "python": platform.python_version()}
    runtimes = {name: version_of(name) for name in ("torch", "onnxruntime") if find_spec(name)}
    modules = {**runtimes, "numpy": numpy.__version__, "pillow": PIL.__version__}
    encoders = {name: features.version(name) for name in ("libjpeg_turbo", "webp", "avif")}
    return {name: str(version) for name, version in {**python, **modules, **encoders}.items() if version}


def _cpu() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
