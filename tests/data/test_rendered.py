"""Rendered pages: the same for the same random numbers, of every kind, and a share of the training crops."""

import numpy as np
import pytest
import torch
from PIL import ImageFont

from dlic.data.crops import Augmentation, TrainingCrops
from dlic.data.photographs import decode_all, find_photographs
from dlic.data.rendered import fonts, rendered_page
from dlic.data.resident import ResidentBatches
from dlic.errors import DlicError
from dlic.learned.exact.first_look import first_look

SIZE = 96


@pytest.fixture
def ground(photograph) -> np.ndarray:
    return photograph[:SIZE, :SIZE]


def test_pages_depend_on_their_numbers_alone(ground):
    first, again, other = (rendered_page(np.random.default_rng(seed), SIZE, ground) for seed in (1, 1, 2))
    assert first.shape == (SIZE, SIZE, 3) and first.dtype == np.uint8
    assert (first == again).all() and (first != other).any()


def test_pages_are_of_every_kind(ground):
    pages = [rendered_page(np.random.default_rng(seed), SIZE, ground) for seed in range(40)]
    over_photographs = [page for page in pages if (page == ground).all(axis=2).mean() > 0.3]
    synthetic = [page for page in pages if first_look(page)]
    assert 3 <= len(over_photographs) <= 20 and len(synthetic) >= 15
    assert all((page != ground).any() for page in over_photographs)
    assert len({tuple(page[0, 0]) for page in synthetic}) >= 4  # themes


def test_a_machine_without_fonts_has_pillows(ground, monkeypatch):
    monkeypatch.setattr("dlic.data.rendered.FONT_FOLDERS", ("/nowhere",))
    fonts.cache_clear()
    assert fonts() == () and rendered_page(np.random.default_rng(3), SIZE, ground).std() > 0
    monkeypatch.undo()
    fonts.cache_clear()


def test_fonts_without_latin_letters_are_left_out():
    for file in fonts():
        font = ImageFont.truetype(str(file), 12)
        assert bytes(font.getmask("a")) != bytes(font.getmask("Z")), file  # else both are the box of a missing letter


def test_the_share_of_rendered_crops(photographs, tmp_path):
    source = decode_all(find_photographs(str(photographs)), tmp_path)

    def crops(share: float) -> list[torch.Tensor]:
        of_share = TrainingCrops(source, SIZE, 0, Augmentation(rotate=False, flip=False, rendered=share))
        return [of_share[index] for index in range(30)]

    plain, some, every = crops(0.0), crops(0.3), crops(1.0)
    assert all((a == b).all() for a, b in zip(plain, crops(0.0), strict=True))
    changed = sum(bool((a != b).any()) for a, b in zip(plain, some, strict=True))
    assert 3 <= changed <= 18 and all((a != b).any() for a, b in zip(plain, every, strict=True))
    assert all(crop.shape == (3, SIZE, SIZE) and crop.dtype == torch.uint8 for crop in every)


def test_resident_batches_have_them_too(photographs, tmp_path):
    source = decode_all(find_photographs(str(photographs)), tmp_path)

    def batch(share: float) -> torch.Tensor:
        return ResidentBatches(source, SIZE, 8, 0, Augmentation(rendered=share), torch.device("cpu")).batch(0)

    plain, some = batch(0.0), batch(0.5)
    changed = (plain != some).flatten(1).any(dim=1)
    assert 1 <= int(changed.sum()) < 8 and (batch(0.5) == some).all()


def test_shares_beyond_all_crops_are_refused():
    with pytest.raises(DlicError, match="from 0 to 1"):
        Augmentation(rendered=1.5)
