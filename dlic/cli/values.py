"""Values of options read from text, and sizes and times as text for people."""

from collections.abc import Sequence
from fractions import Fraction

from dlic.errors import DlicError
from dlic.pixels.reduction import reduction_of


def shown_size(size: int) -> str:
    """'812 bytes', '59 kB', '3.4 MB', as file managers show it."""
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= factor * 0.9995:
            value = size / factor
            return f"{value:.{1 if value < 9.95 else 0}f} {unit}"
    return f"{size} bytes" if size != 1 else "1 byte"


def change(before: int, after: int) -> str:
    """'−75 %' or '+36 %'"""
    percent = 100 * (after / before - 1) if before else 0.0
    return f"{'−' if percent < 0 else '+'}{abs(percent):.0f} %"


def milliseconds(seconds: dict[str, float]) -> str:
    """'120 ms (image 20, transform 90, entropy 10)'"""
    stages = ", ".join(f"{stage} {value * 1000:.0f}" for stage, value in seconds.items())
    return f"{sum(seconds.values()) * 1000:.0f} ms ({stages})"


def reduction(text: str | None) -> int:
    """'1/4' → 4 pixels along a box of which one pixel is shown; None → 1. Raises DlicError."""
    try:
        return 1 if text is None else reduction_of(Fraction(text))
    except (ValueError, ZeroDivisionError, DlicError) as error:
        raise DlicError(f"--scale is 1/2, 1/4 or 1/8, not {text}") from error


def size(text: str | None) -> int | None:
    """'40000', '40k', '1.5M', '40KiB', '2G' → bytes; k, M and G are decimal, Ki, Mi and Gi binary. Raises DlicError."""
    if text is None:
        return None
    factors = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}
    number = text.strip().lower().removesuffix("b")
    unit = number.lstrip("0123456789.")
    try:
        return int(float(number.removesuffix(unit)) * factors[unit])
    except (KeyError, ValueError, OverflowError) as error:
        raise DlicError(f"{text!r} is no size; write bytes as 40000, 40k, 1.5M or 40KiB") from error


def stripped(options: Sequence[str]) -> set[str]:
    """['icc,xmp', 'exif'] → names of metadata; 'all' is all of them. Raises DlicError for others."""
    names = {
        "exif": ("exif",), "icc": ("icc_profile", "code_points"), "xmp": ("xmp",), "dpi": ("dpi",), "text": ("text",),
        "iptc": ("iptc",), "other": ("parts",),
    }  # fmt: skip
    words = {word.strip() for option in options for word in option.split(",")}
    if unknown := words - set(names) - {"all"}:
        raise DlicError(f"--strip takes all, {', '.join(names)}; not {min(unknown)!r}")
    return {name for word, fields in names.items() if word in words or "all" in words for name in fields}


def words(text: str | None) -> list[str]:
    """'a, b' → its words; none where nothing was given."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]
