"""The prediction of a frame from decoded frames and a motion field (classical/motion/prediction.py), with gradients.

Every block of 8 × 8 has a window of 16 × 16, also those of macroblocks that are whole: where vectors are equal, the windows of four
blocks sum to that of one macroblock. Values are those of the whole numbers there, and gradients pass all rounding.

    references ─ pixels at vectors ─ 8-tap filters ─ windows · weights ─ mean of two, or one, or a colour ─ fold ─ p
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.classical.motion.field import BOTH, FIRST, FLAT, FRACTION, SECOND, SUB
from dlic.classical.motion.interpolation import BEFORE, FILTERS, SCALE, TAPS
from dlic.classical.motion.overlap import OVERLAP

WINDOW = SUB + 2 * OVERLAP
REACH = WINDOW + TAPS - 1  # pixels along a window that its filters read
RING = SUB + OVERLAP  # pixels before a crop that the windows of the blocks around it cover


class BlockMotion(NamedTuple):
    """The motion of the blocks of 8 × 8 of crops, and of one more block on each side: n down, m across."""

    corner: Tensor  # (B, 2): y and x of the crop in its references, multiples of 8
    modes: Tensor  # (B, n, m): FIRST, SECOND, BOTH or FLAT
    vectors: Tensor  # (B, 2, n, m, 2): y and x in quarter pels, for each reference
    colours: Tensor  # (B, n, m, 3): of FLAT blocks, 0 … 255
    down: Tensor  # (B, n, 16): weights of windows, 0 … 1; of blocks outside of the frame 0
    across: Tensor  # (B, m, 16)


def predict(references: Tensor, motion: BlockMotion) -> Tensor:
    """p (B, 3, 8·(n − 2), 8·(m − 2)) from references (B, 2, 3, H, W), whole numbers 0 … 255.

    The second reference may be anything where no block refers to it.
    """
    with torch.autocast(references.device.type, enabled=False):
        batch, n, m = motion.modes.shape
        flat = (motion.modes == FLAT)[..., None, None, None]
        windows = torch.where(flat, motion.colours[:, :, :, None, None].float(), _moved(references.float(), motion))
        windows = windows * motion.down[:, :, None, :, None, None] * motion.across[:, None, :, None, :, None]
        columns = windows.permute(0, 5, 3, 4, 1, 2).reshape(batch, 3 * WINDOW**2, n * m)
        total = F.fold(columns, (SUB * n + 2 * OVERLAP, SUB * m + 2 * OVERLAP), WINDOW, stride=SUB)
        return round_half_up(total[:, :, RING : RING + SUB * (n - 2), RING : RING + SUB * (m - 2)]).clamp(0, 255)


def round_half_up(values: Tensor) -> Tensor:
    """⌊x + ½⌋, with the gradient of the identity."""
    return values + (torch.floor(values + 0.5) - values).detach()


def _moved(references: Tensor, motion: BlockMotion) -> Tensor:
    """Windows of all blocks from their references, 0 where there is none: (B, n, m, 16, 16, 3)."""
    batch, n, m = motion.modes.shape
    height, width = references.shape[3:]
    modes = motion.modes[:, None]  # (B, 1, n, m)
    numbers = torch.tensor([FIRST, SECOND], device=modes.device)[None, :, None, None]
    places = ((modes == numbers) | (modes == BOTH)).nonzero()  # (K, 4): one for each reference that a block has
    image, number, i, j = places.unbind(1)
    corners = SUB * (torch.stack([i, j], 1) - 1) - OVERLAP + motion.corner[image]
    vectors = motion.vectors[image, number, i, j].long()
    first, phases = corners + vectors // FRACTION, vectors % FRACTION  # (K, 2)
    reach = torch.arange(REACH, device=modes.device) - BEFORE
    rows = (first[:, :1] + reach).clamp(0, height - 1)  # (K, REACH)
    columns = (first[:, 1:] + reach).clamp(0, width - 1)
    index = ((2 * image + number)[:, None] * height + rows)[:, :, None] * width + columns[:, None]
    pixels = references.permute(0, 1, 3, 4, 2).reshape(-1, 3)  # (2·B·H·W, 3)
    taken = pixels.index_select(0, index.flatten()).view(-1, REACH, 3 * REACH)
    filters = _filters(references.device)
    filtered = (filters[phases[:, 0]] @ taken).view(-1, WINDOW, REACH, 3).transpose(2, 3)  # (K, 16, 3, REACH)
    windows = filtered.flatten(1, 2) @ filters[phases[:, 1]].transpose(1, 2)  # (K, 48, 16)
    windows = round_half_up(SCALE * windows) / SCALE
    share = torch.where(motion.modes[image, i, j] == BOTH, 0.5, 1.0)[:, None, None]
    total = windows.new_zeros(batch * n * m, 3 * WINDOW, WINDOW).index_add(0, (image * n + i) * m + j, share * windows)
    return total.view(batch, n, m, WINDOW, 3, WINDOW).transpose(4, 5)


def _filters(device: torch.device) -> Tensor:
    """The filters along one axis as matrices: (4, WINDOW, REACH)."""
    matrices = torch.zeros(FRACTION, WINDOW, REACH)
    for place in range(WINDOW):
        matrices[:, place, place : place + TAPS] = torch.from_numpy(FILTERS / 64)
    return matrices.to(device)
