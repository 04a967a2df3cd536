"""A folder of photographs: found recursively, decoded once, split into training and validation files."""

import hashlib
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlic.data.fingerprints import fingerprint, from_bytes, stack, to_bytes
from dlic.errors import DlicError, UnreadableImageError
from dlic.files import cache_folder, written_whole
from dlic.images.files import EXTENSIONS, read_image

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Photographs:
    """Decoded photographs, memory-mapped so that a crop reads only its own pages."""

    paths: tuple[Path, ...]
    decoded: tuple[Path, ...]  # .npy files, uint8 (H, W, 3)

    def __len__(self) -> int:
        return len(self.paths)

    def pixels(self, index: int) -> np.ndarray:
        """Photograph `index`: uint8 (H, W, 3), memory-mapped."""
        return np.load(self.decoded[index], mmap_mode="r")

    def fingerprints(self) -> np.ndarray:
        """What tells whether one is a picture of an evaluation set: bool (N, 255), kept beside the decoded pixels."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return stack(list(pool.map(_fingerprint, self.decoded)))

    def sizes(self) -> np.ndarray:
        """(height, width) of each: int64 (N, 2)."""
        return np.array([self.pixels(i).shape[:2] for i in range(len(self))], dtype=np.int64)


def find_photographs(folder: str | Path) -> list[Path]:
    """Every file below `folder` whose name ends like an image's, in a fixed order."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DlicError(f"{folder} is not a folder of photographs")
    found = sorted(filter(is_photograph, folder.rglob("*")))
    if not found:
        raise DlicError(f"no photographs below {folder} (looked for {', '.join(sorted(EXTENSIONS))})")
    return found


def is_photograph(path: Path) -> bool:
    """Whether it is a file whose name ends like an image's."""
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def split(paths: list[Path], held_out: float, seed: int) -> tuple[list[Path], list[Path]]:
    """(training, validation) files; the validation part is random, fixed by the seed, and at least one file."""
    if len(paths) < 2:
        raise DlicError(f"training needs at least two photographs, found {len(paths)}: one is held out for validation")
    order = np.random.default_rng(seed).permutation(len(paths))
    count = min(len(paths) - 1, max(1, round(held_out * len(paths))))
    held = set(order[:count].tolist())
    return [p for i, p in enumerate(paths) if i not in held], [p for i, p in enumerate(paths) if i in held]


def decode_all(paths: list[Path], cache: Path | None = None) -> Photographs:
    """Decode each file once into `cache` (platform cache folder by default); unreadable ones are skipped and listed in the log."""
    cache = cache or cache_folder() / "decoded"
    cache.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = list(pool.map(lambda path: _decode(path, cache), paths))
    kept = [(path, array) for path, array in zip(paths, decoded, strict=True) if array is not None]
    if not kept:
        raise DlicError(f"none of the {len(paths)} photographs could be read")
    if len(kept) < len(paths):
        log.warning("%d of %d photographs could not be read and are left out", len(paths) - len(kept), len(paths))
    return Photographs(tuple(p for p, _ in kept), tuple(a for _, a in kept))


def _decode(path: Path, cache: Path) -> Path | None:
    status = path.stat()
    key = hashlib.sha256(f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}".encode()).hexdigest()[:24]
    target = cache / f"{key}.npy"
    if not target.exists():
        try:
            pixels = read_image(path).pixels
        except UnreadableImageError as error:
            log.warning("skipped: %s", error)
            return None
        with written_whole(target, overwrite=True) as file:
            np.save(file, pixels)
        _keep_fingerprint(target, fingerprint(pixels))
    return target


def _fingerprint(decoded: Path) -> np.ndarray:
    """The one kept beside a decoded photograph, made where there is none: an earlier dlic decoded it."""
    with suppress(OSError, ValueError):
        return from_bytes(_fingerprint_file(decoded).read_bytes())
    made = fingerprint(np.load(decoded))
    _keep_fingerprint(decoded, made)
    return made


def _keep_fingerprint(decoded: Path, made: np.ndarray) -> None:
    with suppress(DlicError), written_whole(_fingerprint_file(decoded), overwrite=True) as file:  # else it is made again
        file.write(to_bytes(made))


def _fingerprint_file(decoded: Path) -> Path:
    return decoded.with_suffix(".fingerprint")
