"""docs/format.md is enough to write a reader from: one that was reads every golden file of learned pictures."""

from pathlib import Path

import pytest

from dlic.container.format import read
from dlic.learned.codec import load_codec
from dlic.learned.progressive.codec import ProgressiveCodec
from tests.container.format_reader import Checkpoint, layers_of, symbols_of, units_of
from tests.golden.rewrite import GOLDEN, TINY, TINY_LIGHT

PROGRESSIVE = sorted((GOLDEN / "progressive").glob("*.dlic"))
FILES = [*sorted(GOLDEN.glob("*.dlic")), *sorted((GOLDEN / "kinds").glob("*.dlic"))]


def folder_of(path: Path) -> Path:
    return TINY_LIGHT if path.stem.startswith("light") or path.parent.name == "kinds" else TINY


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_specification_gives_the_symbols_of_golden_files(path):
    checkpoint, codec, file = Checkpoint(folder_of(path)), load_codec(folder_of(path)), path.read_bytes()
    ours = codec.units(read(file))
    units = units_of(file, checkpoint)
    assert [(unit.width, unit.height) for unit in units] == [(unit.width, unit.height) for unit in ours]
    for unit, our in zip(units, ours, strict=True):
        assert symbols_of(unit, checkpoint) == codec.unit.parse(our).values.tolist()


@pytest.mark.parametrize("path", [path for path in PROGRESSIVE if path.stem != "light-1"], ids=lambda path: path.stem)
def test_the_specification_gives_the_refinements_of_golden_files(path):
    checkpoint, codec, file = Checkpoint(TINY_LIGHT), ProgressiveCodec(load_codec(TINY_LIGHT)), path.read_bytes()
    units, refinements = layers_of(file, checkpoint)
    ours = codec.parsed(read(file))
    assert [unit.crc for unit in units] == [first.crc for first, _ in ours]
    assert [unit.z + unit.y for unit in units] == [first.symbols.values.tolist() for first, _ in ours]
    for found, (_, refined) in zip(refinements, ours, strict=True):
        assert found == ([] if refined is None else refined.refinements.ravel().tolist())
