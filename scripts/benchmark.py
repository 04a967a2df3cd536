"""Speed beside CompressAI, the classical codecs beside libjpeg, PNG, WebP and JPEG 2000, and what is no photograph beside others.

python scripts/benchmark.py codec PHOTO [FOLDER]   encode and decode by stage on both runtimes, beside its bmshj2018-factorized
                                                   architecture; OMP_NUM_THREADS says how many threads each has
python scripts/benchmark.py training DIR           steps a second beside the loop of its examples/train.py, equal model and batch
python scripts/benchmark.py classical DIR          bytes, PSNR, BD-rates and times on a folder of images, such as Kodak
python scripts/benchmark.py drawn [FOLDER]         bits of rendered text and of drawn lines against AVIF's at equal SSIMULACRA 2
python scripts/benchmark.py screens DIR [FOLDER]   screens and drawings beside PNG, WebP, AVIF and JPEG XL at equal SSIMULACRA 2
"""

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn

from dlic.checkpoints import local as checkpoints
from dlic.container.format import read
from dlic.errors import DlicError
from dlic.formats.writing import DEFAULT_QUALITY
from dlic.images.files import read_image
from dlic.learned.codec import load_codec
from dlic.learned.exact.codec import LayeredCodec
from dlic.learned.picture import Encoded
from dlic.learned.picture_codec import level_of
from dlic.pixels.arrays import Decoded

WIDTH, LATENTS, BATCH, CROP = 128, 192, 8, 256  # N and M of bmshj2018-factorized at its lower qualities; the batch of both loops
WARM_UP, RUNS = 3, 15
TRAINING_STEPS, ROUNDS = 12, 3  # counted steps are those after the warm-up
RUNTIMES = ("onnx", "torch")
PANGRAM = "The quick brown fox (5 of 37), over 1,248 lazy dogs: jumps & Waltz, bad nymph! Vex QUIZ; Sphinx of black quartz?"
DRAWN_SIDE = 512


def main() -> None:
    jobs = {
        "codec": (codec_speed, 1, 2), "training": (training_speed, 1, 1),
        "classical": (classical_codecs, 1, 1), "drawn": (drawn_pictures, 0, 1), "screens": (screens, 1, 2),
    }  # fmt: skip
    job, least, most = jobs.get(" ".join(sys.argv[1:2]), (None, 0, 0))
    if job is None or not least <= len(sys.argv) - 2 <= most:
        sys.exit(__doc__)
    try:
        job(*map(Path, sys.argv[2:]))
    except DlicError as error:
        sys.exit(f"benchmark: {error}")


# --- encoding and decoding ----------------------------------------------------------------------------------------------


def codec_speed(photograph: Path, checkpoint: Path | None = None) -> None:
    """All codecs in turn on one image, pixels to bytes and back, models loaded; medians of RUNS after WARM_UP."""
    image = read_image(photograph).pixels
    folder, theirs = checkpoint or checkpoints.find(checkpoints.default_name()), peer()
    ours = {runtime: load_codec(folder, runtime) for runtime in RUNTIMES}
    level = level_of(DEFAULT_QUALITY, ours["onnx"].levels)
    times: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(WARM_UP + RUNS):
        for runtime, codec in ours.items():
            encoded, seconds = whole(lambda codec=codec: codec.encode(image, level))
            times[f"{runtime} encode"].append(seconds)
            _, seconds = whole(lambda codec=codec, data=encoded.data: codec.decode(read(data)))
            times[f"{runtime} decode"].append(seconds)
        encoding, decoding = run_peer(theirs, image)
        times["CompressAI encode"].append(encoding)
        times["CompressAI decode"].append(decoding)
    size = f"{image.shape[1]} × {image.shape[0]}, {8 * len(encoded.data) / image[..., 0].size:.2f} bpp"
    print(f"{photograph.name}, {size}, {torch.get_num_threads()} threads, median of {RUNS}, ms")
    totals = {name: report(name, runs[WARM_UP:]) for name, runs in times.items()}
    for name, job in (("torch", there_and_back), ("CompressAI", peer_there_and_back)):  # scripts/startup.py has onnx, without torch
        with get_context("spawn").Pool(1) as fresh:
            megabytes = fresh.apply(peak_megabytes, (job, photograph, checkpoint))
        print(f"{name:10} peak memory {megabytes:,.0f} MB, runtime and model included")
    for direction in ("encode", "decode"):
        for runtime in RUNTIMES:
            faster = totals[f"CompressAI {direction}"] / totals[f"{runtime} {direction}"]
            print(f"{direction} by {runtime}: {faster:.1f} times as fast as CompressAI")


def whole(call: Callable[[], Encoded | Decoded]) -> tuple[Encoded | Decoded, dict[str, float]]:
    """What a call gives, and its seconds by stage; what belongs to no stage is `other`."""
    start = time.perf_counter()
    result = call()
    total = time.perf_counter() - start
    return result, {**result.seconds, "other": total - sum(result.seconds.values())}


def peak_megabytes(job: Callable[[Path, Path | None], None], photograph: Path, checkpoint: Path | None) -> float:
    """What a fresh process needs at most for one photograph there and back (Linux)."""
    job(photograph, checkpoint)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024  # getrusage would start from the parent's peak


def there_and_back(photograph: Path, checkpoint: Path | None) -> None:
    codec = load_codec(checkpoint or checkpoints.find(checkpoints.default_name()), "torch")
    codec.decompress(codec.compress(read_image(photograph).pixels, level_of(DEFAULT_QUALITY, codec.levels)))


def peer_there_and_back(photograph: Path, checkpoint: Path | None) -> None:
    run_peer(peer(), read_image(photograph).pixels)


def report(name: str, runs: list[dict[str, float]]) -> float:
    stages = {stage: 1000 * statistics.median(run[stage] for run in runs) for stage in runs[0]}
    total = 1000 * statistics.median(sum(run.values()) for run in runs)
    print(f"{name:18} {total:7.1f}   " + "   ".join(f"{stage} {ms:.1f}" for stage, ms in stages.items()))
    return total


def peer() -> nn.Module:
    """CompressAI's factorized prior; random weights, as its own cannot be downloaded everywhere: the transforms cost the same."""
    from compressai.models import FactorizedPrior

    torch.manual_seed(0)
    model = FactorizedPrior(WIDTH, LATENTS).eval()
    model.update(force=True)
    return model


@torch.inference_mode()
def run_peer(model: nn.Module, image: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by stage of encoding and of decoding."""
    height, width = image.shape[:2]
    image = np.pad(image, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    start = time.perf_counter()
    y = model.g_a(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)
    analysed = time.perf_counter()
    streams = model.entropy_bottleneck.compress(y)
    encoded = time.perf_counter()
    y_hat = model.entropy_bottleneck.decompress(streams, y.shape[2:])
    decoded = time.perf_counter()
    x_hat = model.g_s(y_hat).clamp_(0, 1).mul(255).round().byte()[0].permute(1, 2, 0).numpy()
    end = time.perf_counter()
    assert x_hat.shape == image.shape
    return (
        {"transform": analysed - start, "entropy": encoded - analysed},
        {"entropy": decoded - encoded, "transform": end - decoded},
    )


# --- classical codecs ---------------------------------------------------------------------------------------------------


def classical_codecs(folder: Path) -> None:
    """Everything `dlic.evaluation.classical` compares."""
    from dlic.cli.evaluate import images_in
    from dlic.evaluation.classical import lines

    for line in lines(list(images_in(folder).values())):
        print(line, flush=True)


# --- what is no photograph ----------------------------------------------------------------------------------------------


def screens(folder: Path, checkpoint: Path | None = None) -> None:
    """The pictures of a folder, one a line."""
    from dlic.cli.evaluate import images_in

    show_screens(images_in(folder), checkpoint)


def drawn_pictures(checkpoint: Path | None = None) -> None:
    """The same of a page of text and of drawn lines."""
    show_screens({"text": text_page(), "lines": line_art()}, checkpoint)


def show_screens(pictures: dict[str, np.ndarray], checkpoint: Path | None) -> None:
    from dlic.evaluation.screens import lines

    codec = LayeredCodec(load_codec(checkpoint or checkpoints.find(checkpoints.default_name())))
    for line in lines(pictures, codec):
        print(line, flush=True)


def text_page() -> np.ndarray:
    """24 lines of words, 17 pixels high, in black on white."""
    page, font = Image.new("RGB", (DRAWN_SIDE, DRAWN_SIDE), "white"), ImageFont.load_default(17)
    pen, words = ImageDraw.Draw(page), cycle(PANGRAM.split())
    for top in range(4, DRAWN_SIDE - 17, 21):
        line = next(words)
        while pen.textlength(f"{line} {(word := next(words))}", font) < DRAWN_SIDE - 16:
            line = f"{line} {word}"
        pen.text((8, top), line, "black", font)
    return np.asarray(page)


def line_art() -> np.ndarray:
    """Lines, boxes and ellipses in colours on white."""
    drawing, rng = Image.new("RGB", (DRAWN_SIDE, DRAWN_SIDE), "white"), Random(0)
    pen = ImageDraw.Draw(drawing)
    for _ in range(13):
        for draw, colour in ((pen.line, "fill"), (pen.rectangle, "outline"), (pen.ellipse, "outline")):
            (left, right), (top, bottom) = (sorted(rng.sample(range(DRAWN_SIDE), 2)) for _ in range(2))
            draw((left, top, right, bottom), width=rng.randint(1, 4), **{colour: "#" + rng.randbytes(3).hex()})
    return np.asarray(drawing)


# --- training -----------------------------------------------------------------------------------------------------------


def training_speed(folder: Path) -> None:
    """Steps a second of both trainers on the same photographs, in turn; the first two train equal models on equal batches."""
    runs = {
        "CompressAI, float32": lambda: compressai_training(folder),
        "dlic gdn, float32": lambda: dlic_training(folder, "gdn", "32-true"),
        "dlic gdn, bfloat16": lambda: dlic_training(folder, "gdn", "bf16-mixed"),
        "dlic dct, bfloat16": lambda: dlic_training(folder, "dct", "bf16-mixed"),  # configs/factorized.yaml
    }
    speeds, shares = defaultdict(list), defaultdict(list)
    for _ in range(ROUNDS):
        for name, run in runs.items():
            steps_per_second, share = run()
            speeds[name].append(steps_per_second)
            shares[name].append(share)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads"
    print(
        f"{where}, batch {BATCH} of {CROP}², medians of {ROUNDS} runs in turn of {TRAINING_STEPS - WARM_UP} steps after {WARM_UP}"
    )
    for name in runs:
        ratios = [ours / theirs for ours, theirs in zip(speeds[name], speeds["CompressAI, float32"], strict=True)]
        print(
            f"{name:20} {statistics.median(speeds[name]):6.2f} steps/s  {statistics.median(ratios):5.2f} times CompressAI's "
            f"({min(ratios):.2f} to {max(ratios):.2f})  {statistics.median(shares[name]):.0%} of the time waiting for data"
        )


def dlic_training(folder: Path, stage: str, precision: str) -> tuple[float, float]:
    """dlic's trainer: channels last, decoded photographs memory-mapped."""
    import pytorch_lightning as pl

    from dlic.data.module import PhotographData
    from dlic.models.factorized import Factorized
    from dlic.training.module import TrainingModule

    clock = Clock()

    class Ticks(pl.Callback):
        def on_train_batch_start(self, *args) -> None:
            clock.work()

        def on_train_batch_end(self, *args) -> None:
            clock.wait()

    trainer = pl.Trainer(
        max_steps=TRAINING_STEPS, precision=precision, logger=False, enable_checkpointing=False, callbacks=[Ticks()],
        enable_model_summary=False, enable_progress_bar=False, limit_val_batches=0, num_sanity_val_steps=0,
    )  # fmt: skip
    network = Factorized(stage=stage, channels=WIDTH, latents=LATENTS)
    trainer.fit(TrainingModule(network, lmbda=0.0067), PhotographData(str(folder), crop=CROP, batch_size=BATCH))
    return clock.result()


def compressai_training(folder: Path) -> tuple[float, float]:
    """The loop of CompressAI's examples/train.py: float32, two optimisers, photographs decoded by workers as they are needed."""
    from compressai.losses import RateDistortionLoss
    from compressai.models import FactorizedPrior
    from compressai.optimizers import net_aux_optimizer
    from torch.utils.data import DataLoader

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, criterion = FactorizedPrior(WIDTH, LATENTS).to(device), RateDistortionLoss(lmbda=0.0067)
    settings = {"net": {"type": "Adam", "lr": 1e-4}, "aux": {"type": "Adam", "lr": 1e-3}}
    optimizers = net_aux_optimizer(model, settings)
    loader = DataLoader(DecodedOnTheFly(folder), batch_size=BATCH, shuffle=True, num_workers=torch.get_num_threads())
    clock = Clock()
    while True:
        for x in loader:
            clock.work()
            x = x.to(device)
            for optimizer in optimizers.values():
                optimizer.zero_grad()
            criterion(model(x), x)["loss"].backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizers["net"].step()
            model.aux_loss().backward()
            optimizers["aux"].step()
            clock.wait()
            if clock.steps == TRAINING_STEPS:
                return clock.result()


class DecodedOnTheFly(torch.utils.data.Dataset):
    """Random crops of photographs, as torchvision's ImageFolder pipelines make them."""

    def __init__(self, folder: Path):
        from dlic.data.photographs import find_photographs

        self.paths = [p for p in find_photographs(folder) if min(read_size(p)) >= CROP]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        from torchvision import transforms

        pipeline = transforms.Compose([transforms.RandomCrop(CROP), transforms.ToTensor()])
        return pipeline(Image.open(self.paths[index]).convert("RGB"))


def read_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


class Clock:
    """Steps a second and the share of time between steps, after WARM_UP of the TRAINING_STEPS."""

    def __init__(self) -> None:
        self.steps, self.working, self.waiting, self.mark = 0, 0.0, 0.0, time.perf_counter()

    def work(self) -> None:
        now = time.perf_counter()
        if self.steps >= WARM_UP:
            self.waiting += now - self.mark
        self.mark = now

    def wait(self) -> None:
        if self.steps + 1 in (WARM_UP, TRAINING_STEPS) and torch.cuda.is_available():
            torch.cuda.synchronize()  # where counting begins and ends; in between both may run ahead of the device
        now = time.perf_counter()
        if self.steps >= WARM_UP:
            self.working += now - self.mark
        self.steps, self.mark = self.steps + 1, now

    def result(self) -> tuple[float, float]:
        measured = self.steps - WARM_UP
        seconds = self.working + self.waiting
        return measured / seconds, self.waiting / seconds


if __name__ == "__main__":
    main()
