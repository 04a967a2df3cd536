"""Huffman tables as JPEG has them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlic.classical.jpeg.tables import STANDARD_AC, STANDARD_DC, JpegTable
from dlic.errors import CorruptFileError


@given(hnp.arrays(np.int64, 256, elements=st.one_of(st.just(0), st.integers(0, 10), st.integers(0, 10**6))))
@settings(max_examples=60)
def test_every_symbol_gets_a_code_of_at_most_16_bits_and_never_all_ones(counts):
    table = JpegTable.optimal(counts)
    codes, lengths = table.words
    assert ((lengths > 0) == (counts > 0)).all() and lengths.max() <= 16
    assert (codes != (1 << lengths.astype(int)) - 1)[lengths > 0].all()
    segment = table.to_segment()
    again = JpegTable.from_segment(segment[:16], segment[16:])
    assert (again.lengths == table.lengths).all() and (again.symbols == table.symbols).all()


def test_the_standard_tables_hold_every_symbol_of_a_baseline_file():
    for table in STANDARD_DC:
        assert sorted(table.symbols) == list(range(12))
    for table in STANDARD_AC:
        assert sorted(table.symbols) == sorted([0, 0xF0, *(run << 4 | size for run in range(16) for size in range(1, 11))])
    codes, lengths = STANDARD_AC[0].words
    assert (codes[0], lengths[0]) == (0b1010, 4) and (codes[1], lengths[1]) == (0, 2)  # EOB and 0/1 of Table K.5


def test_more_codes_than_bits_are_refused():
    with pytest.raises(CorruptFileError, match="over-subscribed"):
        JpegTable.from_segment(bytes([3] + [0] * 15), b"\0\1\2")
