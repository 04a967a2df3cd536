"""Even groups in training: latents quantised as in files with parity (see `entropy.parity`)."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from dlic.entropy.parity import GROUP
from dlic.entropy.tables import ENTROPY_FRACTION
from dlic.layers.gaussian import bits, likelihood, row_of_scale, scale_of_row
from dlic.layers.scale_rows import ROWS, SCALE_MIN

FAR = 1024.0  # largest value that an entropy counts: eight times the largest scale


@dataclass(frozen=True, eq=False)
class Repaired:
    """Symbols of one context step whose groups are even."""

    symbols: Tensor  # (B, M, h, w)
    groups: Tensor  # (B,) float32, even groups of each sample: each saves about one bit


@torch.no_grad()
def repaired(whole: Tensor, residual: Tensor, scale: Tensor, step: Tensor, price: float, certain: float) -> Repaired:
    """Moves one symbol by one in every odd group: the move of the least bits + price · squared error.

    Args:
        whole: residuals rounded without parity (B, M, h, w).
        residual: of every latent, in steps (B, M, h, w).
        scale: of every latent (B, M, h, w).
        step: the latents of this context step (1, M, h, w), 1 there and 0 elsewhere.
        price: bits a squared error of one step.
        certain: rows with a lower probability of nonzero values belong to no group.
    """
    places = torch.nonzero(_last_channels(step)[0]).squeeze(1)
    symbols, aims, scales = (_last_channels(values)[:, places] for values in (whole, residual, scale))  # (B, N)
    group, counts = _groups(scales, certain)
    odd = torch.zeros(int(counts.sum()) + 1, device=whole.device).index_add_(0, group.flatten(), symbols.flatten()) % 2 != 0
    odd[-1] = False  # symbols without a group
    among = torch.nonzero(odd[group].flatten()).squeeze(1)
    now, aim, spread, group = (values.flatten()[among] for values in (symbols, aims, scales, group))
    moved = now + torch.where(aim >= now, 1.0, -1.0)
    costs = bits(moved, spread) - bits(now, spread) + price * ((moved - aim).square() - (now - aim).square())
    least = torch.full(odd.shape, torch.inf, device=whole.device).scatter_reduce_(0, group, costs, "amin")
    cheapest = torch.nonzero(costs == least[group]).squeeze(1)
    best = torch.full(odd.shape, -1, device=whole.device).scatter_(0, group[cheapest], cheapest)  # of equals any one
    best = best[best >= 0]
    symbols = symbols.flatten().index_copy(0, among[best], moved[best]).reshape(symbols.shape)
    return Repaired(_with(whole, places, symbols), counts.float())


def _groups(scales: Tensor, certain: float) -> tuple[Tensor, Tensor]:
    """The number of each symbol's group among those of all samples (B, N), and how many each sample has (B,).

    Symbols without a group have the number behind the last.
    """
    rows = row_of_scale(scales.clamp_min(SCALE_MIN)).round().long().clamp_max(ROWS - 1)
    entropies = entropies_of_rows(certain).to(scales.device)[rows]
    ends = entropies.cumsum(1)
    counts, numbers = ends[:, -1] // GROUP, (ends - entropies) // GROUP
    free = (numbers >= counts[:, None]) | (entropies == 0)
    first = counts.cumsum(0) - counts
    return torch.where(free, counts.sum(), numbers + first[:, None]), counts


@lru_cache(maxsize=1)
def entropies_of_rows(certain: float) -> Tensor:
    """Entropy of every row in units of 2^−ENTROPY_FRACTION bits, zero for skipped rows: int64 (ROWS,)."""
    scales = scale_of_row(torch.arange(ROWS, dtype=torch.float64))[:, None]
    shares = likelihood(torch.arange(-FAR, FAR + 1, dtype=torch.float64), scales)
    entropies = (-(shares * shares.log2()).sum(1) * (1 << ENTROPY_FRACTION)).long()
    return torch.where(shares.amax(1) > 1 - certain, 0, entropies)


def _last_channels(values: Tensor) -> Tensor:
    """(B, M, h, w) → (B, h·w·M), the order of symbols in a file."""
    return values.permute(0, 2, 3, 1).flatten(1)


def _with(whole: Tensor, places: Tensor, symbols: Tensor) -> Tensor:
    """`whole` (B, M, h, w) with `symbols` (B, N) at `places` (N,) of each sample."""
    batch, channels, height, width = whole.shape
    changed = _last_channels(whole).index_copy(1, places, symbols)
    return changed.reshape(batch, height, width, channels).permute(0, 3, 1, 2)
