"""Makes the golden sequences, which must decode for ever. With a new format version only:

python -m tests.golden.sequences.rewrite
"""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.learned.sequence.clips import decoder, encoded, pan, photograph

FOLDER = Path(__file__).parent


def clips() -> dict[str, bytes]:
    """Two scenes with alpha and B frames; a moving block on a still scene with P frames alone."""
    scenes = [*pan(9, size=(70, 90)), *pan(3, size=(70, 90), at=(380, 500), step=(-2, 1))]
    clear = [np.dstack([x, np.where(x[..., 1] > 90, 255, 20 * i).astype(np.uint8)]) for i, x in enumerate(scenes)]
    block = [photograph()[:130, :150].copy() for _ in range(5)]
    for i, frame in enumerate(block):
        frame[20:60, 10 + 7 * i : 50 + 7 * i] = photograph()[300:340, 300:340]
    return {"hierarchy_alpha": encoded(clear, level=45), "chain": encoded(block, level=60, low_delay=True)}


def shown(data: bytes) -> np.ndarray:
    """All frames, one below the other."""
    return np.concatenate([frame.pixels for frame in decoder(data).frames()])


if __name__ == "__main__":
    for name, data in clips().items():
        (FOLDER / f"{name}.dlic").write_bytes(data)
        Image.fromarray(shown(data)).save(FOLDER / f"{name}.png")
