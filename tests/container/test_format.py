"""The .dlic file: every field survives, every damage is refused."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.container.format import MAGIC, MAX_LEVEL, Container, read, read_beginning, write
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError

PLAIN = Container(kind=0, width=768, height=512, model=bytes(range(8)), symbols_crc=0xDEADBEEF, stream=b"stream of symbols")
RICH = dataclasses.replace(PLAIN, chunks=((b"icc ", b"profile"), (b"exif", b"")))

containers = st.builds(
    Container,
    width=st.integers(1, 2**34), height=st.integers(1, 2**34), level=st.integers(0, MAX_LEVEL),
    model=st.binary(min_size=8, max_size=8),
    kind=st.integers(0, 255), coder=st.integers(0, 255),
    symbols_crc=st.integers(0, 2**32 - 1), stream=st.binary(max_size=300),
    chunks=st.lists(st.tuples(st.sampled_from([b"icc ", b"thmb"]), st.binary(max_size=200)), max_size=3).map(tuple),
)  # fmt: skip


@given(containers)
def test_read_inverts_write(container):
    assert read(write(container)) == container


def test_a_plain_photograph_has_at_most_32_bytes_of_overhead():
    container = dataclasses.replace(PLAIN, stream=b"x" * 40_000)
    assert len(write(container)) - 40_000 <= 32


@pytest.mark.parametrize("container", [PLAIN, RICH])
def test_every_truncation_is_refused(container):
    whole = write(container)
    boundary = len(write(dataclasses.replace(container, chunks=())))
    for length in range(len(whole)):
        if length == boundary or (container.chunks and whole[:length] in chunk_boundaries(container)):
            continue  # optional chunks may be absent: what is left is a whole file
        with pytest.raises(CorruptFileError):
            read(whole[:length])


def chunk_boundaries(container: Container) -> list[bytes]:
    return [write(dataclasses.replace(container, chunks=container.chunks[:n])) for n in range(len(container.chunks))]


@pytest.mark.parametrize("container", [PLAIN, RICH])
def test_every_flipped_bit_is_refused(container):
    whole = write(container)
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptFileError):
            read(bytes(damaged))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"hello, I am a text file", "not a .dlic file"),
        (write(PLAIN).replace(b"\r\n", b"\n"), "text-mode"),
        (b"\xd1" + write(PLAIN)[1:], "of version 1 of the format; this dlic reads version 2"),
        (b"\xd3" + write(PLAIN)[1:], "of version 3 of the format; this dlic reads version 2"),
        (write(dataclasses.replace(PLAIN, width=0)), "header"),
        (write(dataclasses.replace(PLAIN, chunks=((b"MUST", b"x"),))), "needed"),
    ],
)
def test_the_sentence_says_what_is_wrong(data, sentence):
    with pytest.raises(CorruptFileError, match=sentence):
        read(data)


@given(containers)
def test_prefixes_hold_what_they_have_of_the_stream(container):
    whole = write(dataclasses.replace(container, chunks=()))
    start = len(whole) - 4 - len(container.stream)
    for length in range(0, len(whole) + 1, 7):
        if length < start:
            with pytest.raises(CorruptFileError):
                read_beginning(whole[:length])
            continue
        found, share = read_beginning(whole[:length])
        kept = container.stream[: length - start]
        assert found == dataclasses.replace(container, stream=kept, chunks=())
        assert share == (len(kept) / len(container.stream) if container.stream else 1)


@given(st.integers(0, 2**35 - 1))
def test_varints(value):
    assert read_varint(Reader(write_varint(value))) == value


@given(st.binary(max_size=200))
def test_random_bytes_after_the_magic_are_refused(data):
    with pytest.raises(CorruptFileError):
        read(MAGIC + data)
