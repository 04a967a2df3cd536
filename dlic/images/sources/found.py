"""The result of reading a file's statements, and reading by offsets that may lie."""

from dataclasses import dataclass, field

from dlic.images.metadata import Metadata


@dataclass(frozen=True)
class Found:
    """Statements in addition to those that Pillow reports; where both have a field, this one counts."""

    metadata: Metadata = field(default_factory=Metadata)
    left_out: tuple[str, ...] = ()  # names of what is not kept, for messages


def text_of(data: bytes) -> str:
    """Text of no stated encoding: UTF-8, or else Latin-1, which takes every byte."""
    data = data.rstrip(b"\0")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def comments(texts: list[bytes]) -> str:
    """Several comments as one."""
    return "\n".join(filter(None, map(text_of, texts)))


def behind(data: bytes, end: int) -> tuple[str, ...]:
    """A name for bytes behind a picture; zeros that fill up are nothing."""
    rest = data[end:]
    return (f"{len(rest):,} bytes behind the picture",) if rest.strip(b"\0\r\n") else ()
