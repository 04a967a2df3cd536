"""Pictures of a run → files for the browser: the codec's own file if browsers read it, or a copy of its pixels."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dlic.errors import CorruptFileError
from dlic.images.files import image_bytes, read_image
from dlic.metrics.registry import psnr
from dlic.peers.pillow import PillowCodec
from dlic.progress import Progress, no_progress
from dlic.report.pictures import Shown
from dlic.storage.files import read_whole

NATIVE = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".avif": "image/avif", ".png": "image/png"}
EXACT = PillowCodec("WEBP", {"lossless": True, "method": 4, "exact": True})
WEBP_LARGEST = 16_383  # pixels of a side
# Measured on kodim23: as small as AVIF 4:4:4 of the same PSNR, as both are limited by 8-bit YCbCr, and 20 times as fast.
COPIES = [PillowCodec("JPEG", {"quality": quality, "subsampling": "4:4:4", "optimize": True}) for quality in (92, 95, 97, 98, 99)]
LEAST_PSNR = 48.0  # dB of a copy against the true pixels: twenty times less error than a picture of 35 dB has
THUMBNAIL = (144, 96)


@dataclass(frozen=True)
class File:
    """A picture's file for the browser."""

    type: str  # MIME
    data: bytes
    psnr: float | None = None  # dB against the true pixels; None where it is exact or the codec's own


@dataclass(frozen=True)
class Gallery:
    """The pictures of the page's slider."""

    pictures: list[dict[str, Any]] = field(default_factory=list)  # with the shown files of each, for every codec and size
    files: dict[str, File] = field(default_factory=dict)  # by the names that `pictures` calls them

    @property
    def worst_copy(self) -> float | None:
        """Least PSNR in dB of the copies against the true pixels; None if all are exact."""
        return min((file.psnr for file in self.files.values() if file.psnr is not None), default=None)


def gallery_of(
    folder: Path, shown: Sequence[Shown], labels: Mapping[str, str], lossless: bool = False, progress: Progress = no_progress
) -> Gallery:
    """The pictures in a folder as a page holds them; `labels` are of codecs, by name, and others are left out.

    Raises CorruptFileError where a file is missing or broken.
    """
    files: dict[str, File] = {}

    def keep(file: File) -> str:
        name = f"file{len(files)}"
        files[name] = file
        return name

    pictures, done = [], 0
    known_entries = [entry for entry in shown if entry.codec in labels]
    for name, entries in _by_image(known_entries).items():
        original = _pixels(folder / entries[0].original)
        picture: dict[str, Any] = {
            "name": name,
            "width": entries[0].width,
            "height": entries[0].height,
            "thumbnail": keep(_thumbnail(original)),
            "original": keep(_copy(original, lossless)),
            "shown": [],
        }
        for entry in sorted(entries, key=lambda e: (list(labels).index(e.codec), e.target)):
            picture["shown"].append(_figures(entry, labels[entry.codec], keep(_file(folder, entry, lossless))))
            done += 1
            progress(done / len(known_entries))
        pictures.append(picture)
    return Gallery(pictures, files)


def _by_image(entries: Iterable[Shown]) -> dict[str, list[Shown]]:
    grouped: dict[str, list[Shown]] = {}
    for entry in entries:
        grouped.setdefault(entry.image, []).append(entry)
    return grouped


def _figures(entry: Shown, label: str, file: str) -> dict[str, Any]:
    return {
        "codec": entry.codec,
        "label": label,
        "target": entry.target,
        "quality": entry.quality,
        "bytes": entry.bytes,
        "bpp": entry.bpp,
        "psnr": entry.psnr,
        "ms_ssim": entry.ms_ssim,
        "ssimulacra2": entry.ssimulacra2,
        "encode_ms": entry.encode_ms,
        "decode_ms": entry.decode_ms,
        "fits": entry.fits,
        "file": file,
    }


def _file(folder: Path, entry: Shown, lossless: bool) -> File:
    """A codec's picture: its own file where browsers read such."""
    kind = NATIVE.get(Path(entry.file).suffix.lower())
    if kind is None:
        return _copy(_pixels(folder / entry.pixels), lossless)
    return File(kind, read_whole(folder / entry.file, CorruptFileError))


def _copy(pixels: np.ndarray, lossless: bool) -> File:
    """uint8 (H, W, 3) as a file that is exact, or at least `LEAST_PSNR` dB near."""
    if not lossless:
        for codec in COPIES:
            data = codec.compress(pixels)
            nearness = psnr(pixels, codec.decompress(data))
            if nearness >= LEAST_PSNR:
                return File("image/jpeg", data, nearness)
    if max(pixels.shape) > WEBP_LARGEST:
        return File("image/png", image_bytes(pixels))
    return File("image/webp", EXACT.compress(pixels))


def _thumbnail(pixels: np.ndarray) -> File:
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((2 * THUMBNAIL[0], THUMBNAIL[1]))
    image.save(buffer, "JPEG", quality=80)
    return File("image/jpeg", buffer.getvalue())


def _pixels(path: Path) -> np.ndarray:
    return read_image(read_whole(path, CorruptFileError)).pixels
