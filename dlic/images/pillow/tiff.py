"""Tells Pillow's TIFF images from others without importing their plugin, which takes longer than the answer."""

import sys
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile
    from typing_extensions import TypeIs


def is_tiff(image: Image.Image) -> "TypeIs[TiffImageFile]":
    """Whether an image was read from a TIFF file. Without the plugin there is none."""
    plugin = sys.modules.get("PIL.TiffImagePlugin")
    return plugin is not None and isinstance(image, plugin.TiffImageFile)
