"""One walk for both directions: what an encoder chooses part by part, a decoder finds again, however parts hang together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.coder import CODERS, coder_of, encode, estimated_bits
from dlic.entropy.parts import Part, Path, Symbols, walk
from dlic.errors import CorruptFileError
from tests.entropy.test_tables import laplace

TABLES = laplace([0.01, 0.4, 2.0, 30.0], centre=3)
CHAIN = ("w", "z", "y")


def three_latents(size: tuple[int, int]) -> Path:
    """A toy model: y of twice the size has its rows from z, and z from w."""
    height, width = size
    w = yield Part("w", np.full((height, width, 2), 2, np.uint8))
    z = yield Part("z", (w + np.arange(2)) % len(TABLES))
    yield Part("y", np.repeat(np.repeat(z[..., :1] + z[..., 1:], 2, 0), 2, 1) % len(TABLES))


def chosen(rng: np.random.Generator, part: Part) -> np.ndarray:
    """Symbols that an encoder might choose, of which a few escape their tables."""
    spread = rng.choice([1, 1, 1, 1000], part.shape)
    return TABLES.clip(np.rint(3 + 5 * spread * rng.normal(size=part.shape)), part.rows)


def pulled(stream: bytes, path: Path, number: int) -> Symbols:
    decoder = coder_of(number).decoder(stream, TABLES)
    symbols = Symbols.of(path, decoder.pull)
    decoder.finish()
    return symbols


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.sampled_from(sorted(CODERS)))
@settings(max_examples=60)
def test_a_decoder_takes_the_walk_of_the_encoder(seed, height, width, number):
    rng, size = np.random.default_rng(seed), (height, width)
    symbols = Symbols.of(three_latents(size), lambda part: chosen(rng, part))
    found = pulled(encode(symbols, coder_of(number), TABLES), three_latents(size), number)
    assert [coded.part.name for coded in found.parts] == list(CHAIN)
    for name in CHAIN:
        assert (found[name].symbols == symbols[name].symbols).all()
        assert (found[name].part.rows == symbols[name].part.rows).all()
    assert found.crc == symbols.crc and (found.values == symbols.values).all()


def test_rows_of_the_third_part_depend_on_the_symbols_of_the_second():
    """Other symbols of z change the rows of y, and so its stream."""
    rng = np.random.default_rng(0)
    symbols = Symbols.of(three_latents((4, 4)), lambda part: chosen(rng, part))
    known = {coded.part.name: coded.symbols for coded in symbols.parts}
    known["z"] = TABLES.clip(known["z"] + 1, symbols["z"].part.rows)
    others = Symbols.of(three_latents((4, 4)), lambda part: TABLES.clip(known[part.name], part.rows))
    assert (others["y"].part.rows != symbols["y"].part.rows).any() and (others["z"].part.rows == symbols["z"].part.rows).all()


def test_a_part_is_given_out_before_the_rows_of_the_next_are_computed():
    order = []

    def path() -> Path:
        yield Part("z", np.zeros(3, np.uint8))
        order.append("rows of y")
        yield Part("y", np.zeros(3, np.uint8))

    for coded in walk(path(), lambda part: np.full(3, 3, np.int32)):
        order.append(coded.part.name)
    assert order == ["z", "rows of y", "y"]


@pytest.mark.parametrize("number", sorted(CODERS))
def test_the_stream_costs_what_the_coder_says(number):
    rng, coder = np.random.default_rng(1), coder_of(number)
    symbols = Symbols.of(three_latents((200, 200)), lambda part: chosen(rng, part))
    assert 8 * len(encode(symbols, coder, TABLES)) == pytest.approx(estimated_bits(symbols, coder, TABLES), rel=2e-3)
    for coded in symbols.parts:
        costs = coder.costs(coded.symbols, coded.part, TABLES)
        assert costs.shape == coded.part.shape and costs.dtype == np.float64 and costs.min() >= 0


def test_symbols_compare_by_identity():
    """Arrays have no truth: a generated == would raise."""
    one, other = (Symbols.of(three_latents((2, 2)), lambda part: TABLES.clip(np.zeros(part.shape), part.rows)) for _ in range(2))
    assert one == one and one != other


def test_numbers_of_no_coder_are_one_sentence():
    for number in range(256):
        if number not in CODERS:
            with pytest.raises(CorruptFileError, match=f"entropy coder {number}; this dlic knows 0 \\(rANS\\)"):
                coder_of(number)
