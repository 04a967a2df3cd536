"""Symbols of a trained model, counted for its tables."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from dlic.checkpoints.local import folder_of
from dlic.entropy.parts import Symbols
from dlic.entropy.tables import REACH
from dlic.learned.codec import LearnedCodec, load_codec
from dlic.learned.unit import UnitCodec

LEVEL_STRIDE = 5  # from one photograph to the next: coprime to the number of levels, so that all of them are visited
KEYS = {"mse": "light-1", "ms-ssim": "light-1", "visual": "light-2-visual"}  # that code the key frames, by the distortion
SCENES = 48  # of clips, 3 to 16 predicted frames in each
SCENE_SIZE = (224, 352)


def histogram(learned: LearnedCodec, folder: Path, model: str) -> NDArray[np.float64]:
    """Counts of the symbols −REACH … REACH in each table row, over what is below a folder: (rows, 2 · REACH + 1).

    Args:
        learned: the model before its export.
        folder: photographs; for `inter` clips, of which the superblocks with a residual are counted.
        model: its name.
    """
    coded = _of_clips(learned, folder) if model == "inter" else _of_photographs(learned.unit, folder)
    width = 2 * REACH + 1
    counts = np.zeros(len(learned.unit.tables) * width)
    for symbols in coded:
        written = symbols.rows < len(learned.unit.tables)  # others are in superblocks that are left out
        values = np.clip(symbols.values[written], -REACH, REACH) + REACH
        counts += np.bincount(symbols.rows[written].astype(np.int64) * width + values, minlength=counts.size)
    return counts.reshape(-1, width)


def _of_photographs(codec: UnitCodec, folder: Path, side: int = 512) -> Iterator[Symbols]:
    """The centre of each photograph at one level, in turn, so that all are seen."""
    from dlic.data.crops import ValidationCrops
    from dlic.data.photographs import decode_all, find_photographs

    decoded = decode_all(find_photographs(folder))
    crops = ValidationCrops(decoded, side // codec.stride * codec.stride, len(decoded))
    for i in _shown(len(crops)):
        latent = codec.deployed.encoder.analyse(crops[i].permute(1, 2, 0).contiguous().numpy())
        yield codec.rounding.plain(latent, i * LEVEL_STRIDE % codec.levels).symbols


def _of_clips(learned: LearnedCodec, folder: Path) -> Iterator[Symbols]:
    """Predicted frames of scenes of the clips, at levels of their own."""
    from dlic.data.chains import coded_chain
    from dlic.data.clips import decode_clips, find_clips
    from dlic.data.pairs import drawn_chain
    from dlic.data.scenes import RealScenes
    from dlic.learned.sequence.codec import sequence_codec

    scenes = RealScenes(decode_clips(find_clips(folder)))
    codec = sequence_codec(load_codec(folder_of(KEYS[learned.unit.distortion])), learned, {})
    for number in _shown(SCENES):
        _, frames = coded_chain(codec, *drawn_chain(np.random.default_rng(number), scenes, *SCENE_SIZE))
        for frame in frames:
            yield from codec.residual.encode(frame.x, frame.p, frame.level, frame.coded).symbols


def _shown(count: int) -> Iterator[int]:
    return iter(track(range(count), "counting symbols", console=Console(stderr=True)))
