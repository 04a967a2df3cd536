"""A small run as dlic evaluate leaves one: three codecs on two crops of the bundled photograph, one with a hostile name."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from dlic.evaluation.measure import measure
from dlic.evaluation.provenance import Provenance
from dlic.evaluation.run import Entry, Picture, Run
from dlic.evaluation.run_folder import RowWriter, read_run, write_about
from dlic.evaluation.series import Series
from dlic.metrics.registry import METRICS
from dlic.peers.pillow import PillowCodec
from dlic.report.pictures import make_pictures

HOSTILE = "<script>alert(1)<!-- & \u2028 ü.png"  # as any file may be called
EVIL = "</script><img src=x onerror=alert(1)>"  # as any note or label may read
MEASURED = {name: METRICS[name] for name in ("psnr", "ssim", "ms_ssim", "ssimulacra2")}


def pillow_series(name: str, label: str, format: str, ending: str, qualities: tuple[int, ...], **options) -> Series:
    """One of Pillow's codecs over its qualities."""
    return Series(
        name, label, lambda q: PillowCodec(format, {**options, "quality": int(q)}), qualities, f"{label} by pillow", ending
    )


def jpeg2000(quality: float | None) -> PillowCodec:
    assert quality is not None
    return PillowCodec("JPEG2000", {"irreversible": True, "mct": 1, "quality_mode": "rates", "quality_layers": [300 / quality]})


ALL = [
    replace(pillow_series("webp", f"WebP {EVIL}", "WEBP", ".webp", (5, 20, 40, 60, 80), method=2), note=f"one & only {EVIL}"),
    pillow_series("jpeg", "JPEG 4:2:0", "JPEG", ".jpg", (5, 15, 30, 50, 75), optimize=True),
    Series("jpeg2000", "JPEG 2000", jpeg2000, (2, 4, 8, 16, 32), "OpenJPEG", ".jp2"),  # which no browser reads
]


def sample_images(photograph: np.ndarray) -> dict[str, np.ndarray]:
    """Large enough for MS-SSIM; the second upright."""
    crops = photograph[150:318, 250:442], photograph[200:392, 400:568]
    return {name: np.ascontiguousarray(crop) for name, crop in zip(("first.png", HOSTILE), crops, strict=True)}


def write_run(folder: Path, photograph: np.ndarray) -> Run:
    """The run, in a folder that is there; its pictures at two sizes."""
    images = sample_images(photograph)
    pictures = tuple(Picture(name, i.shape[1], i.shape[0], sha256(i.tobytes()).hexdigest()) for name, i in images.items())
    codecs = {s.name: Entry(s.name, s.label, s.identity, s.note, s.ending, peak_memory_mb=100.0) for s in ALL}
    origin = Provenance("dlic evaluate two --out run", {"dlic": "0"}, f"a machine {EVIL}", 2, 1, "Linux")
    write_about(folder, Run(origin, "two", pictures, codecs, against="kodak", notes=(f"{EVIL} is left out",)))
    with RowWriter(folder, list(MEASURED)) as rows:
        for series in ALL:
            for quality in series.qualities:
                for name, image in images.items():
                    rows.write(measure(series, quality, name, image, MEASURED))
    run = read_run(folder)
    make_pictures(folder, run, images, ALL, (0.4, 0.8))
    return run
