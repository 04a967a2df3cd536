"""Frames coded one after another in training: what one loses, those that refer to it predict worse.

decoded frames ─┬─ predict ─ p ─ network ─ x_hat ─ rounded ─┐
                └────────────── in the crop ◄──────────────┘
"""

import torch
from torch import Tensor

from dlic.data.windows import UnrolledCrops
from dlic.models.base import ModelOutput
from dlic.models.inter import Inter
from dlic.models.inter.motion import BlockMotion, predict, round_half_up


def unrolled(network: Inter, crops: UnrolledCrops) -> tuple[ModelOutput, Tensor, Tensor]:
    """Codes the frames of windows in turn. Gradients pass from a frame through its prediction to the frames that it refers to.

    Returns the output for all of them, pictures (T·B, 3, H, W) in [0, 1], and levels (T·B,).
    """
    decoded: list[Tensor] = []  # crops of each frame, whole numbers 0 … 255 with gradients
    outputs, pictures = [], []
    for t in range(crops.x.shape[1]):
        p = predict(_references(crops, t, decoded), BlockMotion(*(values[:, t] for values in crops.motion)))
        x, p = (_turned(frames / 255, crops.turn) for frames in (crops.x[:, t].float(), p))
        which = _turned(crops.coded[:, t].float(), crops.turn)
        outputs.append(_coded(network, x, crops.level[:, t], p, which))
        pictures.append(x)
        decoded.append(_turned(round_half_up(255 * outputs[-1].x_hat.clamp(0, 1)), crops.turn, back=True))
    output = ModelOutput(
        x_hat=torch.cat([one.x_hat for one in outputs]),
        bits=torch.cat([one.bits for one in outputs]),
        y=torch.cat([one.y for one in outputs]),
        sparsity=torch.stack([one.sparsity for one in outputs]).mean(),
    )
    return output, torch.cat(pictures), crops.level.T.flatten()


def _coded(network: Inter, x: Tensor, level: Tensor, p: Tensor, which: Tensor) -> ModelOutput:
    """`Inter.coded`; the network runs only on crops of which something is coded, and on one at least."""
    runs = which.flatten(1).any(dim=1)
    runs[0] |= ~runs.any()
    output = network.coded(x[runs], level[runs], p[runs], which[runs])
    places = runs.nonzero()[:, 0]
    x_hat = p.index_copy(0, places, output.x_hat)
    bits = output.bits.new_zeros(len(x)).index_copy(0, places, output.bits)
    return ModelOutput(x_hat, bits, output.y, output.sparsity)


def _references(crops: UnrolledCrops, t: int, decoded: list[Tensor]) -> Tensor:
    """The references of frame t, with the network's own crops in their places: (B, 2, 3, H, W)."""
    references = crops.references[:, t].float()
    side = crops.x.shape[-1]
    for image, slot in (crops.own[:, t] >= 0).nonzero().tolist():
        top, left = crops.motion.corner[image, t].tolist()
        own = decoded[int(crops.own[image, t, slot])][image]
        references[image, slot, :, top : top + side, left : left + side] = own
    return references


def _turned(values: Tensor, turn: Tensor, back: bool = False) -> Tensor:
    """Each of (B, C, H, H) turned by quarters and then, from 4 on, mirrored; or back."""
    turned = []
    for one, number in zip(values, turn.tolist(), strict=True):
        mirrored, quarters = divmod(number, 4)
        if back:
            turned.append(torch.rot90(one.flip(-1) if mirrored else one, -quarters, (-2, -1)))
        else:
            one = torch.rot90(one, quarters, (-2, -1))
            turned.append(one.flip(-1) if mirrored else one)
    return torch.stack(turned)
