"""Modules of JavaScript → one script, for pages that are one file. It knows the forms of import and export that dlic/web uses."""

import re
from pathlib import Path, PurePosixPath

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import (?:(\w+)|\{ ([^}]*) \}) from "(\.[^"]+)";$', re.MULTILINE)
EFFECT = re.compile(r'^import "(\.[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)
EXPORT_LIST = re.compile(r"^export \{ ([^}]*) \};$", re.MULTILINE)
DEFAULT = re.compile(r"^export default ", re.MULTILINE)


def bundle(entry: str) -> str:
    """The script of a module in this folder, such as "pages/share.js", with all that it imports."""
    parts: dict[str, str] = {}
    _add(entry, parts)
    script = "const modules = {};\n" + "\n".join(parts.values())
    return re.sub(r"[^\x00-\x7f]", lambda letter: f"\\u{ord(letter[0]):04x}", script)  # the same in every encoding


def _add(name: str, parts: dict[str, str]) -> None:
    if name in parts:
        return
    source = (FOLDER / name).read_text(encoding="utf-8")
    for pattern, group in ((IMPORT, 3), (EFFECT, 1)):
        for match in pattern.finditer(source):
            _add(_resolved(name, match[group]), parts)
    exported = [*EXPORT.findall(source), *(each for names in EXPORT_LIST.findall(source) for each in names.split(", "))]
    body = IMPORT.sub(lambda match: _binding(name, match), EFFECT.sub("", source))
    body = DEFAULT.sub("const standard = ", EXPORT_LIST.sub("", body))
    exported += ["default: standard"] if DEFAULT.search(source) else []
    body = re.sub(r"^export ", "", body, flags=re.MULTILINE)
    parts[name] = f'modules["{name}"] = await (async () => {{\n{body}\nreturn {{ {", ".join(exported)} }};\n}})();'


def _binding(importer: str, match: re.Match[str]) -> str:
    names = f"default: {match[1]}" if match[1] else match[2]
    return f'const {{ {names} }} = modules["{_resolved(importer, match[3])}"];'


def _resolved(importer: str, target: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(importer).parent / target).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)
