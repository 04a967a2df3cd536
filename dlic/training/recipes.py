"""Names of recipes → their files, inside the package or in configs/ of a source checkout."""

from collections.abc import Sequence
from pathlib import Path

from dlic.errors import DlicError

OPTIONS = ("--config", "-c")
ENDING = ".yaml"


def recipes_folder() -> Path:
    """The folder of the recipes that dlic ships."""
    inside = Path(__file__).parents[1] / "_recipes"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "configs"


def with_files(args: Sequence[str]) -> list[str]:
    """The arguments of a run with each name of a recipe replaced by its file: `--config light-finetune`.

    A word that is a path, or has an ending, stays as it is. Raises DlicError for a name that no recipe has.
    """
    files: list[str] = []
    for before, word in zip(["", *args], args, strict=False):
        option, sign, value = word.partition("=")
        if before in OPTIONS:
            files.append(recipe_file(word))
        elif sign and option in OPTIONS:
            files.append(f"{option}={recipe_file(value)}")
        else:
            files.append(word)
    return files


def recipe_file(name: str) -> str:
    """'light-finetune' → the path of that recipe; paths as they are. Raises DlicError."""
    path = Path(name)
    if not name or path.name != name or path.suffix or path.is_file():
        return name
    shipped = {file.stem: file for file in recipes_folder().glob(f"*{ENDING}")}
    if name not in shipped:
        raise DlicError(f"there is no recipe {name!r}; dlic has {', '.join(sorted(shipped))}, and --config takes a file too")
    return str(shipped[name])
