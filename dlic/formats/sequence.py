"""Sequences: .dlic files of frames with times, in groups that decode alone."""

import io
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.manifest import read_manifest
from dlic.container.format import KIND_AT, MAGIC, SEQUENCE, VERSION
from dlic.errors import CorruptFileError, UnknownCheckpointError
from dlic.formats.container_kind import COLOURS
from dlic.formats.kind import Description, Details, Kind
from dlic.formats.reading import Reading, ReadResult
from dlic.formats.writing import Encode, Outcome, Wishes
from dlic.images.files import ImageFile
from dlic.pixels.frames import Frame, SequenceFormat
from dlic.progress import Progress, no_progress
from dlic.runtime.memory import PROCESS_WITH_TORCH
from dlic.runtime.timing import timed

if TYPE_CHECKING:
    from dlic.container.sequence import SequenceHead
    from dlic.container.sequence_groups import FrameEntry, GroupTable
    from dlic.container.sequence_reader import SequenceReader
    from dlic.learned.sequence.codec import SequenceCodec

INTER = "light-1-inter"  # the checkpoint of frames that are predicted, for key frames of any tune
TUNED_INTER = {"visual": "light-1-inter-visual"}  # for key frames of these tunes, where it is on this machine
STILL = 1.0  # seconds that one frame lasts to be drawn as a still stretch
WIDTH = 100  # characters of a drawing: longer sequences are drawn as several lines, and cut after some
LINES = 12


class Sequence(Kind):
    """Frames in groups. As a picture it is its first frame, or the one that `Reading.frame` names."""

    name = "sequence"
    endings = (".dlic",)
    takes = frozenset(["quality", "effort", "content", "tune", "model", "weights"])
    process_memory = PROCESS_WITH_TORCH

    def recognise(self, data: bytes) -> bool:
        return data.startswith(MAGIC) and data[KIND_AT : KIND_AT + 1] == bytes([SEQUENCE])

    def describe(self, data: bytes) -> Description:
        from dlic.container.sequence_reader import SequenceReader

        reader = SequenceReader(io.BytesIO(data))
        head = reader.head
        return Description(
            kind=self,
            data=data,
            file_type=f".dlic version {VERSION}",
            width=head.form.width,
            height=head.form.height,
            channels=4 if head.form.alpha else 3,
            frames=_count(reader),
        )

    def details(self, described: Description) -> Details:
        from dlic.container.sequence_reader import SequenceReader

        reader = SequenceReader(io.BytesIO(described.data))
        head, tables = reader.head, list(reader.tables())
        figures = {**_figures(head, tables), **_tracks(SequenceReader(io.BytesIO(described.data), damaged=True))}
        figures |= _exact(SequenceReader(io.BytesIO(described.data), damaged=True))
        seconds, frames = figures["seconds"], figures["frames"]
        types = ", ".join(f"{count} {kind}" for kind, count in figures["types"].items()) or "no frame"
        loops = {0: ", for ever", 1: ""}.get(head.form.loops, f", {head.form.loops} times")
        sentence = (
            f"{COLOURS[described.channels]}, {frames:,} frames in {seconds:.3f} s{loops}: {len(tables):,} groups, {types}; "
            f"checkpoints {figures['checkpoint'] or 'not on this machine'} ({figures['fingerprint']}) and "
            f"{figures['inter_checkpoint'] or 'not on this machine'} ({figures['inter_fingerprint']})"
        )
        if figures["exact"] or figures["exact_others"]:
            sentence += f"; stored exactly: {figures['exact']:.0%} of key frames, {figures['exact_others']:.1%} of the others"
        return Details(figures, sentence, drawing=drawing(head.form, tables))

    def read(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        return self._read(described, reading, damaged=False)

    def read_partial(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        return self._read(described, reading, damaged=True)

    def _read(self, described: Description, reading: Reading, damaged: bool) -> ReadResult:
        from dlic.container.sequence_reader import SequenceReader
        from dlic.learned.sequence.decoder import SequenceDecoder

        described.check_size(reading.max_pixels)
        reading.part_of(described.width, described.height)  # refused before the work
        seconds, reader = dict[str, float](), SequenceReader(io.BytesIO(described.data), damaged)
        with timed(seconds, "load model"):
            codec = codec_of(reader.head, reading)
        with timed(seconds, "decode"):
            frame = SequenceDecoder(reader, codec, reading.max_pixels).frame(reading.frame or 0)
        notes = [f"only frame {reading.frame or 0} of {described.frames:,} is kept"] if described.frames > 1 else []
        return ReadResult(ImageFile(reading.shown(frame.pixels), tuple(notes), described.metadata), seconds)

    def verify(self, described: Description, reading: Reading) -> None:
        """Parses every frame and checks its symbols; no transform is run."""
        from dlic.container.sequence_reader import SequenceReader
        from dlic.learned.sequence.decoder import SequenceDecoder

        described.check_size(reading.max_pixels)
        reader = SequenceReader(io.BytesIO(described.data))
        SequenceDecoder(reader, codec_of(reader.head, reading), reading.max_pixels).verify()

    def prepare(self, wishes: Wishes) -> Encode:
        """One picture as a sequence of one frame."""
        from dlic.formats.sequence_writing import ClipWishes, encode_clip, verify_file
        from dlic.images.video.clip import Clip

        wanted = ClipWishes(
            quality=wishes.quality, effort=wishes.effort or 0, content=wishes.content, tune=wishes.tune, model=wishes.model,
            weights=wishes.weights,
        )  # fmt: skip

        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            pixels = coloured(picture.pixels)
            form = SequenceFormat(width=pixels.shape[1], height=pixels.shape[0], alpha=pixels.shape[2] == 4)
            clip = Clip(form=form, items=lambda: iter([Frame(pixels=pixels, pts=0, duration=1000)]), frames=1)
            data = b"".join(encode_clip(clip, wanted, progress).pieces)
            lost = ("metadata not kept: a sequence has no place for it",) if picture.metadata.given else ()
            return Outcome(data=data, matches=lambda written: verify_file(io.BytesIO(written), wanted) == 1, notes=lost)

        return encode


def _count(reader: "SequenceReader") -> int:
    """Frames of a file, as far as it is readable."""
    count = 0
    try:
        for table in reader.tables():
            count += len(table.durations)
    except CorruptFileError:  # which reading it says
        pass
    return count


def coloured(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """uint8 pixels of any kind as RGB or RGBA."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return np.dstack([np.repeat(pixels[..., :1], 3, axis=2), pixels[..., 1]]) if pixels.shape[2] == 2 else pixels


# --- checkpoints --------------------------------------------------------------------------------------------------------


def codec_of(head: "SequenceHead", reading: Reading) -> "SequenceCodec":
    """The codec of a file's checkpoints. Raises UnknownCheckpointError."""
    from dlic.learned.sequence.codec import load_sequence_codec

    given = reading.weights or reading.model
    key = checkpoints.choose(reading.model, reading.weights) if given else checkpoints.find_by_fingerprint(head.key_model)
    same = head.inter_model == head.key_model
    return load_sequence_codec(key, None if same else checkpoints.find_by_fingerprint(head.inter_model))


def codec_to_write(model: str | None, weights: Any, tune: str | None) -> "SequenceCodec":
    """The codec of new files by `checkpoints_to_write`."""
    from dlic.learned.sequence.codec import load_sequence_codec

    return load_sequence_codec(*checkpoints_to_write(model, weights, tune))


def checkpoints_to_write(model: str | None, weights: Any, tune: str | None) -> tuple[Path, Path | None]:
    """The folders of the checkpoint that is asked for, for key frames, and of the one for the others, if it is there."""
    key = checkpoints.choose(model, weights, tune)
    return key, inter_of(key)


def inter_of(key: Path) -> Path | None:
    """The folder of the checkpoint of predicted frames that goes with that of key frames, if there is one."""
    tuned = TUNED_INTER.get(read_manifest(key).training.tune)
    for name in (tuned, INTER) if tuned else (INTER,):
        with suppress(UnknownCheckpointError):
            return checkpoints.find(name)
    return None


def _name(fingerprint: bytes) -> str | None:
    try:
        return checkpoints.find_by_fingerprint(fingerprint).name
    except UnknownCheckpointError:
        return None


# --- facts --------------------------------------------------------------------------------------------------------------


def _figures(head: "SequenceHead", tables: "list[GroupTable]") -> dict[str, Any]:
    form = head.form
    entries = [entry for table in tables for entry in table.frames]
    end = tables[-1].end if tables else 0
    groups = [
        {
            "pts": table.pts,
            "ticks": sum(table.durations),
            "durations": list(table.durations),
            "types": [entry.packet.kind for entry in table.frames],
            "layers": [entry.packet.layer for entry in table.frames],
            "levels": [entry.packet.level for entry in table.frames],
            "bytes": [entry.packet.length for entry in table.frames],
            "order": [packet.number for packet in table.packets],
        }
        for table in tables
    ]
    colour = vars(form.colour)
    return {
        "colours": "RGB and alpha" if form.alpha else "RGB",
        "frames": len(entries),
        "seconds": float(end * form.time_base),
        "time_base": str(form.time_base),
        "loops": form.loops,
        "colour": dict(colour),
        "checkpoint": _name(head.key_model),
        "fingerprint": head.key_model.hex(),
        "inter_checkpoint": _name(head.inter_model),
        "inter_fingerprint": head.inter_model.hex(),
        "types": dict(Counter(entry.packet.kind for entry in entries)),
        "groups": groups,
    }


def _exact(reader: "SequenceReader") -> dict[str, float]:
    """Mean shares of the blocks that key frames store exactly, and that other frames do."""
    from dlic.learned.sequence.exact_share import exact_shares

    keys, others = list[float](), list[float]()
    for group in reader.groups():
        first, *rest = exact_shares(group, reader.head.form)
        keys.append(first)
        others += rest
    return {name: sum(shares) / max(1, len(shares)) for name, shares in (("exact", keys), ("exact_others", others))}


def _tracks(reader: "SequenceReader") -> dict[str, Any]:
    """Sound and subtitles that are copied, and the bytes of their packets."""
    from dlic.images.video.track_chunks import PACKETS, TRACK, read_track

    tracks, size = list[dict[str, str]](), 0
    for name, data in reader.extras():
        if name == TRACK:
            track = read_track(data)
            tracks.append({"kind": track.kind, "codec": track.codec})
        size += len(data) if name == PACKETS else 0
    return {"tracks": tracks, "track_bytes": size}


def drawing(form: SequenceFormat, tables: "list[GroupTable]") -> tuple[str, ...]:
    """A letter a frame, in groups: K key, P, B by layer (b: highest), and _ after a frame for each second that it stands still.

    12.480 s  K b B b P b B b P______
    """
    lines = list[str]()
    for table in tables[:LINES]:
        letters = "".join(_letter(entry) + "_" * _still(form, entry.duration) for entry in table.frames)
        size = sum(packet.length for packet in table.packets)
        shown = letters if len(letters) <= WIDTH else f"{letters[:WIDTH]}…"
        lines.append(f"{float(table.pts * form.time_base):10.3f} s  {shown}  {size:,} bytes")
    if len(tables) > LINES:
        lines.append(f"{len(tables) - LINES:12,} more groups; --json has all")
    return (*lines, "K key frame, P, B (b: of the layer that --half-rate leaves out), _ a second without a change") if lines else ()


def _letter(entry: "FrameEntry") -> str:
    packet = entry.packet
    return "K" if packet.kind == "key" else ("b" if packet.highest else packet.kind)


def _still(form: SequenceFormat, duration: int) -> int:
    """Whole seconds for which a frame stands still."""
    return min(WIDTH, int(duration * form.time_base / STILL))
