"""An image file before its pixels are decoded: through Pillow, or through dlic's own reader of TIFF."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile as PillowFile

from dlic.errors import UnreadableImageError
from dlic.images.bit_depth import to_eight_bits
from dlic.images.colours import icc
from dlic.images.kinds import GRAY_MODES, PROFILED_MODES, as_kept, conversions, eight_bit_pixels, refuse_deep
from dlic.images.metadata import LABELS, Metadata, difference, fitting, upright
from dlic.images.pillow import exact
from dlic.images.pillow.metadata import loses_exif, metadata_of, take
from dlic.images.pillow.opening import decoding, memory_for, open_image
from dlic.images.pillow.transparent_gray import scale_transparent_gray
from dlic.images.sources.found import Found
from dlic.images.sources.scan import scan
from dlic.images.sources.truncated_jpeg import Completed, completed
from dlic.images.tiff import picture as tiff
from dlic.images.tiff.samples import WrongTiff
from dlic.images.tiff.tags import pages
from dlic.storage.files import read_whole


@dataclass(frozen=True, eq=False)
class SourceFile(ABC):
    """An image file with its header read."""

    name: str  # in messages
    found: Found = field(repr=False)  # statements about the pixels

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Width and height, upright or as they are stored."""

    @abstractmethod
    def notes(self, keep: Collection[str]) -> Iterator[str]:
        """What `eight_bits` loses."""

    @abstractmethod
    def exact_notes(self) -> Iterator[str]:
        """What `exact` changes."""

    @abstractmethod
    def eight_bits(self, keep: Collection[str]) -> NDArray[np.uint8]:
        """uint8 (H, W, 3), or other shapes as `keep` allows them, upright. Raises UnreadableImageError."""

    @abstractmethod
    def exact(self) -> NDArray[Any]:
        """uint8 or uint16 (H, W) or (H, W, 2 … 4), upright. Raises UnreadableImageError where the exact samples cannot be had."""

    @abstractmethod
    def stated(self) -> tuple[Metadata, list[str]]:
        """All metadata of upright pixels, after these are read, and names of what cannot be read."""

    def is_gray(self, pixels: NDArray[Any]) -> bool:
        """Whether decoded pixels are gray in the file too, not only as an array."""
        return pixels.ndim == 2 or pixels.shape[2] == 2

    def metadata(self, pixels: NDArray[Any], keep: Collection[str]) -> tuple[Metadata, list[str], list[str]]:
        """The metadata of decoded pixels, as far as `keep` takes it; names of what is lost, and of what `keep` does not take."""
        stated, unreadable = self.stated()
        gray = self.is_gray(pixels)
        stated = with_profile(stated, gray)
        wanted = stated.only(keep)
        selected = fitting(wanted, b"GRAY" if gray else b"RGB ")
        lost = [*difference(wanted, selected), *unreadable, *self.found.left_out]
        return selected, lost, [name for name in difference(stated, wanted) if name not in lost]


def with_profile(metadata: Metadata, gray: bool) -> Metadata:
    """The metadata with a profile of its code points, for readers that know only profiles; as it is for sRGB, and for high dynamic
    range, which a profile would clip.
    """
    points = metadata.code_points
    if points is None or metadata.icc_profile or not points.has_profile or points.is_srgb or points.is_high_dynamic_range:
        return metadata
    return Metadata(**{**vars(metadata), "icc_profile": icc.of_code_points(points, gray)})


@dataclass(frozen=True, eq=False)
class PillowSource(SourceFile):
    """A file that Pillow decodes."""

    image: PillowFile
    truncated: Completed | None = None  # of a JPEG file without its end

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    def notes(self, keep: Collection[str]) -> Iterator[str]:
        refuse_deep(self.image, self.name)
        yield from self._left_behind()
        yield from conversions(self.image, keep)

    def exact_notes(self) -> Iterator[str]:
        exact.refuse_inexact(self.image, self.name)
        if self.image.mode in ("P", "PA"):
            yield "the palette becomes the colours it stands for"
        yield from self._left_behind()

    def _left_behind(self) -> Iterator[str]:
        yield from frames_left(self.image, self.name)
        if self.truncated:
            yield self.truncated.note

    def eight_bits(self, keep: Collection[str]) -> NDArray[np.uint8]:
        return eight_bit_pixels(self.image, keep, self.name)

    def exact(self) -> NDArray[Any]:
        return exact.samples(self.image, self.name)

    def is_gray(self, pixels: NDArray[Any]) -> bool:
        return (self.image.mode in GRAY_MODES and pixels.ndim == 2) or pixels.shape[2:] == (2,)

    def stated(self) -> tuple[Metadata, list[str]]:
        used_up = ["icc_profile"] if self.image.mode in PROFILED_MODES else []  # by the conversion
        return metadata_of(self.image, self.found).without(used_up), [LABELS["exif"]] if loses_exif(self.image) else []


@dataclass(frozen=True, eq=False)
class TiffSource(SourceFile):
    """A TIFF file of gray, RGB or a palette, of 1 … 16 bits."""

    plan: tiff.TiffPlan
    data: bytes = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        return self.plan.layout.width, self.plan.layout.height

    def notes(self, keep: Collection[str]) -> Iterator[str]:
        yield from self._left_behind()
        if self.plan.alpha is not None and "alpha" not in keep:
            yield "transparency is dropped"
        if self.plan.layout.bits > 8:
            yield f"{self.plan.layout.bits}-bit samples become 8-bit"

    def exact_notes(self) -> Iterator[str]:
        if self.plan.is_associated:
            raise exact.inexact(self.name, "its colours are multiplied by their transparency")
        if self.plan.has_palette:
            yield "the palette becomes the colours it stands for"
        if 8 < self.plan.layout.bits < 16:
            yield f"{self.plan.layout.bits}-bit samples become 16-bit"
        yield from self._left_behind()

    def _left_behind(self) -> Iterator[str]:
        if (count := pages(self.data)) > 1:
            yield first_of(count)
        if left := self.plan.left_over:
            yield f"{left} further {'sample' if left == 1 else 'samples'} of each pixel dropped"

    def eight_bits(self, keep: Collection[str]) -> NDArray[np.uint8]:
        pixels = self.exact()
        return as_kept(to_eight_bits(pixels) if pixels.dtype == np.uint16 else pixels, keep)

    def exact(self) -> NDArray[Any]:
        try:
            with decoding(self.name):
                return tiff.read(self.data, self.plan)
        except WrongTiff as error:
            raise UnreadableImageError(f"{self.name} is broken: {error}") from error

    def stated(self) -> tuple[Metadata, list[str]]:
        return upright(self.found.metadata), []


def source_file(source: str | Path | bytes, max_pixels: int) -> SourceFile:
    """An image file with its header read, from a path or its bytes; its pixels are not loaded.

    Raises UnreadableImageError for a file that is missing, no image, broken, or above `max_pixels`.
    """
    name = name_of(source)
    data = bytes_of(source)
    with memory_for(name):
        if plan := _tiff_plan(data, name):
            check_size(name, plan.layout.width, plan.layout.height, max_pixels)
            return TiffSource(name=name, found=scan(data, "TIFF"), plan=plan, data=data)
        truncated = completed(data, max_pixels)
        image = opened_bytes(truncated.data if truncated else data, name, max_pixels)
        if truncated and 2 * truncated.missing_rows > image.height:
            raise UnreadableImageError(f"{name} is truncated: {truncated.missing_rows} of its {image.height} rows are missing")
        found = scan(truncated.data if truncated else data, image.format)
        take(image, found)
        scale_transparent_gray(image, data)
        return PillowSource(name=name, found=found, image=image, truncated=truncated)


def _tiff_plan(data: bytes, name: str) -> tiff.TiffPlan | None:
    try:
        return tiff.plan_of(data)
    except WrongTiff as error:
        raise UnreadableImageError(f"{name} is broken: {error}") from error


def opened_bytes(data: bytes, name: str, max_pixels: int) -> PillowFile:
    """The bytes of an image file opened by Pillow. Raises UnreadableImageError."""
    with decoding(name):
        image = open_image(data)
    check_size(name, *image.size, max_pixels)
    return image


def check_size(name: str, width: int, height: int, max_pixels: int) -> None:
    """Raises UnreadableImageError above `max_pixels`."""
    if width * height > max_pixels:
        raise UnreadableImageError(
            f"{name} has {width} × {height} = {width * height:,} pixels, above the limit of {max_pixels:,}; --max-pixels raises it"
        )


def bytes_of(source: str | Path | bytes) -> bytes:
    """The bytes of a file. Raises UnreadableImageError for one that is missing or empty."""
    data = source if isinstance(source, bytes) else read_whole(source, UnreadableImageError)
    if not data:
        raise UnreadableImageError(f"{name_of(source)} is empty")
    return data


def name_of(source: str | Path | bytes) -> str:
    """The name of an image in messages."""
    return "the input" if isinstance(source, bytes) else str(source)


def frames_left(image: PillowFile, name: str) -> list[str]:
    """A note on the frames or pages after the first, if any. Those of JPEG and HEIC files are found among their statements."""
    if image.format in ("MPO", "HEIF"):
        return []
    with decoding(name):  # some plugins read the whole file to count
        frames = getattr(image, "n_frames", 1)
    sizes = image.info.get("sizes", ()) if image.format in ("ICO", "CUR", "ICNS") else ()
    if len(sizes) > 1:
        return [f"only the largest of {len(sizes)} pictures is kept"]
    return [first_of(frames)] if frames > 1 else []


def first_of(frames: int) -> str:
    return f"only the first of {frames} frames is kept"
