"""One coded unit of a learned picture: the whole picture, or one of its tiles."""

from dataclasses import dataclass

from dlic.container.format import LEARNED, Chunks, Container
from dlic.errors import CorruptFileError

MAX_UNIT = 1 << 21  # pixels; larger pictures are in tiles, so that a small file cannot ask for gigabytes


@dataclass(frozen=True, kw_only=True)
class CodedUnit:
    """The coded latents of one unit."""

    width: int  # true size in pixels, before padding
    height: int
    level: int
    coder: int  # number of the entropy coder
    model: bytes  # first 8 bytes of the checkpoint's fingerprint
    symbols_crc: int
    stream: bytes
    finer: int = 0  # of a tile: steps of latents next to those of another tile are 2^(−finer / 64) as large


def as_picture(unit: CodedUnit, chunks: Chunks = ()) -> Container:
    """The container of a picture that is one unit."""
    return Container(
        kind=LEARNED,
        coder=unit.coder,
        width=unit.width,
        height=unit.height,
        level=unit.level,
        model=unit.model,
        symbols_crc=unit.symbols_crc,
        stream=unit.stream,
        chunks=chunks,
    )


def unit_of(picture: Container) -> CodedUnit:
    """Inverse of `as_picture`, without its chunks. Raises CorruptFileError for more pixels than the limit of one unit."""
    if picture.width * picture.height > MAX_UNIT:
        raise CorruptFileError(
            f"the picture would have {picture.width} × {picture.height} pixels in one piece, which is limited to {MAX_UNIT:,}"
        )
    return CodedUnit(
        width=picture.width,
        height=picture.height,
        level=picture.level,
        coder=picture.coder,
        model=picture.model,
        symbols_crc=picture.symbols_crc,
        stream=picture.stream,
    )
