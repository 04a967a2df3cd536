"""A coded scene on disk: pixels of its frames, memory-mapped, and what predicts them.

NNNNN.npy   (1 + frames, 3, H, W, 3): x, p and x_hat of every frame in the order of coding; of the key frame, p is x_hat
NNNNN.npz   of every frame but the key frame: level, places of its references in the other file, motion field, coded superblocks
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import MotionField, of_macroblocks
from dlic.data.chains import PredictedFrame
from dlic.learned.sequence.structure import Step
from dlic.storage.files import written_whole

NONE = -1  # in the place of a second reference


@dataclass(frozen=True, eq=False, kw_only=True)
class ChainMotion:
    """What predicts the frames of a coded scene but its first."""

    levels: NDArray[np.int64]  # (frames,)
    references: NDArray[np.int64]  # (frames, 2): places of frames in the order of coding, 0 is the key frame; or NONE
    modes: NDArray[np.uint8]  # (frames, mh, mw)
    vectors: NDArray[np.int16]  # (frames, 2, 2·mh, 2·mw, 2): y and x for each block of 8 × 8, also of macroblocks that are whole
    colours: NDArray[np.uint8]  # (frames, mh, mw, 3)
    coded: NDArray[np.bool_]  # (frames, h, w): superblocks with a residual


def write_chain(
    file: Path, x: NDArray[np.uint8], x_hat: NDArray[np.uint8], frames: Sequence[PredictedFrame], steps: Sequence[Step]
) -> None:
    """Writes a coded scene: its key frame x and x_hat (H, W, 3), and the other frames. `file` is that of the pixels."""
    places = {step.number: place for place, step in enumerate(steps)}
    references = [[places[number] for number in step.references] for step in steps[1:]]
    motion = ChainMotion(
        levels=np.array([frame.level for frame in frames]),
        references=np.array([[*known, NONE][:2] for known in references]),
        modes=np.stack([frame.field.modes for frame in frames]),
        vectors=np.stack([_vectors(frame.field) for frame in frames]),
        colours=np.stack([frame.field.colours for frame in frames]),
        coded=np.stack([frame.coded for frame in frames]),
    )
    with written_whole(file.with_suffix(".npz"), overwrite=True) as opened:
        np.savez(opened, **vars(motion))
    with written_whole(file, overwrite=True) as opened:
        np.save(opened, np.stack([[x, x_hat, x_hat], *([frame.x, frame.p, frame.x_hat] for frame in frames)]))


def read_motion(file: Path) -> ChainMotion:
    """What predicts the frames of the scene whose pixels are in `file`."""
    with np.load(file.with_suffix(".npz")) as stored:
        return ChainMotion(**stored)


def read_frames(file: Path) -> NDArray[np.uint8]:
    """x, p and x_hat of a scene's frames: (1 + frames, 3, H, W, 3), memory-mapped."""
    return np.asarray(np.load(file, mmap_mode="r"))


def _vectors(field: MotionField) -> NDArray[np.int16]:
    """Vectors of two references, if need be zeros, and of whole macroblocks those of their blocks."""
    whole = np.stack([of_macroblocks(vectors[::2, ::2]) for vectors in field.vectors])
    vectors = np.where(of_macroblocks(field.split)[..., None], field.vectors, whole)
    return np.concatenate([vectors, np.zeros((2 - len(vectors), *vectors.shape[1:]), np.int16)])
