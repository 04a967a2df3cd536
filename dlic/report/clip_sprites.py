"""Frames of clips for the player of a report: all frames of one codec's clip below each other in one JPEG."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dlic.errors import CorruptFileError
from dlic.evaluation.clips.codecs import ClipCodec
from dlic.evaluation.clips.plots import nearest, rate_of
from dlic.evaluation.clips.run import ClipPlan, ClipRun
from dlic.evaluation.clips.source import SourceClip, read_source
from dlic.evaluation.clips.summary import settings_of
from dlic.progress import Progress, no_progress
from dlic.storage.files import read_whole

FOLDER, ABOUT = "players", "players.json"
LARGEST = (270, 480)  # height and width of the window that is shown: pages stay below some 20 MB
MOST = 5  # codecs of a clip, and the original
QUALITY = 90  # of the JPEG, 4:4:4
TALLEST = 65_500  # rows of a JPEG


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """One clip by one codec."""

    clip: str
    codec: str  # "" for the original
    label: str
    setting: str
    bpp: float | None
    psnr: float | None
    file: str
    width: int
    height: int
    frames: int
    rate: float  # frames a second
    psnr_of_frames: list[float]


def make_sprites(out: Path, run: ClipRun, plan: ClipPlan, progress: Progress = no_progress) -> None:
    """Stores the frames of every clip by some codecs at about equal rates in the folder of a run."""
    folder = out / FOLDER
    folder.mkdir(exist_ok=True)
    sprites = list[Sprite]()
    chosen = _chosen(run, plan)
    for done, clip in enumerate(run.clips):
        source = read_source(plan.paths[clip.name], plan.frames)
        sprites.append(_sprite(folder, source, "", "original", "", None, source.pixels))
        for names in settings_of(run).values():
            rate = rate_of(run, clip.name, names)
            for name in (name for name in names if name in chosen and rate is not None):
                sprites += _coded(folder, run, source, plan.codecs[name], rate or 0.0)
        progress((done + 1) / len(run.clips))
    (folder / ABOUT).write_text(json.dumps([asdict(sprite) for sprite in sprites]))


def _chosen(run: ClipRun, plan: ClipPlan) -> set[str]:
    """The first codecs of each setting in turn."""
    turns = [name for place in range(MOST) for names in settings_of(run).values() for name in names[place : place + 1]]
    return set([name for name in turns if name in plan.codecs][:MOST])


def _coded(folder: Path, run: ClipRun, source: SourceClip, codec: ClipCodec, rate: float) -> list[Sprite]:
    row = nearest(run, codec.name, source.name, rate)
    if row is None:
        return []
    shown = codec.decompress(source, codec.compress(source, row.quality))
    return [_sprite(folder, source, codec.name, codec.label, codec.setting, row.bpp, shown.pixels, row.psnr_of_frames)]


def _sprite(
    folder: Path,
    source: SourceClip,
    codec: str,
    label: str,
    setting: str,
    bpp: float | None,
    pixels: Sequence[np.ndarray],
    psnr: Sequence[float] = (),
) -> Sprite:
    height, width = (min(most, side) for most, side in zip(LARGEST, pixels[0].shape[:2], strict=True))
    top, left = (pixels[0].shape[0] - height) // 2, (pixels[0].shape[1] - width) // 2
    frames = min(len(pixels), TALLEST // height)
    window = np.concatenate([frame[top : top + height, left : left + width] for frame in pixels[:frames]])
    buffer = io.BytesIO()
    Image.fromarray(window).save(buffer, "JPEG", quality=QUALITY, subsampling="4:4:4")
    file = f"{Path(source.name).stem}-{codec or 'original'}.jpg"
    (folder / file).write_bytes(buffer.getvalue())
    return Sprite(
        clip=source.name,
        codec=codec,
        label=label,
        setting=setting,
        bpp=bpp,
        psnr=float(np.mean(psnr)) if len(psnr) else None,
        file=file,
        width=width,
        height=height,
        frames=frames,
        rate=float(source.rate),
        psnr_of_frames=[round(value, 3) for value in psnr],
    )


def read_sprites(out: Path) -> list[Sprite]:
    """Inverse of `make_sprites`; empty where there are none. Raises CorruptFileError."""
    path = out / FOLDER / ABOUT
    if not path.is_file():
        return []
    try:
        return [Sprite(**sprite) for sprite in json.loads(read_whole(path, CorruptFileError))]
    except (ValueError, TypeError) as error:
        raise CorruptFileError(f"{path} is damaged: {error}") from error
