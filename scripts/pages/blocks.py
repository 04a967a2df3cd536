"""Blocks of a page that are made: between <!-- made: MAKER ARGUMENT… --> and <!-- end -->."""

import re
from collections.abc import Callable, Mapping, Sequence

BLOCK = re.compile(r"(<!-- made: ([a-z-]+)((?: [^ >]+)*) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(text: str, makers: Mapping[str, Callable[..., str]]) -> str:
    """The text with every block as its maker gives it now. Raises KeyError for a maker that does not exist."""

    def made(block: re.Match[str]) -> str:
        begin, maker, arguments, _, end = block.groups()
        return f"{begin}\n{makers[maker](*arguments.split())}\n\n{end}"  # blank lines, or GitHub shows no table

    return BLOCK.sub(made, text)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table of Markdown; the first has the heads."""
    heads, *rest = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    lines = [heads, ["---"] * len(heads), *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("|  |", "| |")
