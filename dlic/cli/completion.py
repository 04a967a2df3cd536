"""`dlic completion`: scripts by which shells complete commands, options and file names."""

from collections.abc import Callable
from enum import Enum
from importlib import import_module
from typing import Annotated, Any

from dlic.cli.group import Group
from dlic.cli.help import first_line
from dlic.cli.parameters import Argument, Option, Parameter, parameters_of

BASH = r"""_dlic() {
    local current="${COMP_WORDS[COMP_CWORD]}" words=""
    case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in
CASES
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="COMMANDS"
    elif [ "${current#-}" = "$current" ] && [ "$COMP_CWORD" -ne 2 -o "${words#-}" != "$words" ]; then
        words=""
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _dlic dlic
"""


class Shell(Enum):
    """A shell with programmable completion."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completion(shell: Annotated[Shell, Argument("bash|zsh|fish", "Shell to write for.")]) -> None:
    """Print a script for the completion of a shell.

    bash: dlic completion bash > ~/.local/share/bash-completion/completions/dlic

    zsh: dlic completion zsh >> ~/.zshrc

    fish: dlic completion fish > ~/.config/fish/completions/dlic.fish
    """
    from dlic.cli.main import COMMANDS

    if shell is Shell.fish:
        print(_fish(COMMANDS))
    else:
        print("autoload -U +X bashcompinit && bashcompinit\n" * (shell is Shell.zsh) + _bash(list(COMMANDS)), end="")


def _bash(names: list[str]) -> str:
    cases = []
    for name in names:
        called = _called(name)
        if isinstance(called, Group):
            inner = [f'"{name} {command}") words="{_options(function)}";;' for command, function in called.commands.items()]
            cases += [*inner, f'"{name} "*) words="{" ".join(called.commands)}";;']
        else:
            cases.append(f'"{name} "*) words="{_options(called)}";;')
    return BASH.replace("CASES", "\n".join(f"        {case}" for case in cases)).replace("COMMANDS", " ".join(names))


def _called(name: str) -> Group | Callable[..., None]:
    module: Any = import_module(f"dlic.cli.{name}")
    called: Group | Callable[..., None] = getattr(module, "app", None) or getattr(module, name)
    return called


def _options(command: Callable[..., None]) -> str:
    names = [name for parameter in parameters_of(command) for name in (*parameter.names, *parameter.off_names)]
    return " ".join([*names, "--help"])


def _fish(commands: dict[str, str]) -> str:
    lines = []
    for name, about in commands.items():
        lines.append(f"complete -c dlic -n __fish_use_subcommand -a {name} -d {_quoted(about)}")
        called = _called(name)
        if isinstance(called, Group):
            for inner, function in called.commands.items():
                seen = f"__fish_seen_subcommand_from {name}; and not __fish_seen_subcommand_from {' '.join(called.commands)}"
                lines.append(f"complete -c dlic -n '{seen}' -a {inner} -d {_quoted(first_line(function))}")
                lines += [_fish_option(f"{name}; and __fish_seen_subcommand_from {inner}", option) for option in _of(function)]
        else:
            lines += [_fish_option(name, option) for option in _of(called)]
    return "\n".join(lines)


def _of(command: Callable[..., None]) -> list[Parameter]:
    return [parameter for parameter in parameters_of(command) if isinstance(parameter.declared, Option)]


def _fish_option(seen: str, option: Parameter) -> str:
    names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in (*option.names, *option.off_names)]
    value = "" if option.is_switch else " -r"
    about = option.declared.help if isinstance(option.declared, Option) else ""
    return f"complete -c dlic -n '__fish_seen_subcommand_from {seen}' {' '.join(names)}{value} -d {_quoted(about)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
