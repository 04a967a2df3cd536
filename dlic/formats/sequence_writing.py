"""Clips → files of kind sequence: at a quality, or to a size, a bit rate or a PSNR in two passes."""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from dlic.container.sequence_reader import SequenceReader
from dlic.errors import DlicError
from dlic.formats.reading import Reading
from dlic.formats.sequence import codec_of, codec_to_write
from dlic.formats.writing import DEFAULT_QUALITY, number, whole_number
from dlic.images.video.clip import Clip, Item
from dlic.images.video.track_chunks import Chunk, with_chunks
from dlic.pixels.frames import Frame
from dlic.progress import Progress, no_progress

if TYPE_CHECKING:
    from dlic.learned.sequence.codec import SequenceCodec

SAMPLE = 96  # frames that are encoded in a trial, in stretches of a group each
GUESS = 30  # level of the first trial
TRIALS = 8  # enough to bisect 64 levels


@dataclass(frozen=True, kw_only=True)
class ClipWishes:
    """Options of a new sequence; None means not given."""

    quality: int | None = None  # 1 … 100
    target_size: int | None = None  # bytes of the whole file, at most
    target_bitrate: float | None = None  # bits a second of the whole file, at most
    target_psnr: float | None = None  # dB, least mean over the frames
    low_delay: bool = False  # no frame refers to a later one
    max_gop: int = 32  # frames from one key frame to the next, at most
    effort: int = 0  # of key frames
    tune: str | None = None
    model: str | None = None  # checkpoint of key frames
    weights: str | Path | None = None

    @property
    def target(self) -> str | None:
        """The name of the one target. Raises DlicError for more than one, and for one that no file can meet."""
        targets = {"target size": self.target_size, "target bitrate": self.target_bitrate, "target PSNR": self.target_psnr}
        given = {name: value for name, value in targets.items() if value is not None}
        if len(given) + (self.quality is not None) > 1:
            raise DlicError("give one of quality, target size, bitrate and PSNR, not several")
        for name, value in given.items():
            if not (math.isfinite(number(name, value)) and value > 0):
                raise DlicError(f"a {name} of {value:g} is out of range for any file")
        return next(iter(given), None)


@dataclass(eq=False)
class EncodedClip:
    """A file in pieces, which are made as they are taken."""

    pieces: Iterator[bytes]
    level: int
    frames: int = field(default=0)  # that were taken so far
    ticks: int = field(default=0)  # their durations


def encode_clip(clip: Clip, wishes: ClipWishes, progress: Progress = no_progress) -> EncodedClip:
    """A clip as a file. With a target, trials find the level first; they read the clip again. `progress` gets the share of the
    frames that were taken, where the clip says how many it has.

    Raises DlicError for wishes that cannot be granted, and targets that cannot be met.
    """
    target = wishes.target
    whole_number("the frames of a group", wishes.max_gop, 1, 32)
    codec = codec_to_write(wishes.model, wishes.weights, wishes.tune)
    if target is None:
        from dlic.learned.codec import check_quality, level_of

        quality = check_quality(DEFAULT_QUALITY if wishes.quality is None else wishes.quality)
        return _at_level(clip, codec, wishes, level_of(quality, codec.levels), progress)
    return _to_target(clip, codec, wishes, progress)


def _at_level(clip: Clip, codec: "SequenceCodec", wishes: ClipWishes, level: int, progress: Progress = no_progress) -> EncodedClip:
    from dlic.learned.sequence.encoder import encode_sequence
    from dlic.learned.sequence.settings import SequenceSettings

    settings = SequenceSettings(level=level, low_delay=wishes.low_delay, max_gop=wishes.max_gop, effort=wishes.effort)
    encoded = EncodedClip(iter(()), level)
    encoded.pieces = encode_sequence(_counted(clip, encoded, progress), clip.form, codec, settings)
    return encoded


def _counted(clip: Clip, encoded: EncodedClip, progress: Progress) -> Iterator[Frame | Chunk]:
    """What is encoded; counts the frames on their way."""
    for item in with_chunks(clip):
        if isinstance(item, Frame):
            encoded.frames += 1
            encoded.ticks += item.duration
            if clip.frames or clip.seconds:
                seconds = float(item.pts * clip.form.time_base)
                share = encoded.frames / clip.frames if clip.frames else seconds / (clip.seconds or 1)
                progress(min(1.0, share))
        yield item


def verify_file(file: BinaryIO, wishes: ClipWishes | None = None) -> int:
    """Parses all frames of a file and checks their symbols; the number of frames. Raises CorruptFileError."""
    from dlic.learned.sequence.decoder import SequenceDecoder

    reader = SequenceReader(file)
    reading = Reading() if wishes is None else Reading(weights=wishes.weights, model=wishes.model)
    return SequenceDecoder(reader, codec_of(reader.head, reading)).verify()


# --- targets ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trial:
    """What a level gives."""

    size: float  # bytes of the whole file; an estimate where a sample was encoded
    psnr: float
    whole: bytes | None  # the file, where the whole clip was encoded


def _to_target(clip: Clip, codec: "SequenceCodec", wishes: ClipWishes, progress: Progress) -> EncodedClip:
    """Finds the level on a sample, then encodes all; a ceiling that the whole file exceeds lowers the level."""
    frames, ticks, other = _counts(clip)
    limit = _limit(wishes, float(ticks * clip.form.time_base))
    sample = _sample(clip, frames, wishes.max_gop)

    def trial(level: int) -> _Trial:
        return _tried(sample, codec, wishes, level, frames, other)

    level, best = _search(trial, wishes, limit, codec.levels)
    while frames > SAMPLE:
        encoded = _at_level(clip, codec, wishes, level, progress)
        data = b"".join(encoded.pieces)
        if wishes.target_psnr is not None or len(data) <= limit:
            return replace(encoded, pieces=iter([data]))
        if level == 0:
            raise _missed(wishes, limit, len(data), best.psnr)
        level = max(0, level - max(1, round(math.log(len(data) / limit) / 0.06)))  # a level is about 6 % of the size
    assert best.whole is not None, "a short clip is its own sample"
    return EncodedClip(iter([best.whole]), level, frames, ticks)


def _counts(clip: Clip) -> tuple[int, int, int]:
    """Frames, ticks, and bytes of everything else, from a first pass that encodes nothing."""
    frames, ticks, other = 0, 0, 0
    for item in with_chunks(clip):
        if isinstance(item, Frame):
            frames, ticks = frames + 1, ticks + item.duration
        else:
            other += len(item[1])
    if not frames:
        raise DlicError("a sequence must have at least one frame")
    return frames, ticks, other


def _limit(wishes: ClipWishes, seconds: float) -> float:
    """Bytes at most, or dB at least."""
    if wishes.target_psnr is not None:
        return wishes.target_psnr
    return wishes.target_size if wishes.target_size is not None else (wishes.target_bitrate or 0) * seconds / 8


def _sample(clip: Clip, frames: int, group: int) -> Clip:
    """The clip, or groups of frames spread over it, which are encoded in a trial."""
    if frames <= SAMPLE:
        return clip
    stretches = SAMPLE // group
    starts = [round(place * (frames - group) / max(1, stretches - 1)) for place in range(stretches)]
    chosen = {start + number for start in starts for number in range(group)}

    def items() -> Iterator[Item]:
        return (frame for number, frame in enumerate(islice(clip.pictures(), max(chosen) + 1)) if number in chosen)

    return replace(clip, items=items, tracks=(), frames=len(chosen))


def _tried(clip: Clip, codec: "SequenceCodec", wishes: ClipWishes, level: int, frames: int, other: int) -> _Trial:
    encoded = _at_level(clip, codec, wishes, level)
    data = b"".join(encoded.pieces)
    psnr = _psnr(clip, data, codec) if wishes.target_psnr is not None else 0.0
    if encoded.frames == frames:
        return _Trial(len(data), psnr, data)
    return _Trial(len(data) * frames / encoded.frames + other, psnr, None)


def _psnr(clip: Clip, data: bytes, codec: "SequenceCodec") -> float:
    """Mean over the frames of the PSNR of RGB; a frame that stands for several counts for each."""
    from dlic.learned.sequence.decoder import SequenceDecoder
    from dlic.metrics.registry import psnr

    shown = SequenceDecoder(SequenceReader(io.BytesIO(data)), codec).frames()
    current, values = next(shown), list[float]()
    for frame in clip.pictures():
        while frame.pts >= current.pts + current.duration:
            current = next(shown)
        values.append(psnr(frame.pixels[..., :3], current.pixels[..., :3]))
    return float(np.mean(values))


def _search(trial: Callable[[int], _Trial], wishes: ClipWishes, limit: float, levels: int) -> tuple[int, _Trial]:
    """The highest level within a ceiling, or the lowest that reaches a PSNR. Raises DlicError where no level does."""
    ceiling = wishes.target_psnr is None
    found: dict[int, _Trial] = {}

    def meets(level: int) -> bool:
        found[level] = trial(level)
        return found[level].size <= limit if ceiling else found[level].psnr >= limit

    low, high = -1, levels  # the level sought lies in [low, high], by `good` below low and not above, or the other way round
    level = min(GUESS, levels - 1)
    for _ in range(TRIALS):
        if meets(level) == ceiling:
            low = level
        else:
            high = level
        if high - low <= 1:
            break
        level = (low + high) // 2
    chosen = low if ceiling else high
    if not 0 <= chosen < levels:
        nearest = found[0 if ceiling else levels - 1]
        raise _missed(wishes, limit, nearest.size, nearest.psnr)
    return chosen, found[chosen]


def _missed(wishes: ClipWishes, limit: float, size: float, psnr: float) -> DlicError:
    if wishes.target_psnr is not None:
        return DlicError(f"the best file of this clip has {psnr:.2f} dB, not {limit:g}")
    return DlicError(f"the smallest file of this clip has about {size:,.0f} bytes, not {limit:,.0f}")
