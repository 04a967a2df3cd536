"""What `test_machines` runs in another process: decodes a sequence, and says what its motion predicts.

python -m tests.learned.sequence.other_machine FILE SHOWN
"""

import sys
from pathlib import Path

import numpy as np

from dlic.classical.motion.prediction import predict
from tests.classical.motion.fields import random_field
from tests.learned.sequence.clips import decoder, pan


def show(file: bytes) -> dict[str, np.ndarray]:
    """The pixels of all frames, and a prediction."""
    frames = {str(frame.pts): frame.pixels for frame in decoder(file).frames()}
    p = predict(pan(2, size=(130, 190)), random_field((130, 190), 2, 7))
    return {"p": p, "verified": np.array(decoder(file).verify()), **frames}


if __name__ == "__main__":
    np.savez(sys.argv[2], **show(Path(sys.argv[1]).read_bytes()))
