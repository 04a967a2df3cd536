"""Codecs by name, for programs: a checkpoint on this machine, a folder, or a repository of Hugging Face."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.local import CARD, MANIFEST, WEIGHTS
from dlic.errors import DlicError, DownloadError, UnknownCheckpointError

if TYPE_CHECKING:
    from dlic.learned.codec import LearnedCodec
    from dlic.models.base import Model


def from_pretrained(source: str | Path, revision: str | None = None, fingerprint: str | None = None) -> "LearnedCodec":
    """The codec of a checkpoint, every hash in it checked: uint8 (height, width, 3) ⇄ the bytes of a .dlic file.

    One from a repository is kept beside those of `dlic checkpoints download`, so that what it makes decodes like any other file.

    Args:
        source: folder of a checkpoint, name of one on this machine, or owner/name of a repository of Hugging Face, which has
            weights.safetensors and model.json at its top level and takes huggingface_hub to reach.
        revision: branch, tag or commit of a repository.
        fingerprint: how the checkpoint's must begin, in hexadecimal, as `dlic info` prints it of files.

    Raises:
        UnknownCheckpointError: there is no such checkpoint, it is damaged, or its fingerprint is another.
        DownloadError: the repository gave no files.
    """
    from dlic.learned.codec import load_codec

    codec = load_codec(pretrained_folder(source, revision))
    if fingerprint is not None and not (fingerprint and codec.fingerprint.hex().startswith(fingerprint.lower())):
        raise UnknownCheckpointError(
            f"{source} has fingerprint {codec.fingerprint.hex()[:16]}…, not {fingerprint or 'an empty one'}"
        )
    return codec


def network_of(source: str | Path, revision: str | None = None) -> "Model":
    """The network of a checkpoint as it was trained: a module of `forward(x, level)`, `g_a` and `g_s`, for research.

    Takes what `from_pretrained` does, and for `factorized` models CompressAI. Raises UnknownCheckpointError as it does.
    """
    from dlic.models import build_model
    from dlic.runtime.torch.arrays import to_tensors
    from dlic.runtime.weights import trained_weights

    folder = pretrained_folder(source, revision)
    manifest, weights = checkpoints.read_manifest(folder), checkpoints.read_weights(folder)
    try:
        network = build_model(manifest.model, manifest.config)
        network.load_state_dict(to_tensors(trained_weights(weights)))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnknownCheckpointError(f"{folder} does not hold a model this dlic can train: {error}") from error
    return network.eval()


def pretrained_folder(source: str | Path, revision: str | None = None) -> Path:
    """Where the checkpoint of `from_pretrained` lies, downloaded if need be."""
    from dlic.checkpoints.index import NAME  # with what downloads take, which `import dlic` does not

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
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=[WEIGHTS, MANIFEST, CARD]))
    except Exception as error:  # of the network, of the server, and of the cache's disk, all its own
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DownloadError(f"{repository} cannot be had from Hugging Face: {reason}") from error
    if not (folder / MANIFEST).is_file():
        raise UnknownCheckpointError(f"{repository} on Hugging Face is no checkpoint of dlic: it has no {MANIFEST}")
    return folder


def _keep(folder: Path, name: str) -> None:
    """Copy a checkpoint to where dlic looks for the ones that files name. Raises UnknownCheckpointError where it is damaged."""
    from dlic.checkpoints.index import put_in_place

    checkpoints.verify(folder)
    target = checkpoints.download_folder() / name
    if (target / MANIFEST).exists() and (target / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes():
        return
    partial = target.with_name(f".{name}.part")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        for file in (WEIGHTS, MANIFEST, CARD):
            if (folder / file).is_file():
                shutil.copyfile(folder / file, partial / file)
        put_in_place(partial, target)
    except OSError as error:
        raise DownloadError(f"cannot write {target}: {error.strerror or error}") from error
