"""`dlic decompress`: .dlic or JPEG files → image files; also every one of a folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from dlic.batch.folders import Done
from dlic.cli import bars, computing, folders, plan, streams, values
from dlic.cli.decompress_clip import SequenceOptions, decompress_clip
from dlic.cli.parameters import Argument, Option
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.kind import Description
from dlic.formats.reading import Reading
from dlic.formats.registry import ENDINGS, describe, describe_beginning
from dlic.images.files import MAX_PIXELS, check_writable, image_bytes, not_held, refuse_if
from dlic.pixels.reduction import reduced_size
from dlic.progress import Progress, no_progress
from dlic.runtime.threads import limited
from dlic.runtime.timing import timed

ENDING = ".png"


def decompress(
    sources: Annotated[list[str], Argument("IN…", ".dlic or JPEG files, or folders with -r; - reads standard input.")],
    output: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Image file of any kind, or a folder; default: photo.dlic gives photo.dlic.png next to it. - writes PNG.",
        ),
    ] = None,
    model: Annotated[str | None, Option(help="Name of the file's checkpoint; compressai:… files need it.")] = None,
    weights: Annotated[Path | None, Option(help="Folder of the file's checkpoint.")] = None,
    crop: Annotated[
        str | None, Option(metavar="X,Y,W,H", help="Only this part; in a picture in tiles, only its tiles are read.")
    ] = None,
    scale: Annotated[
        str | None, Option(metavar="1/N", help="1/2, 1/4 or 1/8 of the size: pixels are averages. Less work in a progressive file.")
    ] = None,
    partial: Annotated[
        bool, Option("--partial", help="Show what is there of a truncated or damaged file: progressive, wavelet, JPEG, tiles.")
    ] = False,
    strict: Annotated[bool, Option("--strict", help="Refuse to lose anything that the file holds.")] = False,
    force: Annotated[bool, Option("--force", help="Overwrite the output.")] = False,
    keep_time: Annotated[bool, Option("--keep-time", help="Give the output the time of the compressed file.")] = False,
    verbose: Annotated[bool, Option("-v", "--verbose", help="Print bits per pixel and times too.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, Option(help="Refuse larger pictures.")] = MAX_PIXELS,
    recursive: plan.RECURSIVE = False,
    skip_existing: plan.SKIP_EXISTING = False,
    jobs: plan.JOBS = 1,
    engine: plan.ENGINE = plan.Engine.local,
    cluster: plan.CLUSTER = None,
    max_memory: Annotated[
        str | None, Option(metavar="BYTES", help="Memory for a learned picture, as 2G; default: ¾ of the free memory.")
    ] = None,
    threads: computing.THREADS = None,
    runtime: computing.RUNTIME = None,
    start: Annotated[str | None, Option("--from", metavar="TIME", help="Sequences: from here on, as 12.5s or 1:02.5.")] = None,
    stop: Annotated[str | None, Option("--to", metavar="TIME", help="Sequences: up to here.")] = None,
    frame: Annotated[int | None, Option("--frame", least=0, help="Sequences: this frame, from 0, as a picture.")] = None,
    half_rate: Annotated[bool, Option("--half-rate", help="Sequences: every second frame, for less work.")] = False,
    lossless: Annotated[bool, Option("--lossless", help="Sequences: write exactly the decoded pixels.")] = False,
) -> None:
    """Decompress .dlic or JPEG files into image files, and sequences into videos, animations or folders of frames.

    Of several files each becomes one next to it, or in the folder of -o. With -r every such file below a folder: a/b.dlic becomes
    a/b.dlic.png below the folder of -o.
    """
    options = plan.Wanted(
        recursive=recursive,
        skip_existing=skip_existing,
        jobs=jobs,
        engine=engine,
        cluster=cluster,
        as_json=as_json,
        verbose=verbose,
    )
    reading = Reading(
        weights=weights and options.everywhere(weights),
        max_pixels=max_pixels,
        model=model,
        crop=_crop(crop),
        reduction=values.reduction(scale),
        max_memory=values.size(max_memory),
        threads=threads,
        runtime=runtime,
        frame=frame,
    )
    clips = SequenceOptions.read(start, stop, frame, half_rate, lossless)
    work = Decompression(reading, partial, force, keep_time, clips, strict)
    names = streams.sources_of(sources)
    task = plan.Task(verb="decompressed", endings=ENDINGS, ending=ENDING, work=work, force=force)
    if not plan.is_one(names, options, CorruptFileError):
        folders.run(names, output, task, options)
        return
    target = clips.target_of(names[0], output) or streams.target_of(names[0], output, task.output_of(names[0]))
    with bars.busy(f"decompressing {names[0]}") as progress:
        done = work.file(names[0], target, progress)
    streams.report(done, as_json, verbose)


@dataclass(frozen=True)
class Decompression:
    """The work on one compressed file, as it is sent to other processes."""

    reading: Reading
    partial: bool
    force: bool
    keep_time: bool
    clips: SequenceOptions = field(default_factory=SequenceOptions)
    strict: bool = False

    def outputs(self, target: Path) -> tuple[Path, ...]:
        """The paths of which one is written for `target`."""
        return (target,)

    def file(self, source: str, target: str, progress: Progress = no_progress) -> Done:
        """Decompress one file, from a path or `-`, to another. Raises DlicError."""
        if self.clips.take(source):
            return decompress_clip(source, target, self.reading, self.clips, progress, partial=self.partial, force=self.force)
        streams.refuse_existing(source, target, self.force)
        suffix = streams.ending(target, ENDING)
        check_writable(suffix)
        data = streams.read_bytes(source)
        described = (describe_beginning if self.partial else describe)(data)
        _check_memory(described, self.reading)
        read = described.kind.read_partial if self.partial else described.kind.read
        with limited(self.reading.threads):
            result = read(described, self.reading, progress)
        picture, seconds = self.reading.fitting(result.picture), dict(result.seconds)
        notes = (*picture.notes, *not_held(picture.pixels, suffix, picture.metadata))
        refuse_if(self.strict, notes, source)
        with timed(seconds, "image"):
            image = image_bytes(picture.pixels, suffix, picture.metadata)
            streams.write_bytes(target, image, self.force)
        if self.keep_time:
            streams.keep_time(source, target)
        height, width = picture.pixels.shape[:2]
        bpp = len(data) * 8 / (described.width * described.height)  # of the whole picture, also where a part is shown
        figures = {"output": target, "width": width, "height": height, "bytes": len(data), "bpp": bpp, "seconds": seconds}
        figures |= {"lost": [[tile.x, tile.y, tile.width, tile.height] for tile in picture.lost]}
        whole = f" of {described.width} × {described.height}" if self.reading.crop or self.reading.reduction > 1 else ""
        line = f"{_named(source, len(data))} → {_named(target, len(image))}, {width} × {height}{whole}"
        return Done(target, figures, line, f"{len(data):,} bytes, {bpp:.3f} bpp, {values.milliseconds(seconds)}", notes)


def _named(path: str, size: int) -> str:
    """'photo.dlic 59 kB'"""
    return f"{'standard stream' if path == streams.STANDARD else path} {values.shown_size(size)}"


def _check_memory(described: Description, reading: Reading) -> None:
    """Refuses an image that could be decoded, but then not written."""
    part = reading.part_of(described.width, described.height) if described.in_parts else None
    size = (part.width, part.height) if part else (described.width, described.height)
    size = reduced_size(*size, reading.reduction) if described.in_parts else size
    streams.check_memory(size, reading.max_memory, described.kind.process_memory)


def _crop(text: str | None) -> tuple[int, ...] | None:
    """'10,20,300,200' → its numbers. Raises DlicError."""
    if text is None:
        return None
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise DlicError(f"{text!r} is not a part of a picture; write --crop x,y,width,height in pixels") from error
