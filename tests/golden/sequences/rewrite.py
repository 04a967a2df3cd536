"""Makes the golden sequences, which must decode for ever. With a new format version only:

python -m tests.golden.sequences.rewrite [NAME …]
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.learned.exact.pages import page, page_with_photograph
from tests.learned.sequence.clips import decoder, encoded, pan, photograph

FOLDER = Path(__file__).parent


def clips() -> dict[str, bytes]:
    """Two scenes with alpha and B frames; a moving block on a still scene with P frames alone."""
    scenes = [*pan(9, size=(70, 90)), *pan(3, size=(70, 90), at=(380, 500), step=(-2, 1))]
    clear = [np.dstack([x, np.where(x[..., 1] > 90, 255, 20 * i).astype(np.uint8)]) for i, x in enumerate(scenes)]
    block = [photograph()[:130, :150].copy() for _ in range(5)]
    for i, frame in enumerate(block):
        frame[20:60, 10 + 7 * i : 50 + 7 * i] = photograph()[300:340, 300:340]
    return {"hierarchy_alpha": encoded(clear, level=45), "chain": encoded(block, level=60, low_delay=True), "screen": screen()}


def screen() -> bytes:
    """A line is typed over a page with a photograph, whose key frame has exact blocks; then a page of nothing else."""
    frames = [page_with_photograph(photograph())[:128, :192].copy() for _ in range(4)]
    for i, frame in enumerate(frames):
        frame[20:36, : 40 * i] = page(128, 192, "#a03030")[4:20, : 40 * i]
    return encoded([*frames, page(128, 192, "white", "navy"), page(128, 192, "yellow", "navy")], level=40)


def shown(data: bytes) -> np.ndarray:
    """All frames, one below the other."""
    return np.concatenate([frame.pixels for frame in decoder(data).frames()])


if __name__ == "__main__":
    made = clips()
    for name in sys.argv[1:] or made:
        data = made[name]
        (FOLDER / f"{name}.dlic").write_bytes(data)
        Image.fromarray(shown(data)).save(FOLDER / f"{name}.png")
