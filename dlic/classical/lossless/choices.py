"""Numbers of a stream that stand for names."""

from dlic.entropy.byte_reader import Reader
from dlic.errors import CorruptFileError


def choice(reader: Reader, options: tuple[str, ...], name: str) -> str:
    number = reader.take(1)[0]
    if number >= len(options):
        raise CorruptFileError(f"the coded picture names {name} {number}, which this dlic does not know")
    return options[number]
