"""`dlic thumbnail`: a small PNG of a .dlic file, as file managers ask for it."""

from typing import TYPE_CHECKING, Annotated

from dlic.cli import streams
from dlic.cli.parameters import Argument, Option

if TYPE_CHECKING:
    import numpy as np

    from dlic.formats.kind import Description

MAX_SIZE = 4096


def thumbnail(
    source: Annotated[str, Argument("IN", ".dlic or JPEG file; - reads standard input.")],
    target: Annotated[str, Argument("OUT", "PNG file, whatever its ending; - is standard output.")],
    size: Annotated[int, Option("-s", "--size", least=1, most=MAX_SIZE, help="Pixels a side, at most.")] = 256,
    force: Annotated[bool, Option("--force", help="Overwrite OUT.")] = False,
) -> None:
    """Write a small picture of a file: of its preview where it has one, which takes no network, or of the whole."""
    import numpy as np
    from PIL import Image

    from dlic.formats.registry import describe
    from dlic.images.files import image_bytes

    streams.refuse_existing(source, target, force)
    data = streams.read_bytes(source)
    image = Image.fromarray(_pixels(describe(data)))
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3)
    streams.write_bytes(target, image_bytes(np.asarray(image)), force)


def _pixels(described: "Description") -> "np.ndarray":
    """uint8 of the stored preview, or of the picture."""
    from dlic.formats import thumbnails
    from dlic.formats.reading import Reading
    from dlic.images.bit_depth import to_eight_bits

    stored = thumbnails.read(described.container.chunks) if described.container else None
    if stored is not None:
        return thumbnails.pixels_of(stored)
    pixels = described.kind.read(described, Reading()).picture.pixels
    return to_eight_bits(pixels) if pixels.dtype == "uint16" else pixels
