"""An evaluation in TensorBoard, read back as TensorBoard reads it."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.plugins.hparams.list_session_groups import Handler

from dlic.checkpoints.local import find
from dlic.checkpoints.manifest import read_manifest
from dlic.evaluation.anchors import kodak_anchors
from dlic.evaluation.comparison import compare
from dlic.evaluation.provenance import Provenance
from dlic.evaluation.run import Entry, Picture, Row, Run
from dlic.evaluation.tensorboard import checkpoint_settings, log_run

PICTURES = tuple(Picture(name, 256, 192, name * 4) for name in ("a.png", "b.png"))
ORIGIN = Provenance("dlic evaluate pictures", {"dlic": "0"}, "a processor", 2, 1, "Linux x86_64")
QUALITIES = (10, 30, 50, 70, 90)


def rows(codec: str, factor: float, qualities=QUALITIES) -> list[Row]:
    """Rows of a codec that needs `factor` bits of another, with images that differ."""
    return [
        Row(codec, quality, picture.name, 100, factor * 0.1 * 2 ** ((quality or 50) / 25) * (1 + place), 3.0, 2.0 + place, None,
            {"psnr": 26 + (quality or 50) / 10 - place, "ms_ssim": 1 - 0.1 / 2 ** ((quality or 50) / 20), "lpips": None})
        for quality in qualities
        for place, picture in enumerate(PICTURES)
    ]  # fmt: skip


def make_run(name: str = "mine", factor: float = 0.5, qualities=QUALITIES, against: str | None = None) -> Run:
    codecs = {name: Entry(name, name.title(), "f" * 64), "jpeg": Entry("jpeg", "JPEG 4:2:0, optimised", "Pillow", "as ever")}
    measured = (*rows(name, factor, qualities), *rows("jpeg", 1.0))
    return Run(ORIGIN, "pictures", PICTURES, codecs, measured, against=against, notes=("b.png was small",))


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    return events


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def image(events: EventAccumulator, tag: str) -> np.ndarray:
    (event,) = events.Images(tag)
    return np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))


@pytest.fixture(scope="module")
def logged(tmp_path_factory, photograph) -> Path:
    """The folder of `make_run(against="kodak")`, with published curves and pictures."""
    folder = tmp_path_factory.mktemp("logged")
    shown = {"a.png": [("original", photograph[:40, :50]), ("Mine, 0.3 bpp", photograph[40:80, :50])]}
    shown["b.png"] = [("original", photograph[80:110, :50])]
    log_run(folder, make_run(against="kodak"), shown=shown)
    return folder


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of the time."""
    monkeypatch.setattr("dlic.evaluation.tensorboard._log_figures", lambda *ignored: None)


def test_curves_are_scalars_over_thousandths_of_a_bit(logged):
    run = make_run()
    for codec in ("mine", "jpeg"):
        folder = logged / "curves" / "mine on pictures" / codec
        for metric, tag in (("psnr", "psnr"), ("ms_ssim", "ms_ssim_db")):
            expected = [(round(1000 * point.bpp), point.score) for point in run.curve(codec, metric)]
            found = scalars(folder, f"rate_distortion/{tag}")
            assert found == [(step, pytest.approx(value)) for step, value in expected] and len(found) == 5
        speed = [(round(1000 * mean.bpp), mean.decode_ms) for mean in run.means if mean.codec == codec]
        assert scalars(folder, "speed/decode_ms") == speed
        assert "rate_distortion/lpips" not in read(folder).Tags()["scalars"]  # no value at all


def test_bd_rates_are_columns_in_percent_and_no_cards_of_one_dot(logged):
    _, (row,) = table_of(logged)
    expected = compare(kodak_anchors()["VTM (H.266)"].points, make_run().curve("mine"))
    assert row["bd_rate/JPEG 4:2:0, optimised"] == pytest.approx(-50, abs=0.1)  # the run's own, not the published one of that name
    assert row["bd_rate_ms_ssim/JPEG 4:2:0, optimised"] == pytest.approx(-50, abs=0.1)
    assert row["bd_rate/VTM (H.266)"] == pytest.approx(100 * expected.bd_rate)
    assert read(logged / "evaluations" / "mine on pictures").Tags()["scalars"] == []


def test_published_curves_are_in_the_same_charts(logged):
    found = {label: read(logged / "curves" / "published on kodak" / label) for label in ("VTM (H.266)", "BPG 4-4-4", "ELIC")}
    points = kodak_anchors()["BPG 4:4:4"].points
    values = [(event.step, event.value) for event in found["BPG 4-4-4"].Scalars("rate_distortion/psnr")]
    assert values == [(round(1000 * point.bpp), pytest.approx(point.score)) for point in points]
    assert "rate_distortion/ms_ssim_db" not in found["ELIC"].Tags()["scalars"]


def test_figures_tables_and_origin_are_there(logged):
    events = read(logged / "evaluations" / "mine on pictures")
    assert image(events, "rate_distortion").shape[1] > 1000  # a panel for PSNR and one for MS-SSIM
    (table,) = events.Tensors("bd_rate/text_summary")
    (about,) = events.Tensors("about/text_summary")
    assert "| JPEG 4:2:0, optimised | -50.0% | as ever |" in table.tensor_proto.string_val[0].decode()
    assert all(word in about.tensor_proto.string_val[0].decode() for word in ("dlic evaluate", "a processor", "b.png was small"))


def test_pictures_are_shown_as_they_are(logged, photograph):
    events = read(logged / "evaluations" / "mine on pictures")
    places = {"a.png/0 original": (0, 40), "a.png/1 Mine, 0.3 bpp": (40, 80), "b.png/0 original": (80, 110)}
    assert all(np.array_equal(image(events, tag), photograph[top:end, :50]) for tag, (top, end) in places.items())


def test_one_rate_saves_bits_at_equal_quality(tmp_path, no_figures):
    run = make_run(qualities=(None,))
    log_run(tmp_path, run)
    _, (row,) = table_of(tmp_path)
    assert row["bits_saved/JPEG 4:2:0, optimised"] == pytest.approx(50, abs=0.1)
    assert not any(column.startswith("bd_rate") for column in row)
    assert scalars(tmp_path / "curves" / "mine on pictures" / "mine", "rate_distortion/psnr") == [(300, pytest.approx(30.5))]


def test_an_evaluation_replaces_that_of_its_name(tmp_path, no_figures):
    log_run(tmp_path, make_run(factor=0.9, qualities=(10, 20, 30, 50, 70, 80, 90)))
    log_run(tmp_path, make_run())
    assert len(scalars(tmp_path / "curves" / "mine on pictures" / "mine", "rate_distortion/psnr")) == 5
    _, (row,) = table_of(tmp_path)
    assert row["bd_rate/JPEG 4:2:0, optimised"] == pytest.approx(-50, abs=0.1)


def test_a_codec_without_means_is_left_out(tmp_path, no_figures):
    run = make_run()
    log_run(tmp_path, Run(ORIGIN, "pictures", PICTURES, run.codecs, tuple(rows("jpeg", 1.0))))
    log_run(tmp_path, Run(ORIGIN, "pictures", PICTURES, run.codecs))  # nothing at all
    assert not (tmp_path / "curves" / "mine on pictures" / "mine").exists()
    assert (tmp_path / "curves" / "mine on pictures" / "jpeg").exists()


def table_of(folder: Path) -> tuple[list[str], list[dict]]:
    """Columns and rows of the hparams table, from TensorBoard's own code."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    context, request = Context(TBContext(data_provider=provider)), RequestContext()
    metadata = context.hparams_metadata(request, "")
    experiment = context.experiment_from_metadata(request, "", True, metadata, [])
    columns = [info.name for info in experiment.hparam_infos] + [info.name.tag for info in experiment.metric_infos]
    asked = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_RUNNING],
        col_params=[api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos],
    )  # fmt: skip
    groups = Handler(request, context, "", asked).run().session_groups
    found = []
    for group in groups:
        hparams = {name: value.string_value or value.number_value for name, value in group.hparams.items()}
        found.append({**hparams, **{metric.name.tag: metric.value for metric in group.metric_values}})
    return columns, found


def test_several_evaluations_are_rows_of_one_table(tmp_path, no_figures):
    settings = checkpoint_settings(find("light-1"))
    log_run(tmp_path, make_run("light-1", 0.5), settings={**settings, "effort": 3})
    log_run(tmp_path, make_run("factorized-1", 0.8, (None,)), settings=checkpoint_settings(find("factorized-1")))
    columns, table = table_of(tmp_path)
    assert {"codec", "images", "effort", "network", "network.latents", "network.stage", "lmbda", "steps"} <= set(columns)
    assert {"bd_rate/JPEG 4:2:0, optimised", "bits_saved/JPEG 4:2:0, optimised"} <= set(columns)
    assert not any(column.startswith(("rate_distortion", "speed")) for column in columns)  # curves are no columns
    light, factorized = (next(row for row in table if row["codec"] == name) for name in ("light-1", "factorized-1"))
    assert len(table) == 2 and light["effort"] == 3 and light["network.lmbda_high"] == 0.2
    assert light["bd_rate/JPEG 4:2:0, optimised"] == pytest.approx(-50, abs=0.1)
    assert factorized["lmbda"] == 0.0067 and factorized["bits_saved/JPEG 4:2:0, optimised"] == pytest.approx(20, abs=0.1)


def test_settings_are_those_of_model_json():
    manifest, settings = read_manifest(find("light-1")), checkpoint_settings(find("light-1"))
    assert settings["fingerprint"] == manifest.fingerprint.hex()[:8] and settings["network"] == "light"
    assert settings["network.channels"] == manifest.config["channels"] and settings["steps"] == manifest.training.steps
    assert "lmbda" not in settings  # it has one for each level
