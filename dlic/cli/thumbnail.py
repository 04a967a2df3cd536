"""`dlic thumbnail`: a small PNG of a .dlic file, as file managers ask for it."""

from typing import Annotated

from dlic.cli import streams
from dlic.cli.parameters import Argument, Option

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
    from dlic.formats.thumbnails import GAP, small_picture
    from dlic.images.files import image_bytes

    streams.refuse_existing(source, target, force)
    data = streams.read_bytes(source)
    image = Image.fromarray(small_picture(describe(data), size))
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=GAP)
    streams.write_bytes(target, image_bytes(np.asarray(image)), force)
