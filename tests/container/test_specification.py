"""docs/format.md is enough to write a reader from: one that was reads every golden file of learned pictures."""

from pathlib import Path

import pytest

from dlic.container.format import read
from dlic.learned.codec import load_codec
from tests.container.format_reader import Checkpoint, symbols_of, units_of
from tests.golden.rewrite import GOLDEN, TINY, TINY_LIGHT

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
