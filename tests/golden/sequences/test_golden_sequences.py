"""Sequences written once decode for ever: the same symbols and alpha bit for bit, pixels within one level."""

import numpy as np
import pytest
from PIL import Image

from dlic.learned.sequence.exact_share import exact_shares
from tests.golden.sequences.rewrite import FOLDER, shown
from tests.learned.sequence.clips import decoder

FILES = sorted(FOLDER.glob("*.dlic"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_sequences_decode_as_they_did(path):
    data, expected = path.read_bytes(), np.array(Image.open(path.with_suffix(".png")))
    pixels = shown(data)
    assert decoder(data).verify() == {"hierarchy_alpha": 12, "chain": 5, "screen": 6}[path.stem] and pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= 1
    assert pixels.shape[2] == 3 or np.array_equal(pixels[..., 3], expected[..., 3])


def test_there_are_golden_sequences_of_both_structures():
    kinds = {
        path.stem: {packet.kind for table in decoder(path.read_bytes()).reader.tables() for packet in table.packets}
        for path in FILES
    }
    assert kinds == {"hierarchy_alpha": {"key", "P", "B"}, "chain": {"key", "P"}, "screen": {"key", "P", "B"}}


def test_the_golden_recording_has_exact_blocks_of_all_kinds():
    reader = decoder((FOLDER / "screen.dlic").read_bytes()).reader
    first, second = (exact_shares(group, reader.head.form) for group in reader.groups())
    assert 0 < first[0] < 1 and second[0] == 1 and 0 < max(first[1:]) < 0.5
