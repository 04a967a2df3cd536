"""The callbacks: their rules on lists, and what they leave in the event file of a real run."""

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlic.data.module import PhotographData
from dlic.errors import DlicError
from dlic.evaluation import anchors
from dlic.evaluation.rate_distortion import Point, bits_saved, jpeg_curve
from dlic.metrics.registry import decibels, ms_ssim, psnr, ssimulacra2
from dlic.models.base import ModelOutput
from dlic.models.factorized import Factorized
from dlic.peers.pillow import jpeg
from dlic.training.callbacks import (
    FitNotes,
    KodakCurve,
    RateDistortionCurve,
    Reconstructions,
    Throughput,
    TimePerCall,
)
from dlic.training.callbacks.fit_notes import fit_verdict
from dlic.training.callbacks.tensorboard import tensorboard
from dlic.training.kodak import LEARNED, MAIN, SCORES, estimated_points, published, standings
from dlic.training.module import TrainingModule
from dlic.training.optimization import Schedule
from dlic.training.validated import Validated

losses = st.floats(0.1, 10)
histories = st.lists(losses, min_size=1, max_size=12)

# --- the rule of the notes ----------------------------------------------------------------------------------------------


@given(st.lists(losses, min_size=4, max_size=10, unique=True), st.floats(0.01, 1))
def test_rising_validation_and_falling_training_is_over_fitting(values, tolerance):
    rising = sorted(values)
    assert fit_verdict(rising[::-1], rising, patience=3, tolerance=tolerance) == "over-fitting"


@given(losses, st.integers(1, 6), st.lists(st.floats(-0.2, 0.2), min_size=7, max_size=7))
def test_standing_still_is_under_fitting(loss, patience, wobble):
    training = [loss * (1 + 0.01 * w) for w in wobble]  # within 0.4 % of each other
    validation = [2 * loss] * len(training)
    assert fit_verdict(training, validation, patience, tolerance=0.01) == "under-fitting"


@given(losses, st.integers(1, 5), st.floats(0.02, 0.5))
def test_progress_gets_no_note(loss, patience, gain):
    falling = [loss * (1 - gain) ** i for i in range(8)]
    assert fit_verdict(falling, falling, patience, tolerance=0.01) is None
    assert fit_verdict(falling, [loss] * 8, patience, tolerance=0.01) is None
    assert fit_verdict([loss] * 8, falling, patience, tolerance=0.01) is None


@given(histories, st.floats(0.01, 1))
def test_too_short_a_history_gets_no_note(history, tolerance):
    assert fit_verdict(history, history[::-1], len(history), tolerance) is None


@given(histories, st.data())
def test_only_the_last_validations_count(before, data):
    after = [3.0, 2.0, 1.0]
    earlier = data.draw(st.lists(losses, min_size=len(before), max_size=len(before)))
    assert fit_verdict(before + after, earlier + after[::-1], patience=2, tolerance=0.01) == "over-fitting"


def test_one_fall_in_between_ends_over_fitting():
    training = [5.0, 4.0, 3.0, 2.0]
    assert fit_verdict(training, [1.0, 1.2, 1.4, 1.6], 3, 0.01) == "over-fitting"
    assert fit_verdict(training, [1.0, 1.2, 1.1, 1.6], 3, 0.01) is None
    assert fit_verdict(training[::-1], [1.0, 1.2, 1.4, 1.6], 3, 0.01) is None


def test_losses_that_are_not_numbers_get_no_note():
    assert fit_verdict([float("nan")] * 3, [float("nan")] * 3, 2, 0.01) is None


# --- single callbacks, with a trainer that only says what they ask ----------------------------------------------------------


class Writer:
    """Collects what is written."""

    def __init__(self):
        self.texts, self.scalars, self.images = [], {}, {}

    def add_text(self, tag, text, step):
        self.texts.append((tag, text, step))

    def add_scalar(self, tag, value, step):
        self.scalars[tag] = value

    def add_image(self, tag, image, step, dataformats="CHW"):
        self.images[tag] = image


class Recorder(TensorBoardLogger):
    """A TensorBoardLogger without files."""

    def __init__(self):
        self.writer = Writer()

    @property
    def experiment(self):
        return self.writer


@dataclass
class TrainerState:
    loggers: list
    callback_metrics: dict
    global_step: int = 7
    sanity_checking: bool = False
    is_global_zero: bool = True
    accumulate_grad_batches: int = 1


def validate_once(callback: FitNotes, state: TrainerState, training: float, validation: float) -> None:
    for offset in (-0.5, 0.5):  # the mean of the steps counts
        callback.on_train_batch_end(state, None, {"loss": torch.tensor(training + offset)}, None, 0)
    callback.on_train_batch_end(state, None, {}, None, 0)  # a step without a finite loss
    state.callback_metrics["val/loss"] = torch.tensor(validation)
    callback.on_validation_end(state, None)


def test_each_note_comes_once_an_episode(caplog):
    callback, state = FitNotes(patience=1, tolerance=0.01), TrainerState([Recorder()], {})
    with caplog.at_level(logging.WARNING):
        for training, validation in ((4, 4), (4, 4), (4, 4), (3, 3), (2, 4), (1, 5), (1, 5), (1, 5)):
            validate_once(callback, state, training, validation)
    found = [text.split("**")[1] for _, text, _ in state.loggers[0].writer.texts]
    assert found == ["Under-fitting, or finished:", "Over-fitting:", "Under-fitting, or finished:"]
    assert len(caplog.records) == 3 and "step 7" in caplog.records[0].getMessage()


def test_notes_continue_after_a_resume():
    first, state = FitNotes(patience=2, tolerance=0.01), TrainerState([Recorder()], {})
    for training, validation in ((5, 1), (4, 2)):
        validate_once(first, state, training, validation)
    second = FitNotes(patience=2, tolerance=0.01)
    second.load_state_dict(first.state_dict())
    validate_once(second, state, 3, 3)
    validate_once(second, state, 2, 4)
    third = FitNotes(patience=2, tolerance=0.01)
    third.load_state_dict(second.state_dict())
    validate_once(third, state, 1, 5)
    assert len(state.loggers[0].writer.texts) == 1


def test_patience_must_be_positive():
    with pytest.raises(ValueError, match="patience"):
        FitNotes(patience=0)


@pytest.mark.parametrize("batches_a_step", [1, 2])
def test_throughput_counts_waiting_but_not_validation(batches_a_step, monkeypatch, caplog):
    clock = iter([0.0, 1.0, 3.0, 4.0, 100.0, 101.0, 102.0, 103.0, 103.0, 104.0])  # start, end, start, end, …
    monkeypatch.setattr("dlic.training.callbacks.throughput.time.perf_counter", lambda: next(clock))
    callback, batch, module = Throughput(every_n_steps=4 // batches_a_step), torch.zeros(8, 3, 16, 16), Log()
    state = TrainerState([Recorder()], {}, accumulate_grad_batches=batches_a_step)
    callback.on_train_start(state, module)
    for index in range(5):
        callback.on_train_batch_start(state, module, batch, index)
        callback.on_train_batch_end(state, module, None, batch, index)
        if index == 1:
            callback.on_validation_start(state, module)
    # 4 batches of 1 s, waits of 2 and 1 s; the 96 s of validation are left out, and the fifth batch is shown at the end only
    speed = 4 / 7 / batches_a_step
    expected = {"speed/steps_per_second": speed, "speed/crops_per_second": 32 / 7, "speed/waiting_for_data": 3 / 7}
    assert state.loggers[0].writer.scalars == module.values == pytest.approx(expected)
    with caplog.at_level(logging.INFO):
        callback.on_train_end(state, module)
    assert f"{5 / 8 / batches_a_step:.2f} steps/s, 5.0 crops/s, 37.5% of the time waiting for data" in caplog.text


def validated(count: int, size: int, bpp: float = 0.5, psnr: float = 20.0, level: int = 0) -> Validated:
    x = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    return Validated(x, 1 - x, torch.full((count,), bpp), torch.full((count,), psnr), level)


def test_a_callback_that_limits_time_forgets_earlier_calls():
    first, second = TimePerCall("00:00:00:10"), TimePerCall("00:00:00:10")
    second.load_state_dict({"time_elapsed": {"train": 1e6}})
    assert first.time_remaining() == second.time_remaining() == 10


def test_reconstructions_stand_beside_their_originals():
    callback, state = Reconstructions(count=3, side=16), TrainerState([Recorder()], {})
    callback.on_validation_epoch_start(state, None)
    batch = validated(2, 20)
    for index in range(3):
        callback.on_validation_batch_end(state, None, [batch], None, index)
    callback.on_validation_epoch_end(state, None)
    image = state.loggers[0].writer.images["val/original_and_reconstruction"]
    assert image.shape == (3, 3 * 20 + 4, 2 * 20 + 4)  # three rows of two, each with a border of 4
    assert torch.equal(image[:, 4:20, 4:20], batch.x[0, :, 2:18, 2:18])
    assert torch.allclose(image[:, 4:20, 4:20] + image[:, 4:20, 24:40], torch.ones(()))


class Log:
    """A module that keeps what is logged."""

    device = torch.device("cpu")

    def __init__(self):
        self.values = {}

    def log(self, name, value, **options):
        self.values[name] = value


def test_several_rates_make_a_curve_and_a_bd_rate(monkeypatch):
    jpeg = [Point(bpp, 20 + 6 * np.log2(bpp)) for bpp in (0.25, 0.5, 1.0, 2.0, 4.0)]
    monkeypatch.setattr("dlic.training.callbacks.rate_distortion_curve.jpeg_curve", lambda images, measure: jpeg)
    callback, state, module = RateDistortionCurve(), TrainerState([Recorder()], {}), Log()
    callback.on_validation_epoch_start(state, module)
    for bpp in (0.5, 1.5):  # two batches; their mean, at each level, needs a quarter of JPEG's bits
        rates = [validated(2, 16, bpp * 2**k / 4, 20 + 6 * k, level=9 * k) for k in reversed(range(4))]
        callback.on_validation_batch_end(state, module, rates, None, 0)
    callback.on_validation_epoch_end(state, module)
    assert callback.path == [[Point(0.25 * 2**k, 20.0 + 6 * k) for k in range(4)]]
    assert module.values["val/saved_vs_jpeg"] == pytest.approx(75)
    assert state.loggers[0].writer.images["rate_distortion/run"].shape == (550, 800, 3)


def test_jpeg_is_measured_once_on_the_validation_crops(monkeypatch):
    seen = []

    def curve(images, measure):
        assert measure is psnr
        seen.append(images)
        return [Point(0.2, 10.0), Point(2.0, 30.0)]

    monkeypatch.setattr("dlic.training.callbacks.rate_distortion_curve.jpeg_curve", curve)
    batch, callback, module = validated(2, 16), RateDistortionCurve(), Log()
    for _ in range(2):
        state = TrainerState([Recorder()], {})
        callback.on_validation_epoch_start(state, module)
        for index in range(2):
            callback.on_validation_batch_end(state, module, [batch], None, index)
        callback.on_validation_epoch_end(state, module)
    (images,) = seen
    assert len(images) == 4 and images[0].dtype == np.uint8
    assert np.array_equal(images[1], (batch.x[1].permute(1, 2, 0) * 255).round().numpy())
    assert callback.path == [[Point(0.5, 20.0)]] * 2
    assert module.values["val/saved_vs_jpeg"] == pytest.approx(100 * (1 - 0.5 / 0.4**0.5))  # √(0.2 · 2.0) bpp at 20 dB


# --- a real run ---------------------------------------------------------------------------------------------------------


def make_photographs(folder: Path, count: int, size: int = 80) -> Path:
    """PNG files of smooth colours with some noise, so that JPEG has a curve on them."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
        pixels = np.clip(np.asarray(coarse) + rng.normal(0, 10, (size, size, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def callbacks() -> list[Callback]:
    return [RateDistortionCurve(), Reconstructions(count=3), FitNotes(patience=1, tolerance=100.0), Throughput(every_n_steps=2)]


def fit(folder: Path, logger, steps: int, own: list[Callback], resume: Path | None = None, sanity: int = 0) -> pl.Trainer:
    """A tiny run below `folder`, validated every second step, with its checkpoints in folder/ckpt."""
    torch.manual_seed(0)
    network = Factorized(stage="dct", channels=16, latents=24, fine_blocks=1, coarse_blocks=1)
    module = TrainingModule(network, 0.0067, schedule=Schedule(name="constant", warmup_steps=1))
    data = PhotographData(
        str(folder / "photographs"), crop=64, batch_size=2, held_out=0.5, validation_crop=64, cache_dir=str(folder / "cache")
    )
    trainer = pl.Trainer(
        max_steps=steps, val_check_interval=2, check_val_every_n_epoch=None, num_sanity_val_steps=sanity, accelerator="cpu",
        logger=logger, callbacks=[*own, ModelCheckpoint(folder / "ckpt", save_last=True)], log_every_n_steps=1,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    return trainer


@dataclass(frozen=True)
class Run:
    folder: Path
    callbacks: list[Callback]
    events: EventAccumulator

    def image(self, tag: str, index: int) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.events.Images(tag)[index].encoded_image_string)))


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    make_photographs(folder / "photographs", 10)
    own, logger = callbacks(), TensorBoardLogger(folder, name="tiny")
    fit(folder, logger, 4, own, sanity=1)
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    return Run(folder, own, events)


def test_the_run_logs_its_scalars(tiny_run):
    names = set(tiny_run.events.Tags()["scalars"])
    for split in ("train", "val"):
        assert {f"{split}/{name}" for name in ("loss", "bpp", "distortion", "distortion_db", "sparsity")} <= names
    assert {"train/grad_norm", "speed/steps_per_second", "speed/crops_per_second", "speed/waiting_for_data"} <= names
    assert 0 < tiny_run.events.Scalars("val/sparsity")[-1].value < 1
    assert [0 <= event.value < 1 for event in tiny_run.events.Scalars("speed/waiting_for_data")] == [True, True]


def test_the_run_draws_its_curve(tiny_run):
    path, events = tiny_run.callbacks[0].path, tiny_run.events.Images("rate_distortion/run")
    assert [event.step for event in events] == [2, 4] and len(path) == 2
    assert tiny_run.image("rate_distortion/run", 1).shape == (550, 800, 3)
    last = tiny_run.events.Scalars("val/psnr")[-1].value, tiny_run.events.Scalars("val/bpp")[-1].value
    (newest,) = path[-1]
    assert (newest.score, newest.bpp) == pytest.approx(last, rel=1e-4)


def test_the_run_is_compared_with_jpeg_on_its_crops(tiny_run):
    data = PhotographData(
        str(tiny_run.folder / "photographs"), held_out=0.5, validation_crop=64, cache_dir=str(tiny_run.folder / "cache")
    )
    data.setup("fit")
    crops = [crop.permute(1, 2, 0).numpy() for crop in data.validation_crops]
    curve = tiny_run.callbacks[0]
    assert curve.jpeg == jpeg_curve(crops)
    within = [curve.jpeg[0].score <= point.score <= curve.jpeg[-1].score for (point,) in curve.path]
    assert sum(within) == len(tiny_run.events.Scalars("val/saved_vs_jpeg")) == 2


def test_the_run_shows_reconstructions(tiny_run):
    assert len(tiny_run.events.Images("val/original_and_reconstruction")) == 2
    assert tiny_run.image("val/original_and_reconstruction", 0).shape == (3 * 68 + 4, 2 * 68 + 4, 3)


def test_the_run_notes_that_nothing_moves(tiny_run):
    (event,) = tiny_run.events.Tensors("notes/fit/text_summary")
    assert b"Under-fitting" in event.tensor_proto.string_val[0] and event.step == 4


def test_histories_survive_a_resume(tiny_run):
    own = callbacks()
    fit(tiny_run.folder, TensorBoardLogger(tiny_run.folder, name="again"), 6, own, tiny_run.folder / "ckpt" / "last.ckpt")
    assert own[0].path[:2] == tiny_run.callbacks[0].path and len(own[0].path) == 3
    assert own[2].validation[:2] == tiny_run.callbacks[2].validation and len(own[2].training) == 3


def test_without_tensorboard_they_are_quiet(tiny_run, tmp_path):
    make_photographs(tmp_path / "photographs", 4)
    own = callbacks()
    trainer = fit(tmp_path, CSVLogger(tmp_path), 2, own)
    assert tensorboard(trainer) is None
    assert own[0].path == own[0].jpeg == own[2].validation == []


# --- Kodak --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_for_kodak(tmp_path, photograph, monkeypatch) -> Path:
    """Two crops that count as the Kodak set."""
    monkeypatch.setattr(anchors, "KODAK", (2, (96, 128)))
    (tmp_path / "kodak").mkdir()
    for i, crop in enumerate((photograph[:96, 200:328], photograph[100:228, 300:396])):
        Image.fromarray(crop).save(tmp_path / "kodak" / f"{i}.png")
    return tmp_path / "kodak"


def test_one_rate_is_held_against_published_points(two_for_kodak, tmp_path):
    make_photographs(tmp_path / "photographs", 6)
    logger = TensorBoardLogger(tmp_path, name="with")
    trainer = fit(tmp_path, logger, 4, [KodakCurve(str(two_for_kodak), every=2)], sanity=1)
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    (psnr,) = events.Scalars("kodak/psnr")  # of the second validation; the sanity check is none
    (rate,) = events.Scalars("kodak/bpp")
    (bits,) = events.Scalars("kodak/bits_vs_factorized")
    assert psnr.step == 4 and len(events.Images("kodak/rate_distortion")) == 1
    network, files = trainer.lightning_module.network.eval(), sorted(two_for_kodak.iterdir())
    network.prepare()  # as validations do
    (point,) = estimated_points(network, [0], files, torch.device("cpu"))["psnr"]
    assert (rate.value, psnr.value) == pytest.approx((point.bpp, point.score), rel=1e-5)
    curve = anchors.kodak_anchors()["CompressAI factorized"].points
    assert bits.value == pytest.approx(-100 * bits_saved(curve, point), rel=1e-4)
    (text,) = events.Tensors("kodak/standing/text_summary")
    said = text.tensor_proto.string_val[0].decode()
    assert "bits estimated" in said and "CompressAI factorized (λ = 0.0067: 0.288 bpp, 29.61 dB)" in said
    (line,) = Path(logger.log_dir).glob("published*")  # beside the run, in the same charts
    level = EventAccumulator(str(line))
    level.Reload()
    assert line.name == "published CompressAI factorized, lambda 0.0067"
    drawn = {tag: [(event.step, event.value) for event in level.Scalars(tag)] for tag in level.Tags()["scalars"]}
    assert drawn == {
        "kodak/bpp": [(4, pytest.approx(0.28781))], "kodak/psnr": [(4, pytest.approx(29.61102))],
        "kodak/db_vs_factorized": [(4, 0)], "kodak/bits_vs_factorized": [(4, 0)],
    }  # fmt: skip
    assert not any("kodak" in name for name in (*trainer.callback_metrics, *trainer.logged_metrics))  # nothing to monitor


def test_a_network_that_draws_numbers_moves_no_generator(two_for_kodak):
    @dataclass
    class Drawing:
        stride: int = 32

        def forward(self, x, level):
            return ModelOutput(x + torch.rand_like(x) / 10, torch.full((1,), float(level) * x[0, 0].numel()), x, x.mean())

    before = torch.get_rng_state()
    points = estimated_points(Drawing(), [1, 2], sorted(two_for_kodak.iterdir()), torch.device("cpu"))["psnr"]
    assert torch.equal(torch.get_rng_state(), before)
    assert [point.bpp for point in points] == [1.0, 2.0]


@settings(max_examples=10)
@given(st.integers(1, 50), st.integers(1, 50))
def test_pictures_of_any_size_are_measured_without_their_padding(height, width):
    class Identity:
        stride = 16

        def forward(self, x, level):
            assert x.shape[2] % 16 == x.shape[3] % 16 == 0 and x.shape[2] - height < 16 and x.shape[3] - width < 16
            return ModelOutput(x, torch.full((1,), float(height * width)), x, x.mean())

    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        Image.fromarray(np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        assert estimated_points(Identity(), [0], [path], torch.device("cpu"))["psnr"] == [Point(1.0, pytest.approx(100))]


def test_estimates_are_those_of_validation(two_for_kodak):
    torch.manual_seed(0)
    module = TrainingModule(Factorized(stage="dct", channels=16, latents=24, fine_blocks=1, coarse_blocks=1), 0.0067).eval()
    module.network.prepare()
    path = two_for_kodak / "0.png"
    x = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)[None].float() / 255
    module.log = lambda *ignored, **more: None
    with torch.no_grad():
        validated = module._validate(x, 0)
    (point,) = estimated_points(module.network, [0], [path], torch.device("cpu"))["psnr"]
    assert (point.bpp, point.score) == pytest.approx((float(validated.bpp), float(validated.psnr)), rel=1e-6)


def test_a_standing_is_a_sentence():
    point = published()["factorized"].points[3]
    found = standings([Point(point.bpp, point.score - 0.4)], lmbda=0.0135)
    said = str(found["factorized"])
    assert said.startswith("0.40 dB below CompressAI factorized (λ = 0.013: 0.440 bpp, 31.27 dB) at equal rate, +")
    assert found["factorized"].gained == pytest.approx(-0.4) and found["factorized"].saved < 0
    assert "above JPEG 4:2:0, optimised at equal rate, -" in str(found["jpeg"])
    assert str(standings([Point(9.0, 30.0)], lmbda=0.01)["vtm"]).startswith("beyond the rates of VTM (H.266), ")
    assert str(standings([Point(9.0, 99.0)], lmbda=0.01)["vtm"]) == "beyond the rates of VTM (H.266)"


def test_a_curve_stands_as_its_mean():
    curve = published()["mean_scale"].points
    found = standings([Point(point.bpp, point.score + 0.3) for point in curve])
    assert str(found["mean_scale"]).startswith("0.30 dB above CompressAI mean-scale at equal rate on average, -")
    assert str(standings([Point(8 + i, 60 + i) for i in range(4)])["vtm"]) == "too far apart from VTM (H.266)"


def test_what_was_trained_for_ms_ssim_stands_beside_networks_that_were_too():
    tuned = published("ms_ssim")
    assert all(a.score > b.score for key in LEARNED for a, b in zip(tuned[key].points, kodak_by_ms_ssim(key), strict=True))
    assert tuned["vtm"].points == anchors.kodak_anchors("ms_ssim")[MAIN["vtm"]].points
    found = standings([tuned["factorized"].points[3]], "ms_ssim", lmbda=16)
    assert str(found["factorized"]).startswith("0.00 dB above CompressAI factorized, for MS-SSIM (λ = 16.64: 0.359 bpp, 16.38 dB)")
    assert "bits at equal MS-SSIM" in str(found["factorized"])


def kodak_by_ms_ssim(key: str) -> list[Point]:
    """dB of the networks trained for MSE, at about the rates of those trained for MS-SSIM."""
    curve = anchors.kodak_anchors("ms_ssim")[MAIN[key]].points
    rates = [point.bpp for point in published("ms_ssim")[key].points]
    known = [point.bpp for point in curve], [point.score for point in curve]
    return [Point(rate, float(np.interp(rate, *known))) for rate in rates]


def test_a_run_is_measured_by_what_it_is_for(photograph, tmp_path):
    network = Factorized(stage="dct", channels=16, latents=24, fine_blocks=1, coarse_blocks=1).eval()
    network.prepare()
    image = photograph[:192, :256]
    Image.fromarray(image).save(tmp_path / "a.png")
    points = estimated_points(network, [0], [tmp_path / "a.png"], torch.device("cpu"), list(SCORES))
    with torch.no_grad():
        x_hat = network(torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255).x_hat
    decoded = (x_hat[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    scores = {metric: one.score for metric, (one,) in points.items()}
    assert scores == {
        "psnr": psnr(image, decoded), "ms_ssim": decibels(ms_ssim(image, decoded)), "ssimulacra2": ssimulacra2(image, decoded)
    }  # fmt: skip
    assert len({one.bpp for (one,) in points.values()}) == 1


def test_a_visual_run_is_held_against_jpeg_by_its_own_score(photograph):
    image = photograph[:128, :128]
    decoded = jpeg(40).decompress(jpeg(40).compress(image))
    x, x_hat = (torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255 for pixels in (image, decoded))
    (one,) = jpeg_curve([image], [40], ssimulacra2)
    shown = Validated(x, x_hat, torch.tensor([one.bpp / 2]), torch.tensor([20.0]), 0, torch.tensor([one.score]))
    callback, state, module = RateDistortionCurve(), TrainerState([Recorder()], {}), Log()
    callback.on_validation_epoch_start(state, module)
    callback.on_validation_batch_end(state, module, [shown], None, 0)
    callback.on_validation_epoch_end(state, module)
    assert module.values["val/saved_vs_jpeg"] == pytest.approx(50)


def test_other_pictures_are_refused_before_the_first_step(two_for_kodak, tmp_path):
    make_photographs(tmp_path / "photographs", 6)
    logger = TensorBoardLogger(tmp_path, name="none")
    for folder, says in ((tmp_path / "photographs", "2 Kodak images of 128×96 pixels"), (tmp_path / "nowhere", "is no folder")):
        with pytest.raises(DlicError, match=f"KodakCurve needs the .*{says}") as caught:
            fit(tmp_path, logger, 2, [KodakCurve(str(folder))])
        assert "\n" not in str(caught.value)
    (two_for_kodak / "1.png").write_bytes((two_for_kodak / "1.png").read_bytes()[:2000])
    with pytest.raises(DlicError, match=r"1\.png is broken"):
        fit(tmp_path, logger, 2, [KodakCurve(str(two_for_kodak))])


def test_pictures_that_go_away_end_no_run(two_for_kodak, tmp_path, caplog):
    class Removes(Callback):
        def on_train_start(self, trainer, pl_module):
            (two_for_kodak / "0.png").unlink()

    make_photographs(tmp_path / "photographs", 6)
    with caplog.at_level(logging.WARNING):
        trainer = fit(tmp_path, TensorBoardLogger(tmp_path, name="gone"), 2, [Removes(), KodakCurve(str(two_for_kodak))])
    assert trainer.global_step == 2 and "Kodak was not measured" in caplog.text


@pytest.mark.parametrize("wrong", [{"every": 0}, {"levels": 3}])
def test_senseless_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match="KodakCurve takes"):
        KodakCurve("kodak", **wrong)
