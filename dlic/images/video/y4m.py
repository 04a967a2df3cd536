"""YUV4MPEG2 files: planes of 8 bits at a constant rate, as encoders read them from a pipe."""

from collections.abc import Iterable
from fractions import Fraction
from typing import BinaryIO

from dlic.errors import DlicError
from dlic.images.video import yuv
from dlic.pixels.frames import Frame, SequenceFormat, VideoColour

SITINGS = {yuv.CENTRE: "jpeg", yuv.LEFT: "mpeg2", yuv.TOP_LEFT: "paldv"}
DENOMINATOR = 1001  # of rates: 30000/1001 and its like


def write(
    file: BinaryIO, frames: Iterable[Frame], form: SequenceFormat, colour: VideoColour, aspect: Fraction, rate: Fraction
) -> None:
    """Writes frames at `rate` a second. Raises DlicError for a duration that is more than a tick away from it."""
    chroma = colour.subsampling or 420
    siting = SITINGS.get(colour.siting, "") if chroma == 420 else ""
    levels = "FULL" if colour.full_range else "LIMITED"
    size = f"W{form.width} H{form.height} F{rate.numerator}:{rate.denominator} Ip A{aspect.numerator}:{aspect.denominator}"
    file.write(f"YUV4MPEG2 {size} C{chroma}{siting} XCOLORRANGE={levels}\n".encode())
    for frame in frames:
        if abs(frame.duration - 1 / (rate * form.time_base)) > 1:
            seconds = float(frame.duration * form.time_base)
            raise DlicError(f".y4m has one rate for all frames, but one is shown for {seconds:g} s of {float(rate):g} a second")
        planes = yuv.to_planes(frame.pixels, colour, chroma)
        file.write(b"FRAME\n" + planes.y.tobytes() + planes.cb.tobytes() + planes.cr.tobytes())


def rate_of(frames: int, ticks: int, time_base: Fraction) -> Fraction:
    """The rate of a clip, as the nearest fraction with a small denominator."""
    return (frames / (ticks * time_base)).limit_denominator(DENOMINATOR)
