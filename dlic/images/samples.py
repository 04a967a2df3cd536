"""Image files → their exact samples: gray or RGB, with or without alpha, 8 or 16 bits."""

from pathlib import Path

from dlic.images.files import EVERYTHING, MAX_PIXELS, ImageFile, not_kept, refuse_if
from dlic.images.pillow.opening import memory_for
from dlic.images.source_file import name_of, source_file


def read_samples(source: str | Path | bytes, max_pixels: int = MAX_PIXELS, strict: bool = False) -> ImageFile:
    """Reads the exact samples of an image file: uint8 or uint16 of shape (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), orientation
    applied.

    Palettes become the colours they stand for, samples of 1 … 7 bits are scaled to 8, a transparent colour becomes alpha.
    Raises UnreadableImageError as `read_image` does, and for samples that cannot be had exactly.
    """
    name = name_of(source)
    with memory_for(name):
        file = source_file(source, max_pixels)
        notes = list(file.exact_notes())
        refuse_if(strict, [note for note in notes if "palette" not in note], name)
        pixels = file.exact()
        metadata, lost, _ = file.metadata(pixels, EVERYTHING)
        refuse_if(strict, not_kept(lost), name)
        return ImageFile(pixels, (*notes, *not_kept(lost)), metadata)
