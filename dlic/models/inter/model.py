"""The network `inter`: `Light` on the residual of an exact prediction."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.models.base import ModelOutput
from dlic.models.inter.prediction import PredictionFeatures
from dlic.models.light import Light

ZERO = 0.5  # what g_a and g_s take for a residual of zero
SIDE = 64  # pixels along a superblock
NEARLY = 0.67  # share of its bits that the error which a superblock saves must be worth in training; 1 in an encoder
WHOLE = 0.1  # share of the images in training that are coded as a whole
GREY = 128  # of 8-bit pixels: the prediction where there is none


class Inter(Light):
    """x − p through the transform, hyperprior and context of `Light`, for a prediction p that encoder and decoder both have.

    x − p ─ g_a ─ y ─ symbols, σ(ẑ, level) ─ y_hat ─ g_s ─ + p ─ x_hat
    p ─ features ─┬─ + what z says about the means
                  └─ + features of g_s

    Rows never depend on p: parsing needs whole numbers alone, and no other frame.
    """

    name = "inter"
    grows_from = "light"

    def __init__(self, hyper: int = 32, prediction: int = 48, **light: float):
        """
        Args:
            hyper: channels of z.
            prediction: channels of the features of p.
            light: further arguments of `Light`.
        """
        super().__init__(hyper=hyper, **light)  # type: ignore[arg-type]  # whole numbers but for λ
        self.config |= {"prediction": prediction}
        self.prediction = PredictionFeatures(prediction, self.config["channels"], self.config["hidden"])

    def forward(self, x: Tensor, level: Tensor | None = None, p: Tensor | None = None) -> ModelOutput:
        """x and p (B, 3, H, W) in [0, 1]; without p middle grey is the prediction.

        In training, superblocks are left out as an encoder leaves them out.
        """
        if level is None:
            raise ValueError("a network of many rates needs the level of each image")
        p = torch.full_like(x, GREY / 255) if p is None else p
        return self.coded(x, level, p, self.worth_coding(x, level, p)) if self.training else self._coded(x, level, p, None)

    def coded(self, x: Tensor, level: Tensor, p: Tensor, which: Tensor) -> ModelOutput:
        """Codes the superblocks `which` (B, 1, H/64, W/64), 1 there and 0 elsewhere: others cost nothing, and x_hat = p there."""
        of_pixels = which.repeat_interleave(SIDE, 2).repeat_interleave(SIDE, 3)[:, :, : x.shape[2], : x.shape[3]] > 0
        output = self._coded(torch.where(of_pixels, x, p), level, p, which)
        return replace(output, x_hat=torch.where(of_pixels, output.x_hat, p))

    def _coded(self, x: Tensor, level: Tensor, p: Tensor, which: Tensor | None) -> ModelOutput:
        known = self.prediction(p, level)
        y = self.g_a(x - p + ZERO) * self.gain(level)
        coded = self.entropy_model(y, level, known.for_means, which)
        residual = self.g_s(coded.y_hat, level, known.for_pixels).float() - ZERO
        return ModelOutput(p + residual, coded.total_bits, y, coded.sparsity)

    @torch.no_grad()
    def worth_coding(self, x: Tensor, level: Tensor, p: Tensor) -> Tensor:
        """Superblocks (B, 1, H/64, W/64) whose bits cost less than the error that they save: 1 there, 0 elsewhere.

        Those that are dearer by less than half are taken too, or they would never become worth it; and all of some images.
        """
        known = self.prediction(p, level)
        coded = self.entropy_model(self.g_a(x - p + ZERO) * self.gain(level), level, known.for_means)
        x_hat = p + self.g_s(coded.y_hat, level, known.for_pixels).float() - ZERO
        saved = _errors(x - p) - _errors(x - x_hat)
        price = self.lmbdas[level][:, None, None, None] * 255**2
        whole = torch.rand(len(x), 1, 1, 1, device=x.device) < WHOLE
        return (whole | (price * saved > NEARLY * coded.bits)).float()

    def grow_from(self, config: dict, weights: dict[str, Tensor]) -> None:
        """Begins as a trained `Light`: of its channels of z those of the largest scales stay, as others are dead."""
        light, ours = Light(**config), self.config
        unfit = [key for key in light.config if key not in ("hyper", *light.goals) and ours[key] != light.config[key]]
        if unfit or light.config["hyper"] < ours["hyper"]:
            raise ValueError(f"weights of light do not fit: {', '.join(unfit) or 'it has fewer channels of z'}")
        light.load_state_dict(weights)
        scales = light.z_log_scale.anchors.mean(dim=0)
        kept = scales.argsort(descending=True)[: ours["hyper"]].sort().values
        own = self.state_dict()
        for name, weight in light.state_dict().items():
            for axis in range(weight.ndim):
                if weight.shape[axis] != own[name].shape[axis]:
                    weight = weight.index_select(axis, kept)
            own[name] = weight
        self.load_state_dict(own)


def _errors(apart: Tensor) -> Tensor:
    """Sums of squared errors of superblocks, means over colours, of differences (B, 3, H, W): (B, 1, H/64, W/64)."""
    squares = apart.square().mean(dim=1, keepdim=True)
    missing = [-side % SIDE for side in squares.shape[2:]]
    return F.avg_pool2d(F.pad(squares, (0, missing[1], 0, missing[0])), SIDE) * SIDE**2
