"""JPEG files, baseline and progressive."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlic.errors import CorruptFileError, UnreadableImageError
from dlic.formats.kind import Description, Details, Kind
from dlic.formats.reading import Reading, ReadResult
from dlic.formats.writing import Encode, Outcome, Wishes
from dlic.images.files import EVERYTHING, ImageFile, not_held, not_kept, read_image, refuse_if, upright
from dlic.images.metadata import LABELS
from dlic.images.metadata import upright as upright_metadata
from dlic.images.placing import placed
from dlic.progress import Progress, no_progress
from dlic.runtime.timing import timed

if TYPE_CHECKING:  # methods import classical.jpeg: reading a .dlic file does not need it
    from dlic.classical.jpeg.frame import Frame

MAGIC = b"\xff\xd8\xff"
ANY_SIZE = 1 << 32  # pixels, more than a header can say: callers have their own limit


class Jpeg(Kind):
    """dlic's own JPEG codec; pictures that a camera held askew are turned upright."""

    name = "jpeg"
    endings = (".jpg", ".jpeg")
    takes = frozenset(["quality", "subsampling", "progressive", "trellis"])

    def recognise(self, data: bytes) -> bool:
        return data.startswith(MAGIC)

    def describe(self, data: bytes) -> Description:
        from dlic.images.sources.jpeg import scan

        frame = _frame(data)
        return Description(
            kind=self,
            data=data,
            file_type="JPEG",
            width=frame.width,
            height=frame.height,
            channels=1 if len(frame.components) == 1 else 3,
            metadata=scan(data).metadata,
        )

    def details(self, described: Description) -> Details:
        frame, metadata = _frame(described.data), described.metadata
        kind, subsampling = "progressive" if frame.progressive else "baseline", _subsampling(frame)
        sizes = {LABELS[name]: len(getattr(metadata, name)) for name in ("exif", "icc_profile", "xmp") if getattr(metadata, name)}
        sentence = f"{kind}, {'gray' if subsampling is None else f'colour {subsampling}'}"
        sentence += "".join(f", {name} {size:,} bytes" for name, size in sizes.items())
        return Details({"kind": kind, "subsampling": subsampling, "metadata": sizes}, sentence)

    def read(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        from dlic.classical.jpeg.codec import JpegCodec
        from dlic.images.sources.jpeg import scan

        described.check_size(reading.max_pixels)  # before anything is allocated for it
        seconds: dict[str, float] = {}
        left_out = not_kept(scan(described.data).left_out)
        with timed(seconds, "decode"):
            stored = JpegCodec(max_pixels=reading.max_pixels).decompress(described.data)
            pixels = reading.shown(upright(stored, described.metadata))
        return ReadResult(ImageFile(pixels, tuple(left_out), upright_metadata(described.metadata)), seconds)

    def read_partial(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        try:
            picture = read_image(described.data, reading.max_pixels, EVERYTHING - {"alpha"})
        except UnreadableImageError as error:
            raise CorruptFileError(str(error)) from error
        return ReadResult(replace(picture, pixels=reading.shown(picture.pixels)))

    def load(self, source: str | bytes, max_pixels: int, strict: bool) -> ImageFile:
        from dlic.images.source_file import name_of

        picture = read_image(source, max_pixels, EVERYTHING - {"alpha"}, strict)
        notes = not_held(picture.pixels, ".jpg", picture.metadata)  # texts, and metadata too long for a segment
        refuse_if(strict, notes, name_of(source))
        return ImageFile(picture.pixels, (*picture.notes, *notes), placed(picture.pixels, "JPEG", picture.metadata).metadata)

    def prepare(self, wishes: Wishes) -> Encode:
        from dlic.classical.jpeg.codec import JpegCodec, read_jpeg

        settings = JpegCodec(**wishes.given)

        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            codec, seconds = replace(settings, metadata=picture.metadata), dict[str, float]()
            with timed(seconds, "encode"):
                quantised = codec.quantised(picture.pixels)
                data = codec.write(quantised)

            def matches(written: bytes) -> bool:
                return np.array_equal(read_jpeg(written, codec.max_pixels).levels, quantised.levels)

            return Outcome(data, matches, seconds)

        return encode


def _frame(data: bytes) -> "Frame":
    """The frame of a file. Raises CorruptFileError."""
    from dlic.classical.jpeg.segments import BASELINE, EXTENDED, PROGRESSIVE, read_frame, segments

    for segment in segments(data):
        if segment.marker in (BASELINE, EXTENDED, PROGRESSIVE):
            return read_frame(segment, max_pixels=ANY_SIZE)
    raise CorruptFileError("the file ends before its picture")


def _subsampling(frame: "Frame") -> str | None:
    """'4:2:0', sampling factors where there is no such name, None for gray."""
    from dlic.classical.jpeg.subsampling import FACTORS

    if len(frame.components) == 1:
        return None
    factors = [(component.vertical, component.horizontal) for component in frame.components]
    names: dict[Any, str] = {value: name for name, value in FACTORS.items()}
    plain = factors[1:] == [(1, 1), (1, 1)] and factors[0] in names
    return names[factors[0]] if plain else ", ".join(f"{horizontal}×{vertical}" for vertical, horizontal in factors)
