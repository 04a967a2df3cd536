"""What is found in a folder, and where it goes."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.batch import folders
from dlic.batch.folders import Done, Listing, Pair, check_targets, existing, find, mirror, output_name
from dlic.errors import DlicError

IMAGES = {".png", ".jpg"}
ODD_NAMES = ["two words", "new\nline", "ü", "日本", "-q", "'\"$(x)", ".hidden", "a.dlic"]


class Nothing:
    """Work with one output, or two to choose from."""

    def __init__(self, *endings: str):
        self.endings = endings or ("",)

    def outputs(self, target):
        return tuple(Path(f"{target}{ending}") for ending in self.endings)

    def file(self, source, target):
        return Done(target)


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def names(folder: Path, apart: str = "out") -> list[str]:
    return [name for name, _ in find(folder, IMAGES, folder / apart).files]


def test_every_image_is_found_in_a_fixed_order_with_its_size(tmp_path):
    put(tmp_path, "b.PNG", "a.jpg", "deep/er/c.png", "notes.txt", "._a.jpg", "d.png.part")
    (tmp_path / "empty.png").mkdir()
    listing = find(tmp_path, IMAGES, tmp_path / "out")
    assert listing == Listing((("a.jpg", 5), ("b.PNG", 5), (os.path.join("deep", "er", "c.png"), 13)), 3, 0, ())


def test_the_output_folder_is_not_walked_into(tmp_path):
    put(tmp_path, "a.png", "out/a.png.jpg", "deep/out/b.png")
    assert names(tmp_path) == ["a.png", os.path.join("deep", "out", "b.png")]
    assert names(tmp_path, "deep/out") == ["a.png", os.path.join("out", "a.png.jpg")]


@pytest.mark.skipif(sys.platform == "win32", reason="needs rights there")
def test_links(tmp_path):
    put(tmp_path, "photos/a.png", "elsewhere/b.png")
    photos = tmp_path / "photos"
    (photos / "again").symlink_to(photos)  # round in a circle
    (photos / "other").symlink_to(tmp_path / "elsewhere")
    (photos / "b.png").symlink_to(tmp_path / "elsewhere" / "b.png")
    (photos / "broken.png").symlink_to(tmp_path / "nowhere")
    (photos / "self.png").symlink_to("self.png")
    os.mkfifo(photos / "pipe.png")
    listing = find(photos, IMAGES, tmp_path / "out")
    assert [name for name, _ in listing.files] == ["a.png", "b.png", "broken.png", "self.png"]
    assert (listing.links, listing.others) == (2, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_cannot_be_listed_is_told(tmp_path):
    put(tmp_path, "a.png", "closed/b.png")
    (tmp_path / "closed").chmod(0)
    listing = find(tmp_path, IMAGES, tmp_path / "out")
    (tmp_path / "closed").chmod(0o700)
    assert listing.closed == (("closed", "Permission denied"),) and len(listing.files) == 1


def test_a_folder_that_vanishes_is_told(tmp_path):
    assert find(tmp_path / "gone", IMAGES, tmp_path / "out").closed == ((".", "No such file or directory"),)


@given(
    st.sets(
        st.sampled_from([f"{name}{ending}" for name in [*ODD_NAMES, "A", "a"] for ending in (".png", ".jpg", ".png.jpg", ".JPG")])
    )
)
def test_no_two_outputs_meet_and_each_has_a_name_of_its_input(inputs):
    listing = Listing(tuple((f"x/{name}", 0) for name in sorted(inputs)))
    pairs = mirror(listing, Path("photos"), Path("out"), ".dlic", IMAGES)
    assert len({pair.target for pair in pairs}) == len(inputs)
    for pair in pairs:
        assert pair.target.name in (f"{pair.source.name}.dlic", f"{pair.source.stem}.dlic") and pair.target.parent == Path("out/x")


@pytest.mark.parametrize(
    ("name", "output"),
    [("a.JPG", "a.dlic"), ("v1.2-final", "v1.2-final.dlic"), ("a.png.jpg", "a.png.dlic"), (".png", ".png.dlic"), ("a", "a.dlic")],
)
def test_only_endings_of_images_give_way(name, output):
    assert output_name(name, ".dlic", IMAGES) == output


def test_pictures_that_dlic_has_decompressed_are_no_inputs(tmp_path):
    put(tmp_path, "a.dlic", "a.dlic.png", "b.dlic.png", "deep/c.dlic", "deep/c.dlic.jpg")
    listing = find(tmp_path, IMAGES, tmp_path / "out")
    assert listing.files == (("b.dlic.png", 10),) and listing.earlier == 2 and listing.others == 2
    assert sum([listing, listing], Listing()).earlier == 4


def test_an_output_that_is_an_input_is_refused_by_whatever_way(tmp_path):
    put(tmp_path, "photos/a.png", "photos/a.png.jpg")
    pairs = mirror(find(tmp_path / "photos", IMAGES, tmp_path), tmp_path / "photos", tmp_path / "photos", ".jpg")
    with pytest.raises(DlicError, match="itself"):
        check_targets(pairs, Nothing(), tmp_path)
    (tmp_path / "out").mkdir()
    os.link(tmp_path / "photos" / "a.png", tmp_path / "out" / "a.png.dlic")
    pairs = mirror(find(tmp_path / "photos", IMAGES, tmp_path), tmp_path / "photos", tmp_path / "out", ".dlic")
    with pytest.raises(DlicError, match="itself"):
        check_targets(pairs, Nothing(), tmp_path)


@pytest.mark.parametrize(("one", "other"), [("a.JPG", "a.jpg"), ("\u00e9.png", "e\u0301.png")])
def test_names_that_are_one_on_some_file_systems(one, other, tmp_path, monkeypatch):
    pairs = mirror(Listing(((one, 0), (other, 0)), 0, 0, ()), Path("photos"), tmp_path, ".dlic")
    monkeypatch.setattr(folders, "folds_names", lambda folder: True)
    with pytest.raises(DlicError, match="both become"):
        check_targets(pairs, Nothing(), tmp_path)
    monkeypatch.setattr(folders, "folds_names", lambda folder: False)
    check_targets(pairs, Nothing(), tmp_path)


def test_whether_names_are_folded_is_found_out(tmp_path):
    (tmp_path / "a").touch()
    assert folders.folds_names(tmp_path) == (tmp_path / "A").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_existing_outputs_are_found_under_any_of_their_names(tmp_path):
    put(tmp_path, "a.jpg", "c.dlic")
    pairs = [Pair(Path(name), tmp_path / name) for name in "abc"]
    assert existing(pairs, Nothing(".dlic", ".jpg")) == {pairs[0]: tmp_path / "a.jpg", pairs[2]: tmp_path / "c.dlic"}
