"""The network `inter`: `Light` on the residual of an exact prediction."""

import torch
from torch import Tensor

from dlic.models.base import ModelOutput
from dlic.models.inter.prediction import PredictionFeatures
from dlic.models.light import Light

ZERO = 0.5  # what g_a and g_s take for a residual of zero
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
        """x and p (B, 3, H, W) in [0, 1]; without p middle grey is the prediction."""
        if level is None:
            raise ValueError("a network of many rates needs the level of each image")
        p = torch.full_like(x, GREY / 255) if p is None else p
        known = self.prediction(p, level)
        y = self.g_a(x - p + ZERO) * self.gain(level)
        y_hat, total_bits, sparsity = self.entropy_model(y, level, known.for_means)
        residual = self.g_s(y_hat, level, known.for_pixels).float() - ZERO
        return ModelOutput(p + residual, total_bits, y, sparsity)

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
