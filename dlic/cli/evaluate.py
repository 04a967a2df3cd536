"""`dlic evaluate`: a checkpoint on a folder of images, beside the codecs Pillow ships at the same PSNR."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlic.cli import streams
from dlic.errors import DlicError, UnreadableImageError

if TYPE_CHECKING:
    import numpy as np

    from dlic.evaluation.measure import Means
    from dlic.evaluation.rate_distortion import Point

# quality settings of each peer, dense enough around the rates a learned codec works at to interpolate between
PEERS = {
    "JPEG 4:2:0": ("JPEG", {"optimize": True, "subsampling": "4:2:0"}, (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90)),
    "WebP": ("WEBP", {"method": 6}, (1, 5, 10, 20, 30, 45, 60, 75, 90)),
    "AVIF": ("AVIF", {"speed": 6}, (10, 20, 30, 40, 50, 60, 70, 80, 90)),
    "AVIF tune=psnr": ("AVIF", {"speed": 4, "advanced": {"tune": "psnr"}}, (10, 20, 30, 40, 50, 60, 70, 80, 90)),
}


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of images, such as Kodak.")],
    model: Annotated[str | None, typer.Option(help="Name of a checkpoint; the shipped one by default.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of a checkpoint, instead of a name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """Measure a checkpoint on a folder of images: real files, saved pixels, beside JPEG, WebP and AVIF at the same PSNR."""
    from dlic.api import choose
    from dlic.codecs.learned import load_codec
    from dlic.evaluation.measure import means, measure

    images = images_in(folder)
    codec = load_codec(choose(model, weights))
    rows = [measure(codec, image) for image in _progress(images, codec.name)]
    ours = means(rows)
    estimated = sum(codec.estimated_bits(codec.encode(image).symbols) for image in _progress(images, "estimate"))
    gap = sum(row.bytes for row in rows) * 8 / estimated - 1
    curves = {name: list(_curve(name, images)) for name in PEERS}
    saved = {name: _saved(curve, ours) for name, curve in curves.items()}
    if as_json:
        peers = {name: [asdict(point) for point in curve] for name, curve in curves.items()}
        figures = {"mean": asdict(ours), "images": [asdict(row) for row in rows], "gap": gap, "peers": peers, "saved": saved}
        typer.echo(json.dumps(figures))
    else:
        _print(codec.name, len(images), ours, gap, saved)


def images_in(folder: Path) -> "list[np.ndarray]":
    """Every readable image of the folder; the others are named on standard error."""
    from dlic.images.files import EXTENSIONS, read_image

    if not folder.is_dir():
        raise DlicError(f"{folder} is not a folder of images")
    images = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS):
        try:
            images.append(read_image(path).pixels)
        except UnreadableImageError as error:
            streams.note(f"left out: {error}")
    if not images:
        raise UnreadableImageError(f"no image in {folder} can be read")
    return images


def _curve(name: str, images: "list[np.ndarray]") -> "Iterator[Point]":
    from dlic.codecs.pillow import PillowCodec
    from dlic.evaluation.rate_distortion import mean_point

    kind, options, qualities = PEERS[name]
    for quality in _progress(qualities, name):
        yield mean_point(PillowCodec(kind, {**options, "quality": quality}), images)


def _saved(curve: "list[Point]", ours: "Means") -> float | None:
    """Share of a peer's bits that are saved at equal PSNR; None outside its curve."""
    from dlic.evaluation.rate_distortion import Point, bits_saved

    try:
        return bits_saved(curve, Point(ours.bpp, ours.psnr))
    except ValueError:
        return None


def _progress(items, label: str):
    from rich.console import Console
    from rich.progress import track

    return track(items, description=label, console=Console(stderr=True), transient=True)


def _print(name: str, count: int, ours: "Means", gap: float, saved: dict[str, float | None]) -> None:
    typer.echo(f"{name} on {count} images: {ours.bpp:.4f} bpp, {ours.psnr:.2f} dB PSNR, {ours.ms_ssim:.4f} MS-SSIM")
    typer.echo(f"files are {gap:+.2%} of what the tables estimate")
    for peer, share in saved.items():
        comparison = "its curve does not reach this PSNR" if share is None else f"{share:+.1%} bits saved at equal PSNR"
        typer.echo(f"against {peer}: {comparison}")
