"""The container of sequences: what is written is read, forward and with seeks; damage is seen, and passed over where asked."""

import io
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.container.format import LEARNED, Container, read_beginning, write, write_chunk
from dlic.container.sequence import SequenceHead, write_head
from dlic.container.sequence_groups import Group, GroupTable, Packet, read_table, write_group
from dlic.container.sequence_reader import SequenceReader
from dlic.errors import CorruptFileError, DlicError
from dlic.pixels.frames import SequenceFormat, VideoColour
from tests.container.sequence_files import HEAD, file_of, some_groups


class Pipe(io.RawIOBase):
    """Bytes that can only be read forward, a few at a time."""

    def __init__(self, data: bytes):
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 7))


def reader(data: bytes, damaged: bool = False) -> SequenceReader:
    return SequenceReader(io.BytesIO(data), damaged)


GROUPS = some_groups([1, 5, 32, 2])
FILE = file_of(GROUPS, [(b"audi", b"sound"), (b"exif", b"")])


@pytest.mark.parametrize("open_as", [io.BytesIO, Pipe])
def test_what_is_written_is_read(open_as):
    read = SequenceReader(open_as(FILE))
    assert read.head == HEAD
    assert [(group.table, dict(group.data)) for group in read.groups()] == [(group.table, group.data) for group in GROUPS]


@pytest.mark.parametrize("open_as", [io.BytesIO, Pipe])
def test_tables_and_other_chunks_are_read_alone(open_as):
    assert list(SequenceReader(open_as(FILE)).tables()) == [group.table for group in GROUPS]
    assert list(SequenceReader(open_as(FILE)).extras()) == [(b"audi", b"sound"), (b"exif", b"")]


def test_the_index_leads_to_every_group():
    read = reader(FILE)
    index = read.index()
    assert index is not None and index.frames == 40 and index.end == GROUPS[-1].table.end
    for number, entry in enumerate(index.entries):
        assert next(read.groups(entry.offset)).table == GROUPS[number].table


def test_a_file_may_begin_in_the_middle_of_another():
    file = io.BytesIO(b"prefix" + FILE)
    file.seek(6)
    read = SequenceReader(file)
    index = read.index()
    assert index is not None and next(read.groups(index.entries[2].offset)).table == GROUPS[2].table


def test_times_follow_from_durations():
    table = GroupTable(pts=100, durations=(3, 4), packets=(_packet(0), _packet(1, (0,))))
    assert [(frame.pts, frame.duration, frame.end) for frame in table.frames] == [(100, 3, 103), (103, 4, 107)]
    assert [_packet(0).kind, _packet(2, (0, 1)).kind, _packet(1, (0, 2)).kind] == ["key", "P", "B"]


def test_a_dropped_highest_layer_leaves_a_whole_file():
    low, high = write_group(GROUPS[2])
    data = FILE.replace(write_chunk(b"btop", high), b"")
    (group,) = [group for group in reader(data).groups() if len(group.table.packets) == 32]
    assert sorted(group.data) == list(range(0, 32, 2)) and group.table == GROUPS[2].table and low


@settings(max_examples=40)
@given(
    st.builds(
        SequenceFormat,
        width=st.integers(1, 1 << 20),
        height=st.integers(1, 1 << 20),
        time_base=st.fractions(min_value=Fraction(1, 1 << 30), max_value=1 << 30).filter(
            lambda base: base > 0 and max(base.numerator, base.denominator) < 1 << 35
        ),
        alpha=st.booleans(),
        loops=st.integers(0, (1 << 35) - 1),
        colour=st.builds(
            VideoColour,
            primaries=st.integers(0, 255),
            transfer=st.integers(0, 255),
            matrix=st.integers(0, 255),
            full_range=st.booleans(),
            siting=st.integers(0, 7),
            subsampling=st.sampled_from([0, 420, 422, 444]),
            depth=st.integers(1, 16),
        ),
    )
)
def test_every_head_comes_back(form):
    head = SequenceHead(form=form, key_model=bytes(8), inter_model=b"12345678")
    assert reader(write_head(head)).head == head


def test_a_head_that_no_file_holds_is_refused():
    with pytest.raises(DlicError, match="time base"):
        write_head(SequenceHead(form=SequenceFormat(width=1, height=1, time_base=Fraction(0)), key_model=b"", inter_model=b""))


@settings(max_examples=60)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 99))
def test_every_cut_is_seen_and_what_is_whole_is_kept(counts, percent):
    groups = some_groups(counts)
    data = file_of(groups)
    cut = data[: len(data) * percent // 100]
    try:
        read = reader(cut)
    except CorruptFileError:
        assert percent < 50 or len(cut) < 80
        return
    kept = list(reader(cut, damaged=True).groups())
    assert [group.table for group in kept] == [group.table for group in groups[: len(kept)]]
    for group, whole in zip(kept, groups, strict=False):
        assert all(whole.data[number] == data for number, data in group.data.items())
    if len(kept) < len(groups):
        with pytest.raises(CorruptFileError):
            assert len(list(read.groups())) < len(groups)
            raise CorruptFileError("cut between two groups")


def test_groups_after_a_damaged_one_are_found_again():
    index = reader(FILE).index()
    assert index is not None
    starts = [entry.offset for entry in index.entries]
    for place in range(starts[1], starts[2]):
        broken = bytearray(FILE)
        broken[place] ^= 0x55
        read = reader(bytes(broken), damaged=True)
        tables = [group.table for group in read.groups()]
        assert GROUPS[1].table in tables or read.lost, place
        assert GROUPS[0].table in tables and GROUPS[2].table in tables and GROUPS[3].table in tables, place
        with pytest.raises(CorruptFileError):
            list(reader(bytes(broken)).groups())


def test_every_changed_byte_of_the_head_is_seen():
    size = len(write_head(HEAD))
    for place in range(size):
        broken = bytearray(FILE)
        broken[place] ^= 0xFF
        with pytest.raises(CorruptFileError):
            reader(bytes(broken))


def test_false_sizes_take_no_memory():
    huge = write_head(HEAD) + b"GOPS" + b"\xff\xff\xff\xff\x7f" + bytes(100)
    with pytest.raises(CorruptFileError, match="truncated"):
        list(reader(huge).groups())
    with pytest.raises(CorruptFileError, match="kind"):
        reader(write(Container(kind=LEARNED, width=1, height=1, symbols_crc=0, stream=b"")))


def test_any_bytes_are_refused_or_read():
    rng = random.Random(0)
    for _ in range(300):
        data = bytearray(FILE)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        for damaged in (False, True):
            try:
                read = reader(bytes(data), damaged)
                read.index()
                list(read.groups())
                list(read.tables())
            except DlicError as error:
                assert str(error)


@pytest.mark.parametrize(
    "packets",
    [
        [("P", 0, (1,))],
        [("key", 0, ()), ("key", 1, ())],
        [("key", 0, ()), ("P", 0, (0,))],
        [("key", 0, ()), ("P", 2, (0,))],
        [("key", 0, ()), ("P", 1, (2,)), ("P", 2, (0,))],
    ],
)
def test_missing_references_are_refused(packets):
    table = GroupTable(pts=0, durations=(1,) * len(packets), packets=tuple(_packet(number, to) for _, number, to in packets))
    data, _ = write_group(Group(table=table, data={number: b"" for _, number, _ in packets}))
    with pytest.raises(CorruptFileError):
        read_table(data)


def test_a_reference_to_the_highest_layer_is_refused():
    packets = (_packet(0), Packet(number=1, level=0, length=0, symbols_crc=0, references=(0,), highest=True), _packet(2, (1,)))
    data, _ = write_group(Group(table=GroupTable(pts=0, durations=(1, 1, 1), packets=packets), data={0: b"", 1: b"", 2: b""}))
    with pytest.raises(CorruptFileError, match="refers"):
        read_table(data)


def test_an_ordinary_reader_sees_the_size():
    container, _ = read_beginning(FILE)
    assert (container.kind, container.width, container.height) == (5, 640, 360)


def _packet(number: int, references: tuple[int, ...] = ()) -> Packet:
    return Packet(number=number, level=0, length=0, symbols_crc=0, references=references)
