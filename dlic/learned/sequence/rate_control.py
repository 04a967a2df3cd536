"""Rate control of sequences: a size of the file, a mean bitrate, or a mean PSNR, by coding the frames more than once."""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO

import numpy as np

from dlic.errors import DlicError
from dlic.learned.sequence.codec import SequenceCodec
from dlic.learned.sequence.encoder import encode_sequence
from dlic.learned.sequence.frames import DecodedFrame
from dlic.learned.sequence.partition import Extra
from dlic.learned.sequence.settings import SequenceSettings
from dlic.pixels.frames import Frame, SequenceFormat

Source = Callable[[], Iterable[Frame | Extra]]  # opens the frames anew for every pass
GROWTH = 0.046  # a level more makes files larger by this share: twelve training clips at levels 14 to 40
SLOPE = 0.21  # dB of a level
IN_MEMORY = 1 << 24  # bytes of a pass that are kept in memory; longer files are kept on disk
PASSES = 6


@dataclass(frozen=True, eq=False)
class Pass:
    """One coding of all frames."""

    level: int
    file: IO[bytes]  # at its beginning
    size: int
    psnr: float  # mean of the frames'
    ticks: int  # duration of the sequence
    group_sizes: list[int] = field(default_factory=list)

    def pieces(self) -> Iterator[bytes]:
        """The file's bytes."""
        while piece := self.file.read(1 << 20):
            yield piece


def encode_to_size(source: Source, form: SequenceFormat, codec: SequenceCodec, settings: SequenceSettings, size: int) -> Pass:
    """The best file of at most `size` bytes. Raises DlicError where even the lowest level takes more."""

    def step(done: Pass) -> float:
        return math.log(size / done.size) / GROWTH

    best = _searched(source, form, codec, settings, step, lambda done: done.size <= size, lowest_wins=False)
    if best.size > size:
        raise DlicError(f"the sequence takes {best.size:,} bytes at the lowest quality; it cannot be made to fit {size:,}")
    return best


def encode_to_psnr(source: Source, form: SequenceFormat, codec: SequenceCodec, settings: SequenceSettings, psnr: float) -> Pass:
    """The smallest file whose frames have a mean PSNR of at least `psnr` dB. Raises DlicError where the highest level has less."""

    def step(done: Pass) -> float:
        return (psnr - done.psnr) / SLOPE

    best = _searched(source, form, codec, settings, step, lambda done: done.psnr >= psnr, lowest_wins=True)
    if best.psnr < psnr:
        raise DlicError(f"the sequence has {best.psnr:.2f} dB at the highest quality; it cannot reach {psnr:g} dB")
    return best


def encode_to_bitrate(
    source: Source, form: SequenceFormat, codec: SequenceCodec, settings: SequenceSettings, bitrate: float
) -> Pass:
    """A file of about `bitrate` bits a second in two passes: the first measures every group, the second keeps to the budget."""
    first = _coded(source, form, codec, settings)
    budget = bitrate / 8 * float(first.ticks * form.time_base)
    left, spent = list(first.group_sizes), list[int]()
    overhead = first.size - sum(first.group_sizes)

    def of_next_group() -> SequenceSettings:
        remaining = sum(left[len(spent) :]) or 1
        share = max(1.0, budget - overhead - sum(spent)) / remaining
        level = round(first.level + math.log(share) / GROWTH)
        return replace(settings, level=min(max(0, level), codec.levels - 1))

    return _coded(source, form, codec, of_next_group, spent)


def _searched(
    source: Source,
    form: SequenceFormat,
    codec: SequenceCodec,
    settings: SequenceSettings,
    step: Callable[[Pass], float],
    fits: Callable[[Pass], bool],
    lowest_wins: bool,
) -> Pass:
    """The pass nearest to the goal among those that fit, or the last. `lowest_wins`: lower levels are better among them."""
    low, high, level = -1, codec.levels, settings.level  # the level sought lies between low and high, or is one of them
    best: Pass | None = None
    for _ in range(PASSES):
        done = _coded(source, form, codec, replace(settings, level=level))
        fitting = fits(done)
        if best is None or (fitting and (not fits(best) or (done.level < best.level) == lowest_wins)):
            best = done
        if fitting == lowest_wins:
            high = level
        else:
            low = level
        if high - low <= 1:
            break
        level = min(max(low + 1, level + round(step(done))), high - 1)
    assert best is not None, "there is at least one pass"
    if not fits(best):
        best = _coded(source, form, codec, replace(settings, level=codec.levels - 1 if lowest_wins else 0))
    return best


def _coded(
    source: Source,
    form: SequenceFormat,
    codec: SequenceCodec,
    settings: SequenceSettings | Callable[[], SequenceSettings],
    sizes: list[int] | None = None,
) -> Pass:
    """Codes all frames once; `sizes` is filled with the bytes of the groups as they are coded."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 – the caller reads it
    sizes = [] if sizes is None else sizes
    errors, ends = list[float](), [0]

    def watch(frame: Frame, decoded: DecodedFrame) -> None:
        apart = frame.pixels[..., :3].astype(np.float32) - decoded.pixels
        errors.append(10 * math.log10(255**2 / max(float(np.square(apart).mean()), 1e-3)))
        ends.append(frame.pts + frame.duration)

    for number, piece in enumerate(encode_sequence(source(), form, codec, settings, watch)):
        file.write(piece)
        if number:
            sizes.append(len(piece))
    index = sizes.pop()
    size = file.tell()
    file.seek(0)
    level = settings.level if isinstance(settings, SequenceSettings) else settings().level
    assert index, "every file ends with its index"
    return Pass(level=level, file=file, size=size, psnr=math.fsum(errors) / len(errors), ticks=max(ends), group_sizes=sizes)
