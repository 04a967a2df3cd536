"""`dlic data`: public sets of photographs, checks of a training folder, and pictures it must not hold."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dlic.cli import bars, streams
from dlic.cli.group import Group
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError, SomeFailedError

if TYPE_CHECKING:
    from dlic.data.check import Found
    from dlic.data.evaluation_sets import EvaluationSet
    from dlic.data.public_sets import PublicSet

SHOWN = 10  # files of a kind that are named; --json names all
CROP = 256  # pixels, the side of the crops that most recipes train on

app = Group("Photographs to train on and to measure with: download public sets, check folders.")


@app.command("list")
def list_sets(as_json: Annotated[bool, Option("--json", help="Print all facts as JSON.")] = False) -> None:
    """Show the public sets of photographs that can be downloaded."""
    from dlic.data.public_sets import PUBLIC_SETS

    if as_json:
        streams.say(json.dumps([_about(entry) for entry in PUBLIC_SETS], indent=1, ensure_ascii=False))
    else:
        _print_table(PUBLIC_SETS)


@app.command()
def download(
    name: Annotated[str, Argument("NAME", "A set of dlic data list.")],
    folder: Annotated[Path, Argument("DIR", "The pictures go to DIR/NAME.")],
    base: Annotated[
        str | None,
        Option("--from", metavar="BASE", help="https:// or file:// address with the files of the set, instead of the original."),
    ] = None,
    accept: Annotated[bool, Option("--accept-licence", help="Confirm that the set's terms allow your use.")] = False,
) -> None:
    """Download a set, check and unpack it, and print its folder; an interrupted download continues where it stopped."""
    from dlic.data.public_sets import public_set
    from dlic.data.set_download import download as fetch_set

    entry = public_set(name)
    streams.say(f"{entry.title}: {entry.terms} {entry.page}", error=True)
    if entry.restricted and not accept:
        raise DlicError(
            f"{name} was not downloaded: its terms allow some uses only; with --accept-licence you say that yours is one"
        )
    with bars.transfer_bar(name) as progress:
        done = fetch_set(entry, folder, base, progress)
    if done.images != entry.images:
        streams.note(f"{done.images:,} pictures, where {entry.images:,} are said to be in the set")
    if done.checked == "unpacking":
        streams.note("no checksum of this archive is published; only its completeness was checked")
    streams.say(done.folder)


@app.command()
def check(
    folder: Annotated[Path, Argument("DIR", "Folder of photographs, searched recursively.")],
    against: Annotated[
        list[Path] | None, Option(metavar="FILE", help="Fingerprints of a further set to look for; repeatable.")
    ] = None,
    jobs: Annotated[int | None, Option("-j", "--jobs", least=1, help="Photographs at a time; default: one a core.")] = None,
    as_json: Annotated[bool, Option("--json", help="Print every figure of every photograph as JSON.")] = False,
) -> None:
    """Report sizes, broken files, duplicates, traces of JPEG, and pictures of evaluation sets.

    Ends with exit code 2 where a file is broken, or is a picture of an evaluation set: Kodak's whole pictures are found in any
    size, compression and way up. Pieces of them, and larger pictures that contain them, are not.
    """
    from dlic.data.check import check as examine

    with nullcontext() if as_json else bars.busy(f"checking {folder}") as progress:
        result = examine(folder, _known(against), jobs, *([progress] if progress else []))
    streams.say(json.dumps(_figures(result), indent=1, ensure_ascii=False) if as_json else "\n".join(_lines(result)))
    if result.broken or result.overlap:
        wrong = [f"{len(result.broken)} broken"] * bool(result.broken)
        wrong += [f"{len(result.overlap)} of an evaluation set, not to be trained on"] * bool(result.overlap)
        raise SomeFailedError(f"{folder}: {', '.join(wrong)}")


@app.command()
def fingerprint(
    folder: Annotated[Path, Argument("DIR", "Folder of the pictures of an evaluation set.")],
    output: Annotated[Path, Option("-o", "--output", metavar="FILE", help="File of fingerprints to write, .json.")],
    name: Annotated[str | None, Option(help="Name of the set; the folder's name by default.")] = None,
    force: Annotated[bool, Option("--force", help="Overwrite FILE.")] = False,
) -> None:
    """Write the fingerprints of an evaluation set, for --against and for --data.evaluation_sets of dlic train."""
    from dlic.data.evaluation_sets import EvaluationSet, write_set
    from dlic.data.fingerprints import fingerprint as mark
    from dlic.data.photographs import find_photographs
    from dlic.images.files import read_image

    streams.refuse_existing(str(folder), str(output), force)
    paths = find_photographs(folder)
    marks = {path.relative_to(folder).with_suffix("").as_posix(): mark(read_image(path).pixels) for path in paths}
    write_set(output, EvaluationSet(name or folder.resolve().name, marks), force)
    streams.say(f"{output}: {len(marks)} pictures of {name or folder.resolve().name}")


def _known(against: list[Path] | None) -> "list[EvaluationSet]":
    from dlic.data.evaluation_sets import read_set, shipped_sets

    return [*shipped_sets(), *map(read_set, against or ())]


# --- the list -----------------------------------------------------------------------------------------------------------


def _about(entry: "PublicSet") -> dict:
    keys = ("name", "title", "use", "images", "size", "checked", "licence", "terms", "page", "restricted")
    sources = [{"url": source.url, "size": source.size, "checksum": source.checksum} for source in entry.files or entry.archive]
    return {key: getattr(entry, key) for key in keys} | {"files" if entry.files else "archive": sources}


def _print_table(sets: "Sequence[PublicSet]") -> None:
    rows = [("name", "for", "pictures", "size", "checked by", "licence")]
    rows += [(entry.name, entry.use, f"{entry.images:,}", _size(entry), entry.checked, entry.licence) for entry in sets]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:  # names are for copying: a table of rich would shorten them to fit
        streams.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _size(entry: "PublicSet") -> str:
    from rich.filesize import decimal

    return decimal(entry.size) if entry.size else f"about {decimal(entry.about)}"


# --- report ------------------------------------------------------------------------------------------------------------


def _lines(result: "Found") -> list[str]:
    return [
        *_sizes(result),
        *_named("broken", [f"{item.path}: {item.reason}" for item in result.broken]),
        *_repetitions(result),
        *_damage(result),
        *_named("pictures of evaluation sets", [f"{path} is {picture}" for path, picture in result.overlap]),
    ]


def _sizes(result: "Found") -> list[str]:
    megapixels = [photograph.megapixels for photograph in result.photographs]
    sides = [min(photograph.width, photograph.height) for photograph in result.photographs]
    lines = [f"{len(megapixels):,} photographs, {sum(megapixels):,.1f} megapixels"]
    if result.photographs:
        lines += [f"megapixels of each: {_spread(megapixels, '.2f')}", f"pixels of the shorter side: {_spread(sides, '.0f')}"]
    small = sum(side < CROP for side in sides)
    return lines + [f"shorter than a crop of the recipes, {CROP} pixels: {small:,}"] * bool(small)


def _repetitions(result: "Found") -> list[str]:
    from dlic.data.check import MOST_COMPARED

    same = _named("the same pixels", [" = ".join(group) for group in result.duplicates])
    if result.alike is None:
        return [*same, f"versions of one photograph: not looked for among more than {MOST_COMPARED:,}"]
    return same + _named("versions of one photograph", [" ~ ".join(group) for group in result.alike])


def _damage(result: "Found") -> list[str]:
    from dlic.data.check import BLOCKY, LOW_QUALITY, SOFT

    qualities = [photograph.jpeg_quality for photograph in result.photographs if photograph.jpeg_quality is not None]
    blocky = sorted(
        (photograph for photograph in result.photographs if photograph.blockiness > BLOCKY),
        key=lambda photograph: -photograph.blockiness,
    )
    soft = sorted(
        (photograph for photograph in result.photographs if photograph.softness > SOFT), key=lambda photograph: -photograph.softness
    )
    lines = [f"JPEG files: {len(qualities):,}"]
    if qualities:
        low = sum(quality < LOW_QUALITY for quality in qualities)
        lines = [f"{lines[0]}, their quality: {_spread(qualities, '.0f')}; below {LOW_QUALITY}: {low:,}"]
    lines += _named(
        "blocks of JPEG in the pixels", [f"{photograph.path} ({photograph.blockiness:.1f} gray levels)" for photograph in blocky]
    )
    lines += _named("soft", [f"{photograph.path} ({photograph.softness:.0f} dB at half the size)" for photograph in soft])
    return lines + _named("gray", [photograph.path for photograph in result.photographs if photograph.gray])


def _spread(values: Sequence[float], digits: str) -> str:
    """'1 to 9, half of them 3 to 5'"""
    ordered = sorted(values)
    least, quarter, three_quarters, most = (
        format(ordered[round(part * (len(ordered) - 1))], digits) for part in (0, 0.25, 0.75, 1)
    )
    return f"{least} to {most}, half of them {quarter} to {three_quarters}"


def _named(kind: str, names: list[str]) -> list[str]:
    """How many there are, and the first of them."""
    more = [f"  … and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
    return [f"{kind}: {len(names):,}", *(f"  {streams.shown(name)}" for name in names[:SHOWN]), *more]


def _figures(result: "Found") -> dict:
    keys = ("path", "width", "height", "pixels_sha256", "blockiness", "softness", "gray", "jpeg_quality")
    return {
        "folder": result.folder,
        "count": len(result.photographs),
        "megapixels": sum(item.megapixels for item in result.photographs),
        "broken": {item.path: item.reason for item in result.broken},
        "duplicates": result.duplicates,
        "alike": result.alike,
        "overlap": dict(result.overlap),
        "photographs": [{key: getattr(item, key) for key in keys} for item in result.photographs],
    }
