"""Pixels of an ICC profile → sRGB through littlecms, for formats that have no place for the profile."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.images.colours.icc import space_of


def can_convert(pixels: NDArray[Any], profile: bytes) -> bool:
    """Whether `to_srgb` takes these pixels: 8 bits, and a profile of RGB or gray that littlecms understands."""
    gray = pixels.shape[2:] in ((), (2,))
    return pixels.dtype == np.uint8 and space_of(profile) == (b"GRAY" if gray else b"RGB ") and _opened(profile) is not None


def to_srgb(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """uint8 (H, W), (H, W, 2 … 4) in a profile → the same in sRGB, relative colorimetric with black points matched; gray stays
    gray.
    """
    from PIL import ImageCms

    gray, has_alpha = pixels.shape[2:] in ((), (2,)), pixels.shape[2:] in ((2,), (4,))
    colours = pixels[..., :-1] if has_alpha else pixels
    image = Image.fromarray(np.ascontiguousarray(colours[..., 0] if gray and has_alpha else colours))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    converted = ImageCms.profileToProfile(image, _opened(profile), ImageCms.createProfile("sRGB"), intent, "RGB", flags=flags)
    assert converted is not None, "it is None only for a conversion in place"
    found = np.asarray(converted)
    found = found[..., 1:2] if gray else found  # all three are equal, but for rounding
    joined = np.dstack([found, pixels[..., -1]]) if has_alpha else found
    return np.ascontiguousarray(joined[..., 0] if joined.shape[2:] == (1,) else joined)


def _opened(profile: bytes) -> Any:
    """A profile of littlecms; None where it cannot be read, or Pillow has no littlecms."""
    try:
        from PIL import ImageCms

        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except Exception:  # Pillow raises OSError and others on broken profiles
        return None
