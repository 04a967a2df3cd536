"""The pictures of a report: each photograph by every codec at matched file sizes.

pictures/pictures.json                  one `Shown` for each file
pictures/PICTURE/original.png
pictures/PICTURE/CODEC@BYTES.ending     the file itself, of at most BYTES where the codec has one so small
pictures/PICTURE/CODEC@BYTES.shown.png  what it shows
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from dlic.errors import CorruptFileError, DlicError
from dlic.evaluation.run import Run
from dlic.evaluation.series import Series
from dlic.images.files import image_bytes, read_image
from dlic.metrics.registry import ms_ssim, psnr, ssimulacra2
from dlic.progress import Progress, no_progress
from dlic.report.matched_size import at_size
from dlic.runtime.timing import timed
from dlic.storage.files import read_whole, written_whole

FOLDER = "pictures"
ABOUT = "pictures.json"
ORIGINAL = "original.png"
RATES = (0.25, 0.5)  # bpp with visible differences, and bpp with hardly any


@dataclass(frozen=True)
class Shown:
    """One picture by one codec."""

    image: str  # file name of the original
    codec: str  # name of its series
    width: int
    height: int
    target: int  # bytes it should have at most
    quality: float | None
    bytes: int
    psnr: float  # dB
    ms_ssim: float | None
    ssimulacra2: float | None
    encode_ms: float
    decode_ms: float
    file: str  # the codec's file, as a path within the folder of pictures
    pixels: str  # its decoded pixels, lossless, likewise
    original: str  # likewise
    made_of: str  # digest of the original's pixels and of what the codec's files depend on

    @property
    def fits(self) -> bool:
        """False where even the codec's smallest file is larger than was asked for."""
        return self.bytes <= self.target

    @property
    def bpp(self) -> float:
        return 8 * self.bytes / (self.width * self.height)

    @property
    def key(self) -> tuple[str, str, int]:
        return self.image, self.codec, self.target


# --- all of them --------------------------------------------------------------------------------------------------------


def make_pictures(
    folder: Path,
    run: Run | None,
    images: Mapping[str, np.ndarray],
    series: Sequence[Series],
    rates_bpp: Sequence[float] = RATES,
    progress: Progress = no_progress,
) -> list[Shown]:
    """Every image, uint8 (H, W, 3) by file name, by every codec at every rate, into `pictures/` of a run's folder.

    Complete entries of the same pixels and codecs are kept. The sizes in the rows of `run` save encodings. Raises DlicError for
    rates of 0 or less.
    """
    if not all(math.isfinite(rate) and rate > 0 for rate in rates_bpp):
        raise DlicError(f"pictures are shown at rates above 0 bits per pixel, not {', '.join(map(str, rates_bpp))}")
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    entries = {entry.key: entry for entry in read_pictures(folder)}
    sizes, done, count = _known_sizes(run), 0, len(images) * len(series) * len(rates_bpp)
    for name, image in images.items():
        digest = sha256(f"{name} {image.shape} ".encode() + image.tobytes()).hexdigest()
        for codec in series:
            for rate in rates_bpp:
                request = _Wanted(name, codec, max(1, round(rate * image[..., 0].size / 8)), digest)
                if not request.is_there(folder / FOLDER, entries.get(request.key)):
                    entries[request.key] = _make(folder / FOLDER, request, image, sizes.get((codec.name, name), {}))
                    _write_about(folder, entries.values())
                done += 1
                progress(done / count)
    return list(entries.values())


def read_pictures(folder: Path) -> list[Shown]:
    """The pictures of a run's folder, empty where there are none. CorruptFileError for a damaged list."""
    path = folder / FOLDER / ABOUT
    if not path.is_file():
        return []
    try:
        return [Shown(**entry) for entry in json.loads(read_whole(path, CorruptFileError))]
    except (ValueError, TypeError) as error:
        raise CorruptFileError(f"{path} is damaged: {error}") from error


def by_original(folder: Path, run: Run) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Captions and uint8 (H, W, 3) pixels of the pictures of a run's folder, the original first, by its file name."""
    place, entries = folder / FOLDER, sorted(read_pictures(folder), key=lambda entry: entry.target)
    pictures: dict[str, list[tuple[str, np.ndarray]]] = {}
    for entry in entries:
        if entry.image not in pictures:
            pictures[entry.image] = [("original", read_image(place / entry.original).pixels)]
        label = run.codecs[entry.codec].label if entry.codec in run.codecs else entry.codec
        caption = f"{label}, {entry.bytes:,} bytes, {entry.psnr:.2f} dB"
        pictures[entry.image].append((caption, read_image(place / entry.pixels).pixels))
    return pictures


def _write_about(folder: Path, pictures: Iterable[Shown]) -> None:
    """Inverse of `read_pictures`."""
    with written_whole(folder / FOLDER / ABOUT, overwrite=True) as file:
        file.write(json.dumps([asdict(entry) for entry in pictures], indent=1).encode())


@dataclass(frozen=True)
class _Wanted:
    """A picture before it is made."""

    image: str
    series: Series
    target: int
    digest: str  # of the original's name and pixels

    @property
    def key(self) -> tuple[str, str, int]:
        return self.image, self.series.name, self.target

    @property
    def made_of(self) -> str:
        return f"{self.digest[:16]} {self.series.identity}"

    @property
    def folder(self) -> str:
        """The folder of the picture; its name depends on the pixels, so an existing original is the right one."""
        return f"{_as_file_name(Path(self.image).stem)}-{self.digest[:8]}"

    def is_there(self, place: Path, shown: Shown | None) -> bool:
        """Whether an entry of the same pixels and codec exists with all its files, which are written before the list."""
        if shown is None or shown.made_of != self.made_of:
            return False
        return all((place / file).is_file() for file in (shown.file, shown.pixels, shown.original))


def _make(place: Path, request: _Wanted, image: np.ndarray, sizes: Mapping[float | None, int]) -> Shown:
    """One picture by one codec, with its files."""
    series = request.series
    seconds: dict[str, float] = {}
    matched = at_size(series, image, request.target, sizes)
    with timed(seconds, "decode"):
        pixels = series.at(matched.quality).decompress(matched.data)
    stem = f"{request.folder}/{_as_file_name(series.name)}@{request.target}"
    file, copy, original = f"{stem}{series.ending}", f"{stem}.shown.png", f"{request.folder}/{ORIGINAL}"
    (place / request.folder).mkdir(exist_ok=True)
    _write(place / file, matched.data)
    _write(place / copy, image_bytes(pixels))
    if not (place / original).is_file():
        _write(place / original, image_bytes(image))
    height, width = image.shape[:2]
    return Shown(
        image=request.image,
        codec=series.name,
        width=width,
        height=height,
        target=request.target,
        quality=matched.quality,
        bytes=len(matched.data),
        psnr=psnr(image, pixels),
        ms_ssim=ms_ssim(image, pixels),
        ssimulacra2=ssimulacra2(image, pixels),
        encode_ms=matched.encode_ms,
        decode_ms=1000 * seconds["decode"],
        file=file,
        pixels=copy,
        original=original,
        made_of=request.made_of,
    )


def _write(path: Path, data: bytes) -> None:
    with written_whole(path, overwrite=True) as file:
        file.write(data)


def _as_file_name(text: str) -> str:
    """Any text as a file name of few characters that every system has; different for different texts."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("._")[:48]
    return plain if plain == text else f"{plain}-{sha256(text.encode()).hexdigest()[:8]}"


def _known_sizes(run: Run | None) -> dict[tuple[str, str], dict[float | None, int]]:
    """(codec, image) → quality → bytes."""
    sizes: dict[tuple[str, str], dict[float | None, int]] = {}
    for row in run.rows if run else ():
        sizes.setdefault((row.codec, row.image), {})[row.quality] = row.bytes
    return sizes
