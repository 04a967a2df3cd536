"""CompressAI's architectures with a few channels and random weights that give symbols worth coding."""

from pathlib import Path

import torch
from compressai.models import CompressionModel
from compressai.registry import MODELS

ARCHITECTURES = (
    "bmshj2018-factorized", "bmshj2018-factorized-relu", "bmshj2018-hyperprior", "mbt2018-mean", "mbt2018", "cheng2020-anchor",
    "cheng2020-attn", "bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr", "mbt2018-vbr",
)  # fmt: skip
SLOW = ("mbt2018", "cheng2020-anchor", "cheng2020-attn", "mbt2018-vbr")  # decode position by position


def tiny_model(architecture: str, seed: int = 0) -> CompressionModel:
    torch.manual_seed(seed)
    options = {"vr_entbttlnck": True} if architecture in ("bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr") else {}
    model = MODELS[architecture](8, **options) if architecture.startswith("cheng") else MODELS[architecture](8, 12, **options)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name in ("g_a.6.weight", "h_a.4.weight"):
                weights *= 100  # untrained latents are all rounded to zero
    return model.eval()


def tiny_weights(architecture: str, folder: Path, seed: int = 0) -> Path:
    """A file with the state dict of `tiny_model`, as a training script would leave it."""
    path = folder / f"{architecture}-{seed}.pth.tar"
    if not path.exists():
        torch.save({"epoch": 3, "state_dict": tiny_model(architecture, seed).state_dict(), "best": float("inf")}, path)
    return path
