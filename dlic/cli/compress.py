"""`dlic compress`: an image file → a .dlic file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlic.cli import streams
from dlic.images.files import MAX_PIXELS, ImageFile, read_image
from dlic.timing import timed

if TYPE_CHECKING:
    from dlic.codecs.learned import Encoded, LearnedCodec
    from dlic.codecs.rate_control import Achieved


def compress(
    source: Annotated[str, typer.Argument(metavar="IN", help="Image file; - reads standard input.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Default: IN with the ending .dlic; - is standard output.")
    ] = None,
    quality: Annotated[int | None, typer.Option("-q", "--quality", help="1 (small) … 100 (best); 60 by default.")] = None,
    target_size: Annotated[str | None, typer.Option(metavar="BYTES", help="Largest file: 40000, 40k, 1.5M, 40KiB.")] = None,
    target_bpp: Annotated[float | None, typer.Option(help="Most bits per pixel.")] = None,
    target_psnr: Annotated[float | None, typer.Option(metavar="DB", help="Least PSNR.")] = None,
    target_ms_ssim: Annotated[float | None, typer.Option(help="Least MS-SSIM, below 1.")] = None,
    effort: Annotated[int, typer.Option("-e", "--effort", help="0 (fast) … 9: smaller files for more encoding time.")] = 0,
    model: Annotated[str | None, typer.Option(help="Name of a checkpoint; the shipped one by default.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of a checkpoint, instead of a name.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
    verify: Annotated[bool, typer.Option(help="Decode the written file and compare symbols before it is put in place.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger images.")] = MAX_PIXELS,
) -> None:
    """Compress an image file into a .dlic file."""
    from dlic.api import rate_of

    rate = rate_of(quality, streams.size(target_size), target_bpp, target_psnr, target_ms_ssim)
    target = output or streams.default_output(source, lambda path: path.parent / f"{path.stem}.dlic")
    streams.refuse_existing(source, target, force)
    seconds: dict[str, float] = {}
    with timed(seconds, "image"):
        picture = read_image(sys.stdin.buffer.read() if source == streams.STANDARD else source, max_pixels)
    for sentence in picture.notes:
        streams.note(sentence)
    with timed(seconds, "load model"):
        from dlic.api import choose, encode
        from dlic.codecs.learned import load_codec

        codec = load_codec(choose(model, weights))
    with streams.busy(f"compressing {source}", steps=effort > 0) as progress:
        achieved = encode(codec, picture.pixels, rate, effort, progress)
        encoded = achieved.encoded
        seconds.update(encoded.seconds)
        with timed(seconds, "write and verify" if verify and target != streams.STANDARD else "write"):
            streams.write_bytes(target, encoded.data, force, _comparison(codec, encoded, target) if verify else None)
    _report(picture, achieved, target, seconds, as_json)


def _comparison(codec: "LearnedCodec", encoded: "Encoded", target: str):
    """Refuses a file whose symbols are not those that were encoded."""
    from dlic.container.format import read
    from dlic.errors import CorruptFileError

    def verify(written: bytes) -> None:
        try:
            same = (codec.symbols(read(written)).values == encoded.symbols.values).all()
        except CorruptFileError as error:
            raise streams.not_what_was_encoded(target) from error
        if not same:
            raise streams.not_what_was_encoded(target)

    return verify


def _report(picture: ImageFile, achieved: "Achieved", target: str, seconds: dict[str, float], as_json: bool) -> None:
    encoded = achieved.encoded
    height, width = picture.pixels.shape[:2]
    size, raw = len(encoded.data), picture.pixels.size
    bpp = size * 8 / (width * height)
    figures = {
        "output": target, "bytes": size, "width": width, "height": height, "bpp": bpp, "ratio": raw / size, "level": encoded.level,
        "estimated_bits": encoded.estimated_bits, **achieved.figures, "seconds": seconds, "notes": list(picture.notes),
    }  # fmt: skip
    written = f"{size:,} bytes (estimated {encoded.estimated_bits / 8:,.0f}), {bpp:.3f} bpp, {raw / size:.1f} : 1"
    reached = "".join(f", {name} {value:.4f}" for name, value in achieved.figures.items())
    line = f"{target}: {written}{reached}, level {encoded.level}, {streams.milliseconds(seconds)}"
    streams.report(figures, line, as_json, target)
