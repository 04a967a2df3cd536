"""Sequences through encoder, file and decoder."""

import io
from dataclasses import replace

import numpy as np
import pytest

from dlic.container.format import write_chunk
from dlic.container.sequence_groups import write_group
from dlic.container.sequence_reader import SequenceReader
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError
from dlic.learned.sequence import encoder
from dlic.learned.sequence.decoder import SequenceDecoder, Stretch
from dlic.learned.sequence.encoder import encode_sequence
from dlic.learned.sequence.frames import DecodedFrame
from dlic.learned.sequence.settings import SequenceSettings
from dlic.learned.sequence.skipping import squared_errors
from dlic.pixels.frames import Frame, SequenceFormat
from tests.learned.sequence.clips import codec, decoder, encoded, form_of, pan, photograph, psnr, timed

CUT = [*pan(10), *pan(4, at=(380, 500))]  # two scenes
FILE = encoded(CUT, extras=[(b"audi", b"sound")])


def test_frames_come_back_in_time_and_order():
    frames = list(decoder(FILE).frames())
    assert [(frame.pts, frame.duration) for frame in frames] == [(40 * i, 40) for i in range(14)]
    assert min(psnr(frame.pixels, x) for frame, x in zip(frames, CUT, strict=True)) > 13  # the tiny checkpoint is no good one
    assert len({frame.pixels.tobytes() for frame in frames}) == 14


def test_a_decoder_has_what_the_encoder_had():
    seen: dict[int, np.ndarray] = {}
    items, settings = timed(CUT), SequenceSettings(level=40)
    data = b"".join(
        encode_sequence(items, form_of(CUT), codec(), settings, lambda frame, decoded: seen.update({frame.pts: decoded.pixels}))
    )
    assert all(np.array_equal(frame.pixels, seen[frame.pts]) for frame in decoder(data).frames())


def test_a_cut_begins_a_group_that_decodes_alone():
    read = decoder(FILE).reader
    tables = list(read.tables())
    assert [len(table.packets) for table in tables] == [10, 4] and tables[1].pts == 400
    index = read.index()
    assert index is not None
    head, alone = FILE[: index.entries[0].offset], FILE[index.entries[1].offset :]
    frames = list(decoder(head + alone).frames())
    assert [frame.pts for frame in frames] == [400, 440, 480, 520]
    assert np.array_equal(frames[-1].pixels, list(decoder(FILE).frames())[-1].pixels)


def test_prediction_pays():
    keys = encoded(CUT[:10], max_gop=1)
    assert len(encoded(CUT[:10])) < 0.6 * len(keys) and len(encoded(CUT[:10], low_delay=True)) < 0.6 * len(keys)


def test_low_delay_refers_to_the_past_alone():
    for table in decoder(encoded(CUT[:10], low_delay=True)).reader.tables():
        assert [packet.number for packet in table.packets] == list(range(len(table.packets)))
        assert {packet.kind for packet in table.packets} == {"key", "P"}


def test_equal_frames_become_durations():
    still = [photograph()[:64, :64]] * 500
    data = encoded([*still, *pan(2, size=(64, 64))])
    frames = list(decoder(data).frames())
    assert [frame.duration for frame in frames] == [40 * 500, 40, 40]


def test_noise_below_a_step_costs_one_byte_a_frame():
    reference = DecodedFrame(photograph()[:128, :192])
    noise = np.random.default_rng(0).integers(-1, 2, reference.pixels.shape)
    x = np.clip(reference.pixels + noise, 0, 255).astype(np.uint8)
    made = codec().encode_inter(x, [reference, reference], 20, 1)
    assert len(made.data) == 1 and np.array_equal(made.decoded.pixels, reference.pixels)


def test_frames_below_the_lowest_level_spend_less_on_motion_and_have_the_networks_lowest_level():
    rng, still = np.random.default_rng(1), photograph()
    moved = [[still[y + dy : y + dy + 16, x + dx : x + dx + 16] for x, (dy, dx) in zip(range(8, 200, 16), row, strict=True)]
             for y, row in zip(range(8, 136, 16), rng.integers(-6, 7, (8, 12, 2)), strict=True)]  # fmt: skip
    x, references = np.concatenate([np.concatenate(row, axis=1) for row in moved]), [DecodedFrame(still[8:136, 8:200])]
    few, more = (codec().encode_inter(x, references, level, 1) for level in (-12, 0))
    assert len(few.data) < len(more.data) and few.level == more.level == 0
    levels = [packet.level for table in decoder(encoded(CUT, level=1)).reader.tables() for packet in table.packets]
    assert min(levels) == 0 and SequenceSettings(level=1).level_of(5, 64) == -19 and SequenceSettings(level=0).level_of(5, 1) == 0


def test_superblocks_without_a_residual_are_the_prediction_bit_for_bit():
    x, p = photograph()[:150, :200], photograph()[1:151, 2:202]
    coded = np.zeros((3, 4), bool)
    coded[0, 0] = coded[2, 3] = coded[1, 3] = True
    residual = codec().residual
    made = residual.encode(x, p, 40, coded)
    symbols, crc = residual.parse(made.stream, residual.coder.number, (150, 200), 40, coded)
    x_hat = residual.reconstruct(symbols, p, 40, coded)
    changed = (x_hat != p).any(axis=2)
    assert crc == made.crc and not changed[64:, :192].any() and not changed[:64, 64:].any()
    assert changed[:64, :64].mean() > 0.5 and changed[64:, 192:].mean() > 0.5 and made.bits[~coded].max() == 0


def test_with_effort_a_predicted_frame_costs_less():
    x, before, after = pan(3, size=(96, 128), step=(2, 5))
    references, rate = [DecodedFrame(before), DecodedFrame(after[:, ::-1].copy())], codec().rate
    costs = []
    for effort in (0, 2):
        made = codec().encode_inter(x, references, 30, 1, effort=effort)
        costs.append(8 * len(made.data) + rate.lmbda(30) * squared_errors(x, made.decoded.pixels).sum())
    assert costs[1] <= costs[0]


def test_without_pytorch_effort_leaves_key_frames_as_they_are(monkeypatch):
    monkeypatch.setattr(encoder, "is_installed", lambda runtime: False)
    plain, slower = (decoder(encoded(pan(2, size=(64, 64)), effort=effort)).reader for effort in (0, 9))
    first, second = (next(iter(reader.groups())).data[0] for reader in (plain, slower))
    assert first == second


# --- parts ----------------------------------------------------------------------------------------------------------


def test_a_stretch_of_time_is_decoded_alone():
    everything = list(decoder(FILE).frames())
    part = list(decoder(FILE).frames(Stretch(start=250, stop=441)))
    assert [frame.pts for frame in part] == [240, 280, 320, 360, 400, 440]
    assert all(np.array_equal(frame.pixels, everything[6 + i].pixels) for i, frame in enumerate(part))
    assert not list(decoder(FILE).frames(Stretch(start=10_000)))


@pytest.mark.parametrize("number", [0, 7, 13])
def test_one_frame_is_decoded_alone(number):
    frame = decoder(FILE).frame(number)
    assert frame.pts == 40 * number and np.array_equal(frame.pixels, list(decoder(FILE).frames())[number].pixels)


def test_frames_that_are_not_there_are_named():
    with pytest.raises(DlicError, match="14 frames"):
        decoder(FILE).frame(14)
    with pytest.raises(DlicError, match="from 0"):
        decoder(FILE).frame(-1)


def test_half_rate_is_the_same_without_the_highest_layer_in_the_file():
    half = list(decoder(FILE).frames(Stretch(half_rate=True)))
    assert len(half) < 10 and sum(frame.duration for frame in half) == 14 * 40
    dropped = FILE
    for group in decoder(FILE).reader.groups():
        dropped = dropped.replace(write_chunk(b"btop", write_group(group)[1]), b"")
    again = list(decoder(dropped).frames())
    assert [(frame.pts, frame.duration) for frame in again] == [(frame.pts, frame.duration) for frame in half]
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in zip(again, half, strict=True))


def test_without_an_index_seeking_still_works():
    index = decoder(FILE).reader.index()
    cut = FILE[: FILE.rindex(b"indx")]
    assert index is not None and decoder(cut).reader.index() is None
    assert decoder(cut).frame(12).pts == 480 and len(list(decoder(cut).frames(Stretch(start=480)))) == 2


def test_a_pipe_is_decoded_forward():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError("a pipe")

    frames = list(SequenceDecoder(SequenceReader(Pipe(FILE)), codec()).frames())
    assert len(frames) == 14


# --- alpha ----------------------------------------------------------------------------------------------------------


def test_alpha_is_exact():
    frames = [np.dstack([x, np.where(x[..., 0] > 100, 255, 17 * i).astype(np.uint8)]) for i, x in enumerate(pan(6))]
    frames[3][..., 3] = frames[2][..., 3]
    frames[5][..., 3] = 255
    shown = list(decoder(encoded(frames)).frames())
    assert all(np.array_equal(frame.pixels[..., 3], x[..., 3]) for frame, x in zip(shown, frames, strict=True))


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (65, 129)])
def test_odd_sizes_and_clips_of_one_frame(size):
    for count in (1, 3):
        frames = pan(count, size=size)
        assert [frame.pixels.shape for frame in decoder(encoded(frames)).frames()] == [(*size, 3)] * count


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "at least one frame"),
        ([(0, 40), (0, 40)], "must rise"),
        ([(40, 40), (20, 40)], "must rise"),
        ([(0, 0)], "at least"),
        ([(0, -5)], "at least"),
    ],
)
def test_times_that_no_clip_has_are_refused(frames, said):
    pixels = pan(2)
    items = [Frame(pixels=pixels[i], pts=pts, duration=duration) for i, (pts, duration) in enumerate(frames)]
    with pytest.raises(DlicError, match=said):
        list(encode_sequence(items, form_of(pixels), codec(), SequenceSettings(level=40)))


def test_a_change_of_size_is_refused():
    with pytest.raises(DlicError, match="one size"):
        encoded([*pan(1), *pan(1, size=(64, 64))])


def test_settings_out_of_range_are_refused():
    with pytest.raises(DlicError, match="1 to 64"):
        SequenceSettings(level=1, max_gop=65)
    with pytest.raises(DlicError, match="0 to 9, not 10"):
        SequenceSettings(level=1, effort=10)


def test_another_checkpoint_is_named():
    other = replace(codec(), inter_model=b"another!")
    with pytest.raises(UnknownCheckpointError, match="inter frames"):
        SequenceDecoder(SequenceReader(io.BytesIO(FILE)), other)


def test_a_sequence_without_frames_is_refused():
    head = FILE[: FILE.index(b"audi")]
    with pytest.raises(CorruptFileError, match="no frame"):
        list(decoder(head).frames())


def test_huge_frames_are_refused_before_anything_is_allocated():
    form = SequenceFormat(width=1 << 20, height=1 << 20)
    head = next(encode_sequence([], form, codec(), SequenceSettings(level=1)))
    with pytest.raises(CorruptFileError, match="limit"):
        decoder(head)


def test_cut_files_show_every_whole_frame_and_name_the_others():
    everything = {frame.pts: frame.pixels for frame in decoder(FILE).frames()}
    for share in (0.5, 0.8, 0.93):
        cut = decoder(FILE[: int(share * len(FILE))], damaged=True)
        frames = list(cut.frames())
        assert frames and all(np.array_equal(frame.pixels, everything[frame.pts]) for frame in frames)
        assert cut.lost and "index" in cut.lost[-1]
        with pytest.raises(CorruptFileError):
            list(decoder(FILE[: int(share * len(FILE))]).frames())


def test_a_damaged_frame_loses_only_those_that_refer_to_it():
    groups = list(decoder(FILE).reader.groups())
    position = FILE.index(groups[0].data[8]) + len(groups[0].data[8]) - 3
    broken = bytearray(FILE)
    broken[position] ^= 0x10
    read = decoder(bytes(broken), damaged=True)
    everything = {frame.pts: frame.pixels for frame in decoder(FILE).frames()}
    frames = list(read.frames())
    assert {frame.pts for frame in frames} >= {0, 400, 440, 480, 520} and read.lost
    assert all(np.array_equal(frame.pixels, everything[frame.pts]) for frame in frames)


def test_verification_reads_every_symbol():
    assert decoder(FILE).verify() == 14
    groups = list(decoder(FILE).reader.groups())
    data = dict(groups[0].data)
    data[4] = data[4][:-4] + bytes(value ^ 1 for value in data[4][-4:])
    low, high = write_group(replace(groups[0], data=data))
    start, end = FILE.index(b"GOPS"), FILE.index(b"GOPS", FILE.index(b"GOPS") + 4)
    forged = FILE[:start] + write_chunk(b"GOPS", low) + write_chunk(b"btop", high) + FILE[end:]
    with pytest.raises(CorruptFileError):
        decoder(forged).verify()
