"""Options of `dlic compress` and `dlic decompress` that are about clips, and their texts."""

from fractions import Fraction

from dlic.cli import values
from dlic.errors import DlicError

UNITS = {"ms": Fraction(1, 1000), "s": Fraction(1)}


def seconds(text: str | None, option: str) -> Fraction | None:
    """'12.5s', '12.5', '800ms', '1:02.5', '1:00:00' → seconds. Raises DlicError."""
    if text is None:
        return None
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    parts = text.removesuffix(unit).split(":")
    try:
        numbers = [Fraction(part) for part in parts]
    except (ValueError, ZeroDivisionError):
        numbers = []
    if not 1 <= len(numbers) <= 3 or min(numbers) < 0 or (unit == "ms" and len(numbers) > 1):
        raise DlicError(f"{option} takes a time as 12.5s, 800ms or 1:02.5, not {text!r}")
    total = Fraction(0)
    for number in numbers:
        total = 60 * total + number
    return total * UNITS.get(unit, Fraction(1))


def bits(text: str | None) -> int | None:
    """'500k', '1.5M' → bits a second. Raises DlicError."""
    if text is None:
        return None
    try:
        return values.size(text)
    except DlicError as error:
        raise DlicError(f"{text!r} is no bit rate; write bits a second as 500k or 1.5M") from error
