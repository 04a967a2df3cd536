"""Groups with even sums (`entropy.parity`) in annealing: messages from a group to its symbols say which parity each should have."""

import torch
from torch import Tensor

from dlic.entropy.parity import Groups, settle
from dlic.runtime.torch.annealing import Prices, Slope
from dlic.runtime.torch.arrays import to_batch, to_latent

UNSURE = 0.02  # smallest difference between the chances of both parities: a divisor must not be zero


class EvenGroups:
    """Groups of symbols that are tensors (1, M, h, w)."""

    def __init__(self, groups: Groups):
        """`groups`: in places of the raveled latent (h, w, M)."""
        self._groups = groups
        self._members, self._of_members = (torch.from_numpy(a) for a in (self._groups.members, self._groups.of_members))

    def chance_of_moving(self, nearest: Tensor, stays: Tensor) -> Tensor:
        """Odds by which the even sum of its group makes a symbol leave its nearest whole number.

        The rule of a parity check in belief propagation (Gallager 1962): with d = P(even) − P(odd) of a symbol, the other symbols
        of a group have an even sum with the probability (1 + product of their d) / 2.

        Args:
            nearest: whole numbers (1, M, h, w).
            stays: probability that each symbol stays, without its group; otherwise it becomes one of its neighbours.
        """
        staying = _flat(stays)[self._members]
        lead = 2 * staying - 1
        lead = torch.where(lead < 0, lead.clamp_max(-UNSURE), lead.clamp_min(UNSURE))
        signs = 1 - 2 * _flat(nearest)[self._members].remainder(2)
        products = torch.ones(len(self._groups)).scatter_reduce_(0, self._of_members, lead * signs, "prod")
        agreement = (products[self._of_members] / lead).clamp(-1, 1)  # of the others with a symbol that stays
        weight = (1 - agreement) / ((1 + agreement) * staying + (1 - agreement) * (1 - staying)).clamp_min(1e-6)
        _, channels, height, width = stays.shape
        factors = torch.ones(stays.numel()).index_copy_(0, self._members, weight)
        return factors.view(1, height, width, channels).permute(0, 3, 1, 2)

    def repaired(self, symbols: Tensor, prices: Prices, slope: Slope, curvature: Tensor) -> Tensor:
        """Moves one symbol of every odd group by one: the move of the least cost by prices, slope and curvature. `nearest`: whole
        symbols (1, M, h, w).
        """
        if not self._groups.odd(to_latent(symbols).ravel()).any():
            return symbols
        now, slopes = prices.bits(symbols), slope(symbols)
        up, down = (
            torch.where(
                (symbols + move).clamp(prices.low, prices.high) == symbols,
                torch.inf,
                prices.bits(symbols + move) - now + move * slopes,
            )
            for move in (1, -1)
        )
        costs, moves = torch.minimum(up, down) + curvature / 2, torch.where(up <= down, 1.0, -1.0)
        even = to_latent(symbols).copy()
        settle(even.reshape(-1), to_latent(moves).ravel(), to_latent(costs).ravel(), self._groups)
        return to_batch(even)


def _flat(values: Tensor) -> Tensor:
    """(1, M, h, w) → (h·w·M,), the order of symbols in a file."""
    return values.permute(0, 2, 3, 1).reshape(-1)
