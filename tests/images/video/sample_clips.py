"""Small clips that tests make themselves."""

import io
from fractions import Fraction

import numpy as np

from dlic.pixels.frames import Frame, VideoColour


def pixels(number: int, height: int = 33, width: int = 47, alpha: bool = False) -> np.ndarray:
    """A ramp with a moving bright square: uint8 (H, W, 3) or (H, W, 4)."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 200 // width, y * 200 // height, np.full_like(x, 90)], axis=-1).astype(np.uint8)
    image[5:15, 3 + number : 13 + number] = (250, 240, 30)
    if not alpha:
        return image
    transparency = np.where((x + number) % 16 < 4, 0, np.where(y < 5, 128, 255)).astype(np.uint8)
    return np.dstack([np.where(transparency[..., None] == 0, 0, image), transparency]).astype(np.uint8)


def frames(durations: list[int], **shape) -> list[Frame]:
    """Frames with these durations in ticks."""
    starts = [sum(durations[:number]) for number in range(len(durations))]
    return [
        Frame(pixels=pixels(number, **shape), pts=start, duration=duration)
        for number, (start, duration) in enumerate(zip(starts, durations, strict=True))
    ]


def video_file(
    durations: list[int],
    suffix: str = ".mp4",
    time_base: Fraction = Fraction(1, 1000),
    sound: str | None = None,
    colour: VideoColour | None = None,
    **shape,
) -> bytes:
    """A video file, by PyAV, with a second of sound by an encoder of that name."""
    from dlic.images.video.video_writer import VideoWriter
    from dlic.pixels.frames import SequenceFormat

    shown = frames(durations, **shape)
    height, width, channels = shown[0].pixels.shape
    form = SequenceFormat(width=width, height=height, time_base=time_base, alpha=channels == 4, colour=colour or VideoColour())
    buffer = io.BytesIO()
    tracks, packets = ([], []) if sound is None else sound_track(sound)
    writer = VideoWriter(buffer, suffix, form, tracks=tracks)
    for item in [*packets, *shown]:
        writer.write(item)
    writer.close()
    return buffer.getvalue()


def sound_track(codec: str) -> tuple[list, list]:
    """A track of half a second of noise, and its packets."""
    import av

    from dlic.images.video.video_reader import copied_tracks

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as output:
        stream = output.add_stream(codec, rate=48000)
        stream.layout = "stereo"
        samples = (np.random.default_rng(0).normal(0, 3000, (1, 2 * 24000))).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        fifo = av.AudioFifo()
        fifo.write(frame)
        while piece := fifo.read(stream.codec_context.frame_size or 1024, partial=True):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return copied_tracks(buffer, "sound")
