"""`dlic compress`: an image file → a .dlic file, or a JPEG file."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dlic.cli import streams
from dlic.cli.codecs import Outcome, Wishes, choose
from dlic.errors import CorruptFileError
from dlic.images.files import MAX_PIXELS, ImageFile, size_of
from dlic.timing import timed


def compress(
    source: Annotated[str, typer.Argument(metavar="IN", help="Image file; - reads standard input.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Default: IN with the codec's ending, .dlic or .jpg; - is standard output.")
    ] = None,
    codec: Annotated[str, typer.Option(help="learned, jpeg, wavelet or lossless.")] = "learned",
    quality: Annotated[
        int | None, typer.Option("-q", "--quality", help="1 (small) … 100 (best); 60 by default, 75 with jpeg and wavelet.")
    ] = None,
    target_size: Annotated[str | None, typer.Option(metavar="BYTES", help="Largest file: 40000, 40k, 1.5M, 40KiB.")] = None,
    target_bpp: Annotated[float | None, typer.Option(help="Most bits per pixel.")] = None,
    target_psnr: Annotated[float | None, typer.Option(metavar="DB", help="Least PSNR.")] = None,
    target_ms_ssim: Annotated[float | None, typer.Option(help="Least MS-SSIM, below 1; of fewer scales below 161 pixels.")] = None,
    effort: Annotated[
        int | None, typer.Option("-e", "--effort", help="0 (fast) … 9: smaller files for more encoding time.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Name of a checkpoint, or compressai:ARCHITECTURE:QUALITY[@FILE]."),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of a checkpoint, instead of a name.")] = None,
    entropy: Annotated[str | None, typer.Option(help="rans (default) or huffman: what codes the learned latents.")] = None,
    subsampling: Annotated[str | None, typer.Option(help="jpeg: 4:4:4, 4:2:2 or 4:2:0 (default).")] = None,
    progressive: Annotated[bool | None, typer.Option("--progressive", help="jpeg: coarse to fine, and smaller.")] = None,
    trellis: Annotated[bool | None, typer.Option("--trellis", help="jpeg: rate-distortion optimised levels.")] = None,
    alpha_quality: Annotated[int | None, typer.Option(help="1 … 100 of the transparency; 100 is exact, and the default.")] = None,
    thumbnail: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of a preview, 0 for none; by default one where it costs under 0.5 %.")
    ] = None,
    strip: Annotated[
        list[str] | None, typer.Option(metavar="WHAT", help="Leave out all, exif, icc, xmp, dpi or text; may be repeated.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse to lose depth, colour space, transparency or frames.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
    verify: Annotated[bool, typer.Option(help="Decode the written file and compare before it is put in place.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger images.")] = MAX_PIXELS,
    max_memory: Annotated[
        str | None, typer.Option(metavar="BYTES", help="Memory for the learned codec, as 2G: fewer tiles of a big picture at once.")
    ] = None,
) -> None:
    """Compress an image file into a .dlic file, or a JPEG file with --codec jpeg."""
    wishes = Wishes(
        quality, streams.size(target_size), target_bpp, target_psnr, target_ms_ssim, effort, model, weights,
        entropy, streams.size(max_memory), subsampling, progressive, trellis, alpha_quality, thumbnail,
    )  # fmt: skip
    choice = choose(codec, wishes)
    encode, stripped = choice.prepare(wishes), streams.stripped(strip or [])
    target = output or streams.default_output(source, lambda path: path.parent / f"{path.stem}{choice.ending}")
    streams.refuse_existing(source, target, force)
    seconds: dict[str, float] = {}
    with timed(seconds, "image"):
        file = sys.stdin.buffer.read() if source == streams.STANDARD else source
        if wishes.max_memory is not None:
            streams.check_memory(size_of(file, max_pixels), wishes.max_memory)  # before it is read
        picture = choice.read(file, max_pixels, strict)
        picture = replace(picture, metadata=picture.metadata.without(stripped))
    for sentence in picture.notes:
        streams.note(sentence)
    with streams.busy(f"compressing {source}") as progress:
        outcome = encode(picture, seconds, progress)
        with timed(seconds, "write and verify" if verify and target != streams.STANDARD else "write"):
            streams.write_bytes(target, outcome.data, force, _comparison(outcome, target) if verify else None)
    for sentence in outcome.notes:
        streams.note(sentence)
    _report(picture, outcome, target, seconds, as_json)


def _comparison(outcome: Outcome, target: str) -> Callable[[bytes], None]:
    """Refuses a file that does not hold what was encoded."""

    def verify(written: bytes) -> None:
        try:
            same = outcome.matches(written)
        except CorruptFileError as error:
            raise streams.not_what_was_encoded(target) from error
        if not same:
            raise streams.not_what_was_encoded(target)

    return verify


def _report(picture: ImageFile, outcome: Outcome, target: str, seconds: dict[str, float], as_json: bool) -> None:
    height, width = picture.pixels.shape[:2]
    size, raw = len(outcome.data), picture.pixels.nbytes
    bpp = size * 8 / (width * height)
    figures = {
        "output": target, "bytes": size, "width": width, "height": height, "bpp": bpp, "ratio": raw / size,
        **outcome.figures, "seconds": seconds, "notes": [*picture.notes, *outcome.notes],
    }  # fmt: skip
    line = f"{target}: {size:,} bytes, {bpp:.3f} bpp, {raw / size:.1f} : 1{outcome.said}, {streams.milliseconds(seconds)}"
    streams.report(figures, line, as_json, target)
