"""Layouts of the optional chunks: what goes in comes out, and nothing small becomes huge."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.container import chunks
from dlic.container.format import MAX_CHUNKS, Container, append, read, write
from dlic.errors import CorruptFileError, DlicError

PLAIN = Container(kind=0, width=7, height=5, symbols_crc=0, stream=b"stream")


@given(st.binary(max_size=2000))
def test_packed_data_comes_back_and_grows_by_a_byte_at_most(data):
    packed = chunks.pack(data)
    assert chunks.unpack(packed, "profile") == data and len(packed) <= len(data) + 1


def test_what_repeats_is_deflated():
    assert len(chunks.pack(b"<rdf:li>word</rdf:li>" * 500)) < 200


@given(st.binary(max_size=60))
def test_any_bytes_unpack_or_are_refused(data):
    try:
        assert len(chunks.unpack(data, "profile")) <= chunks.MAX_UNPACKED
    except CorruptFileError as error:
        assert "profile" in str(error)


@pytest.mark.parametrize("size", [chunks.MAX_UNPACKED, chunks.MAX_UNPACKED + 1, 4 * chunks.MAX_UNPACKED])
def test_a_bomb_is_refused(size):
    deflate = zlib.compressobj(9)
    bomb = b"\x01" + b"".join(deflate.compress(bytes(1 << 20)) for _ in range(size >> 20)) + deflate.compress(bytes(size & 0xFFFFF))
    bomb += deflate.flush()
    if size == chunks.MAX_UNPACKED:
        assert chunks.unpack(bomb, "profile") == bytes(size) and len(chunks.pack(bytes(size))) < 20_000
        return
    with pytest.raises(CorruptFileError, match="more than"):
        chunks.unpack(bomb, "profile")


def test_more_than_a_reader_takes_is_not_written():
    with pytest.raises(DlicError, match="--strip"):
        chunks.pack(bytes(chunks.MAX_UNPACKED + 1))


@given(st.tuples(*[st.floats(0.001, 4e6)] * 2))
def test_resolutions(dpi):
    assert chunks.read_dpi(chunks.write_dpi(dpi)) == pytest.approx(dpi, abs=0.0006)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=100), max_size=5))
def test_texts(text):
    assert chunks.read_text(chunks.write_text(text)) == text


@pytest.mark.parametrize("data", [b"\x01a", b"\x02a", b"\x01\xff\x01b", b"\x01a\x05b", b"\x80"])
def test_texts_that_are_damaged(data):
    with pytest.raises(CorruptFileError):
        chunks.read_text(data)
    with pytest.raises(DlicError, match="surrogate"):
        chunks.write_text({"key": "\ud800"})


def test_the_number_of_texts_is_limited():
    assert len(chunks.read_text(chunks.write_text({str(i): "" for i in range(chunks.MAX_TEXTS)}))) == chunks.MAX_TEXTS
    with pytest.raises(DlicError, match="--strip text"):
        chunks.write_text({str(i): "" for i in range(chunks.MAX_TEXTS + 1)})
    with pytest.raises(CorruptFileError):
        chunks.read_text(bytes(chunks.MAX_UNPACKED))  # sixteen million empty texts


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(9)])
def test_a_resolution_has_eight_bytes(data):
    with pytest.raises(CorruptFileError, match="8"):
        chunks.read_dpi(data)


def test_known_chunks_stand_once_and_others_are_left_alone():
    assert chunks.by_name(((b"exif", b"1"), (b"what", b""), (b"what", b""), (b"xmp ", b"2"))) == {b"exif": b"1", b"xmp ": b"2"}
    with pytest.raises(CorruptFileError, match="twice"):
        chunks.by_name(((b"exif", b"1"), (b"exif", b"1")))


def test_the_number_of_chunks_is_limited():
    whole = append(write(PLAIN), ((b"what", b""),) * MAX_CHUNKS)
    assert len(read(whole).chunks) == MAX_CHUNKS
    with pytest.raises(CorruptFileError, match="more than 64"):
        read(append(whole, ((b"what", b""),)))


def test_appending_is_writing_with_more_chunks():
    chunk = (b"exif", b"data")
    assert read(append(write(PLAIN), (chunk,))).chunks == (chunk,)
    assert append(write(PLAIN), ()) == write(PLAIN)
