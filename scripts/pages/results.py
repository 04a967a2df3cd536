"""Tables of docs/results.md and README.md, from the folders that `dlic evaluate --out` writes.

docs/results/NAME/     run.json and rows.csv of pictures, or clips.json and clip_rows.jsonl of clips
docs/results/NAME.json a table whose rows are not kept: {"command": …, "rows": [[heads], [cells], …]}
docs/results/NAME.txt  what a command printed
"""

import json
from collections.abc import Mapping
from pathlib import Path

from dlic.evaluation.clips import run as clip_run
from dlic.evaluation.clips.summary import rates_table, settings_of
from dlic.evaluation.comparison import Comparison
from dlic.evaluation.results import compared
from dlic.evaluation.run import Run
from dlic.evaluation.run_folder import read_run
from dlic.evaluation.scores import RANGE_OF, digits, told
from dlic.metrics.registry import METRICS
from scripts.pages.blocks import table

FOLDER = Path(__file__).parents[2] / "docs" / "results"
PEERS = (  # of tables, in this order
    "AVIF 4:2:0, tune=iq as shipped, speed 6, libavif 1.4.2", "AVIF 4:2:0, tune=psnr, speed 6, libavif 1.4.2",
    "AVIF 4:4:4, tune=iq as shipped, speed 6, libavif 1.4.2", "JPEG XL, effort 7", "WebP, method 6", "JPEG 4:2:0, optimised",
    "CompressAI factorized", "CompressAI hyperprior", "BPG 4:4:4", "CompressAI mean-scale", "AV1 (published)",
    "CompressAI cheng2020-anchor", "VTM (H.266)", "ELIC",
)  # fmt: skip
PLACES = {"butteraugli": 2}  # fewer than at the shell
SHORT = {  # of the README
    "AVIF 4:2:0 as shipped (tune=iq, libavif 1.4.2)": PEERS[0],
    "AVIF 4:2:0, tune=psnr": PEERS[1],
    "JPEG XL, effort 7": PEERS[3],
    "JPEG 4:2:0, optimised": PEERS[5],
    "VTM (H.266)": PEERS[12],
}


def saving_table(name: str) -> str:
    """BD-rates of a run's first codec against published curves, by every metric of the run."""
    run, figures = _compared(name)
    heads = ["against"]
    for metric in figures:
        heads += [METRICS[metric].label] + [f"at {run.between[0]:g}–{run.between[1]:g}"] * (metric == RANGE_OF)
    rows = [heads]
    for peer in PEERS:
        cells = [peer]
        for metric, of_metric in figures.items():
            one = of_metric.get(peer, Comparison())
            cells += [", ".join(map(_share, (one.bd_rate, one.whole))) if one.bd_rate is not None else "–"]
            cells += [_share(one.between)] * (metric == RANGE_OF)
        rows.append(cells)
    return table(rows)


def readme_table(name: str) -> str:
    """The main metrics against five codecs."""
    run, figures = _compared(name)
    first = next(iter(run.codecs))
    shown = ("psnr", "ms_ssim", "ssimulacra2")
    rows = [[f"dlic (`{first}`) against", *(METRICS[metric].label for metric in shown)]]
    rows += [[label, *(_share(figures[m].get(peer, Comparison()).bd_rate) for m in shown)] for label, peer in SHORT.items()]
    return table(rows)


def rate_table(name: str) -> str:
    """bpp and every metric of a run's first codec, a row a quality."""
    run = read_run(FOLDER / name)
    first = next(iter(run.codecs))
    metrics = told(run.metrics)
    rows = [["quality", "bpp", *(f"{METRICS[metric].label} {METRICS[metric].unit}".strip() for metric in metrics)]]
    for mean in run.means:
        if mean.codec == first:
            values = [f"{mean.metrics[metric] or 0.0:.{PLACES.get(metric, digits(metric))}f}" for metric in metrics]
            rows.append([f"{mean.quality:g}", f"{mean.bpp:.4f}", *values])
    return table(rows)


def clip_table(name: str, own: str = "dlic") -> str:
    """BD-rates on clips of our codec of a name: a row for its key frames alone, then one a peer, within each setting."""
    run = clip_run.read_run(FOLDER / name)
    rows: list[list[str]] = []
    for names in settings_of(run).values():
        first = next((each for each in names if each in (own, f"{own}-ld")), None)
        if first is None:
            continue
        others = [each for each in names if each == f"{own}-intra" or not each.startswith("dlic")]
        heads, *compared_rows = rates_table(run, [first, *others])
        rows += [[f"{run.codecs[first].label} against", *heads[1:]]] * (not rows)
        setting = run.codecs[first].setting
        rows += [[f"{label} ({setting})", *map(_spaced, cells)] for label, *cells in compared_rows]
    return table(rows)


def clip_table_for_psnr(name: str) -> str:
    """Likewise of `--tune psnr`."""
    return clip_table(name, "dlic-psnr")


def recorded_table(name: str) -> str:
    """A table that was kept without its rows."""
    return table(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["rows"])


def printed(name: str) -> str:
    """The output of a command."""
    return f"```\n{(FOLDER / f'{name}.txt').read_text(encoding='utf-8').rstrip()}\n```"


def _compared(name: str) -> tuple[Run, Mapping[str, Mapping[str, Comparison]]]:
    run = read_run(FOLDER / name)
    first = next(iter(run.codecs))
    return run, {metric: compared(run, first, metric) for metric in told(run.metrics)}


def _spaced(share: str) -> str:
    """'-3.0%' → '−3.0 %'"""
    return share.replace("-", "−").replace("%", " %")


def _share(value: float | None) -> str:
    """0.153 → '+15.3 %'"""
    return "–" if value is None else f"{'−' if round(value, 3) < 0 else '+'}{abs(value):.1%}".replace("%", " %")
