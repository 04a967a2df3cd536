"""A clip to measure on: its planes, which 4:2:0 encoders get, and its pixels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from dlic.errors import UnreadableImageError
from dlic.evaluation.run import Picture
from dlic.images.video import yuv
from dlic.images.video.opening import is_clip, open_clip
from dlic.images.video.video_writer import written_colour
from dlic.images.video.yuv import Planes
from dlic.pixels.frames import Frame, SequenceFormat, VideoColour


@dataclass(frozen=True, eq=False)
class SourceClip:
    """The first frames of a clip, at a constant rate."""

    name: str  # of its file
    planes: list[Planes]  # of 4:2:0, 8 bits: those of the file where it has such
    pixels: list[np.ndarray]  # uint8 (H, W, 3), from the planes where the file has such
    colour: VideoColour
    rate: Fraction  # frames a second
    is_video: bool  # whether the planes are the file's own; otherwise they are made from its RGB

    @property
    def form(self) -> SequenceFormat:
        height, width = self.pixels[0].shape[:2]
        return SequenceFormat(width=width, height=height, time_base=1 / self.rate, loops=0, colour=self.colour)

    @property
    def frames(self) -> list[Frame]:
        """The pixels with times in frames."""
        return [Frame(pixels=pixels, pts=number, duration=1) for number, pixels in enumerate(self.pixels)]

    @property
    def picture(self) -> Picture:
        """The clip as a picture of a run; its rates are per pixel of all frames."""
        height, width = self.pixels[0].shape[:2]
        digest = hashlib.sha256()
        for pixels in self.pixels:
            digest.update(pixels.tobytes())
        return Picture(self.name, width, height, digest.hexdigest())

    def to_pixels(self, planes: Planes) -> np.ndarray:
        """Decoded planes as they are shown."""
        return yuv.to_rgb(planes, self.colour)

    def to_planes(self, pixels: np.ndarray) -> Planes:
        """Decoded pixels as planes of the source's kind."""
        return yuv.to_planes(pixels, self.colour)


def clips_in(folder: Path) -> list[Path]:
    """The videos and animations of a folder, by name; empty where it holds none."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_clip(path)) if folder.is_dir() else []


def read_source(path: Path, frames: int) -> SourceClip:
    """The first `frames` frames of a clip. Raises UnreadableImageError, also for sizes that 4:2:0 encoders do not take."""
    clip = open_clip(path, tracks=False)
    if clip.form.width % 2 or clip.form.height % 2:
        raise UnreadableImageError(f"{path.name} has an odd size, which encoders of 4:2:0 do not take")
    colour = written_colour(clip.form)
    is_video = clip.form.colour.subsampling == 420 and clip.form.colour.depth == 8
    planes = _file_planes(path, frames) if is_video else []
    if is_video:
        pixels = [yuv.to_rgb(each, colour) for each in planes]
    else:
        pixels = [np.ascontiguousarray(frame.pixels[..., :3]) for frame in islice(clip.pictures(), frames)]
        planes = [yuv.to_planes(each, colour) for each in pixels]
    return SourceClip(path.name, planes, pixels, colour, _rate(path, frames), is_video)


def _file_planes(path: Path, frames: int) -> list[Planes]:
    from dlic.images.video import pyav, video_colour
    from dlic.peers.video.pyav_codec import copied

    with pyav.reading(path.name), pyav.load().open(str(path)) as container:
        return [copied(video_colour.planes_of(frame)) for frame in islice(container.decode(video=0), frames)]


def _rate(path: Path, frames: int) -> Fraction:
    """The mean rate of the frames, to the nearest usual one."""
    shown = list(islice(open_clip(path, tracks=False).pictures(), frames + 1))
    base = open_clip(path, tracks=False).form.time_base
    span = (shown[-1].pts - shown[0].pts) * base if len(shown) > 1 else shown[0].duration * base
    return (max(1, len(shown) - 1) / span).limit_denominator(1001)


def check_frames(source: SourceClip, shown: Sequence[object], codec: str) -> None:
    """Raises ValueError where a decoder gave another number of frames than were coded."""
    if len(shown) != len(source.planes):
        raise ValueError(f"{codec} gave {len(shown)} frames of {source.name} back, not {len(source.planes)}")
