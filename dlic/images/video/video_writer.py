"""Frames and packets → video files, by PyAV: mp4, mov, mkv and webm."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dlic.errors import DlicError
from dlic.images.video import pyav, video_colour, yuv
from dlic.images.video.clip import Item, Track, TrackPacket
from dlic.pixels.frames import Frame, SequenceFormat, VideoColour

USUAL_RATE = 25  # frames a second that an encoder is told; times come from the frames
MILLISECOND = Fraction(1, 1000)
NO_LOSSLESS = "{} has no lossless RGB: use .mkv, .apng, .webp or a folder of frames"


@dataclass(frozen=True)
class Encoding:
    """An encoder of PyAV with its options."""

    codec: str
    pixel_format: str
    options: dict[str, str]


@dataclass(frozen=True)
class Container:
    """A kind of video file."""

    name: str  # as FFmpeg calls it
    lossy: tuple[str, ...]  # encoders by preference
    lossless: str | None  # encoder of RGB
    alpha: str | None  # encoder of frames with transparency
    rounds_times: bool = False  # to milliseconds


CONTAINERS = {
    ".mp4": Container("mp4", ("libx264", "libopenh264", "mpeg4"), "libx264rgb", None),
    ".mov": Container("mov", ("libx264", "libopenh264", "mpeg4"), "libx264rgb", None),
    ".mkv": Container("matroska", ("libx264", "libopenh264", "mpeg4"), "ffv1", "ffv1", rounds_times=True),
    ".webm": Container("webm", ("libvpx-vp9",), None, "libvpx-vp9", rounds_times=True),
}
# About 45 dB on clips: the copy costs no visible quality, and mp4 files stay a few times larger than the .dlic file.
OPTIONS = {
    "libx264": {"crf": "12", "preset": "fast", "bf": "0"},  # without B frames mp4 holds every duration exactly
    "libx264rgb": {"crf": "0", "preset": "fast", "bf": "0"},
    "libopenh264": {"qmin": "10", "qmax": "18"},
    "mpeg4": {"qmin": "1", "qmax": "2"},
    "libvpx-vp9": {"crf": "12", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    "ffv1": {"level": "3"},
}


class VideoWriter:
    """Writes frames and packets into a video file that seeks. `notes` says what is lost.

    Raises DlicError for a file that cannot hold the clip.
    """

    def __init__(
        self,
        file: BinaryIO,
        suffix: str,
        form: SequenceFormat,
        aspect: Fraction = Fraction(1),
        tracks: Sequence[Track] = (),
        lossless: bool = False,
    ):
        self._container, self._form, self.notes = CONTAINERS[suffix], form, list[str]()
        self._durations: dict[int, int] = {}  # of frames in the encoder, by their times
        encoding = _encoding(self._container, suffix, form, lossless)
        self._encoding, self._colour = encoding, written_colour(form)
        av = pyav.load()
        with pyav.writing(f"a {suffix} file"):
            self._output = av.open(file, "w", format=self._container.name)
            self._stream = self._video_stream(encoding, aspect)
            self._tracks = [self._add_track(track, suffix) for track in tracks]
            self._output.start_encoding()
        if self._container.rounds_times and (form.time_base / MILLISECOND).denominator > 1:
            self.notes.append(f"times are rounded to milliseconds in {suffix}")

    def write(self, item: Item) -> None:
        with pyav.writing("the video"):
            if isinstance(item, TrackPacket):
                self._copy(item)
            else:
                self._durations[item.pts] = item.duration
                self._mux(self._stream.encode(self._frame(item)))

    def close(self) -> None:
        """Writes what is left. Without it the file is not whole."""
        with pyav.writing("the video"):
            self._mux(self._stream.encode(None))
            self._output.close()

    def _mux(self, packets: Iterable[Any]) -> None:
        """Writes coded frames with their own durations, for which encoders put that of a constant rate."""
        for packet in packets:
            shown_at = round(packet.pts * packet.time_base / self._form.time_base)
            packet.duration = round(self._durations.pop(shown_at, 1) * self._form.time_base / packet.time_base)
            self._output.mux(packet)

    def _video_stream(self, encoding: Encoding, aspect: Fraction) -> Any:
        stream = self._output.add_stream(encoding.codec, rate=USUAL_RATE, options=encoding.options)
        height, width = _even((self._form.height, self._form.width), encoding.pixel_format, encoding.codec)
        if (height, width) != (self._form.height, self._form.width):
            self.notes.append(f"one row or column is repeated, because 4:2:0 has even sizes here: {width} × {height}")
        stream.width, stream.height, stream.pix_fmt = width, height, encoding.pixel_format
        context = stream.codec_context
        context.time_base = self._form.time_base
        context.sample_aspect_ratio = aspect
        context.color_primaries, context.color_trc = self._colour.primaries, self._colour.transfer
        if encoding.pixel_format.startswith("yuv"):
            context.colorspace, context.color_range = self._colour.matrix, 2 if self._colour.full_range else 1
        return stream

    def _frame(self, item: Frame) -> Any:
        kind, pixels = self._encoding.pixel_format, _padded(item.pixels, self._stream.height, self._stream.width)
        frame = _from_planes(pixels, kind, self._colour) if kind.startswith("yuv") else _from_rgb(pixels, kind)
        frame.pts, frame.duration, frame.time_base = item.pts, item.duration, self._form.time_base
        return frame

    # --- copied streams

    def _add_track(self, track: Track, suffix: str) -> Any:
        """An output stream; None, with a note, where the file cannot hold it."""
        av = pyav.load()
        if track.codec not in self._output.supported_codecs:
            self.notes.append(f"{track.kind} in {track.codec} is left out: {suffix} cannot hold it")
            return None
        template = av.open(io.BytesIO(track.template))
        return self._output.add_stream_from_template(template.streams[0]), track, template  # which must outlive the stream

    def _copy(self, item: TrackPacket) -> None:
        entry = self._tracks[item.track] if item.track < len(self._tracks) else None
        if entry is None:
            return
        stream, track, _ = entry
        packet = pyav.load().Packet(item.data)
        packet.stream, packet.time_base = stream, track.time_base
        packet.pts, packet.dts, packet.duration, packet.is_keyframe = item.pts, item.dts, item.duration, item.is_key
        self._output.mux(packet)


def written_colour(form: SequenceFormat) -> VideoColour:
    """The colour of the planes in an output: that of the source, or a usual one where the source was RGB."""
    colour = form.colour
    if colour.matrix != yuv.RGB and colour.subsampling:
        return colour
    return replace(
        colour,
        matrix=yuv.matrix_of(VideoColour(), form.width, form.height),
        full_range=False,
        siting=yuv.LEFT,
        subsampling=420,
    )


def _encoding(container: Container, suffix: str, form: SequenceFormat, lossless: bool) -> Encoding:
    if form.alpha:
        if container.alpha is None:
            raise DlicError(f"{suffix} has no place for the clip's transparency: use .webm, .mkv, .webp or .apng")
        if lossless and container.lossless is None:
            raise DlicError(NO_LOSSLESS.format(suffix))
        return _named(container.alpha, "bgra" if container.alpha == "ffv1" else "yuva420p")
    if lossless:
        if container.lossless is None:
            raise DlicError(NO_LOSSLESS.format(suffix))
        return _named(container.lossless, "bgr0" if container.lossless == "ffv1" else "rgb24")
    available = pyav.load().codecs_available
    codec = next((name for name in container.lossy if name in available), None)
    if codec is None:
        raise DlicError(f"this build of PyAV has none of the encoders of {suffix}: {', '.join(container.lossy)}")
    chroma = written_colour(form).subsampling if codec in ("libx264", "libvpx-vp9") else 420
    return _named(codec, f"yuv{chroma}p")


def _named(codec: str, pixel_format: str) -> Encoding:
    if codec not in pyav.load().codecs_available:
        raise DlicError(f"this build of PyAV has no encoder {codec}")
    return Encoding(codec, pixel_format, OPTIONS[codec])


def _even(size: tuple[int, int], pixel_format: str, codec: str) -> tuple[int, int]:
    """(height, width) that an encoder takes: VP9 takes every size, H.264 in 4:2:0 even ones."""
    if codec == "libvpx-vp9" or not pixel_format.startswith("yuv"):
        return size
    down, across = {"yuv420p": (2, 2), "yuv422p": (1, 2)}.get(pixel_format, (1, 1))
    return -(-size[0] // down) * down, -(-size[1] // across) * across


def _padded(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    missing = height - pixels.shape[0], width - pixels.shape[1]
    if not any(missing):
        return pixels
    return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")


def _from_planes(pixels: NDArray[np.uint8], kind: str, colour: VideoColour) -> Any:
    frame = pyav.load().VideoFrame(pixels.shape[1], pixels.shape[0], kind)
    planes = yuv.to_planes(pixels[..., :3], colour, int(kind.strip("yuvap")))
    alpha = [np.ascontiguousarray(pixels[..., 3])] if kind.startswith("yuva") else []
    video_colour.fill(frame, [planes.y, planes.cb, planes.cr, *alpha])
    frame.colorspace, frame.color_range = colour.matrix, 2 if colour.full_range else 1
    return frame


def _from_rgb(pixels: NDArray[np.uint8], kind: str) -> Any:
    frame = pyav.load().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba" if pixels.shape[2] == 4 else "rgb24")
    return frame if kind == frame.format.name else frame.reformat(format=kind)
