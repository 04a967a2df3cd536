"""JPEG XL by Pillow's plugin or libjxl's programs, depending on what is installed."""

import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec

from dlic.errors import DlicError
from dlic.peers.external import ExternalCodec
from dlic.peers.pillow import PillowCodec
from dlic.pixels.arrays import Codec

PLUGIN, PACKAGE = "pillow_jxl", "pillow-jxl-plugin"
PROGRAMS = ("cjxl", "djxl")
VERSION_TIMEOUT_S = 30.0
EFFORT = 7  # cjxl's default
HOW = f"JPEG XL needs a package or libjxl's programs: pip install {PACKAGE}, or apt-get install libjxl-tools"


def has_plugin() -> bool:
    return find_spec(PLUGIN) is not None


def is_available() -> bool:
    return has_plugin() or all(map(shutil.which, PROGRAMS))


def made_by() -> str:
    """Plugin or program, with its version."""
    if has_plugin():
        return f"{PACKAGE} {version(PACKAGE)}"
    done = subprocess.run(["cjxl", "--version"], capture_output=True, text=True, errors="replace", timeout=VERSION_TIMEOUT_S)
    return next(iter((done.stdout or done.stderr).splitlines()), "cjxl")


def jpeg_xl(quality: int | None = None) -> Codec:
    """JPEG XL of effort 7 at a quality 1…100, or lossless. Raises DlicError where this machine has neither plugin nor programs."""
    if has_plugin():
        import pillow_jxl  # noqa: F401  registers its format with Pillow

        return PillowCodec("JXL", {"effort": EFFORT, **({"lossless": True} if quality is None else {"quality": quality})})
    if not is_available():
        raise DlicError(HOW)
    wish = ("-d", "0") if quality is None else ("-q", "{quality}")
    encode = ("cjxl", "{input}", "{output}", *wish, "-e", str(EFFORT))
    return ExternalCodec(encode, ("djxl", "{input}", "{output}"), ".jxl", quality)
