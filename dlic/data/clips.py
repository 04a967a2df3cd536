"""A folder of clips: found recursively, decoded once."""

import hashlib
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlic.data.photographs import split
from dlic.errors import DlicError, UnreadableImageError
from dlic.images.video.opening import ANIMATION_ENDINGS, VIDEO_ENDINGS, open_clip
from dlic.storage.files import cache_folder, cannot_write, written_whole

log = logging.getLogger(__name__)

LONGEST = 600  # frames of a clip that are used, its first ones: a film would fill the cache with one scene after another


@dataclass(frozen=True)
class Clips:
    """Decoded clips, memory-mapped."""

    paths: tuple[Path, ...]
    decoded: tuple[Path, ...]  # .npy files, uint8 (frames, H, W, 3)

    def __len__(self) -> int:
        return len(self.paths)

    def frames(self, index: int) -> NDArray[np.uint8]:
        """Clip `index`: uint8 (frames, H, W, 3), memory-mapped."""
        return np.asarray(np.load(self.decoded[index], mmap_mode="r"))

    def split(self, held_out: Collection[str] | float, seed: int) -> tuple["Clips", "Clips"]:
        """(training, validation) clips. `held_out`: names, without ending, of the latter, or the share that is drawn for it. Raises
        DlicError where a clip is missing.
        """
        if isinstance(held_out, float):
            held_out = {path.stem for path in split(list(self.paths), held_out, seed, "clips")[1]}
        missing = set(held_out) - {path.stem for path in self.paths}
        if missing:
            raise DlicError(f"no clip is named {', '.join(sorted(missing))}, so it cannot be held out")
        training = [i for i, path in enumerate(self.paths) if path.stem not in held_out]
        validation = [i for i, path in enumerate(self.paths) if path.stem in held_out]
        if not training or not validation:
            raise DlicError(f"of {len(self)} clips {len(validation)} are held out: at least one must be, and one must be left")
        return self._only(training), self._only(validation)

    def _only(self, indices: list[int]) -> "Clips":
        return Clips(tuple(self.paths[i] for i in indices), tuple(self.decoded[i] for i in indices))


def find_clips(folder: str | Path) -> list[Path]:
    """Every file below `folder` with the ending of a video or an animation, in a fixed order."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DlicError(f"{folder} is not a folder of clips")
    endings = (VIDEO_ENDINGS | ANIMATION_ENDINGS) - {".png", ".avif"}  # of which nearly all are pictures
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file())
    if not files:
        raise DlicError(f"no clips below {folder} (looked for {', '.join(sorted(endings))})")
    return files


def decode_clips(paths: list[Path], cache: Path | None = None) -> Clips:
    """Decodes each clip once into `cache` (the platform's by default); unreadable ones are left out, with a message in the log."""
    cache = cache or cache_folder() / "decoded"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(cache, error) from error
    decoded = [(path, file) for path in paths if (file := _decoded(path, cache)) is not None]
    if not decoded:
        raise DlicError(f"none of the {len(paths)} clips could be read")
    return Clips(tuple(path for path, _ in decoded), tuple(file for _, file in decoded))


def _decoded(path: Path, cache: Path) -> Path | None:
    """The file of a clip's decoded frames; None where it cannot be read or has fewer than two."""
    status = path.stat()
    key = hashlib.sha256(f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}:clip".encode()).hexdigest()[:24]
    target = cache / f"{key}.npy"
    with suppress(OSError, ValueError, EOFError):
        if np.load(target, mmap_mode="r").ndim == 4:
            return target
    try:
        frames = [frame.pixels[..., :3] for frame in islice(open_clip(path, tracks=False).pictures(), LONGEST)]
    except UnreadableImageError as error:
        log.warning("skipped: %s", error)
        return None
    if len(frames) < 2:
        log.warning("skipped: %s has one frame", path)
        return None
    with written_whole(target, overwrite=True) as file:
        np.save(file, np.stack(frames))
    return target
