"""Clips → files of kind sequence: at a quality, or to a size, a bit rate or a PSNR in two passes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dlic.container.sequence_reader import SequenceReader
from dlic.errors import DlicError
from dlic.formats.reading import Reading
from dlic.formats.sequence import codec_of, codec_to_write
from dlic.formats.writing import DEFAULT_QUALITY, number, whole_number
from dlic.images.video.clip import Clip
from dlic.images.video.track_chunks import Chunk, with_chunks
from dlic.pixels.frames import Frame
from dlic.progress import Progress, no_progress

if TYPE_CHECKING:
    from dlic.learned.sequence.codec import SequenceCodec
    from dlic.learned.sequence.settings import SequenceSettings

GUESS = 30  # level of the first pass with a target


@dataclass(frozen=True, kw_only=True)
class ClipWishes:
    """Options of a new sequence; None means not given."""

    quality: int | None = None  # 1 … 100
    target_size: int | None = None  # bytes of the whole file, at most
    target_bitrate: float | None = None  # bits a second of the whole file, on average
    target_psnr: float | None = None  # dB, least mean over the frames
    low_delay: bool = False  # no frame refers to a later one
    max_gop: int = 64  # frames from one key frame to the next, at most; 32 where something changes
    effort: int = 0  # of key frames
    content: str | None = None  # auto, photo or screen
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
    whole_number("the frames of a group", wishes.max_gop, 1, 64)
    codec = codec_to_write(wishes.model, wishes.weights, wishes.tune)
    if target is None:
        from dlic.learned.picture_codec import check_quality, level_of

        quality = check_quality(DEFAULT_QUALITY if wishes.quality is None else wishes.quality)
        return _at_level(clip, codec, wishes, level_of(quality, codec.levels), progress)
    return _to_target(clip, codec, wishes, progress)


def _at_level(clip: Clip, codec: "SequenceCodec", wishes: ClipWishes, level: int, progress: Progress = no_progress) -> EncodedClip:
    from dlic.learned.sequence.encoder import encode_sequence

    encoded = EncodedClip(iter(()), level)
    encoded.pieces = encode_sequence(_counted(clip, encoded, progress), clip.form, codec, _settings(wishes, level))
    return encoded


def _settings(wishes: ClipWishes, level: int) -> "SequenceSettings":
    from dlic.learned.exact.choice import AUTO
    from dlic.learned.sequence.settings import SequenceSettings

    return SequenceSettings(
        level=level, low_delay=wishes.low_delay, max_gop=wishes.max_gop, effort=wishes.effort, content=wishes.content or AUTO
    )


def _counted(clip: Clip, encoded: EncodedClip, progress: Progress) -> Iterator[Frame | Chunk]:
    """What is encoded; counts the frames on their way."""
    encoded.frames = encoded.ticks = 0
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


def _to_target(clip: Clip, codec: "SequenceCodec", wishes: ClipWishes, progress: Progress) -> EncodedClip:
    """Codes the clip more than once; it is read again for every pass."""
    from dlic.learned.sequence import rate_control

    settings, encoded = _settings(wishes, GUESS), EncodedClip(iter(()), GUESS)

    def source() -> Iterator[Frame | Chunk]:
        return _counted(clip, encoded, progress)

    if wishes.target_size is not None:
        done = rate_control.encode_to_size(source, clip.form, codec, settings, wishes.target_size)
    elif wishes.target_bitrate is not None:
        done = rate_control.encode_to_bitrate(source, clip.form, codec, settings, wishes.target_bitrate)
    else:
        assert wishes.target_psnr is not None, wishes
        done = rate_control.encode_to_psnr(source, clip.form, codec, settings, wishes.target_psnr)
    return replace(encoded, pieces=done.pieces(), level=done.level)
