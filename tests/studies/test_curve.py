"""The curve over several exported checkpoints."""

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlic.learned.codec import load_codec
from dlic.metrics.registry import psnr
from dlic.models.factorized import Factorized
from dlic.studies.curve import curve_of_checkpoints, log_curve
from dlic.training.export import export
from dlic.training.module import TrainingModule


def exported(folder, step):
    """A checkpoint of an untrained model, which is a block DCT quantised with `step`."""
    network = Factorized(stage="dct", channels=16, latents=24, fine_blocks=1, coarse_blocks=1, initial_step=step)
    module = TrainingModule(network, lmbda=0.0067)
    checkpoint = {"state_dict": module.state_dict(), "global_step": 0}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder.with_suffix(".ckpt"))
    export(folder.with_suffix(".ckpt"), folder)
    return folder


def test_checkpoints_are_measured_drawn_and_printed(photograph, tmp_path, capsys):
    folders = [exported(tmp_path / "fine", 40.0), exported(tmp_path / "coarse", 400.0)]
    images = [photograph[:100, :150], photograph[200:264, 300:400]]
    points = log_curve(tmp_path / "log", folders, images)
    assert points == curve_of_checkpoints(folders, images)

    codec = load_codec(folders[1])
    files = [codec.compress(image) for image in images]
    assert points[1].bpp == sum(8 * len(f) / (i.shape[0] * i.shape[1]) for f, i in zip(files, images, strict=True)) / 2
    assert points[1].score == sum(psnr(i, codec.decompress(f)) for f, i in zip(files, images, strict=True)) / 2
    assert points[0].bpp > points[1].bpp and points[0].score > points[1].score

    header, *rows = capsys.readouterr().out.strip().split("\n")
    assert header.split()[0] == "checkpoint" and [row.split()[0] for row in rows] == ["fine", "coarse"]
    assert f"{points[0].bpp:.3f}" in rows[0] and f"{points[0].score:.2f}" in rows[0]
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert len(events.Images("rate_distortion/checkpoints")) == 1
