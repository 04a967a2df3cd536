"""`dlic evaluate` and `dlic curve` print what files and pixels give."""

import io
import json
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlic.cli.main import run
from dlic.evaluation import anchors
from dlic.evaluation.known_codecs import PEERS, present
from dlic.evaluation.registry import open_series
from dlic.evaluation.run_folder import read_run
from dlic.evaluation.sweep import open_asked
from dlic.learned.codec import load_codec
from dlic.metrics.registry import psnr
from dlic.peers.pillow import jpeg
from dlic.report.pictures import read_pictures
from dlic.storage.locks import lock_folder
from tests.golden.rewrite import TINY

STEPPED = ["--weights", str(TINY)]  # any folder of a checkpoint: the fixture puts its codec in place of it


@pytest.fixture
def folder(two_pictures):
    (two_pictures / "notes.txt").write_text("no image")
    return two_pictures


@dataclass(frozen=True)
class Stepped:
    """JPEG in the place of a checkpoint of many rates, with tables that are 2 % too hopeful."""

    level: int = 0
    name: str = "stepped"
    fingerprint: bytes = bytes(32)
    levels: int = 64

    @property
    def network(self) -> "Stepped":
        return self

    def at(self, quality: int, effort: int = 0) -> "Stepped":
        return Stepped(quality * 63 // 100)

    def compress(self, image: np.ndarray) -> bytes:
        return jpeg(4 + self.level).compress(image)

    def decompress(self, data: bytes) -> np.ndarray:
        return np.array(Image.open(io.BytesIO(data)))

    def estimated_bits(self, data: bytes) -> float:
        return len(data) * 8 / 1.02


@pytest.fixture
def stepped(monkeypatch):
    monkeypatch.setattr("dlic.learned.codec.load_codec", lambda folder: Stepped())
    monkeypatch.setattr("dlic.learned.exact.codec.LayeredCodec", lambda network: network)
    monkeypatch.setattr("dlic.evaluation.runner.peak_memory", lambda *asked: 100.0)  # another process knows nothing of it
    open_asked.cache_clear()
    yield Stepped()
    open_asked.cache_clear()


def sentence(capsys) -> str:
    """What was said on standard error, which must be a single line."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("dlic: ") and "\n" not in said, said
    return said


def test_figures_are_those_of_files(folder, photograph, capsys):
    assert run(["evaluate", str(folder), "--weights", str(TINY), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    codec, image = load_codec(TINY), np.ascontiguousarray(photograph[:96, 200:328])
    data = codec.compress(image)
    rows = [row for row in figures["images"] if row["codec"] == "tiny"]
    assert len(rows) == 2 and rows[0]["image"] == "0.png" and rows[0]["bytes"] == len(data)
    assert rows[0]["metrics"]["psnr"] == pytest.approx(psnr(image, codec.decompress(data)))
    mean = figures["means"][0]
    assert mean["codec"] == "tiny" and mean["bpp"] == pytest.approx(np.mean([row["bpp"] for row in rows]))
    assert 0 < mean["gap"] < 0.2 and set(figures["codecs"]) == {"tiny", *present(PEERS)}
    assert set(figures["compared"]["tiny"]["psnr"]) == {open_series(peer).label for peer in present(PEERS)}
    curve = [point["bpp"] for point in figures["means"] if point["codec"] == "jpeg"]
    assert curve == sorted(curve)


def test_a_broken_image_is_named_and_left_out(folder, tmp_path, capsys):
    (folder / "broken.png").write_bytes(b"rubbish")
    assert run(["evaluate", str(folder), "--codecs", f"{TINY},jpeg", "--qualities", "50", "--out", str(tmp_path / "run")]) == 1
    assert "tiny has one rate" in capsys.readouterr().err
    asked = ["evaluate", str(folder), "--codecs", f"{TINY},jpeg", "--metrics", "psnr", "--pictures", "none"]
    assert run([*asked, "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr()
    assert "broken.png" in said.err and "on 2 images" in said.out and "bits that tiny saves at equal quality" in said.out
    assert read_run(tmp_path / "run").notes[0] == "left out: broken.png"
    assert str(tmp_path) not in (tmp_path / "run" / "run.json").read_text()


def test_what_is_left_out_is_noted_by_its_whole_name(folder, tmp_path, capsys):
    (folder / "broken one.png").write_bytes(b"rubbish")
    asked = ["evaluate", str(folder), "--codecs", "jpeg", "--qualities", "50", "--metrics", "psnr", "--pictures", "none"]
    assert run([*asked, "--out", str(tmp_path / "a run")]) == 0
    assert read_run(tmp_path / "a run").notes[0] == "left out: broken one.png"


def test_a_curve_is_measured_from_files_and_compared(folder, tmp_path, stepped, photograph, capsys):
    out, figure = tmp_path / "run", tmp_path / "curve.svg"
    asked = ["evaluate", str(folder), *STEPPED, "--qualities", "90,10,30,50,70,10", "--out", str(out), "--figure", str(figure)]
    asked += ["--pictures", "none", "--metrics", "psnr"]
    assert run(asked) == 0
    said, figures = capsys.readouterr().out, json.loads((out / "results.json").read_text())
    means = [mean for mean in figures["means"] if mean["codec"] == "stepped"]
    assert [mean["quality"] for mean in means] == [10, 30, 50, 70, 90]
    image = np.ascontiguousarray(photograph[:96, 200:328])
    data = stepped.at(10).compress(image)
    first = figures["images"][0]
    assert first["image"] == "0.png" and first["bytes"] == len(data) and first["bpp"] == len(data) * 8 / (96 * 128)
    assert first["metrics"]["psnr"] == pytest.approx(psnr(image, stepped.decompress(data)))
    assert [mean["gap"] for mean in means] == pytest.approx([0.02] * 5)
    against_itself = figures["compared"]["stepped"]["psnr"]["JPEG 4:2:0, optimised"]
    assert against_itself["bd_rate"] == pytest.approx(0, abs=0.01) and against_itself["bd_score"] == pytest.approx(0, abs=0.15)
    assert against_itself["bpp"][1] == means[-1]["bpp"]
    assert "+2.00%" in said and "AVIF 4:4:4, tune=psnr" in said and "PSNR of mean MSE" in said
    assert "stepped on the 2 images of pictures" in figure.read_text()
    assert all(entry["peak_memory_mb"] for entry in figures["codecs"].values())


def test_provenance_names_versions_and_no_paths(folder, tmp_path, stepped, capsys):
    assert run(["evaluate", str(folder), *STEPPED, "--qualities", "20", "--json"]) == 0
    printed = capsys.readouterr().out
    figures = json.loads(printed)
    origin = figures["provenance"]
    assert origin["command"] == f"dlic evaluate pictures --codecs stepped,{','.join(present(PEERS))} --qualities 20"
    assert {"dlic", "torch", "numpy", "pillow", "avif"} <= set(origin["versions"]) and origin["cpu"] and origin["threads"] >= 1
    assert str(tmp_path) not in printed and str(TINY) not in printed
    assert list(figures["compared"]["stepped"]["psnr"]["WebP, method 6"]) == ["saved"]  # one point makes no curve


def test_published_curves_stand_in_for_peers(folder, tmp_path, stepped, monkeypatch, capsys):
    monkeypatch.setattr(anchors, "KODAK", (2, (96, 128)))
    figure = tmp_path / "curve.png"
    asked = ["evaluate", str(folder), *STEPPED, "--qualities", "20,40,60,80", "--against", "kodak", "--figure", str(figure)]
    assert run([*asked, "--out", str(tmp_path / "run"), "--pictures", "none"]) == 0
    said = capsys.readouterr().out
    for label in ("VTM (H.266)", "BPG", "ELIC", "cheng2020-anchor", "JPEG XL"):
        assert label in said
    assert "perceptually tuned" in said and "float reconstruction" in said and "as measured before" in said
    assert Image.open(figure).size[0] > 1000
    assert list(read_run(tmp_path / "run").codecs) == ["stepped"]  # nothing but the checkpoint is encoded


def test_one_rate_is_held_against_published_curves_too(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(anchors, "KODAK", (2, (96, 128)))
    figure = tmp_path / "point.png"
    assert run(["evaluate", str(folder), "--weights", str(TINY), "--against", "kodak", "--figure", str(figure), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert "VTM (H.266)" in figures["compared"]["tiny"]["psnr"] and figure.exists()


def test_the_metrics_asked_for_are_measured(folder, capsys):
    assert run(["evaluate", str(folder), "--codecs", "jpeg", "--qualities", "50", "--metrics", "psnr", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"][0]["metrics"].keys() == {"psnr"}
    assert run(["evaluate", str(folder), "--codecs", "jpeg", "--metrics", "psnr,beauty"]) == 1
    assert "'beauty'" in sentence(capsys)


def test_everything_of_a_run_is_kept_and_shown(folder, tmp_path, capsys):
    out, log = tmp_path / "run", tmp_path / "tb"
    asked = ["evaluate", str(folder), "--codecs", f"{TINY},jpeg", "--pictures", "1.5", "--metrics", "psnr,ms_ssim"]
    assert run([*asked, "--out", str(out), "--tensorboard", str(log)]) == 0
    assert {shown.codec for shown in read_pictures(out)} == {"tiny", "jpeg"} and len(read_pictures(out)) == 4
    events = EventAccumulator(str(log / "evaluations" / "tiny on pictures")).Reload()
    assert "bits_saved/text_summary" in events.Tags()["tensors"]
    assert any("original" in tag for tag in events.Tags()["images"])
    assert run(["report", str(out)]) == 0
    assert (out / "report.html").stat().st_size > 10**6


def test_two_evaluations_do_not_write_into_one_folder(folder, tmp_path, capsys):
    out, options = tmp_path / "run", ["--codecs", "jpeg", "--qualities", "50", "--metrics", "psnr", "--pictures", "none"]
    lock = lock_folder(out, "")
    assert run(["evaluate", str(folder), *options, "--out", str(out)]) == 1
    assert "another dlic evaluate works in" in capsys.readouterr().err and not (out / "rows.csv").exists()
    lock.release()
    assert run(["evaluate", str(folder), *options, "--out", str(out)]) == 0
    assert (out / "rows.csv").exists()


def test_commands_take_part(folder, tmp_path, capsys):
    codecs = tmp_path / "codecs.ini"
    script = "from PIL import Image; import sys; Image.open(sys.argv[1]).save(sys.argv[2], quality=int(sys.argv[3]))"
    encode, decode = (f'{sys.executable} -c "{script}" {{input}} {{output}} {quality}' for quality in ("{quality}", "0"))
    codecs.write_text(f"[ours]\nending = .webp\nqualities = 20, 60\nencode = {encode}\ndecode = {decode}\n")
    assert run(["evaluate", str(folder), "--codecs", "ours,jpeg", "--external", str(codecs), "--json", "--metrics", "psnr"]) == 0
    figures = json.loads(capsys.readouterr().out)
    low, high = (mean for mean in figures["means"] if mean["codec"] == "ours")
    assert low["bpp"] < high["bpp"] and low["metrics"]["psnr"] < high["metrics"]["psnr"]


@pytest.mark.parametrize("rates", ["", "0", "much", "0.5,-1", "30"])
def test_rates_that_no_picture_has(folder, tmp_path, rates, capsys):
    assert run(["evaluate", str(folder), "--codecs", "jpeg", "--out", str(tmp_path / "run"), f"--pictures={rates}"]) == 1
    assert "--pictures" in sentence(capsys) and not (tmp_path / "run").exists()


def test_codecs_or_a_checkpoint(folder, capsys):
    assert run(["evaluate", str(folder), "--codecs", "jpeg", "--weights", str(TINY)]) == 1
    assert "not both" in sentence(capsys)
    assert run(["evaluate", str(folder), "--codecs", "jpeg,gif"]) == 1
    assert "'gif'" in sentence(capsys)


def test_other_pictures_than_kodak_are_refused(folder, capsys):
    assert run(["evaluate", str(folder), "--weights", str(TINY), "--against", "kodak"]) == 1
    assert "24 Kodak images of 768×512" in sentence(capsys)


@pytest.mark.parametrize("qualities", ["", "ten", "10,,20", "0,50", "50,101", "2.5", "-1"])
def test_unknown_qualities_are_refused(folder, stepped, qualities, capsys):
    assert run(["evaluate", str(folder), *STEPPED, f"--qualities={qualities}"]) == 1
    assert "--qualities" in sentence(capsys)


def test_qualities_need_several_rates(folder, capsys):
    assert run(["evaluate", str(folder), "--weights", str(TINY), "--qualities", "10,20"]) == 1
    assert "tiny has one rate" in sentence(capsys)


def test_outputs_are_refused_before_the_work(folder, tmp_path, stepped, monkeypatch, capsys):
    monkeypatch.setattr("dlic.learned.codec.load_codec", None)
    there = tmp_path / "there.svg"
    there.write_text("kept")
    wrong = {"curve.bmp": "--figure", "none/curve.svg": "no folder", "there.svg": "--force"}
    for target, reason in wrong.items():
        assert run(["evaluate", str(folder), *STEPPED, "--figure", str(tmp_path / target)]) == 1
        assert reason in sentence(capsys)
    assert run(["evaluate", str(folder), *STEPPED, "--out", str(there)]) == 1
    assert "names a folder" in sentence(capsys) and there.read_text() == "kept"


def test_nothing_to_measure_is_an_error(tmp_path, capsys):
    assert run(["evaluate", str(tmp_path / "none")]) == 1
    assert run(["evaluate", str(tmp_path), "--weights", str(TINY)]) == 2


def test_curve_writes_tensorboard_and_a_table(folder, tmp_path, capsys):
    assert run(["curve", str(folder), str(TINY), "--tensorboard", str(tmp_path / "tb")]) == 0
    assert "tiny" in capsys.readouterr().out
    assert list((tmp_path / "tb").glob("events.out.tfevents.*"))
