"""`--keep-smaller`: a JPEG file if it is at most as large as the .dlic file at the same quality."""

import numpy as np

from dlic.formats.reading import Reading
from dlic.formats.registry import describe
from dlic.formats.writing import Outcome, Wishes
from dlic.images import multi_picture
from dlic.images.files import ImageFile, not_held
from dlic.images.placing import placed
from dlic.peers.pillow import jpeg_at_psnr


def smaller(picture: ImageFile, outcome: Outcome, wishes: Wishes, max_pixels: int) -> Outcome:
    """`outcome`, or a JPEG in its place. The comparison is between whole files with the same metadata: the .dlic file, and the
    smallest JPEG (Pillow's, progressive, with optimised Huffman tables, 4:2:0 or 4:4:4, of any quality 1 … 100) whose pixels have
    at least the PSNR that the .dlic's have. A picture with transparency, or with metadata that JPEG has no place for, stays a .dlic
    file.
    """
    from dlic.metrics.distances import psnr

    pixels, metadata = picture.pixels, picture.metadata
    if pixels.shape[2:] not in ((), (3,)) or not_held(pixels, ".jpg", metadata):
        return outcome
    reached = psnr(pixels, _decoded(outcome.data, wishes, max_pixels))
    jpeg = jpeg_at_psnr(pixels, reached, psnr, {})
    if jpeg is None:
        return outcome
    data = multi_picture.with_metadata(jpeg.data, placed(pixels, "JPEG", metadata).metadata)
    if len(data) >= len(outcome.data):
        return outcome
    figures = {"jpeg_quality": jpeg.quality, "psnr": jpeg.psnr, "dlic_bytes": len(outcome.data), "dlic_psnr": reached}
    sentence = f", a JPEG of quality {jpeg.quality}, where .dlic takes {len(outcome.data):,} bytes for the same PSNR"
    detail = f", {jpeg.psnr:.2f} dB where .dlic has {reached:.2f}"
    return Outcome(
        data=data,
        matches=lambda written: written == data,
        seconds=outcome.seconds,
        figures=figures,
        said=sentence,
        detail=detail,
        as_jpeg=True,
        notes=outcome.notes,
    )


def _decoded(data: bytes, wishes: Wishes, max_pixels: int) -> np.ndarray:
    """The decoded pixels, as from `dlic decompress`."""
    described = describe(data)
    return described.kind.read(described, Reading(wishes.weights, max_pixels, wishes.model)).picture.pixels
