"""g_a and g_s of `Factorized`, of every kind of stage."""

from torch import nn

from dlic.layers.dct_transforms import Analysis, PlainSynthesis, corrected_dct
from dlic.layers.stages import analysis_stage, down, synthesis_stage, up

STAGES = ("dct", "gdn", "vgg", "resnet", "densenet")


def transforms(
    stage: str,
    channels: int,
    latents: int,
    fine_blocks: int,
    coarse_blocks: int,
    initial_step: float,
    dct_path: bool = False,
) -> tuple[nn.Module, nn.Module]:
    """g_a (B, 3, H, W) → (B, M, H/16, W/16) and g_s back."""
    if stage == "dct":
        form = channels, latents, (channels // 2, latents // 2), (fine_blocks, coarse_blocks), initial_step
        return Analysis(*form), PlainSynthesis(*form)
    g_a = nn.Sequential(
        analysis_stage(stage, 3, channels),
        analysis_stage(stage, channels, channels),
        analysis_stage(stage, channels, channels),
        down(channels, latents, 5),
    )
    g_s = nn.Sequential(
        synthesis_stage(stage, latents, channels),
        synthesis_stage(stage, channels, channels),
        synthesis_stage(stage, channels, channels),
        up(channels, 3, 5),
    )
    return corrected_dct(g_a, g_s, latents, initial_step) if dct_path else (g_a, g_s)
