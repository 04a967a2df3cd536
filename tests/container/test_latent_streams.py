"""The streams of one picture: what was packed comes out, and nothing else does."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlic.container.latent_streams import pack, unpack
from dlic.errors import CorruptFileError

streams = st.lists(st.binary(max_size=200), max_size=4)
sides = st.integers(0, 2**35 - 1)


@given(streams, sides, sides)
def test_unpack_inverts_pack(streams, height, width):
    assert unpack(pack(streams, (height, width))) == (streams, (height, width))


@given(streams)
def test_every_truncation_and_every_tail_is_refused(streams):
    whole = pack(streams, (3, 300))
    for length in range(len(whole)):
        with pytest.raises(CorruptFileError):
            unpack(whole[:length])
    with pytest.raises(CorruptFileError, match="follow"):
        unpack(whole + b"\0")


@given(st.binary(max_size=300))
@example(b"\xff\xff\xff\xff\x7f\x01\x01")  # 34 thousand million streams
def test_other_bytes_are_refused_at_once(data):
    try:
        streams, _ = unpack(data)
    except CorruptFileError:
        return
    assert len(streams) + sum(map(len, streams)) <= len(data)
