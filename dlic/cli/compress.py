"""`dlic compress`: image files → .dlic files, or JPEG files; also every image of a folder."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from dlic.checkpoints.manifest import TUNES
from dlic.cli import bars, computing, folders, plan, streams, values
from dlic.cli.compress_clip import ClipOptions
from dlic.cli.compression import Compression
from dlic.cli.output_codec import check_ending, codec_of
from dlic.cli.parameters import Argument, Option
from dlic.errors import UnknownCheckpointError, UnreadableImageError
from dlic.formats.registry import CODECS, kind_to_write
from dlic.formats.writing import Wishes
from dlic.images.files import MAX_PIXELS


def compress(
    sources: Annotated[list[str], Argument("IN…", "Image files, or folders with -r; - reads standard input.")],
    output: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="OUT",
            help="File or folder; default: photo.jpg gives photo.dlic next to it. .jpg makes a JPEG; - is standard output.",
        ),
    ] = None,
    codec: Annotated[str | None, Option(metavar="NAME", help=f"{', '.join(CODECS)}; default: by OUT's ending, or learned.")] = None,
    quality: Annotated[
        int | None, Option("-q", "--quality", help="1 (small) … 100 (best); default: 60, with jpeg and wavelet 75.")
    ] = None,
    target_size: Annotated[str | None, Option(metavar="BYTES", help="Largest file: 40000, 40k, 1.5M, 40KiB.")] = None,
    target_bpp: Annotated[float | None, Option(help="Most bits per pixel.")] = None,
    target_psnr: Annotated[float | None, Option(metavar="DB", help="Least PSNR.")] = None,
    target_ms_ssim: Annotated[float | None, Option(help="Least MS-SSIM, below 1; of fewer scales below 161 pixels.")] = None,
    effort: Annotated[
        int | None,
        Option(
            "-e", "--effort", help="0 (fast) … 9: smaller files for more encoding time. From 2 on only key frames of clips gain."
        ),
    ] = None,
    tune: Annotated[str | None, Option(metavar="|".join(TUNES), help="Use the checkpoint tuned for this.")] = None,
    model: Annotated[str | None, Option(help="Name of a checkpoint, or compressai:ARCHITECTURE:QUALITY[@FILE].")] = None,
    weights: Annotated[Path | None, Option(help="Folder of a checkpoint, instead of a name.")] = None,
    content: Annotated[
        str | None,
        Option(metavar="auto|photo|screen", help="Look for text and drawings to store exactly: yes, no, everywhere."),
    ] = None,
    subsampling: Annotated[str | None, Option(help="jpeg: 4:4:4, 4:2:2 or 4:2:0 (default).")] = None,
    progressive: Annotated[
        bool | None,
        Option("--progressive", help="Every beginning shows a picture, 5 to 6 % larger; jpeg: progressive scans, smaller."),
    ] = None,
    trellis: Annotated[bool | None, Option("--trellis", help="jpeg: rate-distortion optimised levels.")] = None,
    alpha_quality: Annotated[int | None, Option(help="Quality of the transparency, 1 … 100; default: 100, exact.")] = None,
    thumbnail: Annotated[
        int | None,
        Option(metavar="PIXELS", help="Side of a preview, 0 for none; default: one if it costs under 0.5 %, of many files 2 %."),
    ] = None,
    source_hash: Annotated[
        bool | None, Option("--source-hash", help="Store a SHA-256 of the image's pixels, for dlic verify.")
    ] = None,
    strip: Annotated[
        list[str] | None, Option(metavar="WHAT", help="Leave out all, exif, icc, xmp, iptc, dpi, text, other or audio; repeatable.")
    ] = None,
    strict: Annotated[bool, Option("--strict", help="Refuse to lose anything that the file holds.")] = False,
    force: Annotated[bool, Option("--force", help="Overwrite the output.")] = False,
    verify: Annotated[bool, Option(help="Decode and compare the new file before it replaces the output.")] = True,
    keep_time: Annotated[bool, Option("--keep-time", help="Give the output the time of the image file.")] = False,
    verbose: Annotated[bool, Option("-v", "--verbose", help="Print bits per pixel, level, estimate and times too.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, Option(help="Refuse larger images.")] = MAX_PIXELS,
    keep_smaller: Annotated[
        bool | None, Option("--keep-smaller", help="Write a .jpg instead if a JPEG of the same PSNR is smaller.")
    ] = None,
    recursive: plan.RECURSIVE = False,
    skip_existing: plan.SKIP_EXISTING = False,
    jobs: plan.JOBS = 1,
    engine: plan.ENGINE = plan.Engine.local,
    cluster: plan.CLUSTER = None,
    max_memory: Annotated[
        str | None, Option(metavar="BYTES", help="Memory for the learned codec, as 2G; default: ¾ of the free memory.")
    ] = None,
    threads: computing.THREADS = None,
    runtime: computing.RUNTIME = None,
    fps: Annotated[str | None, Option(metavar="RATE", help="Clips: frames a second of a folder of frames, or of a file.")] = None,
    target_bitrate: Annotated[str | None, Option(metavar="BITS", help="Clips: mean bits a second: 500k, 1.5M.")] = None,
    low_delay: Annotated[bool, Option("--low-delay", help="Clips: no frame waits for a later one.")] = False,
    still: Annotated[bool, Option("--still", help="The first frame of an animation, as a picture.")] = False,
) -> None:
    """Compress image files into .dlic files, or JPEG files with --codec jpeg or -o photo.jpg. Videos, animations and, with --fps,
    folders of numbered images become .dlic files of frames.

    Of several files each becomes one next to it, or in the folder of -o. With -r every image below a folder: a/b.jpg becomes
    a/b.dlic below the folder of -o. Files that dlic has written before are left out.
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
    names = streams.sources_of(sources)
    clips = ClipOptions.read(fps, still, low_delay, target_bitrate, strip or [])
    one = clips.are_frames(names, recursive) or plan.is_one(names, options, UnreadableImageError)
    codec = codec_of(codec, output if one else None)
    clips.check(names[0] if one else None, codec)
    wishes = Wishes(
        quality=quality,
        target_size=values.size(target_size),
        target_bpp=target_bpp,
        target_psnr=target_psnr,
        target_ms_ssim=target_ms_ssim,
        effort=effort,
        tune=tune,
        model=model,
        weights=weights and options.everywhere(weights),
        max_memory=values.size(max_memory),
        threads=threads,
        runtime=runtime,
        subsampling=subsampling,
        progressive=progressive,
        trellis=trellis,
        alpha_quality=alpha_quality,
        thumbnail=thumbnail,
        source_hash=source_hash,
        keep_smaller=keep_smaller,
        content=content,
    )
    kind = kind_to_write(codec, wishes)
    if not one and "browsed" in kind.takes:
        wishes = replace(wishes, browsed=True)
    kind.prepare(wishes)  # raises for wishes that cannot be granted, before the work
    work = Compression(
        codec=codec,
        wishes=wishes,
        stripped=frozenset(values.stripped(ClipOptions.of_pictures(strip or []))),
        strict=strict,
        force=force,
        verify=verify,
        keep_time=keep_time,
        max_pixels=max_pixels,
        clips=clips,
    )
    task = plan.Task(
        verb="compressed",
        endings=clips.endings(codec),
        ending=kind.endings[0],
        replaced=clips.endings(codec),
        skipped=[".dlic"],
        work=work,
        force=force,
        hopeless=(UnknownCheckpointError,),
    )
    if not one:
        folders.run(names, output, task, options)
        return
    target = streams.target_of(names[0], output, task.output_of(names[0]))
    check_ending(target, kind)
    with bars.busy(f"compressing {names[0]}") as progress:
        done = work.file(names[0], target, progress)
    streams.report(done, as_json, verbose)
