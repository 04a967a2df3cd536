"""CompressAI's entropy bottleneck for training; decoding needs neither this module nor compressai."""

import torch
from compressai.entropy_models import EntropyBottleneck
from torch import Tensor

from dlic.models.base import round_ste

TABLES = ("_offset", "_quantized_cdf", "_cdf_length")  # of CompressAI's own coder


class Bottleneck(EntropyBottleneck):
    """A learned distribution for each channel, the same at all positions (Ballé et al. 2018, arXiv:1802.01436, appendix 6.1)."""

    def __init__(self, channels: int, init_scale: float = 10.0):
        super().__init__(channels, init_scale=init_scale)
        self.quantiles.requires_grad_(False)  # `prepare` solves them; distributed training would wait for their gradients
        for name in TABLES:  # dlic makes its own at export; buffers whose size changes would break averaging and resuming
            self.register_buffer(name, torch.IntTensor(), persistent=False)

    @property
    def medians(self) -> Tensor:
        """Centre of each channel, subtracted before rounding: (C,)."""
        return self.quantiles[:, 0, 1].detach()

    def coded(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, C, h, w) float32 → z_hat, rounded with the gradient of the identity, and bits (B,), in training those of noise."""
        medians = self.medians[:, None, None]
        z_hat = round_ste(z - medians) + medians
        noisy = z + torch.empty_like(z).uniform_(-0.5, 0.5) if self.training else z_hat
        values = noisy.transpose(0, 1).reshape(self.channels, 1, -1)  # (C, 1, B·h·w)
        likelihoods = self.likelihood_lower_bound(self._likelihood(values)[0])
        return z_hat, -torch.log2(likelihoods).reshape(self.channels, len(z), -1).sum(dim=(0, 2))

    def likelihoods(self, symbols: Tensor) -> Tensor:
        """Probability of integer symbols (K,) in each channel: (C, K)."""
        return self._likelihood((symbols + self.medians[:, None])[:, None])[0][:, 0]

    def prepare(self) -> None:
        """Solves the quantiles, which gradients do not train."""
        self._update_quantiles()
