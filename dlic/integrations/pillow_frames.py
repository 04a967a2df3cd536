"""Frames for the Pillow plugin: those of a .dlic file, and those of an image that is saved."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.errors import DlicError
from dlic.formats.kind import Description
from dlic.formats.sequence_file import SequenceFile, compress_sequence
from dlic.images.video.clip import BROWSER_DELAY
from dlic.pixels.frames import Frame

TAKEN = (
    "quality",
    "target_size",
    "target_bitrate",
    "target_psnr",
    "low_delay",
    "max_gop",
    "effort",
    "content",
    "tune",
    "model",
    "weights",
)
MILLISECOND = Fraction(1, 1000)


class SequenceFrames:
    """The frames of an open file. Frames in order are decoded once; another one begins at its group."""

    def __init__(self, data: bytes, described: Description):
        self._file = SequenceFile(data, max_pixels=described.width * described.height)
        self.count, self.number = described.frames, 0
        self._at = -1  # number of the frame that was decoded last
        self._frames: Iterator[Frame] = iter(())  # those after it

    @property
    def is_new(self) -> bool:
        """Whether the chosen frame is not the one that was decoded last."""
        return self.number != self._at

    def info(self, number: int) -> dict[str, Any]:
        """As Pillow's other plugins name it: milliseconds, whole ones as int."""
        exact = self._file.durations[number] * self._file.time_base / MILLISECOND
        return {"duration": int(exact) if exact.denominator == 1 else float(exact), "loop": self._file.form.loops}

    def decoded(self) -> NDArray[np.uint8]:
        """The pixels of the chosen frame."""
        if self.number != self._at + 1 or self._at < 0:
            start = sum(self._file.durations[: self.number]) * self._file.time_base
            self._frames = self._file.frames(start=start + self._file.time_base / 2 if self.number else None)
        frame: Frame = next(self._frames)
        self._at = self.number
        return frame.pixels


def count_of(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def frames_file(image: Image.Image) -> bytes:
    """The file of all frames of an image and of the images in `append_images`, with the options of `save`.

    `duration` is in milliseconds, for all frames or of each; by default each image's own. `loop`: times it plays, 0 for ever.
    """
    options = image.encoderinfo
    images = [image, *options.get("append_images", ())]
    wishes = {name: options[name] for name in TAKEN if options.get(name) is not None}
    stated = options.get("duration")
    total = sum(map(count_of, images))
    if isinstance(stated, Sequence) and len(stated) != total:
        raise DlicError(f"there are {total} frames, but {len(stated)} durations")
    alpha = any(one.has_transparency_data for one in images)
    durations = [_seconds(value) for value in (stated if isinstance(stated, Sequence) else [stated or own for own in _own(images)])]
    loops = int(options.get("loop", image.info.get("loop", 1)))
    return compress_sequence(_pixels(images, "RGBA" if alpha else "RGB"), durations, loops=loops, **wishes)


def _pixels(images: Sequence[Image.Image], mode: str) -> Iterator[NDArray[np.uint8]]:
    """The frames one after the other; the images end where they were."""
    for image in images:
        before = image.tell()
        try:
            for number in range(count_of(image)):
                image.seek(number)
                yield np.array(image.convert(mode))
        finally:
            image.seek(before)


def _own(images: Sequence[Image.Image]) -> Iterator[Any]:
    """The durations that images state for their frames, in milliseconds."""
    for image in images:
        before = image.tell()
        for number in range(count_of(image)):
            image.seek(number)
            image.load()  # some plugins state it then
            yield image.info.get("duration", 0)
        image.seek(before)


def _seconds(milliseconds: Any) -> Fraction:
    """Those without a duration last as long as browsers show them."""
    try:
        return Fraction(milliseconds).limit_denominator(1000) * MILLISECOND or BROWSER_DELAY
    except (TypeError, ValueError) as error:
        raise DlicError(f"a duration is a number of milliseconds, not {milliseconds!r}") from error
