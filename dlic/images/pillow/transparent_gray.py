"""The transparent gray of PNG files of 2 and 4 bits, which Pillow compares with samples that it has scaled to 8."""

from PIL import Image

DEPTH, COLOUR_TYPE, GRAY = 24, 25, 0  # places in the file; a colour type


def scale_transparent_gray(image: Image.Image, data: bytes) -> None:
    """Scales the transparent gray of an image that has not been loaded as Pillow will scale its samples."""
    transparent = image.info.get("transparency")
    if image.format == "PNG" and isinstance(transparent, int) and data[COLOUR_TYPE] == GRAY and data[DEPTH] in (1, 2, 4):
        peak = (1 << data[DEPTH]) - 1
        image.info["transparency"] = (transparent & peak) * (255 // peak)
