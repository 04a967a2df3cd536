"""Images as they want to be shown."""

from PIL import Image, ImageOps


def turned(image: Image.Image) -> Image.Image:
    """An image turned as its EXIF or XMP says, if they say how; it is loaded for that."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow raises nearly everything on broken EXIF, which is no reason to show nothing
        return image
