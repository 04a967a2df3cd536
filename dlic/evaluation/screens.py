"""Screens, text and drawings: files of dlic next to those of PNG, WebP, AVIF and JPEG XL, at equal SSIMULACRA 2."""

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
from dlic.metrics.ssimulacra2 import ssimulacra2
from dlic.pixels.arrays import Codec

OWN_QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
AVIF_DEFAULT = 60  # the quality whose score is the first comparison
SCORES = tuple(range(75, 91))  # of the second


@dataclass(frozen=True)
class File:
    """A file of a picture."""

    quality: int
    size: int  # bytes
    score: float  # SSIMULACRA 2
    exact: float = 0.0  # share of exact blocks


@dataclass(frozen=True)
class Compared:
    """A picture in all codecs."""

    name: str
    files: Mapping[str, Sequence[File]]  # by codec
    lossless: Mapping[str, int]  # bytes by codec

    def against(self, codec: str, peer: str, scores: Sequence[float]) -> float | None:
        """How many more bytes than a peer's a codec's files have, as a share: the geometric mean over the scores that both reach.
        None where they reach none.
        """
        pairs = [(size_at(self.files[codec], score), size_at(self.files[peer], score)) for score in scores]
        ratios = [math.log(own / other) for own, other in pairs if own is not None and other is not None]
        return math.exp(fmean(ratios)) - 1 if ratios else None

    def score_of(self, codec: str, quality: int) -> float:
        return next(file.score for file in self.files[codec] if file.quality == quality)


def size_at(files: Sequence[File], score: float) -> float | None:
    """Bytes that a codec takes to reach a score: log bytes between neighbouring files of its lower hull, those of its smallest file
    below them. None above its best score.
    """
    better, size = None, math.inf
    for file in sorted(files, key=lambda file: (-file.score, file.size)):
        if file.size >= size:
            continue
        if file.score < score:
            if better is None:
                return None
            share = (score - file.score) / (better.score - file.score)
            return math.exp((1 - share) * math.log(file.size) + share * math.log(better.size))
        better, size = file, file.size
    return None if better is None else float(better.size)


def compared(name: str, image: np.ndarray, codec: LayeredCodec) -> Compared:
    """A picture uint8 (H, W, 3) in all codecs that are installed."""
    series: dict[str, tuple[Callable[[int], Codec], Sequence[int]]] = {
        "dlic": (codec.at, OWN_QUALITIES),
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
    yield f"AVIF is {KNOWN['avif'].label}; bytes, and bytes of {codec.name} against AVIF's at equal SSIMULACRA 2"
    yield f"{'':28} {'at AVIF q60':>22} {'75–90':>8} | lossless {'PNG':>9} {'WebP':>9} {'dlic':>9}"
    rows = []
    for name, image in pictures.items():
        rows.append(compared(name, image, codec))
        yield _line(rows[-1])
    yield from _summary(rows)


def _line(row: Compared) -> str:
    score = row.score_of("avif", AVIF_DEFAULT)
    first, second = row.against("dlic", "avif", [score]), row.against("dlic", "avif", SCORES)
    sizes = " ".join(f"{row.lossless[codec]:9,}" for codec in ("png", "webp", "dlic"))
    return f"{row.name[:28]:28} {score:11.1f} {_percent(first):>10} {_percent(second):>8} |          {sizes}"


def _summary(rows: Sequence[Compared]) -> Iterator[str]:
    peers = [peer for peer in rows[0].files if peer != "dlic"]
    for peer in peers:
        at_default = [row.against("dlic", peer, [row.score_of("avif", AVIF_DEFAULT)]) for row in rows]
        over_scores = [row.against("dlic", peer, SCORES) for row in rows]
        for label, shares in (("at the score of AVIF's quality 60", at_default), ("over scores 75–90", over_scores)):
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
    score = ssimulacra2(image, codec.decompress(data))
    return File(quality, len(data), -math.inf if score is None else score)


def _pillow_size(image: np.ndarray, format: str, **options: object) -> int:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format, **options)
    return len(file.getvalue())


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:+.1%}"
