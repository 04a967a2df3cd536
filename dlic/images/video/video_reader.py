"""Video files → frames and packets, by PyAV: mp4, mkv, webm, mov, y4m and everything else its build reads."""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dlic.errors import UnreadableImageError
from dlic.images.files import MAX_PIXELS
from dlic.images.video import pyav, video_colour
from dlic.images.video.clip import Clip, Item, Track, TrackPacket, check_clip_size, check_frame_size
from dlic.pixels.frames import Frame, SequenceFormat

COPIED = ("audio", "subtitle")
Source = str | Path | BinaryIO  # a path, or a file that seeks
QUARTER = 90  # degrees


@dataclass(frozen=True, eq=False)
class _Shown:
    """A frame that waits for the time of the next one."""

    pixels: NDArray[np.uint8]
    pts: int
    stated: int  # its own duration, 0 where it has none


def open_video(source: Source, name: str, max_pixels: int = MAX_PIXELS, tracks: bool = True) -> Clip:
    """A video file. With `tracks`, its sound and subtitles are copied. Raises UnreadableImageError, and DlicError without PyAV."""
    with pyav.reading(name), closing(_opened(source)) as container:
        if not container.streams.video:
            raise UnreadableImageError(f"{name} has no video")
        stream = container.streams.video[0]
        seconds = _seconds(container, stream)
        copied = [other.index for other in container.streams if other.type in COPIED] if tracks else []
        stated, several = int(stream.frames), len(container.streams.video) > 1
        check_clip_size(name, stream.codec_context.width, stream.codec_context.height, max_pixels)
        first = _first(container, name)
        form = _form(first, stream)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        rotated = first.rotation % 180 == QUARTER
    templates = {index: _track(source, name, index) for index in copied}
    numbers = {index: number for number, index in enumerate(key for key, track in templates.items() if track)}
    clip = Clip(
        form=form,
        items=lambda: _items(source, name, clip, numbers),
        frames=stated or None,
        seconds=seconds,
        pixel_aspect=1 / aspect if rotated else aspect,
        tracks=tuple(track for track in templates.values() if track),
    )
    _note_losses(clip, several)
    return clip


def _opened(source: Source) -> Any:
    if not isinstance(source, str | Path):
        source.seek(0)
    av = pyav.load()
    return av.open(str(source) if isinstance(source, str | Path) else source)


def _form(first: Any, stream: Any) -> SequenceFormat:
    colour = video_colour.colour_of(first, stream.codec_context.name)
    width, height = (first.height, first.width) if first.rotation % 180 == QUARTER else (first.width, first.height)
    return SequenceFormat(
        width=width, height=height, time_base=stream.time_base, alpha=video_colour.has_alpha(first), colour=colour
    )


def _seconds(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _note_losses(clip: Clip, several: bool) -> None:
    if clip.form.colour.depth > 8:
        clip.note(f"{clip.form.colour.depth}-bit samples become 8-bit")
    if several:
        clip.note("only the first of several video streams is kept")


# --- frames -------------------------------------------------------------------------------------------------------------


def _items(source: Source, name: str, clip: Clip, numbers: dict[int, int]) -> Iterator[Item]:
    """Frames and packets in the order of the file; a frame comes when the next one's time is known."""
    with pyav.reading(name):
        container = _opened(source)
    with closing(container):
        waiting: _Shown | None = None
        start: Fraction | None = None
        held: list[Any] = []  # packets before the first frame, whose time is not known yet
        for item in _decoded(container, name, numbers):
            if hasattr(item, "is_keyframe"):
                if start is None:
                    held.append(item)
                else:
                    yield _packet(item, numbers, start)
                continue
            shown = _shown(item, name, clip, waiting)
            if start is None:
                start = (item.pts or 0) * clip.form.time_base
                yield from (_packet(packet, numbers, start) for packet in held)
            if waiting is not None:
                if shown.pts <= waiting.pts:
                    clip.note("frames that are not shown for any time are left out")
                    continue
                yield _frame(waiting, shown.pts - waiting.pts, start, clip.form)
            waiting = shown
        if waiting is None or start is None:
            raise UnreadableImageError(f"{name} has no frame")
        yield _frame(waiting, max(waiting.stated, 1), start, clip.form)


def _decoded(container: Any, name: str, numbers: dict[int, int]) -> Iterator[Any]:
    """Decoded frames of the first video stream, and packets of copied streams."""
    video = container.streams.video[0]
    video.thread_type = "AUTO"
    decoder = _decoder(video)
    packets = container.demux([video, *(container.streams[index] for index in numbers)])
    while True:
        with pyav.reading(name):
            packet = next(packets, None)
            frames = decoder.decode(packet) if packet is not None and packet.stream is video else []
        if packet is None:
            return
        if packet.stream is video:
            yield from frames
        elif packet.dts is not None and packet.pts is not None:
            yield packet


def _first(container: Any, name: str) -> Any:
    first = next(_decoded(container, name, {}), None)
    if first is None:
        raise UnreadableImageError(f"{name} has no frame")
    return first


def _decoder(stream: Any) -> Any:
    """The decoder of a stream. FFmpeg's own decoders of VP8 and VP9 leave out transparency; those of libvpx do not."""
    context = stream.codec_context
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(context.name)
    if stream.metadata.get("alpha_mode") != "1" or name is None or name not in pyav.load().codecs_available:
        return context
    return pyav.load().CodecContext.create(name, "r")


def _shown(frame: Any, name: str, clip: Clip, before: _Shown | None) -> _Shown:
    """Upright pixels and time of a decoded frame."""
    if frame.interlaced_frame:
        clip.note("interlaced frames are coded as they are")
    turned = frame.rotation % 180 == QUARTER
    size = (frame.height, frame.width) if turned else (frame.width, frame.height)
    check_frame_size(name, size, clip.form, -1 if frame.pts is None else frame.pts)
    pixels = _upright(video_colour.pixels_of(frame, clip.form.colour, clip.form.alpha), frame)
    usual = before.stated if before else 1
    pts = frame.pts if frame.pts is not None else (before.pts + max(usual, 1) if before else 0)
    return _Shown(pixels, pts, frame.duration or usual)


def _upright(pixels: NDArray[np.uint8], frame: Any) -> NDArray[np.uint8]:
    """Turned and mirrored as the display matrix says."""
    if not frame.rotation and not _mirrored(frame):
        return pixels
    mirrored = pixels[:, ::-1] if _mirrored(frame) else pixels
    return np.ascontiguousarray(np.rot90(mirrored, round(frame.rotation / QUARTER)))


def _mirrored(frame: Any) -> bool:
    """Whether the display matrix has a negative determinant."""
    try:
        matrix = np.frombuffer(bytes(frame.side_data["DISPLAYMATRIX"]), np.int32)
    except KeyError:
        return False
    a, b, _, c, d = matrix[:5].astype(np.float64)
    return bool(a * d - b * c < 0)


def _frame(shown: _Shown, duration: int, start: Fraction, form: SequenceFormat) -> Frame:
    return Frame(pixels=shown.pixels, pts=shown.pts - int(start / form.time_base), duration=duration)


# --- copied streams -----------------------------------------------------------------------------------------------------


def _track(source: Source, name: str, index: int) -> Track | None:
    """The parameters of a stream; None where it has no packet or cannot be copied."""
    av = pyav.load()
    buffer = io.BytesIO()
    with pyav.reading(name), closing(_opened(source)) as container:
        stream = container.streams[index]
        packet = next((packet for packet in container.demux(stream) if packet.dts is not None), None)
        if packet is None or not stream.codec_context:
            return None
        try:
            with av.open(buffer, "w", format="matroska") as output:
                packet.stream = output.add_stream_from_template(stream)
                output.mux(packet)
        except (av.error.FFmpegError, ValueError):
            return None
        codec = stream.codec_context.name
        return Track(kind=stream.type, codec=codec, time_base=stream.time_base, template=buffer.getvalue())


def copied_tracks(source: Source, name: str) -> tuple[list[Track], list[TrackPacket]]:
    """The sound and subtitles of a file without video, with all their packets."""
    with pyav.reading(name), closing(_opened(source)) as container:
        copied = [stream.index for stream in container.streams if stream.type in COPIED]
    found = {index: track for index in copied if (track := _track(source, name, index)) is not None}
    numbers = {index: number for number, index in enumerate(found)}
    with pyav.reading(name), closing(_opened(source)) as container:
        packets = [packet for packet in container.demux([container.streams[index] for index in numbers]) if packet.dts is not None]
        return [*found.values()], [_packet(packet, numbers, Fraction(0)) for packet in packets]


def _packet(packet: Any, numbers: dict[int, int], start: Fraction) -> TrackPacket:
    shift = round(start / packet.time_base)
    return TrackPacket(
        track=numbers[packet.stream.index],
        pts=packet.pts - shift,
        dts=packet.dts - shift,
        duration=packet.duration or 0,
        is_key=packet.is_keyframe,
        data=bytes(packet),
    )


def without_tracks(clip: Clip) -> Clip:
    """The clip's frames alone."""
    return replace(clip, items=clip.pictures, tracks=())
