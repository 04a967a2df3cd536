"""A checkpoint by folder, by name, or from a Hugging Face repository, which is kept with the downloads."""

import shutil
from pathlib import Path

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.graphs import ENDING
from dlic.checkpoints.index import NAME
from dlic.checkpoints.manifest import CARD, MANIFEST, WEIGHTS, read_manifest
from dlic.checkpoints.weights import verify
from dlic.errors import DlicError, DownloadError, UnknownCheckpointError


def pretrained_folder(source: str | Path, revision: str | None = None) -> Path:
    """The folder of a checkpoint, from a path, a name, or owner/name of a repository, which is downloaded. Raises
    UnknownCheckpointError, or DownloadError where the download fails.
    """
    if Path(source).exists():
        return checkpoints.as_folder(source)
    if isinstance(source, str) and NAME.fullmatch(source):
        return checkpoints.find(source)
    if isinstance(source, str) and len(parts := source.split("/")) == 2 and all(map(NAME.fullmatch, parts)):
        folder = _snapshot(source, revision)
        _keep(folder, "--".join(parts))
        return folder
    raise UnknownCheckpointError(f"{source} does not exist")


def _snapshot(repository: str, revision: str | None) -> Path:
    """A checkpoint's files in Hugging Face's cache on this machine."""
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise DlicError(f"{repository} is on Hugging Face, which takes huggingface_hub: pip install 'dlic[hub]'") from error
    try:
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=[WEIGHTS, MANIFEST, CARD, f"*{ENDING}"]))
    except Exception as error:  # huggingface_hub's own errors of network, server and disk
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DownloadError(f"{repository} cannot be had from Hugging Face: {reason}") from error
    if not (folder / MANIFEST).is_file():
        raise UnknownCheckpointError(f"{repository} on Hugging Face is no checkpoint of dlic: it has no {MANIFEST}")
    return folder


def _keep(folder: Path, name: str) -> None:
    """Copies a checkpoint to the download folder, where decoding finds it. Raises UnknownCheckpointError where it is damaged."""
    from dlic.checkpoints.download import put_in_place  # with urllib, which `import dlic` does not need

    verify(folder)
    target = checkpoints.download_folder() / name
    if (target / MANIFEST).exists() and (target / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes():
        return
    partial = target.with_name(f".{name}.part")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        graphs = (name + ENDING for name in read_manifest(folder).graphs)
        for file in (*graphs, WEIGHTS, MANIFEST, CARD):
            if (folder / file).is_file():
                shutil.copyfile(folder / file, partial / file)
        put_in_place(partial, target)
    except OSError as error:
        raise DownloadError(f"cannot write {target}: {error.strerror or error}") from error
