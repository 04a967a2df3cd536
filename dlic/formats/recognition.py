"""What a compressed file is, from its first bytes and its header; nothing is decoded and no network loaded."""

from dataclasses import dataclass, field

from dlic.classical.jpeg import metadata as jpeg_metadata
from dlic.classical.jpeg.frame import Frame
from dlic.classical.jpeg.segments import BASELINE, EXTENDED, PROGRESSIVE, read_frame, segments
from dlic.container.chunks import ALPHA, GRAY, by_name
from dlic.container.format import COMPRESSAI, TILED, Container, read, read_beginning
from dlic.entropy.byte_reader import Field, Reader
from dlic.errors import CorruptFileError
from dlic.formats import metadata_chunks
from dlic.formats.channels import is_in_parts
from dlic.images.metadata import Metadata
from dlic.pixels.arrays import Codec, check_size
from dlic.pixels.rectangles import Rectangle

JPEG_MAGIC = b"\xff\xd8\xff"
LEARNED, ZOO = "learned", "compressai"
WITHOUT_CHECKPOINT = {b"lossless": "lossless", b"wavelet\0": "wavelet"}  # by the field `model` of a .dlic file


@dataclass(frozen=True)
class Description:
    """What is known of a file before it is decoded."""

    codec: str  # as `dlic compress --codec` calls it, or compressai
    width: int
    height: int
    container: Container | None = None  # of a .dlic file
    frame: Frame | None = None  # of a JPEG file
    metadata: Metadata = field(default_factory=Metadata)  # as it is in the file

    @property
    def tiled(self) -> bool:
        """Whether it is a learned picture in tiles, which can be decoded in parts."""
        return self.codec == LEARNED and bool(self.container.flags & TILED)

    @property
    def channels(self) -> int:
        """Of the pixels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha; other numbers are damage that decoding finds."""
        if self.codec == "jpeg":
            return 1 if len(self.frame.components) == 1 else 3
        if self.codec == "lossless":  # which has gray and alpha of its own
            return self.head["channels"]
        found = by_name(self.container.chunks)
        gray = GRAY in found or self.head.get("components") == 1
        return (1 if gray else 3) + (ALPHA in found)

    @property
    def depth(self) -> int:
        """Bits of a sample."""
        return self.head.get("depth", 8)

    @property
    def head(self) -> dict[str, int]:
        """What the first bytes of a classical codec's stream say. Raises CorruptFileError where they are missing."""
        reader = Reader(self.container.stream if self.container else b"")
        return {field.name: field.read(reader) for field in _stream_head(self.codec)}

    def check_size(self, max_pixels: int, part: Rectangle | None = None) -> None:
        """Raises CorruptFileError where the picture has more pixels, or the part that is wanted of one in tiles."""
        in_part = part and self.tiled and is_in_parts(dict(self.container.chunks).get(ALPHA))
        decoded = part if in_part else self
        check_size(decoded.width, decoded.height, max_pixels)


def _stream_head(codec: str) -> list[Field]:
    if codec == "lossless":
        from dlic.classical.lossless.codec import STREAM

        return STREAM
    if codec == "wavelet":
        from dlic.classical.wavelet.codec import STREAM

        return STREAM
    return []


def describe(data: bytes) -> Description:
    """A .dlic or JPEG file. Raises CorruptFileError for anything else, and for damage that shows before decoding."""
    if data.startswith(JPEG_MAGIC):
        return _describe_jpeg(data)
    return _describe_container(read(data))


def describe_beginning(data: bytes) -> tuple[Description, float]:
    """The beginning of a .dlic file, and the share of its picture's data that is there. Raises CorruptFileError."""
    container, share = read_beginning(data)
    return _describe_container(container), share


def _describe_container(container: Container) -> Description:
    codec = WITHOUT_CHECKPOINT.get(container.model, ZOO if container.flags == COMPRESSAI else LEARNED)
    if codec not in (LEARNED, ZOO) and container.flags:
        raise CorruptFileError(f"the header says flags {container.flags}, which no {codec} file has")
    return Description(codec, container.width, container.height, container, metadata=metadata_chunks.read(container.chunks))


def _describe_jpeg(data: bytes) -> Description:
    seen = []
    for segment in segments(data):
        if segment.marker in (BASELINE, EXTENDED, PROGRESSIVE):
            frame = read_frame(segment, max_pixels=1 << 32)  # more than a header can say: callers have their own limit
            return Description("jpeg", frame.width, frame.height, frame=frame, metadata=jpeg_metadata.read(seen))
        seen.append(segment)
    raise CorruptFileError("the file ends before its picture")


def classical(name: str, max_pixels: int) -> Codec:
    """The codec that decodes the files of a name, where that takes no checkpoint."""
    if name == "jpeg":
        from dlic.classical.jpeg.codec import JpegCodec

        return JpegCodec(max_pixels=max_pixels)
    if name == "wavelet":
        from dlic.classical.wavelet.codec import WaveletCodec

        return WaveletCodec(max_pixels=max_pixels)
    from dlic.classical.lossless.codec import LosslessCodec

    return LosslessCodec(max_pixels=max_pixels)
