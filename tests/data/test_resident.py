"""Batches cut from photographs that lie on the device: pieces of them, turned as asked, fixed by (seed, batch number)."""

from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as F

from dlic.data.crops import Augmentation, TrainingCrops
from dlic.data.module import PhotographData
from dlic.data.photographs import decode_all, find_photographs
from dlic.data.resident import ResidentBatches

PLAIN = Augmentation(flip=False, rotate=False, downscale_share=0.0, candidates=1)
CPU = torch.device("cpu")


def decoded(folder, *arrays):
    for index, pixels in enumerate(arrays):
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return decode_all(find_photographs(folder), folder / "cache")


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def windows(pixels: np.ndarray, size: int) -> set[bytes]:
    """Every size×size piece of a photograph."""
    pieces = np.lib.stride_tricks.sliding_window_view(pixels, (size, size, 3)).reshape(-1, size, size, 3)
    return {piece.tobytes() for piece in pieces}


def as_bytes(crops: torch.Tensor) -> list[bytes]:
    return [crop.permute(1, 2, 0).contiguous().numpy().tobytes() for crop in crops]


def test_crops_are_pieces_of_every_photograph(tmp_path):
    images = noise(20, 31), noise(40, 17), noise(16, 16)
    batch = ResidentBatches(decoded(tmp_path, *images), 16, 64, 0, PLAIN, CPU).batch(0)
    assert batch.shape == (64, 3, 16, 16) and batch.dtype == torch.uint8 and batch.is_contiguous()
    pieces = [windows(image, 16) for image in images]
    found = [[crop in some for some in pieces].index(True) for crop in as_bytes(batch)]
    assert set(found) == {0, 1, 2}
    assert len(set(as_bytes(batch))) > 30


def test_turned_crops_are_all_eight_and_only_those(tmp_path):
    image = noise(16, 16)
    x = torch.from_numpy(image).permute(2, 0, 1)
    turned = {way: [torch.rot90(way(x), k, dims=(1, 2)) for k in range(4)] for way in (torch.clone, F.horizontal_flip)}
    upright, mirrored = ({as_bytes(one[None])[0] for one in ways} for ways in turned.values())
    source = decoded(tmp_path, image)

    def seen(**kinds) -> set[bytes]:
        augmentation = Augmentation(downscale_share=0.0, candidates=1, **kinds)
        return set(as_bytes(ResidentBatches(source, 16, 64, 0, augmentation, CPU).batch(0)))

    assert seen(flip=True, rotate=True) == upright | mirrored
    assert seen(flip=False, rotate=True) == upright
    flipped = {as_bytes(way[0][None])[0] for way in turned.values()}
    assert seen(flip=True, rotate=False) == flipped and len(flipped) == 2


def test_small_photographs_are_reflected_as_often_as_needed(tmp_path):
    image = noise(5, 20)
    (crop,) = ResidentBatches(decoded(tmp_path, image), 16, 1, 0, PLAIN, CPU).batch(3)
    expected = np.pad(image, ((0, 11), (0, 0), (0, 0)), mode="symmetric")
    assert as_bytes(crop[None])[0] in windows(expected, 16)


def test_a_batch_depends_on_seed_and_number_alone(photographs, tmp_path):
    source = decode_all(find_photographs(photographs), tmp_path)
    forward = list(islice(ResidentBatches(source, 32, 4, 3, Augmentation(), CPU), 8))
    later = list(islice(ResidentBatches(source, 32, 4, 3, Augmentation(), CPU, start=5), 3))
    assert all(torch.equal(a, b) for a, b in zip(forward[5:], later, strict=True))
    assert not torch.equal(forward[0], ResidentBatches(source, 32, 4, 4, Augmentation(), CPU).batch(0))
    assert not torch.equal(forward[0], forward[1])


def test_shrunk_crops_are_shrunk_windows(tmp_path):
    ramp = np.broadcast_to(np.arange(0, 256, 2, dtype=np.uint8)[None, :, None], (128, 128, 3)).copy()  # 2 a pixel
    source = decoded(tmp_path, ramp)

    def steepness(downscale_share: float) -> list[float]:
        augmentation = Augmentation(False, False, downscale=3.0, downscale_share=downscale_share, candidates=1)
        crops = ResidentBatches(source, 32, 8, 1, augmentation, CPU).batch(0).float()
        return ((crops[..., -2] - crops[..., 1]) / 29).mean(dim=(1, 2)).tolist()  # a pixel of the crop

    assert steepness(0.0) == pytest.approx([2.0] * 8)
    shrunk = steepness(1.0)
    assert shrunk == pytest.approx([shrunk[0]] * 8, rel=0.02) and 2.1 < shrunk[0] < 6.1
    mixed = steepness(0.5)
    assert min(mixed) == pytest.approx(2.0) and max(mixed) > 2.1


def test_the_most_detailed_candidate_is_kept(tmp_path):
    half = np.full((64, 64, 3), 128, dtype=np.uint8)
    half[:, 32:] = noise(64, 32)
    source = decoded(tmp_path, half)

    def contrast(candidates: int) -> float:
        augmentation = Augmentation(downscale_share=0.0, candidates=candidates)
        return ResidentBatches(source, 16, 64, 0, augmentation, CPU).batch(0).float().std(dim=(1, 2, 3)).mean().item()

    assert contrast(4) > 1.3 * contrast(1)


def test_photographs_are_drawn_as_often_as_without(photographs, tmp_path):
    source = decode_all(find_photographs(photographs), tmp_path)
    assert np.array_equal(ResidentBatches(source, 32, 4, 0, PLAIN, CPU).cumulative, TrainingCrops(source, 32, 0, PLAIN).cumulative)


def test_the_data_module_hands_them_out_from_the_next_batch_on(photographs, tmp_path):
    data = PhotographData(str(photographs), crop=32, batch_size=2, resident=True, cache_dir=str(tmp_path))
    data.setup("fit")
    strategy, module = SimpleNamespace(root_device=CPU), SimpleNamespace(next_batch=7)
    data.trainer = SimpleNamespace(strategy=strategy, lightning_module=module, global_rank=1, world_size=3)
    loader = data.train_dataloader()  # of the second of three processes
    assert [any(torch.equal(batch, loader.batch(n)) for n in (8, 11)) for batch in islice(loader, 2)] == [True, True]
    assert not torch.equal(loader.batch(8), loader.batch(11))
    assert data.on_after_batch_transfer(loader.batch(7), 0).max() <= 1.0
