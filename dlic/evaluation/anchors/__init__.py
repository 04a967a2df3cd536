"""Rate–distortion curves on the 24 Kodak images, published by others or measured earlier by this project; shipped as JSON with
their sources.
"""

import json
from collections.abc import Sequence
from importlib import resources

from dlic.errors import DlicError
from dlic.evaluation.comparison import Anchor
from dlic.evaluation.rate_distortion import Point
from dlic.evaluation.scores import as_score

ABOUT = (
    "Curves of others: published result files of CompressAI, and Pillow's codecs as measured before; nothing but the "
    "checkpoint was encoded in this run. Without --against kodak the peers are encoded too."
)
KODAK = 24, (512, 768)  # pictures, and the sides of each, either way up

EIGHT_BITS = "8-bit reconstruction"
FLOAT = "float reconstruction"  # not rounded to 8 bits, which would cost 0.3–0.7 % of BD-rate
PAPER = f"figure of the paper, {FLOAT}"
MEASURED = "measured by dlic"
AVIF_AS_SHIPPED = "AVIF 4:2:0, tune=iq as shipped, speed 6, libavif 1.4.2"  # the same label as in `dlic evaluate`

# file → key → (label, note). Left out: curves optimised for MS-SSIM, which PSNR cannot judge, and the float twins of 8-bit curves.
CURVES = {
    "kodak_published": {
        "vtm": ("VTM (H.266)", ""),
        "hm": ("HM (H.265)", ""),
        "bpg_444_x265_ycbcr": ("BPG 4:4:4", ""),
        "av1": ("AV1 (published)", ""),
        "webp": ("WebP (published)", ""),
        "jpeg2000": ("JPEG 2000", ""),
        "jpeg": ("JPEG (published)", ""),
        "paper-elic2022_mse": ("ELIC", PAPER),
        "paper-minnen2020-cc10_mse": ("channel-wise (Minnen 2020)", PAPER),
        "cheng2020-anchor_mse_ans_8bit": ("CompressAI cheng2020-anchor", EIGHT_BITS),
        "cheng2020-attn_mse_ans_8bit": ("CompressAI cheng2020-attn", EIGHT_BITS),
        "paper-cheng2020-parallel_mse": ("cheng2020 parallel", PAPER),
        "paper-cheng2020-checkerboard-6M_mse": ("cheng2020 checkerboard 6M", PAPER),
        "paper-cheng2020-checkerboard-1M_mse": ("cheng2020 checkerboard 1M", PAPER),
        "mbt2018_mse_ans_8bit": ("CompressAI joint autoregressive", EIGHT_BITS),
        "paper-mbt2018": ("joint autoregressive (paper)", PAPER),
        "mbt2018-vbr-ans": ("CompressAI joint autoregressive, variable rate", FLOAT),
        "mbt2018-mean_mse_ans_8bit": ("CompressAI mean-scale", EIGHT_BITS),
        "paper-mbt2018-mean": ("mean-scale (paper)", PAPER),
        "mbt2018-mean-vbr-ans": ("CompressAI mean-scale, variable rate", FLOAT),
        "paper-minnen2018-parallel_mse": ("minnen2018 parallel", PAPER),
        "paper-minnen2018-checkerboard_mse": ("minnen2018 checkerboard", PAPER),
        "bmshj2018-hyperprior_mse_ans_8bit": ("CompressAI hyperprior", EIGHT_BITS),
        "paper-bmshj2018-hyperprior": ("hyperprior (paper)", PAPER),
        "bmshj2018-hyperprior-vbr-ans": ("CompressAI hyperprior, variable rate", FLOAT),
        "bmshj2018-factorized_mse_ans_8bit": ("CompressAI factorized", EIGHT_BITS),
        "paper-bmshj2018-factorized": ("factorized (paper)", PAPER),
    },
    "kodak_measured": {
        "jpeg420": ("JPEG 4:2:0, optimised", MEASURED),
        "jpeg444": ("JPEG 4:4:4, optimised", MEASURED),
        "webp": ("WebP, method 6", MEASURED),
        "avif420": (AVIF_AS_SHIPPED, MEASURED),
        "avif420_psnr": ("AVIF 4:2:0, tune=psnr, speed 6, libavif 1.4.2", MEASURED),
        "avif444": ("AVIF 4:4:4, tune=iq as shipped, speed 6, libavif 1.4.2", MEASURED),
        "jxl": ("JPEG XL, effort 7", f"{MEASURED}, perceptually tuned"),
    },
}

# Curves of networks trained for MS-SSIM, which alone can judge them. The source's curves …_ms-ssim_ans_8bit are left out: they
# repeat the figures of networks trained for MSE.
TUNED_FOR_MS_SSIM = {
    "bmshj2018-factorized_ms-ssim": "CompressAI factorized, for MS-SSIM",
    "bmshj2018-hyperprior_ms-ssim": "CompressAI hyperprior, for MS-SSIM",
    "mbt2018-mean_ms-ssim": "CompressAI mean-scale, for MS-SSIM",
    "mbt2018_ms-ssim": "CompressAI joint autoregressive, for MS-SSIM",
    "cheng2020-anchor_ms-ssim": "CompressAI cheng2020-anchor, for MS-SSIM",
    "cheng2020-attn_ms-ssim": "CompressAI cheng2020-attn, for MS-SSIM",
}


def kodak_anchors(metric: str = "psnr") -> dict[str, Anchor]:
    """Every curve with values of a metric, by its label, as scores."""
    curves = {
        label: Anchor(_points(curve, metric), note)
        for file, labels in CURVES.items()
        for curves in [stored(file)]
        for key, (label, note) in labels.items()
        for curve in [curves[key]]
        if curve.get(metric) is not None
    }
    return curves | (_tuned() if metric == "ms_ssim" else {})


def _tuned() -> dict[str, Anchor]:
    curves = stored("kodak_published")
    return {label: Anchor(_points(curves[key], "ms_ssim"), FLOAT) for key, label in TUNED_FOR_MS_SSIM.items()}


def _points(curve: dict, metric: str) -> list[Point]:
    return [Point(bpp, as_score(metric, value)) for bpp, value in zip(curve["bpp"], curve[metric], strict=True)]


def stored(file: str) -> dict:
    """A JSON file of this folder, unchanged: key → columns, and `_about` with the source."""
    return json.loads((resources.files(__name__) / f"{file}.json").read_text(encoding="utf-8"))


def check_kodak(folder: str, sizes: Sequence[tuple[int, int]], asked: str = "--against kodak") -> None:
    """Raises DlicError, which names `asked`, for pictures whose sizes are not those of the Kodak set."""
    count, sides = KODAK
    odd = sum(sorted(size) != sorted(sides) for size in sizes)
    if odd or len(sizes) != count:
        holds = f"{len(sizes)} images" + (f", {odd} of another size" if odd else "")
        raise DlicError(f"{asked} needs the {count} Kodak images of {max(sides)}×{min(sides)} pixels; {folder} holds {holds}")
