"""What a reader shows while a file arrives: dlic, progressive JPEG, JPEG XL (cjxl -p) and wavelet files of one size, cut.

python scripts/benchmark_progressive.py FOLDER --count 5 -o OUT.json       # PSNR, MS-SSIM and SSIMULACRA 2 at shares of the bytes
python scripts/benchmark_progressive.py FOLDER --plot CURVES.webp          # also as curves
python scripts/benchmark_progressive.py FOLDER --count 5 --plain           # both layers against plain files at equal PSNR; times
python scripts/benchmark_progressive.py FOLDER --count 8 --small           # averages of pictures of the first layer and of both
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL import ImageFile as PillowFile

from dlic.checkpoints.local import default_name, folder_of
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.container.format import Container, read, write
from dlic.container.progressive import Layers, layers_of, with_layers
from dlic.errors import CorruptFileError
from dlic.formats.reading import Reading
from dlic.formats.registry import describe_beginning, kind_to_write
from dlic.formats.writing import Wishes
from dlic.images.files import ImageFile, read_image
from dlic.learned.codec import LearnedCodec, load_codec
from dlic.learned.picture_codec import level_of
from dlic.learned.progressive.codec import ProgressiveCodec
from dlic.metrics.distances import psnr
from dlic.metrics.registry import ms_ssim
from dlic.metrics.ssimulacra2 import ssimulacra2
from dlic.pixels.reduction import averaged
from dlic.progress import no_progress

TURNS = 5  # of measuring times
SHARES = (0.10, 0.25, 0.50, 0.75, 1.0)  # of the bytes
METRICS: dict[str, Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]] = {
    "psnr": psnr,
    "ms_ssim": ms_ssim,
    "ssimulacra2": ssimulacra2,
}
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Peer:
    """A way to write a file of about a size, and to show a beginning of it; None where nothing can be shown."""

    name: str
    encode: Callable[[Pixels, int], bytes]
    show: Callable[[bytes], Pixels | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of photographs")
    parser.add_argument("--count", type=int, default=5, help="photographs, evenly spaced among those of the folder")
    parser.add_argument("--model", default=default_name(), help="name of a checkpoint")
    parser.add_argument("--quality", type=int, nargs="+", default=[60], help="1 … 100")
    parser.add_argument("--plain", action="store_true", help="compare with plain files instead of peers")
    parser.add_argument("--small", action="store_true", help="measure small pictures")
    parser.add_argument("-o", "--output", type=Path, help="JSON")
    parser.add_argument("--plot", type=Path, help="curves of the peers, an image")
    asked = parser.parse_args()
    paths = sorted(path for path in asked.folder.iterdir() if path.suffix.lower() in (".png", ".jpg", ".avif"))
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(asked.count, len(paths))).round().astype(int)]
    network = load_codec(folder_of(asked.model), "onnx")
    if asked.small:
        print_small(chosen, network, asked.quality)
        return
    measure = against_plain if asked.plain else against_peers
    rows = [row for path in chosen for quality in asked.quality for row in measure(path, network, quality)]
    if asked.output:
        asked.output.write_text(json.dumps(rows, indent=1) + "\n")
    print_plain(rows) if asked.plain else print_peers(rows)
    if asked.plot:
        plot(rows, asked.plot)


# --- both layers against plain files ----------------------------------------------------------------------------------------


def against_plain(path: Path, network: LearnedCodec, quality: int) -> list[dict[str, object]]:
    """Size at equal PSNR, the first layer, quality between the layers, and times."""
    image, level, layers = read_image(str(path)).pixels[..., :3], level_of(quality, network.levels), ProgressiveCodec(network)
    analysed = layers.analyse(image)
    container = read(layers.encode_at(analysed, level).data)
    whole = layers_of(container)
    if whole.second is None:
        sys.exit(f"quality {quality} has one layer only")
    sizes, qualities = [], []
    for streams in range(len(whole.first.parts), whole.streams + 1):
        cut = with_layers(container, whole.beginning(streams))
        sizes.append(len(write(cut)))
        qualities.append(psnr(image, layers.decode(cut).image))
    plain = [network.encode_at(analysed, near) for near in (level - 4, level, min(level + 4, network.levels - 1))]
    reached = [psnr(image, network.picture(encoded)) for encoded in plain]
    equal = np.exp(np.interp(qualities[-1], reached, [np.log(len(encoded.data)) for encoded in plain]))
    straight = np.interp(sizes, [sizes[0], sizes[-1]], [qualities[0], qualities[-1]])
    first = len(network.encode_at(analysed, level - 20).data)
    return [
        {
            "file": path.name,
            "quality": quality,
            "bytes": sizes[-1],
            "more_than_plain": sizes[-1] / equal - 1,
            "first_layer_more": sizes[0] / first - 1,
            "below_straight_line": float(np.max(straight - qualities)),
            "rises": bool(np.all(np.diff(qualities) > 0)),
            "times": decoding_times(layers, network, container, whole, plain[1].container),
        }
    ]


def decoding_times(
    layers: ProgressiveCodec, network: LearnedCodec, container: Container, whole: Layers, plain: Container
) -> dict[str, float]:
    """Milliseconds of processor time to decode a progressive file, its first layer, a plain file, and small pictures of both:
    medians of turns.
    """
    first = with_layers(container, whole.beginning(len(whole.first.parts)))
    ways: dict[str, Callable[[], object]] = {"whole": lambda: layers.decode(container), "first layer": lambda: layers.decode(first)}
    ways |= {f"1/{n}": lambda n=n: layers.decode(container, reduction=n) for n in (2, 4, 8)}
    ways |= {"plain": lambda: network.decode(plain)}
    ways |= {f"plain 1/{n}": lambda n=n: network.decode(plain, reduction=n) for n in (2, 4, 8)}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(TURNS):
        for way, decode in ways.items():
            begun = time.process_time()
            decode()
            times[way].append(time.process_time() - begun)
    return {way: 1000 * float(np.median(spent)) for way, spent in times.items()}


def print_plain(rows: list[dict[str, object]]) -> None:
    for quality in sorted({row["quality"] for row in rows}):
        of = [row for row in rows if row["quality"] == quality]
        mean = {key: np.mean([row[key] for row in of]) for key in of[0] if key not in ("file", "quality", "rises", "times")}
        line = f"{100 * mean['more_than_plain']:+.1f} % bytes at equal PSNR, first layer {100 * mean['first_layer_more']:+.2f} %"
        line += f", at most {mean['below_straight_line']:.2f} dB below a straight line"
        line += f", quality rises with every part: {all(row['rises'] for row in of)}"
        print(f"quality {quality}: {line}")
        for way in cast(dict[str, float], of[0]["times"]):
            times = np.array([[cast(dict[str, float], row["times"])[name] for name in (way, "whole")] for row in of])
            print(f"  {way}: {times[:, 0].mean():.0f} ms, {100 * np.mean(times[:, 0] / times[:, 1]):.0f} % of the progressive file")


def print_small(paths: list[Path], network: LearnedCodec, qualities: list[int]) -> None:
    """PSNR of averages of pictures of the first layer, and of both, against averages of the originals."""
    layers = ProgressiveCodec(network)
    for quality in qualities:
        reached: dict[int, list[tuple[float, float]]] = {reduction: [] for reduction in (1, 2, 4, 8)}
        for path in paths:
            image = np.ascontiguousarray(read_image(str(path)).pixels[:512, :768, :3])
            container = read(layers.encode_at(layers.analyse(image), level_of(quality, network.levels)).data)
            whole = layers_of(container)
            first = with_layers(container, whole.beginning(len(whole.first.parts)))
            shown = [layers.decode(file).image for file in (first, container)]
            for reduction, values in reached.items():
                original = averaged(image, reduction)
                values.append(cast(tuple[float, float], tuple(psnr(original, averaged(of, reduction)) for of in shown)))
        line = "; ".join("1/{}: {:.1f}, {:.1f} dB".format(n, *np.mean(values, axis=0)) for n, values in reached.items())
        print(f"quality {quality}, first layer and both: {line}")


# --- peers ------------------------------------------------------------------------------------------------------------------


def against_peers(path: Path, network: LearnedCodec, quality: int) -> list[dict[str, object]]:
    """Quality of every peer at shares of its bytes; all files have about the size of dlic's."""
    image = np.ascontiguousarray(read_image(str(path)).pixels[..., :3])
    wishes = Wishes(quality=quality, model=network.name, progressive=True, content="photo")
    ours = kind_to_write("learned", wishes).prepare(wishes)(ImageFile(image), no_progress).data
    peers = [Peer("dlic", lambda image, size: ours, _of_any), *_peers()]
    rows = []
    for peer in peers:
        data = peer.encode(image, len(ours))
        for share in SHARES:
            pixels = peer.show(data[: round(share * len(data))])
            row = {"file": path.name, "quality": quality, "codec": peer.name, "size": len(data), "share": share}
            if pixels is not None:
                row |= {name: metric(image, pixels) for name, metric in METRICS.items()}
            rows.append(row)
    return rows


def _peers() -> list[Peer]:
    jxl = [Peer("JPEG XL, cjxl -p", _jxl, _of_jxl)] if which("cjxl") and which("djxl") else []
    return [Peer("JPEG, progressive", _jpeg, _of_jpeg), *jxl, Peer("wavelet", _wavelet, _of_any)]


def _wavelet(image: Pixels, size: int) -> bytes:
    return WaveletCodec(100, size).compress(image)


def _of_any(data: bytes) -> Pixels | None:
    try:
        described = describe_beginning(data)
        return described.kind.read_partial(described, Reading()).picture.pixels
    except CorruptFileError:
        return None


def _largest(encode: Callable[[int], bytes], size: int, low: int = 1) -> bytes:
    """The file of the best quality `low` … 100 that has at most `size` bytes."""
    high, best = 100, encode(low)
    while low <= high:
        middle = (low + high) // 2
        data = encode(middle)
        if len(data) <= size:
            best, low = data, middle + 1
        else:
            high = middle - 1
    return best


def _jpeg(image: Pixels, size: int) -> bytes:
    def encode(quality: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=quality, progressive=True, optimize=True)
        return buffer.getvalue()

    return _largest(encode, size)


def _of_jpeg(data: bytes) -> Pixels | None:
    PillowFile.LOAD_TRUNCATED_IMAGES = True
    try:
        return np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    except OSError:
        return None


def _jxl(image: Pixels, size: int) -> bytes:
    def encode(quality: int) -> bytes:
        return _through(["cjxl", "a.png", "a.jxl", "-p", "-q", str(quality), "-e", "7", "--quiet"], image, "a.jxl")

    return _largest(encode, size, low=5)  # cjxl 0.7 fails below


def _of_jxl(data: bytes) -> Pixels | None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.jxl").write_bytes(data)
        words = ["djxl", "a.jxl", "a.png", "--allow_partial_files", "--quiet"]
        done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
        shown = Path(folder, "a.png")
        return np.array(Image.open(shown).convert("RGB")) if done.returncode == 0 and shown.exists() else None


def _through(words: list[str], image: Pixels, output: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(image).save(Path(folder, "a.png"))
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
        return Path(folder, output).read_bytes()


def print_peers(rows: list[dict[str, object]]) -> None:
    print("| codec | " + " | ".join(f"{share:.0%}" for share in SHARES) + " |\n|---|" + "---|" * len(SHARES))
    for codec in dict.fromkeys(row["codec"] for row in rows):
        cells = []
        for share in SHARES:
            means = means_of(rows, codec, share)
            cells.append("{psnr:.1f} / {ms_ssim:.3f} / {ssimulacra2:.1f}".format(**means) if means else "–")
        print(f"| {codec} | " + " | ".join(cells) + " |")


def means_of(rows: list[dict[str, object]], codec: str, share: float) -> dict[str, float]:
    """Means over the photographs; none where one of them shows nothing."""
    of = [row for row in rows if row["codec"] == codec and row["share"] == share]
    return {name: float(np.mean([row[name] for row in of])) for name in METRICS} if all("psnr" in row for row in of) else {}


def plot(rows: list[dict[str, object]], path: Path) -> None:
    """Curves of every metric over the share of the bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(METRICS), figsize=(11, 3.4), layout="constrained")
    for axis, (name, title) in zip(axes, zip(METRICS, ("PSNR, dB", "MS-SSIM", "SSIMULACRA 2"), strict=True), strict=True):
        for codec in dict.fromkeys(row["codec"] for row in rows):
            points = [(100 * share, means[name]) for share in SHARES if (means := means_of(rows, str(codec), share))]
            axis.plot(*zip(*points, strict=True), marker=".", label=codec, linewidth=2.2 if codec == "dlic" else 1.2)
        axis.set(title=title, xlabel="% of the bytes")
        axis.grid(alpha=0.3)
    axes[1].set_ylim(bottom=0.6)
    axes[2].set_ylim(bottom=-60)
    axes[0].legend(fontsize=8)
    with tempfile.TemporaryDirectory() as folder:
        figure.savefig(Path(folder, "a.png"), dpi=100)
        Image.open(Path(folder, "a.png")).convert("RGB").save(path, lossless=True)


if __name__ == "__main__":
    main()
