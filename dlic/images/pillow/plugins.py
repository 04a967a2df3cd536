"""Image formats that Pillow reads and writes with a further package: HEIC and JPEG XL. Imported when needed."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from PIL import Image

HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
JXL_BEGINNINGS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")  # of a bare stream, and of a container


@dataclass(frozen=True)
class Plugin:
    """A package that teaches Pillow a format."""

    name: str
    package: str  # for pip
    module: str
    endings: tuple[str, ...]
    begins: Callable[[bytes], bool]  # whether a file is of this format
    register: str = ""  # function of the module; without one, the import registers

    def load(self) -> bool:
        """Registers the format with Pillow; False where the package is not installed."""
        try:
            module: Any = import_module(self.module)
        except ImportError:
            return False
        if self.register:
            getattr(module, self.register)()
        return True

    @property
    def hint(self) -> str:
        """Advice to install the package."""
        return f"{self.name} needs a package: pip install {self.package}"


def _is_heic(data: bytes) -> bool:
    brands = data[8:12] + data[16:40]  # the main one and the compatible ones; those of AVIF share mif1
    return data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS and b"avif" not in brands and b"avis" not in brands


PLUGINS = (
    Plugin("HEIC", "pillow-heif", "pillow_heif", (".heic", ".heif", ".hif"), _is_heic, "register_heif_opener"),
    Plugin("JPEG XL", "pillow-jxl-plugin", "pillow_jxl", (".jxl",), lambda data: data.startswith(JXL_BEGINNINGS)),
)
PLUGIN_ENDINGS = frozenset(ending for plugin in PLUGINS for ending in plugin.endings)


def plugin_for(data: bytes) -> Plugin | None:
    """The plugin that reads a file, if it takes one."""
    return next((plugin for plugin in PLUGINS if plugin.begins(data)), None)


def format_of(suffix: str) -> tuple[str | None, str]:
    """Pillow's name of the format that it writes for an ending, or None and a hint. Imports no more plugins than needed."""
    suffix = suffix.lower()
    Image.preinit()  # the common formats; to import the others takes longer than to write a picture
    if suffix not in Image.EXTENSION:
        plugin = next((plugin for plugin in PLUGINS if suffix in plugin.endings), None)
        if plugin is not None and not plugin.load():
            return None, plugin.hint
        Image.init()
    kind = Image.EXTENSION.get(suffix)
    return (kind if kind in Image.SAVE else None), "use .png, .jpg, .webp, .avif, .tif or .bmp"
