"""Options of reading a file, and its result."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from dlic.images import gain_map
from dlic.images.files import MAX_PIXELS, ImageFile, not_kept
from dlic.pixels.rectangles import Rectangle
from dlic.pixels.reduction import averaged

if TYPE_CHECKING:
    from dlic.learned.codec import LearnedCodec


@dataclass(frozen=True)
class Reading:
    """The arguments of `dlic.decompress`."""

    weights: str | Path | None = None  # folder of a checkpoint
    max_pixels: int = MAX_PIXELS
    model: str | None = None  # name of a checkpoint
    crop: tuple[int, ...] | None = None  # x, y, width, height
    reduction: int = 1  # pixels along a box of which one pixel of the result is the average: 1, 2, 4 or 8
    max_memory: int | None = None  # bytes
    threads: int | None = None  # that compute at once
    runtime: str | None = None  # onnx or torch
    frame: int | None = None  # of a sequence, from 0
    codec: "LearnedCodec | None" = None  # a loaded checkpoint to decode learned pictures with

    def part_of(self, width: int, height: int) -> Rectangle | None:
        """The crop as a part of the picture; None: the whole picture. Raises DlicError where the crop does not lie inside."""
        return None if self.crop is None else Rectangle.asked_for(self.crop, width, height)

    def shown(self, image: NDArray[Any]) -> NDArray[Any]:
        """The crop of a decoded picture (H, W, …), reduced. Raises DlicError where the crop does not lie inside."""
        part = self.part_of(image.shape[1], image.shape[0])
        return averaged(image if part is None else image[part.slices], self.reduction)

    def fitting(self, picture: ImageFile) -> ImageFile:
        """A picture that was read, without metadata that do not fit a crop: a gain map is one of the whole."""
        if self.crop is None or not gain_map.data_of(picture.metadata):
            return picture
        notes = (*picture.notes, *not_kept(["gain map of the whole picture"]))
        return replace(picture, notes=notes, metadata=gain_map.without(picture.metadata))


@dataclass(frozen=True)
class ReadResult:
    """A file that was read."""

    picture: ImageFile
    seconds: dict[str, float] = field(default_factory=dict)  # by stage
