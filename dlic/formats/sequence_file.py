"""Sequences as Python sees them: a file whose frames are iterated, and frames → bytes."""

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import gcd
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dlic.container.sequence_reader import SequenceReader
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.reading import Reading
from dlic.formats.sequence import codec_of, coloured
from dlic.formats.sequence_writing import ClipWishes, encode_clip
from dlic.images.files import MAX_PIXELS
from dlic.images.video.clip import Clip
from dlic.pixels.frames import Frame, SequenceFormat

if TYPE_CHECKING:
    from dlic.learned.sequence.decoder import SequenceDecoder

Pixels = NDArray[np.uint8]
USUAL = Fraction(1, 25)  # seconds of a frame without a duration
FINEST = 1_000_000_000  # ticks a second


class SequenceFile:
    """An open .dlic file of kind sequence. Iterating gives its frames: `.pixels`, `.pts` and `.duration` in ticks of `.time_base`.

    Only a group of frames is in memory at a time. A file that seeks can be iterated again, and frames be taken by number.

    Examples:
        >>> import numpy as np
        >>> data = compress_sequence([np.full((32, 48, 3), 50 * i, np.uint8) for i in range(4)], durations=0.25)
        >>> clip = SequenceFile(data)
        >>> clip[2].pixels.shape, float(clip[2].pts * clip.time_base)
        ((32, 48, 3), 0.5)
        >>> [float(frame.pts * clip.time_base) for frame in clip.frames(start=0.5)]
        [0.5, 0.75]
    """

    def __init__(
        self,
        source: str | Path | bytes | BinaryIO,
        *,
        weights: str | Path | None = None,
        model: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ):
        """Reads the head alone.

        Args:
            source: a path, the bytes of a file, or a binary file, which may be a pipe.
            weights: folder of the checkpoint of its key frames, where dlic would not find it.
            model: name of that checkpoint.
            max_pixels: larger frames are refused.

        Raises CorruptFileError where it is no sequence.
        """
        self._owned = isinstance(source, str | Path | bytes)
        self._file = _opened(source)
        self._reading = Reading(weights=weights, model=model, max_pixels=max_pixels)
        try:
            self._reader = SequenceReader(self._file)
        except BaseException:
            self.close()
            raise
        self._durations: list[int] | None = None

    @property
    def form(self) -> SequenceFormat:
        """Size, time base, loops, alpha and colour."""
        return self._reader.head.form

    @property
    def time_base(self) -> Fraction:
        """Seconds of one tick."""
        return self.form.time_base

    @property
    def durations(self) -> list[int]:
        """Of all frames in ticks, without decoding any. Raises DlicError for a pipe."""
        if not self._reader.seekable:
            raise DlicError("a pipe does not say how many frames follow")
        if self._durations is None:
            self._durations = [duration for table in self._reader.tables() for duration in table.durations]
        return self._durations

    @property
    def seconds(self) -> float:
        """Of one play."""
        return float(sum(self.durations) * self.time_base)

    def __len__(self) -> int:
        if not self._reader.seekable:
            raise TypeError("a pipe has no length")  # which `list` takes as an answer
        return len(self.durations)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def __getitem__(self, number: int) -> Frame:
        """One frame by its number; negative ones count from the end. Raises IndexError."""
        position = number + len(self) if number < 0 else number
        if not 0 <= position < len(self):
            raise IndexError(f"the sequence has {len(self):,} frames; there is no frame {number}")
        return self._decoder().frame(position)

    def frames(
        self, start: float | Fraction | None = None, stop: float | Fraction | None = None, half_rate: bool = False
    ) -> Iterator[Frame]:
        """The frames that are shown between two times in seconds, or all. `half_rate` leaves out the highest layer."""
        from dlic.learned.sequence.decoder import Stretch

        first, last = (None if second is None else round(Fraction(second) / self.time_base) for second in (start, stop))
        return self._decoder().frames(Stretch(start=first, stop=last, half_rate=half_rate))

    def _decoder(self) -> "SequenceDecoder":
        from dlic.learned.sequence.decoder import SequenceDecoder

        return SequenceDecoder(self._reader, codec_of(self._reader.head, self._reading), self._reading.max_pixels)

    def close(self) -> None:
        """Closes the file if it was opened here."""
        if self._owned:
            self._file.close()

    def __enter__(self) -> "SequenceFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _opened(source: str | Path | bytes | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, str | Path):
        return source
    try:
        return open(source, "rb")
    except OSError as error:
        raise CorruptFileError(f"{source} cannot be read: {error.strerror or error}") from error


def compress_sequence(
    frames: Iterable[Pixels],
    durations: float | Fraction | Sequence[float | Fraction] | None = None,
    quality: int | None = None,
    target_size: int | None = None,
    target_bitrate: float | None = None,
    target_psnr: float | None = None,
    *,
    loops: int = 1,
    low_delay: bool = False,
    max_gop: int = 64,
    effort: int = 0,
    content: str | None = None,
    tune: str | None = None,
    model: str | None = None,
    weights: str | Path | None = None,
) -> bytes:
    """uint8 frames of one size → the bytes of a .dlic file of kind sequence.

    Args:
        frames: (H, W) gray, (H, W, 2) gray and alpha, (H, W, 3) RGB or (H, W, 4) RGBA. An iterator is read frame by frame; with a
            target all of it is held, because trials read it again.
        durations: seconds of every frame, or of each; 1/25 by default. Fractions are exact.
        quality: 1 (small) … 100 (best); 60 when no target is given either.
        target_size: largest file in bytes.
        target_bitrate: bits a second, on average.
        target_psnr: least mean PSNR of the frames in dB.
        loops: how often an animation plays; 0 is for ever.
        low_delay: no frame refers to a later one.
        max_gop: most frames from one key frame to the next, 1 … 64; they are at most 32 where something changes.
        effort: of key frames, as in `dlic.compress`.
        content: "auto" (default), "photo" or "screen", likewise.
        tune: likewise.
        model: likewise.
        weights: likewise.

    Raises:
        DlicError: a frame is no such array or of another size, a duration is not above 0, there is no frame, or no file meets
            the target.

    Examples:
        >>> import numpy as np
        >>> frames = [np.full((32, 48, 3), 100 + 20 * i, np.uint8) for i in range(3)]
        >>> data = compress_sequence(frames, durations=0.5, quality=40)
        >>> with SequenceFile(data) as clip:
        ...     print(len(clip), clip.seconds, [frame.pixels.shape for frame in clip])
        3 1.5 [(32, 48, 3), (32, 48, 3), (32, 48, 3)]
    """
    wishes = ClipWishes(
        quality=quality,
        target_size=target_size,
        target_bitrate=target_bitrate,
        target_psnr=target_psnr,
        low_delay=low_delay,
        max_gop=max_gop,
        effort=effort,
        content=content,
        tune=tune,
        model=model,
        weights=weights,
    )
    again = frames if isinstance(frames, Sequence | np.ndarray) else (list(frames) if wishes.target else None)
    source = iter(frames) if again is None else iter(again)
    first = next(source, None)
    if first is None:
        raise DlicError("a sequence must have at least one frame")
    shown = _checked(first, 0, None)
    base, ticks = _ticks(durations)
    form = SequenceFormat(width=shown.shape[1], height=shown.shape[0], time_base=base, alpha=shown.shape[2] == 4, loops=loops)

    def items() -> Iterator[Frame]:
        pts = 0
        for number, pixels in enumerate(_chained(first, source) if again is None else again):
            duration = _duration(ticks, number)
            yield Frame(pixels=_checked(pixels, number, shown.shape), pts=pts, duration=duration)
            pts += duration
        if not isinstance(ticks, int) and number + 1 < len(ticks):
            raise DlicError(f"there are {number + 1:,} frames, but {len(ticks):,} durations")

    return b"".join(encode_clip(Clip(form=form, items=items), wishes).pieces)


def _chained(first: Pixels, others: Iterator[Pixels]) -> Iterator[Pixels]:
    yield first
    yield from others


def _checked(pixels: Pixels, number: int, shape: tuple[int, ...] | None) -> Pixels:
    from dlic.formats.channels import check_channels

    checked: Pixels = coloured(check_channels(pixels))
    if shape is not None and checked.shape != shape:
        raise DlicError(f"frame {number} has the shape {checked.shape} after {shape}; all frames of a sequence have one size")
    return checked


def _ticks(durations: float | Fraction | Sequence[float | Fraction] | None) -> tuple[Fraction, int | list[int]]:
    """A time base that holds all durations, and these in ticks of it. Raises DlicError for durations that are not above 0."""
    if durations is None:
        return USUAL, 1
    several = isinstance(durations, Sequence | np.ndarray)
    seconds = [_exact(value) for value in (durations if isinstance(durations, Sequence | np.ndarray) else [durations])]
    if not several:
        return seconds[0], 1
    base = seconds[0] if seconds else USUAL
    for value in set(seconds):
        base = _common(base, value)
    return base, [max(1, round(value / base)) for value in seconds]


def _exact(value: float | Fraction) -> Fraction:
    try:
        exact = Fraction(value).limit_denominator(100_000)
    except (TypeError, ValueError, OverflowError) as error:
        raise DlicError(f"a duration is a number of seconds, not {value!r}") from error
    if exact <= 0:
        raise DlicError(f"a duration is above 0 seconds, not {value!r}")
    return exact


def _common(base: Fraction, value: Fraction) -> Fraction:
    """The largest time of which both are multiples; microseconds where that would be tiny."""
    shared = gcd(base.numerator * value.denominator, value.numerator * base.denominator)
    common = Fraction(shared, base.denominator * value.denominator)
    return common if common.denominator <= FINEST else Fraction(1, 1_000_000)


def _duration(ticks: int | list[int], number: int) -> int:
    if isinstance(ticks, int):
        return ticks
    if number >= len(ticks):
        raise DlicError(f"there are more frames than the {len(ticks):,} durations")
    return ticks[number]
