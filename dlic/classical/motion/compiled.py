"""What takes Python long about the motion of frames, as compiled code: `motion.c`.

NumPy does the same where Wasmtime is missing or does not run, and for frames that are too large for the module.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import MotionField
from dlic.runtime import wasm

LARGEST = 1 << 25  # pixels of a frame
PATH = Path(__file__).with_name("motion.wasm")


def serves(height: int, width: int) -> bool:
    """Whether compiled code serves frames of a size."""
    return height * width <= LARGEST and wasm.available(PATH)


def module() -> AbstractContextManager[wasm.Instance]:
    """The calling thread's instance."""
    return wasm.instance(PATH)


def predict(references: Sequence[NDArray[np.uint8]], field: MotionField) -> NDArray[np.uint8]:
    """As `prediction.predict`, of frames that it serves."""
    height, width = references[0].shape[:2]
    with module() as code:
        frames = [reference[..., :3] for reference in references]
        places = code.put(field.modes, field.split, field.vectors, field.colours, *frames)
        first, second = places[4], places[5] if len(frames) == 2 else 0
        return code.array_at(
            code.run("motion_predict", first, second, width, height, *places[:4]), np.uint8, (height, width, 3)
        ).copy()
