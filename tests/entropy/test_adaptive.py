"""Bits come back piece by piece, from every beginning of a stream those whose chunks are whole."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.adaptive import LARGEST, Decoder, EndOfStream, Probabilities, Writer
from dlic.errors import CorruptFileError

CONTEXTS = 5


def fresh() -> Probabilities:
    return Probabilities(np.full(CONTEXTS, 16), np.full(CONTEXTS, 32))


def draw(seed: int, pieces: int):
    """Pieces of bits, of which a context's number tells how likely they are ones; some pieces are empty."""
    rng = np.random.default_rng(seed)
    for _ in range(pieces):
        contexts = rng.integers(0, CONTEXTS, rng.integers(0, 300) if rng.random() < 0.9 else 0)
        yield contexts, (rng.random(contexts.size) < contexts / 10).astype(np.int32)


def write(pieces, limit=None) -> bytes:
    writer = Writer(fresh(), limit)
    with contextlib.suppress(EndOfStream):
        for contexts, bits in pieces:
            cost = int(writer.probabilities.costs()[contexts].sum())
            writer.code(contexts, bits)
            writer.end_piece(cost)
    return writer.finish()


def read(stream, pieces):
    """The bits of every piece that is there, and the decoder."""
    decoder, found = Decoder(stream, fresh()), []
    with contextlib.suppress(EndOfStream):
        for contexts, _ in pieces:
            cost = int(decoder.probabilities.costs()[contexts].sum())
            found.append(decoder.code(contexts))
            decoder.end_piece(cost)
    return found, decoder


def check_beginning(found, pieces):
    assert all((bits == wanted).all() for bits, (_, wanted) in zip(found, pieces, strict=False))


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=25)
def test_read_inverts_write(seed, count):
    pieces = list(draw(seed, count))
    found, decoder = read(write(pieces), pieces)
    assert decoder.complete and sum(bits.size for bits in found) == sum(bits.size for _, bits in pieces)
    check_beginning(found, pieces)


def test_every_beginning_gives_the_first_pieces_and_all_but_a_chunk_of_them():
    pieces = list(draw(7, 120))
    stream = write(pieces)
    known = 0
    for size in range(0, len(stream) + 1, 13):
        found, _ = read(stream[:size], pieces)
        check_beginning(found, pieces)
        assert len(found) >= known
        known = len(found)
    found, _ = read(stream[: len(stream) - 1], pieces)
    assert len(found) > 100


@given(st.integers(0, 2**32), st.integers(0, 3000))
@settings(max_examples=12)
def test_a_limit_is_kept_and_filled(seed, limit):
    pieces = list(draw(seed, 100))
    stream, whole = write(pieces, limit), write(pieces)
    assert len(stream) <= limit
    found, decoder = read(stream, pieces)
    assert decoder.complete
    check_beginning(found, pieces)
    if len(whole) <= limit:
        assert stream == whole
    elif limit > 300:
        assert len(stream) > limit - 80  # a piece here is at most 300 bits


def test_chunks_grow_with_the_stream_and_stay_small():
    pieces = list(draw(3, 200))
    stream = write(pieces)
    lost = [size - len(write(pieces[: len(read(stream[:size], pieces)[0])])) for size in range(100, len(stream), 501)]
    assert max(lost) < 2 * LARGEST and lost[0] < 200


@given(st.integers(0, 2**32), st.data())
@settings(max_examples=40)
def test_damage_is_an_error_or_other_bits(seed, data):
    pieces = list(draw(seed, 20))
    stream = bytearray(write(pieces))
    if stream:
        stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(CorruptFileError):
        read(bytes(stream), pieces)


def test_adapting_costs_less_than_not():
    rng = np.random.default_rng(0)
    contexts = np.zeros(400, np.int64)
    pieces = [(contexts, (rng.random(400) < 0.05).astype(np.int32)) for _ in range(200)]
    entropy = -0.05 * np.log2(0.05) - 0.95 * np.log2(0.95)
    assert 8 * len(write(pieces)) == pytest.approx(80_000 * entropy, rel=0.05)
