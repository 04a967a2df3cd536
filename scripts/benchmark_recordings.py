"""Screen recordings next to other codecs at equal quality: files of dlic, of it without exact blocks, of x264, WebP and AVIF.

python scripts/benchmark_recordings.py OUT FRAMES CLIP…    so many frames, at equal distances, of animations or videos, such as
                                                           those of screen_recordings.py; adds lines to OUT, a file of JSON lines
python scripts/benchmark_recordings.py OUT                 tables of what OUT holds, in Markdown

Every fifth frame counts for SSIMULACRA 2 and MS-SSIM, all of them for PSNR; means over the frames. x264: preset veryslow, others
as shipped, in Matroska; AVIF and WebP: as Pillow saves them, WebP with method 4.
"""

import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import dlic
from dlic.errors import DlicError
from dlic.evaluation.clips.measure import SAMPLED
from dlic.evaluation.screens import File, size_at
from dlic.images.video import pyav
from dlic.images.video.opening import open_animation, open_clip
from dlic.metrics.distances import psnr
from dlic.metrics.ssim import ms_ssim
from dlic.metrics.ssimulacra2 import ssimulacra2

MILLISECONDS = 100
QUALITY = 60  # of dlic, whose score is the one that files are compared at
DLIC, PLAIN, LOSSLESS = "dlic", "dlic, no exact blocks", "WebP lossless"

Frames = Sequence[np.ndarray]


@dataclass(frozen=True)
class Row:
    """A file of a clip."""

    clip: str
    codec: str
    quality: int
    size: int  # bytes
    psnr: float
    ms_ssim: float
    ssimulacra2: float
    seconds: float  # of processor time, to encode


def main() -> None:
    if len(sys.argv) == 2:
        print("\n".join(tables([Row(**json.loads(line)) for line in Path(sys.argv[1]).read_text().splitlines()])))
    elif len(sys.argv) > 3 and sys.argv[2].isdecimal():
        try:
            for path in map(Path, sys.argv[3:]):
                measure(path, int(sys.argv[2]), Path(sys.argv[1]))
        except DlicError as error:
            sys.exit(f"benchmark: {error}")
    else:
        sys.exit(__doc__)


def measure(path: Path, count: int, out: Path) -> None:
    """Adds the rows of a clip."""
    frames = [np.ascontiguousarray(frame.pixels[..., :3]) for frame in open_clip(path, tracks=False).pictures()]
    frames = frames[:: max(1, len(frames) // count)][:count]
    for name, (qualities, compress, decompress) in CODECS.items():
        for quality in qualities:
            start = time.process_time()
            data = compress(frames, quality)
            seconds = time.process_time() - start
            decoded = list(decompress(data))
            assert len(decoded) == len(frames), f"{name} gave {len(decoded)} of {len(frames)} frames back"
            scores = [
                score(metric, frames, decoded, every) for metric, every in ((psnr, 1), (ms_ssim, SAMPLED), (ssimulacra2, SAMPLED))
            ]
            row = Row(path.stem, name, quality, len(data), *scores, round(seconds, 2))
            with out.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")


def score(metric: Callable[[np.ndarray, np.ndarray], float | None], frames: Frames, decoded: Frames, every: int) -> float:
    scores = [metric(x, x_hat) for x, x_hat in zip(frames[::every], decoded[::every], strict=True)]
    return float(np.mean([each for each in scores if each is not None]))


# --- codecs ---------------------------------------------------------------------------------------------------------


def ours(content: str) -> Callable[[Frames, int], bytes]:
    return lambda frames, quality: dlic.compress_sequence(frames, MILLISECONDS / 1000, quality, content=content)


def shown_by_dlic(data: bytes) -> Iterator[np.ndarray]:
    with dlic.open(data) as clip:
        yield from (frame.pixels for frame in clip)


def x264(layout: str) -> Callable[[Frames, int], bytes]:
    def compress(frames: Frames, quality: int) -> bytes:
        av, buffer = pyav.load(), io.BytesIO()
        with av.open(buffer, "w", format="matroska") as output:
            stream = output.add_stream("libx264", rate=1000 // MILLISECONDS, options={"preset": "veryslow", "crf": str(quality)})
            stream.height, stream.width, _ = frames[0].shape
            stream.pix_fmt, stream.codec_context.thread_count = layout, 1
            for number, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts = number
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return buffer.getvalue()

    return compress


def shown_by_av(data: bytes) -> Iterator[np.ndarray]:
    with pyav.load().open(io.BytesIO(data)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def animation(kind: str, **options: int | bool) -> Callable[[Frames, int], bytes]:
    def compress(frames: Frames, quality: int) -> bytes:
        buffer, (first, *others) = io.BytesIO(), map(Image.fromarray, frames)
        durations = [MILLISECONDS + number % 2 for number in range(len(frames))]  # so that equal frames stay apart
        first.save(buffer, kind, save_all=True, append_images=others, duration=durations, quality=quality, **options)
        return buffer.getvalue()

    return compress


def shown_by_pillow(data: bytes) -> Iterator[np.ndarray]:
    clip = open_animation(data, "the animation")
    assert clip is not None, "clips have more than one frame"
    yield from (frame.pixels[..., :3] for frame in clip.pictures())


CODECS: dict[str, tuple[tuple[int, ...], Callable[[Frames, int], bytes], Callable[[bytes], Iterator[np.ndarray]]]] = {
    DLIC: ((60,), ours("auto"), shown_by_dlic),
    PLAIN: ((60,), ours("photo"), shown_by_dlic),
    "x264 4:2:0": ((28, 20, 12, 4), x264("yuv420p"), shown_by_av),
    "x264 4:4:4": ((32, 26, 20, 14), x264("yuv444p"), shown_by_av),
    "WebP": ((30, 60, 80, 95), animation("WEBP", method=4), shown_by_pillow),
    "AVIF": ((40, 60, 80, 90), animation("AVIF", speed=6, max_threads=1), shown_by_pillow),
    LOSSLESS: ((75,), animation("WEBP", method=4, lossless=True), shown_by_pillow),
}  # fmt: skip


# --- tables ---------------------------------------------------------------------------------------------------------


def tables(rows: list[Row]) -> Iterator[str]:
    """Bytes of each codec at the scores of dlic's quality 60, by each metric, and what dlic's files have."""
    clips, peers = list(dict.fromkeys(row.clip for row in rows)), [name for name in CODECS if name not in (DLIC, LOSSLESS)]
    yield f"| | dlic q{QUALITY} | " + " | ".join(peers) + " | WebP lossless |"
    yield "|---" * (len(peers) + 3) + "|"
    for clip in clips:
        of_clip = [row for row in rows if row.clip == clip]
        own = next(row for row in of_clip if row.codec == DLIC and row.quality == QUALITY)
        cells = [" / ".join(share(of_clip, own, peer, metric) for metric in ("ssimulacra2", "psnr", "ms_ssim")) for peer in peers]
        lossless = next((row.size for row in of_clip if row.codec == LOSSLESS), None)
        scores = f"{own.size:,} B, {own.ssimulacra2:.1f}, {own.psnr:.1f} dB, {own.ms_ssim:.4f}"
        yield f"| {clip} | {scores} | " + " | ".join(cells) + f" | {'–' if lossless is None else f'{lossless / own.size:.1f} ×'} |"


def share(rows: list[Row], own: Row, peer: str, metric: str) -> str:
    """Bytes of a peer at dlic's score as a multiple of dlic's; above its best score more than those of its largest file."""
    files = [File(row.quality, row.size, {metric: getattr(row, metric)}) for row in rows if row.codec == peer]
    if not files:
        return "–"
    size = size_at(files, getattr(own, metric), metric)
    return f"> {max(file.size for file in files) / own.size:.1f} ×" if size is None else f"{size / own.size:.1f} ×"


if __name__ == "__main__":
    main()
