"""`dlic desktop` and `dlic thumbnail`: what is installed is what the specifications ask for, and nothing of others is touched."""

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from dlic.classical.lossless.codec import LosslessCodec
from dlic.cli.main import run
from dlic.container.chunks import THUMBNAIL
from dlic.container.format import MAGIC, append
from dlic.integrations import desktop
from dlic.integrations.desktop import opener, thumbnail_cache
from tests.golden.rewrite import GOLDEN, kinds

NAMESPACE = "{http://www.freedesktop.org/standards/shared-mime-info}"
FILE = GOLDEN / "kinds" / "rgba.dlic"  # with a preview of 16 pixels
PLAIN = GOLDEN / "light_31_photograph.dlic"  # without


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """A person's folder of shared data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data home"))
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(GOLDEN))
    return tmp_path / "data home"


def installed(data: Path) -> list[Path]:
    return sorted(path for path in data.rglob("dlic.*"))


def test_install_again_and_uninstall(data, capsys):
    for _ in range(2):
        assert run(["desktop", "install"]) == 0
        said = capsys.readouterr().out
        assert installed(data) == sorted(data / place for place in (desktop.MIME, desktop.THUMBNAILER, desktop.OPENER))
        assert all(f"wrote {path}" in said for path in installed(data)) and str(desktop.MAGIC_FILE) in said
    assert run(["desktop", "uninstall"]) == 0
    assert "removed" in capsys.readouterr().out and installed(data) == []
    assert run(["desktop", "uninstall"]) == 0
    assert "nothing of dlic is installed" in capsys.readouterr().out


def test_a_prefix_is_installed_below(tmp_path):
    assert run(["desktop", "install", "--prefix", str(tmp_path / "usr")]) == 0
    assert len(installed(tmp_path / "usr" / "share")) == 3
    assert run(["desktop", "install", "--user", "--prefix", str(tmp_path)]) == 1


@pytest.mark.parametrize("home", ["", "relative/folder"])
def test_without_an_absolute_folder_it_is_the_specifications_default(home, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert desktop.data_folder() == tmp_path / ".local" / "share"


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_desktops_are_not_written_to(system, data, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", system)
    assert run(["desktop", "install"]) == 1
    assert "--prefix" in capsys.readouterr().err and installed(data) == []


@pytest.mark.parametrize("place", [desktop.MIME, desktop.THUMBNAILER, desktop.OPENER])
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_others_wrote_stays(place, kind, data, tmp_path, capsys):
    path = data / place
    path.parent.mkdir(parents=True)
    (tmp_path / "theirs").write_bytes(desktop.MARK if kind == "link" else b"theirs")
    {"file": lambda: path.write_text("theirs"), "link": lambda: path.symlink_to(tmp_path / "theirs"), "folder": path.mkdir}[kind]()
    assert run(["desktop", "install"]) == 1
    assert "was not written by dlic" in capsys.readouterr().err
    assert installed(data) == [path]  # nor anything else
    assert run(["desktop", "uninstall"]) == 0
    assert os.path.lexists(path) and path.is_symlink() == (kind == "link")


def test_a_folder_that_cannot_be_made_is_said(tmp_path, capsys):
    (tmp_path / "share").write_text("a file in the way")
    assert run(["desktop", "install", "--prefix", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("dlic: cannot write")


@pytest.mark.parametrize("script", [None, "exit 3", "exit 0"])
def test_the_databases_are_updated_where_that_can_be_done(script, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in desktop.DATABASES if script else ():
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$1" > {shlex.quote(str(tmp_path / "called by "))}{name}\n{script}\n')
        program.chmod(0o755)
    assert run(["desktop", "install"]) == 0
    assert capsys.readouterr().err.count("note:") == (0 if script == "exit 0" else 2)
    for name, (folder, _) in desktop.DATABASES.items() if script else ():
        assert (tmp_path / f"called by {name}").read_text() == f"{data / folder}\n"


def test_the_mime_type_has_the_formats_magic_and_ending():
    (of,) = ElementTree.parse(desktop.SHIPPED / "dlic.xml").getroot()
    assert of.tag == NAMESPACE + "mime-type" and of.get("type") == "image/x-dlic"
    match = of.find(f"{NAMESPACE}magic/{NAMESPACE}match")
    assert (match.get("type"), match.get("offset")) == ("string", "0")
    assert match.get("value").encode().decode("unicode_escape").encode("latin-1") == MAGIC
    assert of.find(f"{NAMESPACE}glob").get("pattern") == "*.dlic"


@pytest.mark.skipif(not shutil.which("update-mime-database") or not shutil.which("gio"), reason="takes shared-mime-info and gio")
def test_desktops_recognise_files(data, tmp_path):
    assert run(["desktop", "install"]) == 0
    for name in ("without ending", "ä.dlic"):
        shutil.copy(FILE, tmp_path / name)
        asked = ["gio", "info", "-a", "standard::content-type", tmp_path / name]
        assert "image/x-dlic" in subprocess.run(asked, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("file"), reason="takes file(1)")
def test_file_recognises_files():
    command = ["file", "--brief", "-m", desktop.MAGIC_FILE, FILE, FILE.with_suffix(".png")]
    ours, other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert ours == "dlic compressed image, version 2, kind 0" and "dlic" not in other
    mime = subprocess.run([*command[:2], "--mime-type", *command[2:5]], capture_output=True, text=True, check=True).stdout
    assert mime.strip() == "image/x-dlic"


@pytest.mark.parametrize("folder", ["plain", "a b", 'q"uote$ back\\slash 100%'])
def test_the_thumbnailer_calls_this_dlic(folder, data, tmp_path, monkeypatch):
    """As a desktop does: unescape, split, put in the names, run."""
    program = tmp_path / folder / "dlic"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dlic "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(program.parent))
    assert run(["desktop", "install"]) == 0
    entry = configparser.RawConfigParser()
    entry.optionxform = str
    entry.read(data / desktop.THUMBNAILER)
    section = entry["Thumbnailer Entry"]
    assert section["MimeType"] == "image/x-dlic;" and section["TryExec"].replace("\\\\", "\\") == str(program)
    names = {"%i": str(FILE), "%o": str(tmp_path / "out"), "%s": "8"}
    split = ["sh", "-c", "printf '%s\\n' " + section["Exec"].replace("\\\\", "\\")]
    words = subprocess.run(split, capture_output=True, text=True, check=True).stdout.splitlines()
    words = [names.get(word, word).replace("%%", "%") for word in words]
    (tmp_path / "out").touch()  # desktops make the file first
    if folder != "plain":
        assert words[0] == str(program)
        return
    subprocess.run(words, check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert Image.open(tmp_path / "out").size == (8, 6)


# --- open, and previews at once -----------------------------------------------------------------------------------------


def test_a_double_click_shows_the_pixels_in_the_desktops_viewer(data, tmp_path, monkeypatch, capsys):
    assert run(["desktop", "install"]) == 0
    entry = configparser.RawConfigParser()
    entry.optionxform = str
    entry.read(data / desktop.OPENER)
    assert entry["Desktop Entry"]["Exec"].endswith("desktop open %F")
    assert entry["Desktop Entry"]["MimeType"] == "image/x-dlic;"
    monkeypatch.setenv("DLIC_CACHE", str(tmp_path / "cache"))
    shown = tmp_path / "shown"
    viewer = tmp_path / "xdg-open"
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {shlex.quote(str(shown))}\n')
    viewer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    picture = tmp_path / "my photo ü.dlic"
    shutil.copy(FILE, picture)
    monkeypatch.setattr(sys, "platform", "linux")
    for _ in range(2):
        assert run(["desktop", "open", str(picture)]) == 0
    first, second = map(Path, shown.read_text().splitlines())
    assert first == second and first.name == "my photo ü.png" and tmp_path / "cache" in first.parents
    assert np.asarray(Image.open(first)).shape == kinds()["rgba"][0].shape
    viewer.unlink()
    assert run(["desktop", "open", str(picture)]) == 1
    assert str(first) in capsys.readouterr().err
    picture.write_bytes(FILE.read_bytes()[:-9])
    assert run(["desktop", "open", str(picture)]) == 2


def test_what_was_opened_long_ago_is_removed(data, tmp_path):
    picture = tmp_path / "a.dlic"
    shutil.copy(FILE, picture)
    old = tmp_path / "cache" / "old"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    assert opener.decoded(picture, tmp_path / "cache").exists() and not old.exists()


def test_previews_of_a_folder_are_where_file_managers_look(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "photos" / "deep"
    folder.mkdir(parents=True)
    for name in ("a.dlic", "ü b.dlic"):
        shutil.copy(FILE, folder / name)
    (folder / "bad.dlic").write_bytes(FILE.read_bytes()[:-9])
    assert run(["desktop", "previews", str(tmp_path / "photos")]) == 2
    said = capsys.readouterr()
    assert "2 files have thumbnails" in said.out and said.err.count("\n") == 2
    made = sorted((tmp_path / "cache" / "thumbnails").rglob("*.png"))
    assert len(made) == 4 and {path.parent.name for path in made} == {"normal", "large"}
    image = Image.open(thumbnail_cache.place(folder / "ü b.dlic", tmp_path / "cache" / "thumbnails", "normal"))
    assert image.text["Thumb::URI"] == (folder / "ü b.dlic").as_uri()
    assert image.text["Thumb::MTime"] == str(int((folder / "ü b.dlic").stat().st_mtime))
    times = [path.stat().st_mtime_ns for path in made]
    os.utime(folder / "a.dlic", (1, 1))
    assert run(["desktop", "previews", str(tmp_path / "photos")]) == 2
    assert sum(path.stat().st_mtime_ns != time for path, time in zip(made, times, strict=True)) == 2  # of the changed file


# --- thumbnail ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "size", "expected"), [(FILE, 8, (8, 6)), (FILE, 100, (16, 12)), (PLAIN, 100, (100, 25))])
def test_a_thumbnail_is_the_preview_or_the_picture(source, size, expected, data, tmp_path):
    target = tmp_path / "thumbnail.of"
    assert run(["thumbnail", str(source), str(target), "--size", str(size)]) == 0
    image = Image.open(target)
    assert (image.format, image.size) == ("PNG", expected)
    if source == FILE:
        image, shown = image.convert("RGBA"), Image.fromarray(kinds()["rgba"][0]).resize(image.size, Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(image)[..., 3].astype(int) - np.asarray(shown)[..., 3]).mean() < 12


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 2), (30, 40, 3), (30, 40, 4)])
def test_sixteen_bits_have_thumbnails(shape, tmp_path):
    (tmp_path / "deep.dlic").write_bytes(LosslessCodec().compress(np.full(shape, 200 * 257, np.uint16)))
    assert run(["thumbnail", str(tmp_path / "deep.dlic"), str(tmp_path / "t.png"), "-s", "20"]) == 0
    assert np.asarray(Image.open(tmp_path / "t.png")).shape == (15, 20, *shape[2:])


def test_thumbnails_fail_in_a_sentence_and_overwrite_only_when_told(data, tmp_path, capsys):
    target = tmp_path / "t.png"
    (tmp_path / "bad.dlic").write_bytes(FILE.read_bytes()[:-9])
    damaged = append(LosslessCodec().compress(np.zeros((3, 4), np.uint8)), ((THUMBNAIL, b"RIFF\0\0\0\0WEBPVP8 "),))
    (tmp_path / "preview.dlic").write_bytes(damaged)
    for name in ("bad.dlic", "preview.dlic", "none.dlic"):
        assert run(["thumbnail", str(tmp_path / name), str(target)]) == 2
        assert capsys.readouterr().err.startswith("dlic: ") and not target.exists()
    target.write_text("mine")
    assert run(["thumbnail", str(FILE), str(target)]) == 1 and target.read_text() == "mine"
    assert run(["thumbnail", str(FILE), str(target), "--size", "0"]) == 1
    assert run(["thumbnail", str(FILE), str(target), "--force"]) == 0 and Image.open(target).size == (16, 12)


def test_a_stored_preview_needs_no_torch(tmp_path):
    code = "import sys; from dlic.cli.main import run; assert run(sys.argv[1:]) == 0 and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, "thumbnail", FILE, tmp_path / "t.png"], check=True)
