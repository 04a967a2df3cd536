"""Images as they want to be shown."""

from PIL import ExifTags, Image, ImageOps


def turned(image: Image.Image) -> Image.Image:
    """An image turned as its EXIF or XMP says, if they say how; it is loaded for that."""
    image.load()
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) not in range(2, 9):
            return image  # of which exif_transpose would make a copy
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow raises nearly everything on broken EXIF, which is no reason to show nothing
        return image
