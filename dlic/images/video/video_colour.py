"""Frames of PyAV ⇄ RGB, with the colour that a file states."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.images.video import yuv
from dlic.images.video.yuv import Planes
from dlic.pixels.frames import UNSPECIFIED, VideoColour

SUBSAMPLINGS = {"420": 420, "422": 422, "444": 444}
RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "pal8", "rgba", "0rgb", "0bgr")
FULL = 2  # AVCOL_RANGE_JPEG
DEEPEST = 16  # bits of a sample


def colour_of(frame: Any, codec: str) -> VideoColour:
    """The colour of a decoded frame."""
    name = frame.format.name
    if name.startswith(RGB_FORMATS):
        return VideoColour(primaries=frame.color_primaries, transfer=frame.color_trc, matrix=yuv.RGB, full_range=True)
    centred = codec in ("mjpeg", "mpeg1video")
    return VideoColour(
        primaries=frame.color_primaries,
        transfer=frame.color_trc,
        matrix=frame.colorspace if frame.colorspace in yuv.LUMA else UNSPECIFIED,
        full_range=frame.color_range == FULL or name.startswith("yuvj"),
        siting=yuv.CENTRE if centred else yuv.LEFT,
        subsampling=next((number for text, number in SUBSAMPLINGS.items() if text in name), 420),
        depth=max(component.bits for component in frame.format.components),
    )


def has_alpha(frame: Any) -> bool:
    name = frame.format.name
    return (
        "yuva" in name or "rgba" in name or "argb" in name or "bgra" in name or "abgr" in name or "gbrap" in name or name == "pal8"
    )


def pixels_of(frame: Any, colour: VideoColour, alpha: bool) -> NDArray[np.uint8]:
    """uint8 (H, W, 3), or (H, W, 4) with alpha."""
    if colour.matrix == yuv.RGB:
        rgb: NDArray[np.uint8] = np.ascontiguousarray(frame.reformat(format="rgba" if alpha else "rgb24").to_ndarray())
        return rgb
    planes = _planes(frame, alpha)
    rgb = yuv.to_rgb(Planes(planes[0], planes[1], planes[2], _depth(frame)), colour)
    return np.dstack([rgb, _eight_bits(planes[3], _depth(frame))]) if alpha else rgb


def _planes(frame: Any, alpha: bool) -> list[NDArray[Any]]:
    """Y, Cb, Cr and alpha; other orders of samples are brought into planes first, without a loss."""
    name = frame.format.name
    if name.startswith("gray"):
        luma = _plane(frame, 0)
        neutral = np.full_like(luma, 128 << (_depth(frame) - 8))
        return [luma, neutral, neutral]
    planar = name.startswith("yuv") and name.endswith(("p", "le")) and any(text in name for text in SUBSAMPLINGS)
    if not planar or _depth(frame) > DEEPEST:
        chroma = next((text for text in SUBSAMPLINGS if text in name), "444")
        deep = "" if _depth(frame) == 8 else "16le"
        frame = frame.reformat(format=f"yuv{'a' if alpha else ''}{chroma}p{deep}")
    return [_plane(frame, number) for number in range(4 if alpha else 3)]


def _plane(frame: Any, number: int) -> NDArray[Any]:
    """One plane without the padding of its rows."""
    plane = frame.planes[number]
    kind = np.dtype(np.uint8) if _depth(frame) == 8 else np.dtype("<u2")
    rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
    component = frame.format.components[number]
    return rows[: component.height, : component.width]


def _depth(frame: Any) -> int:
    return int(frame.format.components[0].bits)


def _eight_bits(alpha: NDArray[Any], depth: int) -> NDArray[np.uint8]:
    peak = (1 << depth) - 1
    return ((alpha.astype(np.uint32) * 255 + peak // 2) // peak).astype(np.uint8)


def planes_of(frame: Any) -> Planes:
    """The planes of an 8-bit frame as they are, for measuring."""
    y, cb, cr = _planes(frame, alpha=False)
    return Planes(y, cb, cr)


def fill(frame: Any, planes: Sequence[NDArray[np.uint8]]) -> None:
    """Writes planes of 8 bits into a new frame of PyAV."""
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        rows[: values.shape[0], : values.shape[1]] = values
