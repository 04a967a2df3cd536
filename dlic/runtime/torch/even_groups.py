"""Groups with even sums (`entropy.parity`) in annealing: each symbol learns from its group which parity it should have."""

import torch
from torch import Tensor

from dlic.entropy.parity import groups_of_steps, joined, settle
from dlic.entropy.parts import Part
from dlic.entropy.tables import FrequencyTables
from dlic.runtime.torch.annealing import Prices, Slope
from dlic.runtime.torch.arrays import to_batch, to_latent

UNSURE = 0.02  # least difference between the chances of both parities that is reckoned with, so that it can be divided by


class EvenGroups:
    """The groups of one part whose symbols are tensors (1, M, h, w)."""

    def __init__(self, part: Part, tables: FrequencyTables):
        self._groups = joined(groups_of_steps(part, tables))
        self._members, self._of_members = (torch.from_numpy(a) for a in (self._groups.members, self._groups.of_members))

    def chance_of_moving(self, nearest: Tensor, stays: Tensor) -> Tensor:
        """How many times likelier a symbol leaves its nearest whole number, now that the sum of its group must be even.

        The rule of a parity check in belief propagation (Gallager 1962): with d the chance of an even symbol less that of an odd
        one, the others of a group sum to an even number with the chance (1 + product of their d) / 2.

        Args:
            nearest: whole numbers (1, M, h, w).
            stays: chance of each without its group; with all others one of its neighbours is taken.
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
        """Whole symbols (1, M, h, w) with one of every odd group moved by one, which costs least by prices, slope and curvature."""
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
