"""Numbers of any width survive packing, and windows show the very bits that were packed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.bits import pack, unpack, windows
from dlic.errors import CorruptFileError

numbers = st.lists(st.integers(0, 32).flatmap(lambda n: st.tuples(st.integers(0, max(0, (1 << n) - 1)), st.just(n))), max_size=80)


def as_text(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in data)


@given(numbers)
@settings(max_examples=200)
def test_packing_is_what_writing_the_bits_out_gives(pairs):
    text = "".join(f"{value:0{length}b}" if length else "" for value, length in pairs)
    packed = pack(np.array([p[0] for p in pairs], np.uint32), np.array([p[1] for p in pairs], np.int64))
    assert as_text(packed) == text + "0" * (-len(text) % 8)


@given(numbers)
@settings(max_examples=100)
def test_unpack_inverts_pack(pairs):
    values, lengths = np.array([p[0] for p in pairs], np.uint32), np.array([p[1] for p in pairs], np.int64)
    positions = np.cumsum(lengths) - lengths
    assert (unpack(pack(values, lengths), positions, lengths) == values).all()


def test_bits_above_the_length_are_left_out():
    assert pack(np.array([0xFFF, 0]), np.array([4, 4])) == b"\xf0"


def test_reading_past_the_end_is_refused():
    with pytest.raises(CorruptFileError, match="truncated"):
        unpack(b"\x01", np.array([3]), np.array([6]))


@given(st.binary(max_size=40))
def test_windows_show_the_bits_at_every_position(data):
    text = as_text(data) + "0" * 16
    seen = windows(data)
    assert seen.dtype == np.uint16 and seen.size == 8 * len(data)
    assert [f"{window:016b}" for window in seen] == [text[i : i + 16] for i in range(8 * len(data))]
