"""The codecs of an evaluation on clips, by name. Random access (a key frame every 32) and low delay are never compared.

dlic  dlic-intra  x264  x265  svt-av1  vp9  aom  vvenc  webp  avif      random access
dlic-ld  x264-ld  x265-ld                                              low delay: no frame waits for a later one
dlic-psnr  dlic-psnr-intra  dlic-psnr-ld                               dlic with --tune psnr
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlic.errors import DlicError
from dlic.evaluation.clips.source import SourceClip
from dlic.evaluation.provenance import version_of
from dlic.images.video.yuv import Planes
from dlic.peers.video.ffmpeg_program import HOW, FfmpegCodec
from dlic.peers.video.pyav_codec import PyavCodec

INTRA_PERIOD = 32
RANDOM_ACCESS, LOW_DELAY = "random access", "low delay"

if TYPE_CHECKING:
    from dlic.formats.sequence_writing import ClipWishes

VideoCodec = PyavCodec | FfmpegCodec


@dataclass(frozen=True)
class Shown:
    """A decoded clip, as pixels and as planes."""

    pixels: list[np.ndarray]
    planes: list[Planes]


@dataclass(frozen=True, kw_only=True)
class ClipCodec:
    """A codec with its qualities."""

    name: str
    label: str
    setting: str  # random access or low delay
    qualities: tuple[int, ...]  # by rising rate
    compress: Callable[[SourceClip, int], bytes]
    decompress: Callable[[SourceClip, bytes], Shown]
    identity: str  # everything its files depend on
    command: str = ""  # the command line of a peer
    is_available: Callable[[], bool] = lambda: True
    how: str = ""  # what to install


def open_codec(name: str, model: str | None = None) -> ClipCodec:
    """The codec of a name; `model` is the checkpoint of dlic's key frames. Raises DlicError for unknown and missing ones."""
    known = {codec.name: codec for codec in (*_ours(model), *_videos(), *_animations())}
    if name not in known:
        raise DlicError(f"there is no codec {name!r} for clips; there are {', '.join(known)}")
    codec = known[name]
    if not codec.is_available():
        raise DlicError(f"{codec.label} is not available here: {codec.how}")
    return codec


def present() -> list[str]:
    """The names of all codecs on this machine, dlic's first."""
    return [codec.name for codec in (*_ours(None), *_videos(), *_animations()) if codec.is_available()]


# --- dlic ---------------------------------------------------------------------------------------------------------------

OUR_QUALITIES = (10, 25, 40, 55, 70, 85)


def _ours(model: str | None) -> tuple[ClipCodec, ...]:
    """By the default checkpoint or `model`, then `--tune psnr`."""
    from dlic.formats.sequence_writing import ClipWishes

    default, for_psnr = ClipWishes(model=model), ClipWishes(tune="psnr")
    return tuple(
        codec
        for name, wishes in (("dlic", default), ("dlic-psnr", for_psnr))
        for codec in (
            _our_codec(name, RANDOM_ACCESS, wishes),
            _our_codec(f"{name}-intra", RANDOM_ACCESS, replace(wishes, max_gop=1)),
            _our_codec(f"{name}-ld", LOW_DELAY, replace(wishes, low_delay=True)),
        )
    )


def _our_codec(name: str, setting: str, wishes: "ClipWishes") -> ClipCodec:
    named = (("--model", wishes.model), ("--tune", wishes.tune))
    given = "".join(f" {option} {value}" for option, value in named if value is not None) + " --low-delay" * wishes.low_delay
    return ClipCodec(
        name=name,
        label=f"dlic{given}{', key frames only' if wishes.max_gop == 1 else ''}",
        setting=setting,
        qualities=OUR_QUALITIES,
        compress=lambda source, quality: _compress(source, replace(wishes, quality=quality)),
        decompress=_decompress,
        identity=f"dlic {version_of('dlic')}, {_checkpoints_of(wishes)}, {wishes}",
        command=f"dlic compress{given} -q QUALITY",
    )


def _checkpoints_of(wishes: "ClipWishes") -> str:
    from dlic.formats.sequence import checkpoints_to_write

    key, inter = checkpoints_to_write(wishes.model, wishes.weights, wishes.tune)
    return f"key frames by {key.name}, others by {inter.name if inter else key.name}"


def _compress(source: SourceClip, wishes: "ClipWishes") -> bytes:
    from dlic.formats.sequence_writing import encode_clip
    from dlic.images.video.clip import Clip

    clip = Clip(form=source.form, items=lambda: iter(source.frames), frames=len(source.pixels))
    return b"".join(encode_clip(clip, wishes).pieces)


def _decompress(source: SourceClip, data: bytes) -> Shown:
    from dlic.container.sequence_reader import SequenceReader
    from dlic.formats.reading import Reading
    from dlic.formats.sequence import codec_of
    from dlic.learned.sequence.decoder import SequenceDecoder

    reader = SequenceReader(io.BytesIO(data))
    frames = SequenceDecoder(reader, codec_of(reader.head, Reading())).frames()
    pixels = [frame.pixels for frame in frames for _ in range(frame.duration)]  # a frame that stands for several is shown for each
    return Shown(pixels, [source.to_planes(each) for each in pixels])


# --- video --------------------------------------------------------------------------------------------------------------

CRF = (42, 37, 32, 27, 22, 17)
CRF_AV1 = (60, 52, 44, 36, 28, 20)
QP_VVC = (42, 37, 32, 27, 22, 17)


def _videos() -> tuple[ClipCodec, ...]:
    key = str(INTRA_PERIOD)
    x264 = {"preset": "veryslow", "g": key, "keyint_min": key, "sc_threshold": "0"}
    x265 = f"keyint={key}:min-keyint={key}:scenecut=0:open-gop=0:log-level=none:pools=1:frame-threads=1"
    svt = f"keyint={INTRA_PERIOD}:lp=1"
    return (
        _video("x264", "x264 veryslow", RANDOM_ACCESS, CRF, lambda q: PyavCodec("libx264", {**x264, "crf": str(q)})),
        _video(
            "x265", "x265 medium", RANDOM_ACCESS, CRF,
            lambda q: PyavCodec("libx265", {"preset": "medium", "crf": str(q), "x265-params": x265}),
        ),
        _video(
            "svt-av1", "SVT-AV1 preset 6", RANDOM_ACCESS, CRF_AV1,
            lambda q: PyavCodec("libsvtav1", {"preset": "6", "crf": str(q), "g": key, "svtav1-params": svt}),
        ),
        _video(
            "vp9", "VP9 good, cpu-used 2", RANDOM_ACCESS, CRF_AV1,
            lambda q: PyavCodec(
                "libvpx-vp9", {"crf": str(q), "b": "0", "g": key, "deadline": "good", "cpu-used": "2", "auto-alt-ref": "1",
                               "lag-in-frames": "25"},
            ),
        ),
        _video(
            "aom", "libaom cpu-used 4", RANDOM_ACCESS, CRF_AV1,
            lambda q: FfmpegCodec("libaom-av1", {"crf": str(q), "b:v": "0", "g": key, "keyint_min": key, "cpu-used": "4"}),
        ),
        _video(
            "vvenc", "VVenC faster", RANDOM_ACCESS, QP_VVC,
            lambda q: FfmpegCodec("libvvenc", {"preset": "faster", "qp": str(q), "qpa": "0", "g": key}),
        ),
        _video(
            "x264-ld", "x264 medium, zerolatency", LOW_DELAY, CRF,
            lambda q: PyavCodec(
                "libx264",
                {"preset": "medium", "tune": "zerolatency", "g": key, "keyint_min": key, "sc_threshold": "0", "crf": str(q)},
            ),
        ),
        _video(
            "x265-ld", "x265 medium, zerolatency", LOW_DELAY, CRF,
            lambda q: PyavCodec(
                "libx265", {"preset": "medium", "tune": "zerolatency", "crf": str(q), "x265-params": f"{x265}:bframes=0"}
            ),
        ),
    )  # fmt: skip


def _video(name: str, label: str, setting: str, qualities: Sequence[int], at: Callable[[int], VideoCodec]) -> ClipCodec:
    first = at(qualities[0])
    package = "av" if isinstance(first, PyavCodec) else "imageio-ffmpeg"

    def decompress(source: SourceClip, data: bytes) -> Shown:
        planes = list(at(qualities[0]).decompress(data))
        return Shown([source.to_pixels(each) for each in planes], planes)

    return ClipCodec(
        name=name,
        label=label,
        setting=setting,
        qualities=tuple(qualities),
        compress=lambda source, quality: at(quality).compress(source.planes, source.rate),
        decompress=decompress,
        identity=f"{first.command}, {package} {version_of(package)}",
        command=at(-1).command.replace("-1", "QUALITY"),
        is_available=lambda: first.is_available,
        how="pip install 'dlic[video]' brings PyAV" if isinstance(first, PyavCodec) else HOW,
    )


# --- animations of browsers ---------------------------------------------------------------------------------------------


def _animations() -> tuple[ClipCodec, ...]:
    made_by = f"pillow {version_of('pillow')}"
    return (
        ClipCodec(
            name="webp", label="animated WebP, method 4", setting=RANDOM_ACCESS, qualities=(5, 20, 40, 60, 75, 90),
            compress=lambda source, quality: _animated(source, "webp", quality=quality, method=4),
            decompress=lambda source, data: _animation_shown(source, data), identity=made_by,
            command="Image.save(…, save_all=True, quality=QUALITY, method=4)",
        ),
        ClipCodec(
            name="avif", label="animated AVIF, speed 6", setting=RANDOM_ACCESS, qualities=(15, 30, 45, 60, 75, 88),
            compress=lambda source, quality: _animated(source, "avif", quality=quality, speed=6, max_threads=1),
            decompress=lambda source, data: _animation_shown(source, data), identity=made_by,
            command="Image.save(…, save_all=True, quality=QUALITY, speed=6)",
        ),
    )  # fmt: skip


def _animated(source: SourceClip, kind: str, **options: int) -> bytes:
    from dlic.images.video.animation import save_avif, save_webp

    buffer, durations = io.BytesIO(), [max(1, round(1000 / source.rate))] * len(source.pixels)
    if kind == "webp":
        save_webp(buffer, iter(source.pixels), durations, 0, **options)
    else:
        save_avif(buffer, iter(source.pixels), durations, **options)
    return buffer.getvalue()


def _animation_shown(source: SourceClip, data: bytes) -> Shown:
    from dlic.images.video.opening import open_animation

    clip = open_animation(data, source.name)
    if clip is None:
        raise DlicError(f"{source.name} became a still picture")
    once = max(1, round(1 / (source.rate * clip.form.time_base)))
    pixels = [frame.pixels[..., :3] for frame in clip.pictures() for _ in range(max(1, round(frame.duration / once)))]
    return Shown(pixels, [source.to_planes(each) for each in pixels])
