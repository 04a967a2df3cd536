"""Options of a new file, and the result of encoding."""

import operator
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dlic.container.format import Chunks
from dlic.errors import DlicError
from dlic.formats import metadata_chunks, source_hash, thumbnails
from dlic.formats.channels import EXACT, Separated, separate
from dlic.images.files import ImageFile
from dlic.progress import Progress

DEFAULT_QUALITY = 60  # of the learned codec


@dataclass(frozen=True)
class Wishes:
    """Options of new files; None means not given. Each kind of file takes some of them."""

    quality: int | None = None  # 1 … 100
    target_size: int | None = None  # bytes
    target_bpp: float | None = None
    target_psnr: float | None = None  # dB
    target_ms_ssim: float | None = None
    effort: int | None = None  # 0 … 9
    tune: str | None = None  # visual, psnr or ms-ssim
    model: str | None = None  # name of a checkpoint
    weights: str | Path | None = None  # folder of a checkpoint
    max_memory: int | None = None  # bytes
    threads: int | None = None  # that compute at once
    runtime: str | None = None  # onnx or torch
    subsampling: str | None = None
    progressive: bool | None = None
    trellis: bool | None = None
    alpha_quality: int | None = None  # 1 … 100
    thumbnail: int | None = None  # pixels a side, 0 for none; None: a thumbnail if it is cheap
    browsed: bool | None = None  # the file is one of many, which people look through: a thumbnail may cost more
    source_hash: bool | None = None  # store the SHA-256 of the pixels
    keep_smaller: bool | None = None
    content: str | None = None  # auto, photo or screen

    @property
    def given(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Outcome:
    """A new file, with facts for the report."""

    data: bytes
    matches: Callable[[bytes], bool]  # whether bytes read back hold the encoded picture; raises CorruptFileError for damage
    seconds: dict[str, float] = field(default_factory=dict)  # by stage
    figures: dict[str, Any] = field(default_factory=dict)  # for --json
    said: str = ""  # for the line, beginning with ", "
    detail: str = ""  # further figures, beginning with ", "
    as_jpeg: bool = False  # whether the data are a JPEG file instead of a .dlic file
    notes: tuple[str, ...] = ()  # sentences


Encode = Callable[[ImageFile, Progress], Outcome]


def whole_number(what: str, value: int, least: int, most: int) -> int:
    """`value` as int, from any integer type. Raises DlicError for other types and values out of range."""
    if not isinstance(value, bool):
        with suppress(TypeError):
            if least <= (whole := operator.index(value)) <= most:
                return whole
    raise DlicError(f"{what} is a whole number from {least} to {most}, not {value!r}")


def number(what: str, value: float) -> float:
    """`value` as float. Raises DlicError where it is no number."""
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise DlicError(f"{what} is a number, not {value!r}") from error


def option(wish: str) -> str:
    """'target_size' → '--target-size'"""
    return "--" + wish.replace("_", "-")


def separated(picture: ImageFile, wishes: Wishes, takes_gray: bool = False) -> Separated:
    """The colours of a picture, and the chunks for its gray, transparency and metadata."""
    quality = EXACT if wishes.alpha_quality is None else wishes.alpha_quality
    parts = separate(picture.pixels, quality, takes_gray)
    return replace(parts, chunks=(*parts.chunks, *extra_chunks(picture, wishes)))


def extra_chunks(picture: ImageFile, wishes: Wishes) -> Chunks:
    """The chunks of metadata, and of the thumbnail and the pixels' hash if requested."""
    return (
        *metadata_chunks.write(picture.metadata),
        *thumbnails.write(picture.pixels, wishes.thumbnail or 0),
        *(source_hash.write(picture.pixels) if wishes.source_hash else ()),
    )


def cheap_thumbnail(picture: ImageFile, wishes: Wishes, file: bytes) -> Chunks:
    """A thumbnail if it is cheap, and the wishes have neither a thumbnail nor a target size."""
    if wishes.thumbnail is not None or wishes.target_size is not None or wishes.target_bpp is not None:
        return ()
    return thumbnails.if_cheap(picture.pixels, len(file), thumbnails.BROWSED_SHARE if wishes.browsed else thumbnails.WORTH_SHARE)
