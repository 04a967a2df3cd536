"""Learned pictures: .dlic files of dlic's own checkpoints, big ones in tiles."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.manifest import read_manifest
from dlic.container.chunks import ALPHA, by_name
from dlic.container.exact_layer import ExactLayer
from dlic.container.format import EXACT_BLOCKS, LEARNED, TILED, Container
from dlic.container.tiles import split
from dlic.entropy.coder import coder_of
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.formats import channels, thumbnails
from dlic.formats.channels import as_gray, is_gray, is_in_parts, unite
from dlic.formats.container_kind import COLOURS, ContainerKind, container_of
from dlic.formats.exact import with_layer
from dlic.formats.kind import Description, Details
from dlic.formats.rated import effort_of, outcome_of
from dlic.formats.reading import Reading, ReadResult
from dlic.formats.writing import DEFAULT_QUALITY, Encode, Outcome, Wishes, number, separated
from dlic.images.files import ImageFile
from dlic.pixels.rectangles import Rectangle
from dlic.progress import Progress, no_progress
from dlic.runtime.choice import check_runtime
from dlic.runtime.memory import PROCESS_WITH_ONNX
from dlic.runtime.timing import timed

if TYPE_CHECKING:
    from dlic.learned.codec import LearnedCodec
    from dlic.learned.progressive.codec import ProgressiveCodec
    from dlic.learned.rate_control import Achieved, Judge, RatedCodec, Target

NAMED_TILES = 20  # lost tiles in one note; the result has all


class Learned(ContainerKind):
    """Latents of a checkpoint that the header names by its fingerprint; a network is loaded when one is encoded or decoded."""

    name = "learned"
    numbers: tuple[int, ...] = (LEARNED, TILED)
    takes = frozenset(
        [
            "quality", "target_size", "target_bpp", "target_psnr", "target_ms_ssim", "effort", "tune", "model",
            "weights", "max_memory", "threads", "runtime", "alpha_quality", "thumbnail", "browsed", "source_hash", "keep_smaller",
            "content", "progressive",
        ]
    )  # fmt: skip
    process_memory = PROCESS_WITH_ONNX

    def check_coder(self, container: Container) -> None:
        coder_of(container.coder)

    def check_chunks(self, container: Container) -> None:
        _layer_of(container)

    def is_in_parts(self, container: Container) -> bool:
        return container.kind == TILED

    def details(self, described: Description) -> Details:
        container = container_of(described)
        (name, tune), fingerprint = _name_and_tune(container.model), container.model.hex()
        colours, tiles = COLOURS[described.channels], _tiles(described)
        place = {"checkpoint": name, "fingerprint": fingerprint, "tune": tune}
        coder = coder_of(container.coder).name
        figures = {"colours": colours, "level": container.level, **place, "entropy": coder, "tiles": tiles}
        tuned = f", tuned for {tune}" if tune else ""
        sentence = f"{colours}, checkpoint {name or 'not on this machine'}{tuned}"
        detail = f", fingerprint {fingerprint}, level {container.level}" + (f", {coder}" if container.coder else "")
        detail += ", {columns} × {rows} tiles of about {side} pixels".format(**tiles) if tiles else ""
        return with_layer(Details(figures, sentence, detail), _layer_of(container))

    # --- reading

    def read(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        return self._read(described, reading, progress, damaged=False)

    def read_partial(self, described: Description, reading: Reading, progress: Progress = no_progress) -> ReadResult:
        if not described.in_parts:
            return super().read_partial(described, reading, progress)
        decoded = self._read(described, reading, progress, damaged=True)
        notes = (*decoded.picture.notes, *_lost(decoded.picture.lost))
        return replace(decoded, picture=replace(decoded.picture, notes=notes))

    def verify(self, described: Description, reading: Reading) -> None:
        """Reads every symbol and the transparency, and checks them against the checksums; no transform is run."""
        container = container_of(described)
        from dlic.learned.exact.codec import LayeredCodec

        LayeredCodec(self.codec(container, reading)).crcs(container)
        channels.verify(container.chunks, described.height, described.width)

    def _read(self, described: Description, reading: Reading, progress: Progress, damaged: bool) -> ReadResult:
        container, seconds = container_of(described), dict[str, float]()
        whole = Rectangle(0, 0, described.width, described.height)
        part = reading.part_of(described.width, described.height)
        alpha = by_name(container.chunks).get(ALPHA)
        described.check_size(reading.max_pixels, part if is_in_parts(alpha) else None)
        with timed(seconds, "load model"):
            codec = self.codec(container, reading)
        if damaged:
            decoded = self.network(container, reading).recover(container, part, progress, reading.reduction)
        else:
            decoded = codec.decode(container, part, progress, reduction=reading.reduction)
        with timed(seconds, "channels"):
            pixels = unite(decoded.image, container.chunks, whole, part, reading.reduction)
        return ReadResult(ImageFile(pixels, metadata=described.metadata, lost=decoded.lost), {**seconds, **decoded.seconds})

    def codec(self, container: Container, reading: Reading) -> "LearnedCodec | ProgressiveCodec":
        """The codec of a file."""
        return self.network(container, reading)

    def network(self, container: Container, reading: Reading) -> "LearnedCodec":
        """The codec of the given model or weights, or else of the file's checkpoint."""
        if reading.codec is not None:
            return reading.codec.within(reading.max_memory, reading.max_pixels)
        if reading.model is not None and reading.weights is not None:
            raise DlicError("give a model or weights, not both")
        if reading.model is not None and not is_name(reading.model):
            raise UnknownCheckpointError(
                f"made with checkpoint {container.model.hex()[:8]}…, one of dlic's own, not with {reading.model}"
            )
        if reading.model or reading.weights:
            folder = checkpoints.choose(reading.model, reading.weights)
        else:
            folder = checkpoints.find_by_fingerprint(container.model)
        from dlic.learned.codec import load_codec

        return load_codec(folder, reading.runtime).within(reading.max_memory, reading.max_pixels)

    # --- writing

    def prepare(self, wishes: Wishes) -> Encode:
        if wishes.keep_smaller and wishes.target_ms_ssim is not None:
            raise DlicError("--keep-smaller compares at the same PSNR, which --target-ms-ssim does not fix; give one of them")
        from dlic.learned.exact.choice import AUTO, check_content

        rate = rate_of(wishes)
        effort_of(wishes)
        if wishes.runtime is not None:
            check_runtime(wishes.runtime)
        check_content(wishes.content or AUTO)
        if wishes.tune is not None:
            checkpoints.choose(wishes.model, wishes.weights, wishes.tune)

        def load() -> "LearnedCodec":
            from dlic.learned.codec import load_codec

            return load_codec(checkpoints.choose(wishes.model, wishes.weights, wishes.tune), wishes.runtime)

        def encode(picture: ImageFile, progress: Progress) -> Outcome:
            if wishes.model or wishes.weights:
                checkpoints.choose(wishes.model, wishes.weights)  # raises, whether the picture needs it or not
            return encode_picture(load, picture, wishes, rate, _is_visual(wishes), progress)

        return encode


def is_name(model: str) -> bool:
    """Whether a checkpoint of dlic can have this name."""
    from dlic.checkpoints.index import NAME

    return NAME.fullmatch(model) is not None


def rate_of(wishes: Wishes) -> "int | Target":
    """The quality or the target of the wishes. Raises DlicError for more than one, and for values out of range."""
    from dlic.learned.picture_codec import check_quality
    from dlic.learned.rate_control import Measure, Target

    targets: dict[Measure, float | None] = {
        "size": wishes.target_size, "bpp": wishes.target_bpp, "psnr": wishes.target_psnr, "ms-ssim": wishes.target_ms_ssim,
    }  # fmt: skip
    chosen_targets = [
        Target(measure, number(f"target {measure}", value)) for measure, value in targets.items() if value is not None
    ]
    if len(chosen_targets) + (wishes.quality is not None) > 1:
        raise DlicError("give one of quality, target size, bpp, PSNR and MS-SSIM, not several")
    return chosen_targets[0] if chosen_targets else check_quality(DEFAULT_QUALITY if wishes.quality is None else wishes.quality)


def encode_picture(
    load: Callable[[], "LearnedCodec"],
    picture: ImageFile,
    wishes: Wishes,
    rate: "int | Target",
    visual: bool,
    progress: Progress = no_progress,
) -> Outcome:
    """A picture with its metadata as a file of a checkpoint. Raises DlicError where a target cannot be met.

    Args:
        load: loads the checkpoint; it is called unless all of the picture is stored exactly.
        picture: the picture.
        wishes: options of the new file.
        rate: its quality or target.
        visual: whether the checkpoint is tuned for eyes.
        progress: gets the share of an effort's work that is done, 0 … 1.
    """
    from dlic.learned.exact import whole
    from dlic.learned.exact.choice import AUTO, Chooser
    from dlic.learned.exact.codec import LayeredCodec
    from dlic.learned.rate_control import Achieved

    effort, seconds = effort_of(wishes), dict[str, float]()
    with timed(seconds, "channels"):
        parts = separated(picture, wishes)
    chooser = Chooser(parts.colours, wishes.content or AUTO, visual)
    with timed(seconds, "exact blocks"):
        exact = whole.at_quality(chooser, rate, effort, parts.chunks) if isinstance(rate, int) else None
    if exact is not None:
        return outcome_of(Achieved(exact, {}), picture, wishes, seconds, whole.WholeCodec())
    with timed(seconds, "load model"):
        network = load()
    pixels = math.prod(picture.pixels.shape[:2])  # the file is read again to verify it
    network = network.within(wishes.max_memory, pixels).with_chunks(parts.chunks)
    codec = LayeredCodec(_in_layers(network) if wishes.progressive else network, chooser)
    achieved = encode_colours(codec, parts.colours, rate, effort, progress)
    if wishes.progressive:
        achieved, wishes = with_thumbnail_in_front(achieved, picture, wishes)
    return outcome_of(achieved, picture, wishes, seconds, codec)


def _in_layers(network: "LearnedCodec") -> "ProgressiveCodec":
    from dlic.learned.progressive.codec import ProgressiveCodec

    return ProgressiveCodec(network)


def with_thumbnail_in_front(achieved: "Achieved", picture: ImageFile, wishes: Wishes) -> tuple["Achieved", Wishes]:
    """A progressive file with a thumbnail before its layers, where it is cheap and the wishes have neither a thumbnail nor a target
    size; and the wishes without one.
    """
    encoded = achieved.encoded
    if wishes.thumbnail is None and wishes.target_size is None and wishes.target_bpp is None:
        chunks = thumbnails.in_front(picture.pixels, len(encoded.data))
        encoded = replace(encoded, container=replace(encoded.container, chunks=(*chunks, *encoded.container.chunks)))
    return replace(achieved, encoded=encoded), replace(wishes, thumbnail=0)


def _is_visual(wishes: Wishes) -> bool:
    """Whether the checkpoint of the wishes is tuned for eyes, as the default one is."""
    from dlic.learned.exact.distortion import VISUAL

    if wishes.tune is not None:
        return wishes.tune == VISUAL
    if not (wishes.model or wishes.weights):
        return True
    return read_manifest(checkpoints.choose(wishes.model, wishes.weights)).training.distortion == VISUAL


def encode_colours(
    codec: "RatedCodec[Any]", colours: NDArray[np.uint8], rate: "int | Target", effort: int = 0, progress: Progress = no_progress
) -> "Achieved":
    """Encodes RGB at a quality or to a target. `progress` gets the share of an effort's work that is done, 0 … 1. Chunks that the
    codec adds count as part of the file. The quality of a gray picture is measured in gray.
    """
    from dlic.learned.rate_control import encode_at_quality, encode_to

    if isinstance(rate, int):
        return encode_at_quality(codec, colours, rate, effort, progress)
    judge = None if rate.is_ceiling else judge_of(rate.measure)
    return encode_to(codec, colours, rate, effort, progress, _judge_gray(judge) if judge and is_gray(codec.chunks) else judge)


def judge_of(measure: str) -> "Judge":
    """The metric of a target of quality: psnr or ms-ssim."""
    from dlic.metrics.registry import ms_ssim, psnr

    return {"psnr": psnr, "ms-ssim": ms_ssim}[measure]


def _judge_gray(judge: "Judge") -> "Judge":
    def judged(original: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float | None:
        return judge(original, np.repeat(as_gray(shown)[..., None], 3, axis=2))

    return judged


def _name_and_tune(fingerprint: bytes) -> tuple[str, str] | tuple[None, None]:
    """Name and tune of the checkpoint, if it is on this machine."""
    try:
        folder = checkpoints.find_by_fingerprint(fingerprint)
        return folder.name, read_manifest(folder).training.tune
    except UnknownCheckpointError:
        return None, None


def _layer_of(container: Container) -> ExactLayer | None:
    """The exact blocks of a picture, if it has any. Raises CorruptFileError for a damaged layer."""
    if not any(name == EXACT_BLOCKS for name, _ in container.chunks):
        return None
    from dlic.learned.exact.layer import layer_of

    return layer_of(container)


def _tiles(described: Description) -> dict[str, int] | None:
    """Limits of tiles and memory from the wishes."""
    if not described.in_parts:
        return None
    grid, _ = split(container_of(described))
    return {"columns": grid.columns, "rows": grid.rows, "side": grid.side}


def _lost(tiles: tuple[Rectangle, ...]) -> tuple[str, ...]:
    """'1 tile is lost, and gray, at x,y,width,height: …'"""
    if not tiles:
        return ()
    more = f"; and {len(tiles) - NAMED_TILES:,} more" if len(tiles) > NAMED_TILES else ""
    some = "; ".join(map(str, tiles[:NAMED_TILES])) + more
    return (f"{len(tiles):,} {'tile is' if len(tiles) == 1 else 'tiles are'} lost, and gray, at x,y,width,height: {some}",)
