"""`dlic info`: what a .dlic file holds, without decoding it."""

from typing import Annotated

import typer

from dlic.cli import streams


def info(
    source: Annotated[str, typer.Argument(metavar="FILE", help=".dlic file; - reads standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what a .dlic file holds, without decoding the picture."""
    from dlic.container.format import VERSION, read

    data = streams.read_bytes(source)
    container = read(data)
    figures = {
        "version": VERSION,
        "width": container.width,
        "height": container.height,
        "level": container.level,
        "checkpoint": _checkpoint_name(container.model),
        "fingerprint": container.model.hex(),
        "bytes": len(data),
        "bpp": len(data) * 8 / (container.width * container.height),
        "stream_bytes": len(container.stream),
        "chunks": {name.decode("latin-1"): len(chunk) for name, chunk in container.chunks},
    }
    checkpoint = f"{figures['checkpoint'] or 'not on this machine'} ({container.model.hex()})"
    chunks = "".join(f", chunk {name} {size:,} bytes" for name, size in figures["chunks"].items())
    line = (
        f"{source}: .dlic version {VERSION}, {container.width} × {container.height}, {len(data):,} bytes, "
        f"{figures['bpp']:.3f} bpp, checkpoint {checkpoint}, level {container.level}{chunks}"
    )
    streams.report(figures, line, as_json, "")


def _checkpoint_name(fingerprint: bytes) -> str | None:
    from dlic.checkpoints import find_by_fingerprint
    from dlic.errors import UnknownCheckpointError

    try:
        return find_by_fingerprint(fingerprint).name
    except UnknownCheckpointError:
        return None
