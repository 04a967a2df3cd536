"""A folder of photographs: found, split, decoded once, cropped by (seed, index)."""

import errno
import logging
import struct
import zlib
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.data.crops import Augmentation, TrainingCrops, ValidationCrops
from dlic.data.module import EndlessBatches, PhotographData
from dlic.data.photographs import decode_all, find_photographs, split
from dlic.errors import DlicError, StorageError

PLAIN = Augmentation(flip=False, rotate=False, downscale_share=0.0, candidates=1)


@pytest.fixture(scope="module")
def decoded(photographs, tmp_path_factory):
    return decode_all(find_photographs(photographs), tmp_path_factory.mktemp("decoded"))


def test_folders_are_searched_recursively_in_a_fixed_order(photographs):
    found = find_photographs(photographs)
    assert [path.stem for path in found] == ["0", "2", "4", "1", "3", "5"]


def test_the_split_is_random_disjoint_and_fixed_by_the_seed(photographs):
    found = find_photographs(photographs)
    training, validation = split(found, 0.3, seed=1)
    assert sorted(training + validation) == sorted(found) and len(validation) == 2
    assert split(found, 0.3, seed=1) == (training, validation)
    assert {tuple(split(found, 0.3, seed=s)[1]) for s in range(10)} != {tuple(validation)}


def test_unreadable_photographs_are_skipped_and_listed(tmp_path, caplog):
    Image.new("RGB", (20, 20)).save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with caplog.at_level(logging.WARNING):
        photographs = decode_all(find_photographs(tmp_path), tmp_path / "cache")
    assert [path.name for path in photographs.paths] == ["good.png"]
    assert "broken.png" in caplog.text and "1 of 2" in caplog.text


def full_disk(*arguments, **settings):
    raise StorageError("cannot write: No space left on device")


def test_every_kind_of_bad_file_is_left_out_and_named_once(photographs, tmp_path, monkeypatch, caplog):
    good = (photographs / "0.png").read_bytes()
    contents = {
        "good.png": good,
        "png_named.jpg": good,
        "truncated.png": good[: len(good) // 2],
        "empty.png": b"",
        "text.jpg": b"a letter",
        "bomb.png": png_header(60_000, 60_000),
        "forbidden.png": good,
        "vanished.png": good,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.png").mkdir()
    found = find_photographs(tmp_path)
    (tmp_path / "vanished.png").unlink()
    read_bytes = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "forbidden.png":  # root may read everything
            raise PermissionError(errno.EACCES, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with caplog.at_level(logging.WARNING):
        photographs = decode_all(found, tmp_path / "cache")
    assert [path.name for path in photographs.paths] == ["good.png", "png_named.jpg"]
    bad = set(contents) - {"good.png", "png_named.jpg"}
    assert all(caplog.text.count(name) == 1 for name in bad) and "6 of 8 photographs" in caplog.text


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that would need gigabytes to decode."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])


@pytest.mark.parametrize("damage", [Path.unlink, cut])
@pytest.mark.parametrize("disk", ["free", "full"])
def test_a_damaged_cache_is_made_again_during_a_run(damage, disk, photographs, tmp_path, monkeypatch):
    decoded = decode_all(find_photographs(photographs), tmp_path)
    crops = TrainingCrops(decoded, 64, 0, Augmentation())
    before = [crops[i] for i in range(6)]
    for file in decoded.decoded:
        damage(file)
    if disk == "full":
        monkeypatch.setattr("dlic.data.photographs.written_whole", full_disk)
    assert all(torch.equal(crops[i], crop) for i, crop in enumerate(before))
    again = decode_all(find_photographs(photographs), tmp_path)  # as the next call does
    assert all(np.array_equal(again.pixels(i), decoded.pixels(i)) for i in range(len(decoded)))
    assert decoded.lost == set()


def test_a_cache_that_cannot_grow_is_done_without(photographs, tmp_path, monkeypatch, caplog):
    kept = decode_all(find_photographs(photographs), tmp_path / "kept")
    monkeypatch.setattr("dlic.data.photographs.written_whole", full_disk)
    with caplog.at_level(logging.WARNING):
        without = decode_all(find_photographs(photographs), tmp_path / "full")
    assert "6 photographs found no room" in caplog.text
    assert all(np.array_equal(kept.pixels(i), without.pixels(i)) for i in range(len(kept)))


def test_a_photograph_lost_during_a_run_is_named_once_and_another_takes_its_place(tmp_path, photographs, caplog):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes((photographs / "0.png").read_bytes())
    decoded = decode_all(find_photographs(tmp_path), tmp_path / "cache")
    (tmp_path / "a.png").unlink()
    decoded.decoded[0].unlink()
    crops = TrainingCrops(decoded, 64, 0, Augmentation())
    with caplog.at_level(logging.WARNING):
        assert all(crops[i].shape == (3, 64, 64) for i in range(20))
    assert caplog.text.count("a.png") == 1 and decoded.lost == {tmp_path / "a.png"}
    decoded.decoded[1].unlink()
    (tmp_path / "b.png").write_bytes(b"rubbish")
    with pytest.raises(DlicError, match="none of the 2 photographs can be read any more"):
        crops[0]


def test_photographs_that_cannot_be_read_are_never_all_that_is_held_out(photographs, tmp_path):
    for i in range(9):
        (tmp_path / f"{i}.png").write_bytes(b"rubbish")
    for name in ("good.png", "fine.png"):
        (tmp_path / name).write_bytes((photographs / "0.png").read_bytes())
    for seed in range(4):
        data = PhotographData(str(tmp_path), held_out=0.01, seed=seed, cache_dir=str(tmp_path / "cache"))
        data.setup("fit")
        assert len(data.validation_crops) == len(data.training_crops.photographs) == 1


def test_nothing_to_train_on_is_one_sentence(tmp_path):
    with pytest.raises(DlicError, match="not a folder"):
        find_photographs(tmp_path / "none")
    with pytest.raises(DlicError, match="no photographs"):
        find_photographs(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"rubbish")
    with pytest.raises(DlicError, match="none of the 1"):
        decode_all(find_photographs(tmp_path), tmp_path / "cache")
    with pytest.raises(DlicError, match="at least two"):
        split(find_photographs(tmp_path), 0.1, 0)


def test_a_crop_depends_on_seed_and_index_alone(decoded):
    crops = TrainingCrops(decoded, 64, 3, Augmentation())
    forward = [crops[i] for i in range(8)]
    backward = [crops[i] for i in reversed(range(8))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forward, backward, strict=True))
    assert not torch.equal(forward[0], TrainingCrops(decoded, 64, 4, Augmentation())[0])
    assert all(crop.shape == (3, 64, 64) and crop.dtype == torch.uint8 for crop in forward)


def test_a_plain_crop_is_a_piece_of_a_photograph(decoded):
    crop = TrainingCrops(decoded, 64, 0, PLAIN)[5].permute(1, 2, 0).numpy()
    windows = (np.lib.stride_tricks.sliding_window_view(decoded.pixels(i), (64, 64, 3)) for i in range(len(decoded)))
    assert any((w.reshape(-1, 64, 64, 3) == crop).all(axis=(1, 2, 3)).any() for w in windows)


def test_small_photographs_are_reflected(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (10, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "small.png")
    photographs = decode_all(find_photographs(tmp_path), tmp_path / "cache")
    crops = ValidationCrops(photographs, 32, 4)
    assert len(list(crops)) == len(crops) == 1
    crop = crops[0].permute(1, 2, 0).numpy()
    assert crop.shape == (32, 32, 3)
    assert (crop[:10, :20] == pixels).all() and (crop[10, :20] == pixels[9]).all() and (crop[:10, 20] == pixels[:, 19]).all()
    assert TrainingCrops(photographs, 32, 0, Augmentation(downscale_share=1.0))[0].shape == (3, 32, 32)


def test_shrunk_crops_show_more_of_the_photograph(decoded):
    shrunk = TrainingCrops(decoded, 32, 0, Augmentation(flip=False, rotate=False, downscale=4.0, downscale_share=1.0, candidates=1))
    assert shrunk[0].shape == (3, 32, 32)
    assert not torch.equal(shrunk[0], TrainingCrops(decoded, 32, 0, PLAIN)[0])


def test_batches_go_on_from_any_start():
    batches = iter(EndlessBatches(4, start=5))
    assert next(batches) == [20, 21, 22, 23] and next(batches) == [24, 25, 26, 27]


@given(st.integers(0, 10**6), st.integers(1, 64), st.integers(1, 16), st.integers(0, 5))
def test_several_processes_take_the_crops_of_one_with_a_larger_batch(first, size, processes, step):
    """`first` large batches were seen before."""
    dealt = [EndlessBatches(size, first * processes + rank, processes) for rank in range(processes)]
    together = [number for batches in dealt for number in next(islice(batches, step, None))]
    assert together == next(islice(EndlessBatches(size * processes, first), step, None))


def test_the_data_module_holds_out_whole_files(photographs, tmp_path):
    data = PhotographData(str(photographs), crop=64, held_out=0.34, validation_crop=64, cache_dir=str(tmp_path))
    data.setup("fit")
    training, validation = data.training_crops.photographs.paths, data.validation_crops.photographs.paths
    assert len(validation) == 2 and not set(training) & set(validation)
    batch = next(iter(data.val_dataloader()))
    assert batch.shape == (2, 3, 64, 64)
    assert data.on_after_batch_transfer(batch, 0).max() <= 1.0
