"""Codecs by name, and runs that end, continue and spread over processes."""

import csv

import numpy as np
import pytest
from PIL import Image, features

from dlic.errors import DlicError, UnknownCheckpointError
from dlic.evaluation.known_codecs import KNOWN, present
from dlic.evaluation.peak_memory import peak_memory
from dlic.evaluation.provenance import provenance
from dlic.evaluation.registry import Settings, open_series
from dlic.evaluation.run_folder import read_run
from dlic.evaluation.runner import begin, conduct, discard, join
from dlic.evaluation.sweep import Task, make_plan, pictures_in, rows_of
from tests.golden.rewrite import TINY
from tests.peers.compressai.tiny_zoo import tiny_weights


@pytest.fixture
def folder(two_pictures):
    return two_pictures


def watched(rows, label, count):
    return rows


def whole_run(plan, out, **options):
    run = begin(plan, provenance("test"), **options)
    return conduct(join(run, out) if out else run, plan, out, watched, memory=False)


@pytest.mark.parametrize("name", present(tuple(KNOWN)))
def test_every_codec_gives_more_for_more(name, photograph):
    series, crop = open_series(name), photograph[:96, 200:328]
    low, high = (series.at(series.qualities[place]) for place in (1, -2))
    assert len(low.compress(crop)) < len(high.compress(crop))
    shown = high.decompress(high.compress(crop))
    assert shown.shape == crop.shape and np.abs(shown.astype(int) - crop).mean() < 12
    assert list(series.qualities) == sorted(series.qualities) and name in series.name and series.ending.startswith(".")


def test_avif_for_psnr_is_another_file(photograph):
    assert features.check("avif")
    files = {name: open_series(name).at(40).compress(photograph[:96, :96]) for name in ("avif", "avif-psnr", "avif444-psnr")}
    assert len(set(files.values())) == 3


def test_checkpoints_go_by_name_and_by_path():
    by_path = open_series(str(TINY))
    assert by_path.name == "tiny" and by_path.qualities == (None,) and not by_path.between
    shipped = open_series("light-1", Settings(effort=2))
    assert shipped.name == "light-1-e2" and shipped.label == "light-1, effort 2" and shipped.qualities[0] == 1


def test_compressai_is_measured_by_what_is_named(tmp_path, photograph):
    files = [tiny_weights("bmshj2018-factorized", tmp_path, seed) for seed in (0, 1)]
    whole, one = (open_series(f"compressai:bmshj2018-factorized@{path}") for path in (tmp_path, files[1]))
    assert whole.qualities == (1, 2) and one.qualities == (None,) and str(tmp_path) not in whole.name + whole.identity + whole.label
    data = whole.at(2).compress(photograph[:64, :64])
    assert one.at(None).decompress(data).shape == (64, 64, 3)
    with pytest.raises(UnknownCheckpointError):
        whole.at(1).decompress(data)
    rates = open_series(f"compressai:mbt2018-mean-vbr@{tiny_weights('mbt2018-mean-vbr', tmp_path)}")
    assert rates.qualities == tuple(range(1, 9)) and not rates.between
    assert open_series("compressai:mbt2018-mean:ms-ssim").qualities == tuple(range(1, 9))  # nothing is downloaded before it is used
    (tmp_path / "none").mkdir()
    with pytest.raises(DlicError, match="holds no weights"):
        open_series(f"compressai:mbt2018-mean@{tmp_path / 'none'}")


def test_unknown_codecs_are_named_with_those_there_are(tmp_path):
    with pytest.raises(DlicError, match="'jepg' here; codecs are jpeg"):
        open_series("jepg")
    with pytest.raises(UnknownCheckpointError):
        open_series(str(tmp_path))


def test_a_codec_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setattr("dlic.peers.jpeg_xl.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(DlicError, match="pip install pillow-jxl-plugin"):
        open_series("jxl")


def test_an_interrupted_run_continues(folder, tmp_path):
    plan, _ = make_plan(folder, ["jpeg", "webp"], {"jpeg": (20, 60), "webp": (20, 60)})
    out = tmp_path / "run"

    def interrupted(rows, label, count):
        for place, row in enumerate(rows):
            if label.startswith("WebP") and place == 1:
                raise KeyboardInterrupt
            yield row

    with pytest.raises(KeyboardInterrupt):
        conduct(begin(plan, provenance("test")), plan, out, interrupted, memory=False)
    kept = read_run(out).rows
    assert len(kept) == 5  # all of JPEG, and one of WebP
    measured = []

    def counted(rows, label, count):
        for row in rows:
            measured.append(row.key)
            yield row

    run = conduct(join(begin(plan, provenance("test")), out), plan, out, counted, memory=False)
    assert len(measured) == 3 and run.rows[:5] == kept and len(run.means) == 4
    assert read_run(out).rows == run.rows
    with (out / "means.csv").open() as file:
        assert [float(line["bpp"]) for line in csv.DictReader(file)] == [mean.bpp for mean in run.means]


def test_a_run_grows_by_codecs_and_qualities(folder, tmp_path):
    out = tmp_path / "run"
    whole_run(make_plan(folder, ["jpeg"], {"jpeg": (20,)})[0], out)
    run = whole_run(make_plan(folder, ["webp", "jpeg"], {"jpeg": (60,), "webp": (20,)})[0], out)
    assert list(run.codecs) == ["webp", "jpeg"] and run.qualities("jpeg") == [20, 60] and run.qualities("webp") == [20]


def test_a_run_of_other_pictures_or_files_is_left_alone(folder, tmp_path, photograph):
    out, (plan, _) = tmp_path / "run", make_plan(folder, ["jpeg"], {"jpeg": (20,)})
    out.mkdir()
    (out / "holiday.jpg").write_text("kept")
    with pytest.raises(DlicError, match=r"holiday\.jpg"):
        whole_run(plan, out)
    (out / "holiday.jpg").unlink()
    whole_run(plan, out)
    Image.fromarray(photograph[:50, :50]).save(folder / "1.png")
    other, _ = make_plan(folder, ["jpeg"], {"jpeg": (20,)})
    with pytest.raises(DlicError, match="on other images"):
        whole_run(other, out)
    (out / "mine.txt").write_text("kept")
    discard(out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_a_codec_that_changed_is_not_mixed_with_what_it_was(folder, tmp_path, monkeypatch):
    out, (plan, _) = tmp_path / "run", make_plan(folder, ["jpeg"], {"jpeg": (20,)})
    whole_run(plan, out)
    monkeypatch.setattr("dlic.evaluation.known_codecs.version_of", lambda package: "99")
    monkeypatch.setattr("dlic.evaluation.sweep.open_asked", lambda name, effort, external: open_series(name))
    with pytest.raises(DlicError, match="files of another jpeg"):
        whole_run(plan, out)


def test_several_jobs_give_the_same_files(folder):
    plan, _ = make_plan(folder, [str(TINY), "webp"], {"webp": (20, 60)})
    tasks = [task for codec in plan.codecs for task in plan.tasks(codec)]
    one, two = ({row.key: (row.bytes, row.metrics) for row in rows_of(plan, tasks, jobs)} for jobs in (1, 2))
    assert one == two and len(one) == 6 and Task("webp", 20.0, "1.png").key in one


def test_pictures_are_named_by_what_they_show(folder, photograph):
    Image.fromarray(photograph[:96, 200:328]).save(folder / "copy.bmp")
    (folder / "broken.png").write_text("rubbish")
    (folder / "notes.txt").write_text("no image")
    (first, _, copy), left_out = pictures_in(folder)
    assert (first.name, first.width, first.height) == ("0.png", 128, 96) and first.sha256 == copy.sha256
    assert len(left_out) == 1 and "broken.png" in left_out and "broken.png" in left_out["broken.png"]


def test_small_pictures_are_noted(folder):
    assert "2 images are smaller" in begin(make_plan(folder, ["jpeg"], {})[0], provenance("test")).notes[0]


def test_memory_is_that_of_a_process_of_its_own(folder):
    small = peak_memory("jpeg", 50, 0, folder / "0.png")
    assert small is None or 10 < small < 400  # without torch, which this process has loaded
    assert peak_memory("nobody's", 50, 0, folder / "0.png") is None
    assert peak_memory("jpeg", 50, 0, folder / "0.png", timeout=0.001) is None
