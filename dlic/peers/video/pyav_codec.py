"""Video encoders that PyAV brings: x264, x265, SVT-AV1 and VP9, in 4:2:0 of 8 bits."""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from dlic.images.video import pyav, video_colour
from dlic.images.video.yuv import Planes

STREAMS = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "ivf", "libvpx-vp9": "ivf"}  # the file around the coded frames


@dataclass(frozen=True)
class PyavCodec:
    """An encoder with its options; files are elementary streams, which have the least overhead."""

    encoder: str  # as FFmpeg calls it
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_available(self) -> bool:
        try:
            return self.encoder in pyav.load().codecs_available
        except Exception:  # without PyAV, or with one that does not start
            return False

    @property
    def command(self) -> str:
        """The options as on ffmpeg's command line."""
        return " ".join([f"-c:v {self.encoder}", *(f"-{name} {value}" for name, value in self.options.items())])

    def compress(self, frames: Sequence[Planes], rate: Fraction) -> bytes:
        """Planes of equal size → the bytes of a file."""
        os.environ.setdefault("SVT_LOG", "1")  # errors alone: SVT-AV1 writes its settings to standard error otherwise
        av, buffer = pyav.load(), io.BytesIO()
        height, width = frames[0].y.shape
        with av.open(buffer, "w", format=STREAMS[self.encoder]) as output:
            stream = output.add_stream(self.encoder, rate=rate, options=dict(self.options))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1  # so that processor time and wall time say the same
            for number, planes in enumerate(frames):
                frame = av.VideoFrame(width, height, "yuv420p")
                video_colour.fill(frame, [planes.y, planes.cb, planes.cr])
                frame.pts = number
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return buffer.getvalue()

    def decompress(self, data: bytes) -> Iterator[Planes]:
        """The planes of all frames in the order of display."""
        av = pyav.load()
        with av.open(io.BytesIO(data), format=STREAMS[self.encoder]) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                yield copied(video_colour.planes_of(frame))


def copied(planes: Planes) -> Planes:
    """Planes that outlive the frame they were read from."""
    return Planes(planes.y.copy(), planes.cb.copy(), planes.cr.copy(), planes.depth)
