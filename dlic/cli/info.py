"""`dlic info`: what a .dlic or JPEG file holds, without decoding it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dlic.cli import streams

if TYPE_CHECKING:
    from dlic.classical.jpeg.frame import Frame
    from dlic.formats.recognition import Description

CHANNELS = {1: "gray", 2: "gray and alpha", 3: "RGB", 4: "RGB and alpha"}


def info(
    source: Annotated[str, typer.Argument(metavar="FILE", help=".dlic or JPEG file; - reads standard input.")],
    thumbnail: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the file's preview there; as it is for .webp.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what a .dlic or JPEG file holds, without decoding the picture."""
    from dlic.container.format import VERSION
    from dlic.formats.recognition import describe

    data = streams.read_bytes(source)
    described = describe(data)
    if thumbnail:
        _write_thumbnail(source, described, thumbnail, force)
    container = described.container
    details, said = DETAILS[described.codec](described)
    figures: dict[str, Any] = {
        "codec": described.codec,
        "width": described.width,
        "height": described.height,
        "bytes": len(data),
        "bpp": len(data) * 8 / (described.width * described.height),
        **details,
    }
    if container:
        chunks = {name.decode("latin-1"): len(chunk) for name, chunk in container.chunks}
        figures = {"version": VERSION, **figures, "stream_bytes": len(container.stream), "chunks": chunks}
        said += "".join(f", chunk {name} {size:,} bytes" for name, size in chunks.items())
    line = (
        f"{source}: {f'.dlic version {VERSION}' if container else 'JPEG'}, {described.width} × {described.height}, "
        f"{len(data):,} bytes, {figures['bpp']:.3f} bpp, {said}"
    )
    streams.report(figures, line, as_json, "")


def _write_thumbnail(source: str, described: "Description", target: Path, force: bool) -> None:
    from dlic.errors import DlicError
    from dlic.formats import thumbnails
    from dlic.images.files import holds_alpha, image_bytes

    webp = thumbnails.read(described.container.chunks) if described.container else None
    if webp is None:
        raise DlicError(f"{source} has no thumbnail; dlic compress --thumbnail 160 makes files that do")
    pixels = thumbnails.pixels_of(webp)  # which proves that it is one
    if not holds_alpha(target.suffix):
        pixels = thumbnails.on_white(pixels)
    streams.refuse_existing(source, str(target), force)
    streams.write_bytes(str(target), webp if target.suffix.lower() == ".webp" else image_bytes(pixels, target.suffix), force)


def _learned(described: "Description") -> tuple[dict[str, Any], str]:
    from dlic.container.format import HUFFMAN

    container = described.container
    name, fingerprint = _checkpoint_name(container.model), container.model.hex()
    colours, tiles, coder = CHANNELS[described.channels], _tiles(described), "huffman" if container.flags & HUFFMAN else "rans"
    place = {"checkpoint": name, "fingerprint": fingerprint}
    figures = {"colours": colours, "level": container.level, **place, "entropy": coder, "tiles": tiles}
    said = f"{colours}, checkpoint {name or 'not on this machine'} ({fingerprint}), level {container.level}"
    said += ", Huffman codes" if coder == "huffman" else ""
    said += ", {columns} × {rows} tiles of about {side} pixels".format(**tiles) if tiles else ""
    return figures, said


def _tiles(described: "Description") -> dict[str, int] | None:
    """How the picture is cut."""
    if not described.tiled:
        return None
    from dlic.container.tiles import split

    grid, _ = split(described.container)
    return {"columns": grid.columns, "rows": grid.rows, "side": grid.side}


def _zoo(described: "Description") -> tuple[dict[str, Any], str]:
    from dlic.container.latent_streams import unpack

    container = described.container
    streams, _ = unpack(container.stream)
    fingerprint, sizes = container.model.hex(), [len(stream) for stream in streams]
    figures = {"quality": container.level or None, "fingerprint": fingerprint, "latent_bytes": sizes}
    quality = f", quality {container.level}" if container.level else ""
    return figures, f"CompressAI weights {fingerprint}{quality}, latents {' + '.join(f'{size:,}' for size in sizes)} bytes"


def _checkpoint_name(fingerprint: bytes) -> str | None:
    from dlic.checkpoints.local import find_by_fingerprint
    from dlic.errors import UnknownCheckpointError

    try:
        return find_by_fingerprint(fingerprint).name
    except UnknownCheckpointError:
        return None


def _lossless(described: "Description") -> tuple[dict[str, Any], str]:
    figures = described.head
    colours = CHANNELS.get(described.channels, "?")
    return {"colours": colours, **figures}, f"lossless, {colours}, {figures['depth']} bits a sample"


def _wavelet(described: "Description") -> tuple[dict[str, Any], str]:
    figures = described.head
    colours = CHANNELS[described.channels]
    return {"colours": colours, **figures}, f"wavelet, {colours}, {figures['planes']} bit planes"


def _jpeg(described: "Description") -> tuple[dict[str, Any], str]:
    from dlic.images.metadata import LABELS

    kind = "progressive" if described.frame.progressive else "baseline"
    subsampling = _subsampling(described.frame)
    metadata = described.metadata
    kept = {LABELS[name]: len(getattr(metadata, name)) for name in ("exif", "icc_profile", "xmp") if getattr(metadata, name)}
    colours = "gray" if subsampling is None else f"colour {subsampling}"
    said = "".join(f", {name} {size:,} bytes" for name, size in kept.items())
    return {"kind": kind, "subsampling": subsampling, "metadata": kept}, f"{kind}, {colours}{said}"


def _subsampling(frame: "Frame") -> str | None:
    """'4:2:0', sampling factors where there is no such name, None for gray."""
    from dlic.classical.jpeg.subsampling import FACTORS

    if len(frame.components) == 1:
        return None
    factors = [(component.vertical, component.horizontal) for component in frame.components]
    names = {value: name for name, value in FACTORS.items()}
    plain = factors[1:] == [(1, 1), (1, 1)] and factors[0] in names
    return names[factors[0]] if plain else ", ".join(f"{horizontal}×{vertical}" for vertical, horizontal in factors)


DETAILS = {"learned": _learned, "compressai": _zoo, "lossless": _lossless, "wavelet": _wavelet, "jpeg": _jpeg}
