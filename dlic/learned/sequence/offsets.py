"""Steps of the offsets of guarded frames (`learned.guarded_rounding`) ⇄ bits in contexts.

A step's place in the order in which an encoder tries them is geometrically distributed. Of this place, from 1, the octave is coded
in adaptive contexts, and then the bits below its leading one.
"""

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.contexts import SEEN
from dlic.entropy.adaptive import Probabilities
from dlic.entropy.flags import FlagReader, Flags, FlagWriter
from dlic.learned.guarded_rounding import MOST

OCTAVES = (2 * MOST + 1).bit_length() - 1  # contexts: whether a place is beyond the octave
# What their probabilities begin with, in 1/256: (1 − p)^(2^octave) for the share p of offsets that keep the margin on average
OF_KEY = (234, 214, 179, 125, 61, 15, 1, 1, 1)
OF_INTER = (254, 252, 248, 241, 228, 202, 159, 100, 38)


def code_steps(flags: Flags, first: int, even: int, count: int, steps: NDArray[np.int16] | None) -> NDArray[np.int16]:
    """Codes `count` steps in contexts from `first` on, and one of `even` bits; returns them. A writer is given `steps` (count,)."""
    places = None if steps is None else np.where(steps > 0, 2 * steps.astype(np.int64), 1 - 2 * steps.astype(np.int64))
    octaves, left = np.zeros(count, np.int64), np.arange(count)
    for octave in range(OCTAVES):
        more = flags.code(np.full(left.size, first + octave), None if places is None else places[left] >= 2 << octave)
        left = left[more != 0]
        octaves[left] += 1
    found = np.ones(count, np.int64)
    for bit in range(OCTAVES - 1, -1, -1):
        which = np.flatnonzero(octaves > bit)
        below = flags.code(np.full(which.size, even), None if places is None else places[which] >> bit & 1)
        found[which] = 2 * found[which] + below
    return np.where(found % 2, -(found // 2), found // 2).astype(np.int16)


def write_steps(steps: NDArray[np.int16]) -> bytes:
    """The stream of a key frame's steps (h, w)."""
    writer = FlagWriter(_of_key())
    code_steps(writer, 0, OCTAVES, steps.size, steps.ravel())
    return writer.finish()


def read_steps(stream: bytes, size: tuple[int, int]) -> NDArray[np.int16]:
    """Inverse of `write_steps`. Raises CorruptFileError."""
    reader = FlagReader(stream, _of_key())
    steps = code_steps(reader, 0, OCTAVES, size[0] * size[1], None)
    reader.finish()
    return steps.reshape(size)


def _of_key() -> Probabilities:
    ones = np.array([*OF_KEY, 128])
    return Probabilities(ones * SEEN // 256, np.full(ones.size, SEEN))
