"""Progressive pictures: .dlic files in two layers of which every beginning shows something."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.container.format import BASE, PROGRESSIVE, Container, write
from dlic.container.layer_ends import LayerEnd, ends_of_layers
from dlic.container.progressive import FIRST_ALONE, Layers, check_order, layers_of, with_layers
from dlic.container.progressive_reader import Arrived, read_damaged
from dlic.errors import CorruptFileError, DlicError
from dlic.formats import thumbnails
from dlic.formats.channels import is_gray, unite
from dlic.formats.container_kind import container_of
from dlic.formats.kind import Description, Details
from dlic.formats.learned import Learned
from dlic.formats.reading import Reading, ReadResult
from dlic.formats.writing import Encode, Wishes
from dlic.images.files import ImageFile
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress, no_progress
from dlic.runtime.timing import timed

if TYPE_CHECKING:
    from dlic.learned.progressive.codec import ProgressiveCodec


class Progressive(Learned):
    """A thumbnail, a picture some levels lower, and what brings it to its level, part by part."""

    name = "progressive"
    numbers = (PROGRESSIVE,)

    def check_chunks(self, container: Container) -> None:
        super().check_chunks(container)
        check_order(container.chunks)

    def is_in_parts(self, container: Container) -> bool:
        return any(name == BASE for name, _ in container.chunks) and layers_of(container).first.side is not None

    def describe_beginning(self, data: bytes) -> Description:
        return self.describe_container(data, read_damaged(data).container)

    def details(self, described: Description) -> Details:
        container, details = container_of(described), super().details(described)
        ends = ends_of_layers(container)
        layers = [{"name": end.name, "level": end.level, "bytes": end.size, "end": end.at} for end in ends]
        return replace(details, figures={**details.figures, "layers": layers}, drawing=tuple(map(_line, ends)))

    # --- reading

    def read_partial(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        arrived = read_damaged(described.data)
        described.check_size(reading.max_pixels)
        if arrived.layers is None:
            return _enlarged(described, arrived, reading)
        return self.show(described, arrived.container, arrived.layers, reading, progress, tolerant=True)

    def show(
        self,
        described: Description,
        container: Container,
        layers: Layers,
        reading: Reading,
        progress: Progress = no_progress,
        tolerant: bool = False,
    ) -> ReadResult:
        """The picture of the layers that are there. `tolerant`: of damaged layers the parts before the damage."""
        seconds = dict[str, float]()
        with timed(seconds, "load model"):
            codec = self.codec(container, reading)
        whole = Rectangle(0, 0, described.width, described.height)
        part, small = reading.part_of(described.width, described.height), reading.reduction
        decoded = codec.decode(container, part, progress, layers, tolerant, small)
        with timed(seconds, "channels"):
            pixels = unite(decoded.image, container.chunks, whole, part, small)
        note = _missing(layers, container.level, small)
        picture = ImageFile(pixels, (note,) if note else (), described.metadata)
        return ReadResult(picture, {**seconds, **decoded.seconds})

    def codec(self, container: Container, reading: Reading) -> "ProgressiveCodec":
        from dlic.learned.progressive.codec import ProgressiveCodec

        return ProgressiveCodec(self.network(container, reading))

    # --- writing

    def prepare(self, wishes: Wishes) -> Encode:
        return super().prepare(replace(wishes, progressive=True))


def trimmed(data: bytes, size: int) -> bytes:
    """A progressive file cut to at most `size` bytes at the end of a part. Nothing is decoded. Raises CorruptFileError, and
    DlicError where the first part alone is larger.
    """
    from dlic.formats.registry import describe

    container = describe(data).container
    if container is None or container.kind != PROGRESSIVE:
        raise DlicError("only progressive files can be cut: dlic compress --progressive makes them")
    if len(data) <= size:
        return data
    layers = layers_of(container)
    least = len(layers.first.finer)  # the first part of every tile
    fits, fails = least - 1, layers.streams + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if len(write(with_layers(container, layers.beginning(middle)))) <= size:
            fits = middle
        else:
            fails = middle
    if fits < least:
        smallest = len(write(with_layers(container, layers.beginning(least))))
        raise DlicError(f"the first part and the metadata take {smallest:,} bytes, more than {size:,}")
    return write(with_layers(container, layers.beginning(fits)))


def _missing(layers: Layers, level: int, reduction: int) -> str:
    """What of the picture's quality has not come yet."""
    first, second = layers.first, layers.second
    if not first.complete:
        share = len(first.parts) / (first.count * len(first.finer))
        return f"{share:.0%} of the first layer is there: the picture is much coarser than it was made"
    if first.level == level or reduction >= FIRST_ALONE or (second is not None and second.complete):
        return ""
    if second is None or not second.parts:
        return "only the first layer is there: the picture is coarser than it was made"
    share = len(second.parts) / (second.count * len(second.finer))
    return f"{share:.0%} of the second layer is there: the picture is coarser than it was made"


def _enlarged(described: Description, arrived: Arrived, reading: Reading) -> ReadResult:
    """The thumbnail in the size of the picture. Raises CorruptFileError where there is none."""
    webp = thumbnails.read(arrived.container.chunks)
    if webp is None:
        raise CorruptFileError("the file ends before its first layer; nothing of it can be shown")
    small = thumbnails.pixels_of(webp)
    image = Image.fromarray(small).resize((described.width, described.height), Image.Resampling.BICUBIC)
    pixels: NDArray[Any] = np.asarray(image)
    if is_gray(arrived.container.chunks):
        pixels = np.asarray(image.convert("LA" if pixels.shape[2] == 4 else "L"))
    note = "only the thumbnail is there, shown enlarged"
    return ReadResult(ImageFile(reading.shown(pixels), (note,), described.metadata))


def _line(end: LayerEnd) -> str:
    """'  first layer, level 18: 5,594 bytes, there after 6,480'"""
    level = "" if end.level is None else f", level {end.level}"
    return f"  {end.name}{level}: {end.size:,} bytes, there after {end.at:,}"
