"""`dlic trim`: progressive files cut to a size, without decoding them."""

import json
from typing import Annotated

from dlic.cli import streams, values
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError


def trim(
    source: Annotated[str, Argument("IN", "Progressive .dlic file; - reads standard input.")],
    output: Annotated[
        str | None, Option("-o", "--output", metavar="OUT", help="Default: replaces IN. - is standard output.")
    ] = None,
    target_size: Annotated[str | None, Option(metavar="BYTES", help="Largest file: 20000, 20k, 1.5M.")] = None,
    force: Annotated[bool, Option("--force", help="Overwrite OUT.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Cut a progressive file to a size, without decoding it: a valid file of the same picture, coarser. Metadata stay."""
    from dlic.formats.progressive import trimmed

    size = values.size(target_size)
    if size is None:
        raise DlicError("dlic trim needs the largest size: --target-size 20k")
    target = source if output is None else output
    in_place = output is None and source != streams.STANDARD
    if not in_place:
        streams.refuse_existing(source, target, force)
    before = streams.read_bytes(source)
    after = trimmed(before, size)
    streams.write_bytes(target, after, force or in_place)
    figures = {"file": source, "output": target, "bytes_before": len(before), "bytes": len(after)}
    line = f"{source} {values.shown_size(len(before))} → {target} {values.shown_size(len(after))}"
    streams.say(json.dumps(figures) if as_json else line, error=target == streams.STANDARD)
