"""Turns images upright by their EXIF or XMP orientation."""

from PIL import Image

from dlic.images.pillow.metadata import orientation_of
from dlic.images.pillow.opening import decoding

METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turned(image: Image.Image, name: str) -> Image.Image:
    """An image, loaded, and turned as its EXIF or XMP says. Raises UnreadableImageError where Pillow cannot load it.

    Pillow's own `exif_transpose` also rewrites the tags of the image, and raises where it cannot.
    """
    with decoding(name):
        image.load()
        return transposed(image, orientation_of(image))


def transposed(image: Image.Image, orientation: int | None) -> Image.Image:
    """An image of an EXIF orientation 1 … 8, upright; as it is where there is none."""
    method = METHODS.get(orientation or 1)
    return image if method is None else image.transpose(method)
