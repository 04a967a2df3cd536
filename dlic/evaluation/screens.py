"""Screens, text and drawings: files of dlic next to those of PNG, WebP, AVIF and JPEG XL, at equal quality by three measures."""

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from PIL import Image

from dlic.classical.lossless.codec import LosslessCodec
from dlic.evaluation.known_codecs import AVIF_QUALITIES, JXL_QUALITIES, KNOWN, WEBP_QUALITIES
from dlic.learned.exact.codec import LayeredCodec
from dlic.metrics.distances import decibels, psnr
from dlic.metrics.ssim import ms_ssim
from dlic.metrics.ssimulacra2 import ssimulacra2
from dlic.pixels.arrays import Codec

SCORE = "SSIMULACRA 2"
MEASURES: Mapping[str, Callable[[np.ndarray, np.ndarray], float | None]] = {
    SCORE: ssimulacra2,
    "MS-SSIM": lambda original, shown: None if (similarity := ms_ssim(original, shown)) is None else decibels(similarity),
    "PSNR": psnr,
}
OWN_QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
AVIF_DEFAULT = 60  # the quality whose score is the first comparison
SCORES = tuple(range(75, 91))  # of the second


@dataclass(frozen=True)
class File:
    """A file of a picture."""

    quality: int
    size: int  # bytes
    values: Mapping[str, float]  # by MEASURES; −∞ where a picture is too small for one


@dataclass(frozen=True)
class Compared:
    """A picture in all codecs."""

    name: str
    files: Mapping[str, Sequence[File]]  # by codec
    lossless: Mapping[str, int]  # bytes by codec

    def against(self, codec: str, peer: str, scores: Sequence[float], measure: str = SCORE) -> float | None:
        """How many more bytes than a peer's a codec's files have, as a share: the geometric mean over the scores that both reach.
        None where they reach none.
        """
        pairs = [tuple(size_at(self.files[name], score, measure) for name in (codec, peer)) for score in scores]
        ratios = [math.log(own / other) for own, other in pairs if own is not None and other is not None]
        return math.exp(fmean(ratios)) - 1 if ratios else None

    def score_of(self, codec: str, quality: int, measure: str = SCORE) -> float:
        return next(file.values[measure] for file in self.files[codec] if file.quality == quality)


def size_at(files: Sequence[File], score: float, measure: str = SCORE) -> float | None:
    """Bytes that a codec takes to reach a score: log bytes between neighbouring files of its lower hull, those of its smallest file
    below them. None above its best score.
    """
    better, size = None, math.inf
    for file in sorted(files, key=lambda file: (-file.values[measure], file.size)):
        if file.size >= size:
            continue
        if file.values[measure] < score:
            if better is None:
                return None
            share = (score - file.values[measure]) / (better.values[measure] - file.values[measure])
            return math.exp((1 - share) * math.log(file.size) + share * math.log(better.size))
        better, size = file, file.size
    return None if better is None else float(better.size)


def compared(name: str, image: np.ndarray, codec: LayeredCodec) -> Compared:
    """A picture uint8 (H, W, 3) in all codecs that are installed."""
    series: dict[str, tuple[Callable[[int], Codec], Sequence[int]]] = {
        "dlic": (codec.of(image).at, OWN_QUALITIES),
        "avif": (KNOWN["avif"].at, AVIF_QUALITIES),
        "webp": (KNOWN["webp"].at, WEBP_QUALITIES),
    }
    if KNOWN["jxl"].is_available():
        series["jxl"] = KNOWN["jxl"].at, JXL_QUALITIES
    files = {label: [_file(image, at, quality) for quality in qualities] for label, (at, qualities) in series.items()}
    lossless = {
        "png": _pillow_size(image, "PNG", optimize=True),
        "webp": _pillow_size(image, "WEBP", lossless=True, method=6),
        "dlic": len(LosslessCodec().compress(image)),
    }
    return Compared(name, files, lossless)


def lines(pictures: Mapping[str, np.ndarray], codec: LayeredCodec) -> Iterator[str]:
    """The table, a picture a line as they are measured, and its means."""
    yield f"AVIF is {KNOWN['avif'].label}; bytes, and bytes of {codec.name} against AVIF's at the values of its quality 60 by"
    yield f"{'':28} {'SSIMULACRA 2':>22} {'75–90':>8} {'MS-SSIM':>8} {'PSNR':>8} | lossless {'PNG':>9} {'WebP':>9} {'dlic':>9}"
    rows = []
    for name, image in pictures.items():
        rows.append(compared(name, image, codec))
        yield _line(rows[-1])
    yield from _summary(rows)


def at_default(row: Compared, peer: str, measure: str) -> float | None:
    """`Compared.against` at what AVIF reaches at its default quality."""
    return row.against("dlic", peer, [row.score_of("avif", AVIF_DEFAULT, measure)], measure)


def _line(row: Compared) -> str:
    score = row.score_of("avif", AVIF_DEFAULT)
    first, by_ms_ssim, by_psnr = (_percent(at_default(row, "avif", measure)) for measure in MEASURES)
    second = _percent(row.against("dlic", "avif", SCORES))
    sizes = " ".join(f"{row.lossless[codec]:9,}" for codec in ("png", "webp", "dlic"))
    return f"{row.name[:28]:28} {score:11.1f} {first:>10} {second:>8} {by_ms_ssim:>8} {by_psnr:>8} |          {sizes}"


def _summary(rows: Sequence[Compared]) -> Iterator[str]:
    peers = [peer for peer in rows[0].files if peer != "dlic"]
    for peer in peers:
        shares_by = {
            f"at the {measure} of AVIF's quality 60": [at_default(row, peer, measure) for row in rows] for measure in MEASURES
        }
        shares_by[f"over {SCORE} 75–90"] = [row.against("dlic", peer, SCORES) for row in rows]
        for label, shares in shares_by.items():
            known = [share for share in shares if share is not None]
            mean = _percent(fmean(known)) if known else "–"
            fewer = sum(share <= 0 for share in known)
            yield f"against {peer} {label}: mean {mean} on the {len(known)} that both reach; not larger on {fewer}"
    totals = {codec: sum(row.lossless[codec] for row in rows) for codec in rows[0].lossless}
    yield "lossless in total: " + ", ".join(f"{codec} {total:,}" for codec, total in totals.items())
    worst = max(row.lossless["dlic"] - row.lossless["webp"] for row in rows)
    yield f"lossless of dlic against WebP: {totals['dlic'] / totals['webp'] - 1:+.2%}, at most {worst:+,} bytes"


def _file(image: np.ndarray, at: Callable[[int], Codec], quality: int) -> File:
    codec = at(quality)
    data = codec.compress(image)
    shown = codec.decompress(data)
    values = {name: measure(image, shown) for name, measure in MEASURES.items()}
    return File(quality, len(data), {name: -math.inf if value is None else value for name, value in values.items()})


def _pillow_size(image: np.ndarray, format: str, **options: object) -> int:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format, **options)
    return len(file.getvalue())


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:+.1%}"
