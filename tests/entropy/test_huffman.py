"""Codes are optimal under their limit, symbols and tables survive, and tables or symbols no encoder wrote are refused."""

import contextlib
import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.byte_reader import Reader
from dlic.entropy.huffman import HuffmanCode, code_lengths, decode, encode
from dlic.errors import CorruptFileError

counts_of = st.lists(st.integers(0, 2000), max_size=40)


def kraft(lengths) -> float:
    return float(np.sum(0.5 ** lengths[lengths > 0].astype(float)))


def huffman_cost(counts) -> int:
    """Bits of the plain, unlimited code: what all merges add up to."""
    heap, cost = [count for count in counts if count], 0
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        cost += merged
        heapq.heappush(heap, merged)
    return cost


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5), st.integers(3, 4))
@settings(max_examples=60)
def test_no_choice_of_lengths_within_the_limit_is_cheaper(counts, limit):
    counts = np.array(counts)
    best = min(
        int((counts * lengths).sum())
        for lengths in map(np.array, itertools.product(range(1, limit + 1), repeat=len(counts)))
        if kraft(lengths) <= 1
    )
    lengths = code_lengths(counts, limit)
    assert lengths.max() <= limit and kraft(lengths) == 1
    assert int((counts * lengths).sum()) == best


@given(counts_of)
@settings(max_examples=100)
def test_without_pressure_from_the_limit_it_is_huffmans_code(counts):
    counts = np.array(counts, np.int64)
    lengths = code_lengths(counts)
    if np.count_nonzero(counts) > 1:
        assert int((counts * lengths).sum()) == huffman_cost(counts.tolist())
    assert ((lengths > 0) == (counts > 0)).all()


@pytest.mark.parametrize("limit", [8, 11, 16])
def test_the_limit_holds_where_huffmans_code_would_be_longer(limit):
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = code_lengths(np.array(fibonacci), limit)
    assert lengths.max() == limit and kraft(lengths) == 1
    assert (np.diff(lengths.astype(int)) <= 0).all()


def test_degenerate_alphabets():
    assert code_lengths(np.array([], np.int64)).size == 0
    assert code_lengths(np.array([0, 0])).tolist() == [0, 0]
    assert code_lengths(np.array([0, 9, 0])).tolist() == [0, 1, 0]
    lone = HuffmanCode.from_counts(np.array([0, 9, 0]))
    assert decode(encode(np.ones(9, int), lone), 9, lone).tolist() == [1] * 9
    nothing = HuffmanCode.from_counts(np.array([], np.int64))
    assert encode(np.array([], int), nothing) == b"" and decode(b"", 0, nothing).size == 0


def test_a_full_alphabet_of_16_bits_and_one_symbol_too_many():
    assert set(code_lengths(np.arange(1 << 16) % 2 + 1).tolist()) == {16}
    with pytest.raises(ValueError, match="257 symbols"):
        code_lengths(np.ones(257, int), 8)


@given(st.integers(0, 2**32), st.integers(1, 600), st.integers(0, 3000), st.floats(0.05, 3))
@settings(max_examples=60)
def test_decode_inverts_encode(seed, size, count, skew):
    symbols = np.minimum(np.random.default_rng(seed).exponential(size**skew, count).astype(int), size - 1)
    code = HuffmanCode.from_counts(np.bincount(symbols, minlength=size))
    stream = encode(symbols, code)
    assert (decode(stream, count, code) == symbols).all()
    assert len(stream) == (code.bits(np.bincount(symbols, minlength=size)) + 7) // 8


def test_long_streams_are_decoded_in_pieces():
    symbols = np.random.default_rng(0).geometric(0.2, 300_000)
    code = HuffmanCode.from_counts(np.bincount(symbols))
    stream = encode(symbols, code)
    assert len(stream) > 4 * 2**15 / 2 and (decode(stream, symbols.size, code) == symbols).all()


@given(counts_of)
@settings(max_examples=100)
def test_tables_survive(counts):
    code = HuffmanCode.from_counts(np.array(counts, np.int64))
    reader = Reader(code.to_bytes() + b"rest")
    read = HuffmanCode.read(reader)
    assert (read.lengths == code.lengths).all() and (read.codes == code.codes).all()
    assert reader.take(4) == b"rest"


def test_a_smooth_table_takes_about_two_bits_a_symbol():
    counts = (1e6 * np.exp(-np.abs(np.arange(511) - 255) / 20)).astype(int) + 1
    assert len(HuffmanCode.from_counts(counts).to_bytes()) < 511 * 2 / 8


@given(st.binary(max_size=60))
@settings(max_examples=300)
def test_any_bytes_are_a_complete_table_or_refused(data):
    with contextlib.suppress(CorruptFileError):
        code = HuffmanCode.read(Reader(data))
        assert np.count_nonzero(code.lengths) < 2 or code.complete


def test_over_subscribed_and_incomplete_tables_are_seen():
    with pytest.raises(CorruptFileError, match="over-subscribed"):
        HuffmanCode.from_lengths(np.array([1, 1, 2]))
    incomplete = HuffmanCode.from_lengths(np.array([1, 2]))
    assert not incomplete.complete
    with pytest.raises(CorruptFileError, match="incomplete"):
        HuffmanCode.read(Reader(incomplete.to_bytes()))
    with pytest.raises(CorruptFileError, match="not in their Huffman table"):
        decode(b"\xff", 2, incomplete)
    with pytest.raises(CorruptFileError, match="limit"):
        HuffmanCode.from_lengths(np.array([17]))


def test_a_symbol_without_code_is_refused():
    code = HuffmanCode.from_lengths(np.array([1, 0, 1]))
    for symbol in (1, 3, -1):
        with pytest.raises(ValueError, match="no code"):
            encode(np.array([symbol]), code)


def test_streams_cut_short_or_too_long_are_refused():
    symbols = np.arange(200) % 7
    code = HuffmanCode.from_counts(np.bincount(symbols))
    stream = encode(symbols, code)
    for size in range(len(stream)):
        with pytest.raises(CorruptFileError, match="truncated"):
            decode(stream[:size], 200, code)
    with pytest.raises(CorruptFileError, match="bytes follow"):
        decode(stream + b"\0", 200, code)


@given(st.binary(max_size=64), st.integers(0, 200))
def test_any_bytes_decode_or_are_refused(data, count):
    code = HuffmanCode.from_lengths(np.array([1, 3, 3, 4]))
    with contextlib.suppress(CorruptFileError):
        assert decode(data, count, code).size == count
