"""`-r` as a person uses it: a tree becomes another, whatever is in it and whatever happens on the way."""

import errno
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

import dlic
from dlic.cli.main import run
from dlic.learned.codec import read_codec
from dlic.metrics.registry import psnr
from tests.cli.test_main import WEIGHTS, sentence
from tests.conftest import ROOT
from tests.golden.rewrite import TINY

JPEG = ["--codec", "jpeg"]  # a few milliseconds a file, and no torch
NAMES = ["a/b.png", "a/b.jpg", "two words.PNG", "new\nline.png", "ü 日本.webp", "deep/er/-q.png"]


@pytest.fixture
def photos(tmp_path, photograph) -> Path:
    """A tree of small pictures of several kinds, and of other things."""
    folder = tmp_path / "photos"
    for place, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph[60 * place : 60 * place + 40, 200:270]).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / "empty").mkdir()
    return folder


def made_of(name: str, ending: str = ".jpg") -> str:
    """The output of a picture: photo.dlic of photo.png, but those that would share a name keep their whole one."""
    return (name if name.startswith("a/") else os.path.splitext(name)[0]) + ending


def many(folder: Path, photograph: np.ndarray, count: int) -> Path:
    folder.mkdir()
    for place in range(count):
        Image.fromarray(photograph[place : place + 40, 3 * place : 3 * place + 60]).save(folder / f"{place:03}.png")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below, hidden ones too."""
    paths = [Path(root) / name for root, _, found in os.walk(folder) for name in found]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def compress(photos: Path, *options: str, out: str = "out") -> int:
    return run(["compress", str(photos), "-r", "-o", str(photos.parent / out), *options])


# --- there and back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_tree_is_mirrored_there_and_back(jobs, photos, tmp_path, capsys):
    before = contents(photos)
    assert compress(photos, *JPEG, "--jobs", jobs) == 0
    assert set(contents(tmp_path / "out")) == set(map(made_of, NAMES))
    said = capsys.readouterr()
    assert "6 compressed" in said.out and "left out: 1" in said.err
    assert run(["decompress", str(tmp_path / "out"), "-r", "-o", str(tmp_path / "back"), "-j", jobs]) == 0
    assert set(contents(tmp_path / "back")) == {f"{made_of(name)}.png" for name in NAMES}
    for name in NAMES:
        original, shown = (
            np.array(Image.open(path).convert("RGB")) for path in (photos / name, tmp_path / "back" / f"{made_of(name)}.png")
        )
        assert psnr(original, shown) > 25
    assert contents(photos) == before


def test_each_file_is_what_the_command_for_one_makes_of_it(photos, tmp_path):
    assert compress(photos, *WEIGHTS, "-q", "35", "--no-verify") == 0
    for name in NAMES:
        single = tmp_path / "single.dlic"
        assert run(["compress", str(photos / name), "-o", str(single), "--force", *WEIGHTS, "-q", "35"]) == 0
        assert (tmp_path / "out" / made_of(name, ".dlic")).read_bytes() == single.read_bytes()


def test_the_model_is_loaded_once(photos, tmp_path, monkeypatch):
    weights, read = tmp_path / "weights", []
    shutil.copytree(WEIGHTS[1], weights)  # which no test has loaded
    monkeypatch.setattr("dlic.learned.codec.read_codec", lambda folder, *asked: read.append(folder) or read_codec(folder, *asked))
    assert compress(photos, "--weights", str(weights)) == 0
    assert read == [weights]


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names are Unicode there")
def test_names_that_are_no_utf_8(photos, tmp_path, capfdbinary):
    os.rename(os.fsencode(photos / NAMES[0]), os.fsencode(photos) + b"/\xff.png")
    (photos / os.fsdecode(b"bad\xfe.png")).write_text("no picture")
    assert compress(photos, *JPEG) == 2
    assert os.path.exists(os.fsencode(tmp_path / "out") + b"/\xff.jpg")
    assert rb"bad\udcfe.png" in capfdbinary.readouterr().err
    assert compress(photos, *JPEG, "--force", "--json") == 2
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert os.fsdecode(b"bad\xfe.png") in {Path(line["input"]).name for line in lines}


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names are Unicode there")
@pytest.mark.parametrize("name", [b"\xff.png", b"new\nline.png", b"[/red].png"])
def test_one_file_of_an_odd_name(name, photos):
    """On a terminal, which takes nothing but UTF-8, and markup for markup."""
    name = os.fsencode(photos) + b"/" + name
    os.makedirs(os.path.dirname(name), exist_ok=True)
    os.rename(os.fsencode(photos / NAMES[0]), name)
    ours, theirs = os.openpty()
    for command, path in (("compress", name), ("decompress", name[:-3] + b"jpg")):
        asked = [sys.executable, "-m", "dlic", command, path, *(JPEG if command == "compress" else [])]
        strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
        done = subprocess.run(asked, stdout=subprocess.PIPE, stderr=theirs, env=strict, cwd=ROOT, check=True)
        assert done.stdout.count(b"\n") == 1
    os.close(theirs), os.close(ours)
    assert os.path.exists(name[:-3] + b"jpg.png")


# --- what is told -------------------------------------------------------------------------------------------------------


def test_failures_are_a_table_and_exit_code_two(photos, tmp_path, capsys):
    (photos / "bad.png").write_text("no picture")
    (photos / "gone.png").symlink_to("nowhere")
    assert compress(photos, *JPEG) == 2
    said = capsys.readouterr()
    assert re.search(r"bad.png\s.*is not an image", said.err) and re.search(r"gone.png\s.*does not exist", said.err)
    assert said.err.endswith("dlic: 2 of 8 failed\n") and "6 compressed, 2 failed" in said.out
    assert set(contents(tmp_path / "out")) == set(map(made_of, NAMES))


def test_json_is_a_line_a_file(photos, capsys):
    (photos / "bad.png").write_text("no picture")
    compress(photos, *JPEG)
    (photos.parent / "out" / made_of(NAMES[0])).unlink()
    capsys.readouterr()
    assert compress(photos, *JPEG, "--json", "--skip-existing") == 2
    lines = {Path(line["input"]).name: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert sorted(line["status"] for line in lines.values()) == ["failed", *["skipped"] * 5, "written"]
    assert lines["b.png"]["status"] == "written" and lines["b.png"]["bytes"] == Path(lines["b.png"]["output"]).stat().st_size
    assert lines["bad.png"]["status"] == "failed" and "not an image" in lines["bad.png"]["error"]


def test_notes_are_counted(photos, capsys):
    for name in ("x.png", "y.png"):
        Image.new("LA", (9, 9)).save(photos / name)
    assert compress(photos, *JPEG) == 0
    assert "note: transparency is dropped (2 files)" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_a_person_at_a_terminal_sees_a_bar(photos):
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "dlic", "compress", str(photos), "-r", "-o", str(photos.parent / "out"), *JPEG]
    environment = os.environ | {"TERM": "xterm"}
    subprocess.run(command, stderr=theirs, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "6/6 compressed" in shown and "0:00:0" in shown


# --- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_a_folder_needs_r_and_r_a_folder(command, photos, tmp_path, capsys):
    assert run([command, str(photos), "-o", str(tmp_path / "out")]) == 2
    assert "-r" in sentence(capsys)
    assert run([command, str(photos), "-r"]) == 1
    assert "-o" in sentence(capsys)
    assert run([command, str(photos / NAMES[0]), "-r", "-o", str(tmp_path / "out")]) == 1
    assert "is for folders" in sentence(capsys)
    assert run([command, str(tmp_path / "none"), "-r", "-o", str(tmp_path / "out")]) == 1
    assert "does not exist" in sentence(capsys)
    for option in (["--skip-existing"], ["--jobs", "2"], ["--engine", "dask"]):
        assert run([command, str(photos / NAMES[0]), *option]) == 1
        assert f"{option[0]} is for several files" in sentence(capsys)
    assert not (tmp_path / "out").exists()


def test_nothing_to_do_is_an_error(tmp_path, capsys):
    (tmp_path / "photos" / "empty").mkdir(parents=True)
    assert compress(tmp_path / "photos") == 2
    assert "holds no file" in sentence(capsys) and not (tmp_path / "out").exists()


def test_wishes_that_cannot_be_granted_are_refused_before_the_work(photos, tmp_path, capsys):
    for options, code in ((["-q", "0"], 1), (["--codec", "jpeg", "--effort", "3"], 1)):
        assert compress(photos, *options) == code
        sentence(capsys)
    assert not (tmp_path / "out").exists()
    assert compress(photos, "--model", "nobody-7") == 3  # and not six times
    said = capsys.readouterr()
    assert "nobody-7" in said.err.splitlines()[-1] and "6 not done" in said.out and not contents(tmp_path / "out")


def test_outputs_that_exist_are_neither_overwritten_nor_made_again_unasked(photos, tmp_path, capsys):
    assert compress(photos, *JPEG) == 0
    kept = tmp_path / "out" / made_of(NAMES[1])
    kept.write_text("kept")
    (tmp_path / "out" / made_of(NAMES[0])).unlink()
    capsys.readouterr()
    assert compress(photos, *JPEG) == 1
    assert "5 of 6 outputs exist" in sentence(capsys) and not (tmp_path / "out" / made_of(NAMES[0])).exists()
    assert compress(photos, *JPEG, "--skip-existing") == 0
    assert "1 compressed, 5 there already" in capsys.readouterr().out and kept.read_text() == "kept"
    assert compress(photos, *JPEG, "--force") == 0
    assert kept.read_bytes()[:2] == b"\xff\xd8"


def test_the_originals_are_never_written(photos, tmp_path, capsys):
    before = contents(photos)
    for out in ("photos", "photos/../photos"):
        assert compress(photos, *JPEG, "--force", out=out) == 1
        assert "input folder itself" in sentence(capsys)
    (tmp_path / "out").symlink_to(photos)
    assert compress(photos, *JPEG, "--force") == 1
    sentence(capsys)
    assert contents(photos) == before


def test_an_output_folder_inside_is_not_walked_into(photos):
    for _ in range(2):
        assert compress(photos, *JPEG, "--skip-existing", out="photos/small") == 0
    assert set(contents(photos / "small")) == set(map(made_of, NAMES))


def test_places_that_cannot_be_written(photos, tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    for out in ("file", "file/deeper"):
        assert compress(photos, *JPEG, out=out) == 1
        sentence(capsys)
    assert (tmp_path / "file").read_text() == "kept"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("in the way")  # of a folder
    assert compress(photos, *JPEG) == 2
    assert "cannot write" in capsys.readouterr().err and len(contents(tmp_path / "out")) == len(NAMES) - 2 + 1


# --- what happens on the way --------------------------------------------------------------------------------------------


def test_a_full_disk_stops_the_run_with_a_sentence_and_whole_files(photos, tmp_path, monkeypatch, capsys):
    synced, fsync = [], os.fsync

    def fills_up(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fills_up)
    assert compress(photos, *JPEG) == 1
    said = capsys.readouterr()
    assert "No space left" in said.err.splitlines()[-1] and "2 compressed, 4 not done" in said.out
    monkeypatch.undo()
    made = contents(tmp_path / "out")
    assert len(made) == 2 and all(Image.open(io.BytesIO(data)).load() for data in made.values())
    assert compress(photos, *JPEG, "--skip-existing") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
def test_a_limit_of_the_system_on_sizes_leaves_nothing_half_written(photos, tmp_path):
    """Real writes that fail."""
    code = (
        "import resource, sys; from dlic.cli.main import run; resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200)); "
        "sys.exit(run(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "compress", str(photos), "-r", "-o", str(tmp_path / "out"), *JPEG, "-q", "95"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "File too large" in done.stderr and "Traceback" not in done.stderr
    assert not contents(tmp_path / "out")


def test_a_file_that_vanishes_costs_no_other(photos, tmp_path, monkeypatch, capsys):
    honest = Path.read_bytes

    def vanishing(path: Path) -> bytes:
        (photos / "two words.PNG").unlink(missing_ok=True)
        return honest(path)

    monkeypatch.setattr(Path, "read_bytes", vanishing)
    assert compress(photos, *JPEG) == 2
    assert (
        re.search(r"two words.PNG.*does not exist", capsys.readouterr().err) and len(contents(tmp_path / "out")) == len(NAMES) - 1
    )


def start(photos: Path, out: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "dlic", "compress", str(photos), "-r", "-o", str(out), *JPEG, *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    return subprocess.Popen(command, cwd=ROOT, preexec_fn=heed_interrupts if os.name == "posix" else None, **pipes)


def heed_interrupts() -> None:
    """Programs that a shell runs in the background, as tests may be, ignore Ctrl-C and so do all they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(files: int, out: Path, process: subprocess.Popen) -> None:
    while process.poll() is None and len(list(out.glob("*.jpg"))) < files:
        time.sleep(0.001)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_at_any_moment_only_whole_files_are_there_and_it_goes_on(jobs, tmp_path, photograph):
    photos, out = many(tmp_path / "photos", photograph, 60), tmp_path / "out"
    before, chance = contents(photos), random.Random(jobs)
    for _ in range(2):
        process = start(photos, out, "--skip-existing", "--jobs", jobs)
        there = len(list(out.glob("*.jpg")))
        wait_for(there + chance.randrange(1, 12), out, process)
        time.sleep(chance.random() * 0.02)
        process.kill()
        process.communicate(timeout=120)  # until the pipes close: its workers have ended too
        for path in out.glob("*.jpg"):
            assert dlic.decompress(path.read_bytes()).shape == (40, 60, 3)
    assert 0 < len(list(out.glob("*.jpg"))) < 60
    process = start(photos, out, "--skip-existing", "--jobs", jobs)
    assert process.wait(30) == 0, process.communicate()
    process.communicate()
    assert set(contents(out)) == {f"{place:03}.jpg" for place in range(60)}  # and no *.part
    assert contents(photos) == before


def test_what_a_killed_run_left_beside_a_whole_file_is_removed(photos, tmp_path):
    assert compress(photos, *JPEG) == 0
    whole = contents(tmp_path / "out")
    first = min((tmp_path / "out").rglob("*.jpg"))
    left = first.with_name(
        f".{first.name[:40]}.0123abcd.part"
    )  # as of a run that ended between a name and the removal of the other
    left.write_bytes(first.read_bytes())
    assert compress(photos, *JPEG, "--skip-existing") == 0
    assert contents(tmp_path / "out") == whole


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize(
    ("number", "jobs", "code"), [(signal.SIGINT, "2", 130), (signal.SIGTERM, "2", 143), (signal.SIGINT, "1", 130)]
)
def test_interrupted_it_says_so_and_leaves_whole_files(number, jobs, code, tmp_path, photograph):
    photos, out = many(tmp_path / "photos", photograph, 80), tmp_path / "out"
    process = start(photos, out, "--jobs", jobs)
    wait_for(5, out, process)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)  # Ctrl-C reaches the workers too
    said = process.communicate(timeout=120)[1].decode()
    assert process.returncode == code, said
    assert "--skip-existing goes on" in said and "Traceback" not in said
    made = contents(out)
    assert 5 <= len(made) < 80 and not [name for name in made if name.endswith(".part")]
    assert all(dlic.decompress(data).shape == (40, 60, 3) for data in made.values())


# --- keep-smaller -------------------------------------------------------------------------------------------------------


@pytest.fixture
def larger(tmp_path, photograph) -> Path:
    """Pictures at which the tiny checkpoint loses to JPEG: in the smallest ones, JPEG's header does."""
    folder = tmp_path / "larger"
    folder.mkdir()
    for name in ("a.png", "b.jpg"):
        Image.fromarray(photograph[100:220, 100:260]).save(folder / name)
    Image.fromarray(photograph[:20, :20]).save(folder / "c.png")
    return folder


def test_keep_smaller_writes_jpeg_where_one_of_the_same_psnr_is_smaller(larger, tmp_path, capsys):
    picture = larger / "a.png"
    assert run(["compress", str(picture), *WEIGHTS, "-o", str(tmp_path / "plain.dlic")]) == 0
    capsys.readouterr()
    assert run(["compress", str(picture), *WEIGHTS, "-o", str(tmp_path / "kept.dlic"), "--keep-smaller", "--json"]) == 0
    figures, kept = json.loads(capsys.readouterr().out), tmp_path / "kept.jpg"
    assert figures["output"] == str(kept) and not (tmp_path / "kept.dlic").exists()
    plain = (tmp_path / "plain.dlic").read_bytes()
    original = np.array(Image.open(picture))
    reached, least = psnr(original, np.array(Image.open(kept))), psnr(original, dlic.decompress(plain, weights=TINY))
    assert kept.stat().st_size == figures["bytes"] < len(plain) == figures["dlic_bytes"]
    assert reached == pytest.approx(figures["psnr"]) and reached >= least == pytest.approx(figures["dlic_psnr"])


def test_keep_smaller_says_where_two_outputs_stand_beside_each_other(larger, tmp_path, capsys):
    (tmp_path / "a.dlic").write_text("of an earlier run")
    assert run(["compress", str(larger / "a.png"), *WEIGHTS, "-o", str(tmp_path / "a.dlic"), "--keep-smaller"]) == 1
    assert "--force" in sentence(capsys)
    assert run(["compress", str(larger / "a.png"), *WEIGHTS, "-o", str(tmp_path / "a.dlic"), "--keep-smaller", "--force"]) == 0
    assert "earlier output" in capsys.readouterr().err and (tmp_path / "a.jpg").exists()


def test_keep_smaller_keeps_the_file_that_wins(tmp_path, photograph):
    Image.fromarray(photograph[:256, :256]).save(tmp_path / "a.png")
    assert run(["compress", str(tmp_path / "a.png"), "-q", "30", "--keep-smaller"]) == 0
    assert (tmp_path / "a.dlic").exists() and not (tmp_path / "a.jpg").exists()


def test_keep_smaller_loses_no_metadata_and_no_transparency(larger, tmp_path):
    exif, text = Image.Exif(), PngInfo()
    exif[0x010E] = "a description"
    text.add_text("Title", "JPEG has no place for this")
    picture = Image.open(larger / "a.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(larger / "a.png", exif=exif, icc_profile=profile)
    picture.save(larger / "text.png", pnginfo=text)
    picture.convert("RGBA").save(larger / "alpha.png")
    picture.convert("L").save(larger / "gray.png")
    assert compress(larger, *WEIGHTS, "--keep-smaller") == 0
    made = {Path(name).stem: Path(name).suffix for name in contents(tmp_path / "out")}
    assert (made["a"], made["text"], made["alpha"]) == (".jpg", ".dlic", ".dlic")
    assert Image.open(tmp_path / "out" / "a.jpg").getexif()[0x010E] == "a description"
    assert Image.open(tmp_path / "out" / "a.jpg").info["icc_profile"] == profile
    assert made["gray"] == ".dlic" or Image.open(tmp_path / "out" / "gray.jpg").mode == "L"
    assert compress(larger, *WEIGHTS, "--keep-smaller", "--strip", "all", "--force", out="stripped") == 0
    assert not Image.open(tmp_path / "stripped" / "a.jpg").getexif() and (tmp_path / "stripped" / "text.jpg").exists()


def test_keep_smaller_of_a_folder_goes_on_and_comes_back(larger, tmp_path, capsys):
    for said in ("3 compressed", "3 there already"):
        assert compress(larger, *WEIGHTS, "--keep-smaller", "--skip-existing") == 0
        assert said in capsys.readouterr().out
    assert set(contents(tmp_path / "out")) == {"a.jpg", "b.jpg", "c.dlic"}
    assert run(["decompress", str(tmp_path / "out"), "-r", "-o", str(tmp_path / "back"), *WEIGHTS]) == 0
    assert set(contents(tmp_path / "back")) == {"a.jpg.png", "b.jpg.png", "c.dlic.png"}


def test_keep_smaller_refuses_what_it_cannot_compare_or_would_overwrite(photos, capsys):
    picture = photos / "a" / "b.jpg"
    before = picture.read_bytes()
    assert run(["compress", str(picture), *WEIGHTS, "--keep-smaller", "--force"]) == 1  # a JPEG would be written over it
    assert "input itself" in sentence(capsys) and picture.read_bytes() == before
    for options in (["--codec", "lossless"], ["--codec", "jpeg"], ["--target-ms-ssim", "0.9"]):
        assert run(["compress", str(picture), *options, "--keep-smaller"]) == 1
        assert "--keep-smaller" in sentence(capsys)
