"""A folder of photographs: found recursively, decoded once, split into training and validation files."""

import hashlib
import logging
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from dlic.batch.processes import cores
from dlic.data.fingerprints import fingerprint, from_bytes, stack, to_bytes
from dlic.errors import DlicError, UnreadableImageError
from dlic.images.files import EXTENSIONS, read_image
from dlic.storage.files import cache_folder, cannot_write, written_whole

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Photographs:
    """Decoded photographs, memory-mapped so that a crop reads only its own pages."""

    paths: tuple[Path, ...]
    decoded: tuple[Path, ...]  # .npy files, uint8 (H, W, 3); a missing one is decoded again
    lost: set[Path] = field(
        default_factory=set, compare=False
    )  # of `paths`, those that could not be read again when they had to be

    def __len__(self) -> int:
        return len(self.paths)

    def only(self, paths: Collection[Path]) -> "Photographs":
        """The photographs of `paths`, in the order of these."""
        selected = frozenset(paths)
        indices = [i for i, path in enumerate(self.paths) if path in selected]
        return Photographs(tuple(self.paths[i] for i in indices), tuple(self.decoded[i] for i in indices), self.lost)

    def pixels(self, index: int) -> np.ndarray:
        """Photograph `index`: uint8 (H, W, 3), memory-mapped; in the place of one that was lost since, the next one."""
        for i in chain(range(index, len(self)), range(index)):
            pixels = _mapped(self.decoded[i])
            if pixels is None and self.paths[i] not in self.lost:
                pixels = _decode(self.paths[i], self.decoded[i])
            if pixels is not None:
                return pixels
            self.lost.add(self.paths[i])
        raise DlicError(f"none of the {len(self)} photographs can be read any more")

    def fingerprints(self) -> np.ndarray:
        """Fingerprints, kept next to the decoded pixels: bool (N, 255)."""
        with ThreadPoolExecutor(cores()) as pool:
            return stack(list(pool.map(lambda i: _fingerprint(self.decoded[i], lambda: self.pixels(i)), range(len(self)))))

    def sizes(self) -> np.ndarray:
        """(height, width) of each: int64 (N, 2)."""
        return np.array([self.pixels(i).shape[:2] for i in range(len(self))], dtype=np.int64)


def find_photographs(folder: str | Path) -> list[Path]:
    """Every file below `folder` with the ending of an image, in a fixed order."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DlicError(f"{folder} is not a folder of photographs")
    files = sorted(filter(is_photograph, folder.rglob("*")))
    if not files:
        raise DlicError(f"no photographs below {folder} (looked for {', '.join(sorted(EXTENSIONS))})")
    return files


def is_photograph(path: Path) -> bool:
    """Whether it is a file with the ending of an image."""
    return path.suffix.lower() in EXTENSIONS and os.path.isfile(path)  # no where it may not look


def split(paths: list[Path], held_out: float, seed: int, what: str = "photographs") -> tuple[list[Path], list[Path]]:
    """(training, validation) files; the validation part is random, fixed by the seed, and at least one file."""
    if len(paths) < 2:
        raise DlicError(f"training needs at least two {what}, found {len(paths)}: one is held out for validation")
    order = np.random.default_rng(seed).permutation(len(paths))
    count = min(len(paths) - 1, max(1, round(held_out * len(paths))))
    validation = set(order[:count].tolist())
    return [p for i, p in enumerate(paths) if i not in validation], [p for i, p in enumerate(paths) if i in validation]


def decode_all(paths: list[Path], cache: Path | None = None) -> Photographs:
    """Decode each file once into `cache` (platform cache folder by default); unreadable ones are skipped and listed in the log."""
    cache = cache or cache_folder() / "decoded"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(cache, error) from error
    with ThreadPoolExecutor(cores()) as pool:
        decoded = list(pool.map(lambda path: _decoded_file(path, cache), paths))
    readable = [(path, file) for path, file in zip(paths, decoded, strict=True) if file is not None]
    if not readable:
        raise DlicError(f"none of the {len(paths)} photographs could be read")
    if len(readable) < len(paths):
        log.warning("%d of %d photographs could not be read and are left out", len(paths) - len(readable), len(paths))
    if missing := sum(not file.exists() for _, file in readable):
        log.warning(
            "%d of %d photographs found no room in %s and are decoded for every crop, which is slow", missing, len(readable), cache
        )
    return Photographs(tuple(path for path, _ in readable), tuple(file for _, file in readable))


def _decoded_file(path: Path, cache: Path) -> Path | None:
    """The file of a photograph's decoded pixels; None where it cannot be read."""
    try:
        status = path.stat()
    except OSError as error:  # gone since it was found
        log.warning("skipped: %s cannot be read: %s", path, error.strerror)
        return None
    key = hashlib.sha256(f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}".encode()).hexdigest()[:24]
    target = cache / f"{key}.npy"
    return target if _mapped(target) is not None or _decode(path, target) is not None else None


def _mapped(file: Path) -> np.ndarray | None:
    """The pixels that `_decode` kept; None where there are none, or the file is damaged."""
    try:
        pixels = np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return pixels if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.size else None


def _decode(path: Path, target: Path) -> np.ndarray | None:
    """The pixels of a photograph, stored in `target` if there is room; None where it cannot be read, with a log message."""
    try:
        pixels = read_image(path).pixels
    except UnreadableImageError as error:
        log.warning("skipped: %s", error)
        return None
    with suppress(DlicError), written_whole(target, overwrite=True) as file:
        np.save(file, pixels)
    _keep_fingerprint(target, fingerprint(pixels))
    return pixels


def _fingerprint(decoded: Path, pixels: Callable[[], np.ndarray]) -> np.ndarray:
    """The fingerprint kept next to the decoded pixels; made where there is none, since an earlier dlic decoded them."""
    with suppress(OSError, ValueError):
        return from_bytes(_fingerprint_file(decoded).read_bytes())
    bits = fingerprint(pixels())
    _keep_fingerprint(decoded, bits)
    return bits


def _keep_fingerprint(decoded: Path, bits: np.ndarray) -> None:
    with suppress(DlicError), written_whole(_fingerprint_file(decoded), overwrite=True) as file:  # else it is made again
        file.write(to_bytes(bits))


def _fingerprint_file(decoded: Path) -> Path:
    return decoded.with_suffix(".fingerprint")
