"""Resumable downloads from https://, http:// and file:// addresses, checked by size and checksum."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib import request
from urllib.error import HTTPError, URLError

from dlic.errors import DownloadError
from dlic.storage.locks import making

CHUNK = 1 << 16  # bytes between two updates of a progress bar
TIMEOUT = 30.0  # seconds a server may stay silent
RANGE_NOT_SATISFIABLE = 416  # HTTP status for a range beyond the end of the file
SCHEMES = ("https://", "http://", "file://")

HASHES = {64: "sha256", 32: "md5"}  # by the number of hexadecimal digits of a checksum

Progress = Callable[[int, int | None], None]  # (bytes present, bytes in all; None while unknown)


def fetch(
    urls: Sequence[str],
    target: Path,
    size: int | None,
    checksum: str | None,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
) -> None:
    """Downloads the file with `size` bytes and this `checksum` from the first of `urls` that has it to `target`, unless it is
    there.

    A transfer that breaks off leaves `<target>.part`, which the next address or the next call continues. `checksum` is a sha256 in
    hexadecimal, or an MD5. Pass None for an unpublished size or checksum: then only the size that the server states is checked.
    Processes that download the same file wait for the first of them. Raises DownloadError, naming each address and why it failed.
    """
    download = _Download(target.with_name(target.name + ".part"), size, checksum)
    progress = progress or _silent
    try:
        if not is_file(target, size, checksum):
            with making(target):
                if not is_file(target, size, checksum):  # another process has just made it
                    _from_first(urls, download, progress, timeout)
                    os.replace(download.part, target)
        present = target.stat().st_size
        progress(present, present)
    except OSError as error:
        raise DownloadError(f"cannot write {target}: {error.strerror or error}") from error


def fetch_bytes(url: str, limit: int, timeout: float = TIMEOUT) -> bytes:
    """Downloads a small file. Raises DownloadError where that fails, or the file is longer than `limit` bytes."""
    data = b""
    try:
        with _asked(url, 0, timeout) as answer:
            while chunk := answer.read():
                data += chunk
                if len(data) > limit:
                    raise _AddressError(f"longer than {limit:,} bytes")
            if answer.total not in (None, len(data)):
                raise _AddressError(f"broke off after {len(data):,} of {answer.total:,} bytes")
    except _AddressError as error:
        raise DownloadError(f"cannot download {url}: {error}") from error
    return data


def is_file(path: Path, size: int | None, checksum: str | None) -> bool:
    """Whether the file at `path` has this size and checksum, if they are known."""
    return path.is_file() and size in (None, path.stat().st_size) and _matches(path, checksum)


def sha256_of(path: Path) -> str:
    """sha256 of a file's content, in hexadecimal."""
    return _digest(path, "sha256")


def _matches(path: Path, checksum: str | None) -> bool:
    return checksum is None or _digest(path, HASHES[len(checksum)]) == checksum


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


class _AddressError(Exception):
    """One address failed; the next may succeed."""


class _TooShortError(_AddressError):
    """The file ends before the requested byte."""


@dataclass(frozen=True)
class _Download:
    """A file to download."""

    part: Path
    size: int | None
    checksum: str | None

    def kept(self) -> int:
        """Bytes of an earlier attempt; a partial file longer than the whole one is deleted."""
        present = self.part.stat().st_size if self.part.exists() else 0
        if self.size is None:
            return max(0, present - 1)  # the file may be complete, and a range must not be empty
        if present > self.size:
            self.part.unlink()
            return 0
        return present


def _from_first(urls: Sequence[str], download: _Download, progress: Progress, timeout: float) -> None:
    failures = []
    for url in urls:
        try:
            return _from_address(url, download, progress, timeout)
        except _AddressError as error:
            failures.append(f"{url}: {error}")
    tried = "; ".join(failures) or "no address is known"
    resumes = f" ({download.kept():,} bytes are kept, the next try continues from there)" if download.kept() else ""
    raise DownloadError(f"cannot download {download.part.stem}: {tried}{resumes}")


def _from_address(url: str, download: _Download, progress: Progress, timeout: float) -> None:
    """Completes `download.part` and checks it. Raises _AddressError."""
    continued = download.kept() > 0
    try:
        _transfer(url, download, progress, timeout)
    except _TooShortError:
        if download.size is not None:
            raise
    else:
        if _matches(download.part, download.checksum):
            return
    download.part.unlink()
    if not continued:
        algorithm = HASHES[len(download.checksum)] if download.checksum else "checksum"
        raise _AddressError(f"wrong content (its {algorithm} is not the one expected), removed")
    _from_address(url, download, progress, timeout)  # the partial file may be wrong: once more from the start


def _transfer(url: str, download: _Download, progress: Progress, timeout: float) -> None:
    """Appends the missing bytes to `download.part`."""
    present = download.kept()
    if download.size and present == download.size:
        return
    with _asked(url, present, timeout) as answer:
        if download.size is not None and answer.total not in (None, download.size):
            raise _AddressError(f"has {answer.total:,} bytes instead of {download.size:,}")
        with download.part.open("ab") as file:
            file.truncate(answer.start)
            _receive(answer, file, answer.total if download.size is None else download.size, progress)


def _receive(answer: "_Answer", file: BinaryIO, size: int | None, progress: Progress) -> None:
    done = answer.start
    progress(done, size)
    while chunk := answer.read():
        done += len(chunk)
        if size is not None and done > size:
            file.truncate(0)
            raise _AddressError(f"sends more than the {size:,} bytes expected")
        file.write(chunk)
        progress(done, size)
    if size is not None and done < size:
        raise _AddressError(f"broke off after {done:,} of {size:,} bytes")


def _silent(present: int, size: int | None) -> None:
    """Ignores progress."""


# --- one request --------------------------------------------------------------------------------------------------------


class _Response(Protocol):
    """urllib's response for any of SCHEMES."""

    headers: Message
    url: str
    status: int | None  # of HTTP

    def read1(self, size: int, /) -> bytes: ...

    def seek(self, position: int, /) -> int: ...


@dataclass(frozen=True)
class _Answer:
    """The response to one request."""

    stream: _Response
    start: int  # position of its first byte in the file
    total: int | None  # length of the whole file, if announced

    def read(self) -> bytes:
        """The next bytes as they arrive; none at the end."""
        with _explained():
            return self.stream.read1(CHUNK)


@contextmanager
def _asked(url: str, start: int, timeout: float) -> Iterator[_Answer]:
    """Requests the file from byte `start` on; a server without ranges sends it from 0."""
    if not url.lower().startswith(SCHEMES):
        raise _AddressError("not an https://, http:// or file:// address")
    with _explained():
        headers = {"User-Agent": "dlic"} | ({"Range": f"bytes={start}-"} if start else {})
        stream = _opener().open(request.Request(url, headers=headers), timeout=timeout)
    with stream:
        with _explained():
            answer = _answer(stream, start)
        yield answer


def _answer(stream: _Response, start: int) -> _Answer:
    announced = stream.headers.get("Content-Length")
    length = None if announced is None else int(announced)
    if stream.url.startswith("file:"):
        if length is not None and start > length:
            raise _TooShortError(f"has {length:,} bytes")
        stream.seek(start)
        return _Answer(stream, start, length)
    if stream.status != 206:
        return _Answer(stream, 0, length)
    content_range = stream.headers.get("Content-Range", "")
    if not re.match(rf"bytes {start}-", content_range):
        raise _AddressError(f"was asked for the bytes from {start:,} on and sent {content_range or 'others'}")
    return _Answer(stream, start, None if length is None else start + length)


def _opener() -> request.OpenerDirector:
    """urllib's opener without ftp: and data:, also in redirects."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler, request.FileHandler, request.UnknownHandler,
        request.HTTPRedirectHandler, request.HTTPDefaultErrorHandler, request.HTTPErrorProcessor,
    ):  # fmt: skip
        opener.add_handler(handler())
    return opener


@contextmanager
def _explained() -> Iterator[None]:
    """Turns urllib's errors into one _AddressError."""
    try:
        yield
    except HTTPError as error:
        error.close()
        kind = _TooShortError if error.code == RANGE_NOT_SATISFIABLE else _AddressError
        raise kind(f"HTTP {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _AddressError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, URLError) and isinstance(error.reason, Exception):
        return _reason(error.reason)
    if isinstance(error, TimeoutError):
        return "the server does not answer in time"
    if isinstance(error, URLError):
        return str(error.reason)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
