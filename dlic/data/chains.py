"""Scenes coded frame after frame, as files are: what an inter network gets to see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import MotionField
from dlic.classical.motion.prediction import predict
from dlic.learned.sequence.codec import SequenceCodec
from dlic.learned.sequence.frames import DecodedFrame
from dlic.learned.sequence.packet import read_inter
from dlic.learned.sequence.structure import Step


@dataclass(frozen=True, eq=False, kw_only=True)
class PredictedFrame:
    """A frame that was predicted from others, and how."""

    x: NDArray[np.uint8]  # (H, W, 3)
    p: NDArray[np.uint8]  # of the same size
    x_hat: NDArray[np.uint8]  # of the same size, as frames after it refer to it
    level: int
    field: MotionField
    coded: NDArray[np.bool_]  # (h, w) superblocks with a residual


def coded_chain(
    codec: SequenceCodec, frames: NDArray[np.uint8], steps: Sequence[Step], levels: Sequence[int]
) -> tuple[NDArray[np.uint8], list[PredictedFrame]]:
    """The decoded key frame of a scene (H, W, 3), and its other frames in the order of coding.

    Args:
        codec: of both kinds of frames.
        frames: the scene (count, H, W, 3).
        steps: in the order of coding; the first is the only key frame.
        levels: of each step.
    """
    first = codec.encode_key(frames[steps[0].number], levels[0]).decoded
    return first.pixels, list(_predicted(codec, frames, {steps[0].number: first}, steps[1:], levels[1:]))


def _predicted(
    codec: SequenceCodec,
    frames: NDArray[np.uint8],
    decoded: dict[int, DecodedFrame],
    steps: Sequence[Step],
    levels: Sequence[int],
) -> Iterator[PredictedFrame]:
    for step, level in zip(steps, levels, strict=True):
        x, references = frames[step.number], [decoded[number] for number in step.references]
        encoded = codec.encode_inter(x, references, level, step.number)
        motions = [reference.motion for reference in references]
        packet, _ = read_inter(encoded.data, x.shape[0], x.shape[1], step.number, motions)
        p = predict([reference.pixels for reference in references], packet.field)
        decoded[step.number] = encoded.decoded
        yield PredictedFrame(x=x, p=p, x_hat=encoded.decoded.pixels, level=level, field=packet.field, coded=packet.coded)
