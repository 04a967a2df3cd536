"""`dlic sweep`: a recipe trained with every combination of some of its settings, and the results."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.extras import require
from dlic.cli.folders import terminated_as_exception
from dlic.cli.parameters import Option, Rest
from dlic.errors import DlicError


def sweep(
    words: Annotated[list[str], Rest()],
    out: Annotated[Path, Option(metavar="DIR", help="Folder of all results; an interrupted sweep continues there.")],
    grid: Annotated[
        list[str],
        Option(
            metavar="KEY=A,B,…",
            help="A key of the recipe and its values; may be given several times. Keys that change together: K1:K2=A1:A2,B1:B2.",
        ),
    ],
    evaluate: Annotated[Path | None, Option(metavar="DIR", help="Images to measure every run on, from files.")] = None,
    kodak: Annotated[Path | None, Option(metavar="DIR", help="The Kodak images instead, with published curves.")] = None,
    chain: Annotated[
        str | None,
        Option(metavar="KEY", help="Start each value of this key from the weights of the value before it: saves time."),
    ] = None,
    chain_steps: Annotated[int | None, Option(least=1, help="Steps of every run of a chain except the first.")] = None,
    along: Annotated[
        list[str] | None,
        Option(metavar="KEY", help="A key that changes with λ along a curve; other keys separate curves."),
    ] = None,
    jobs: Annotated[int, Option(least=1, help="Runs at a time; they share the cores.")] = 1,
    in_process: Annotated[bool, Option("--in-process", help="Train in this process, for debugging.")] = False,
) -> None:
    """Train a recipe with every combination of some settings: dlic sweep --config RECIPE --data.train_dir PATH --out DIR --grid …

    Everything that dlic train takes may be given, and holds for every run. What is finished is left alone when it is run again.
    """
    if kodak and evaluate:
        raise DlicError("give --kodak or --evaluate, not both")
    if chain_steps is not None and chain is None:
        raise DlicError("--chain-steps is for --chain")
    if in_process and jobs > 1:
        raise DlicError("--in-process trains one after the other; leave out --jobs")
    if out.exists() and not out.is_dir():
        raise DlicError(f"{out} is a file; --out names a folder")
    require("train", "dlic sweep")
    from dlic.studies.search_grid import parse_axis, trials_of

    trials = trials_of([parse_axis(text) for text in grid], chain)
    from dlic.studies.sweep import Sweep
    from dlic.studies.sweep import sweep as run

    for key in along or []:
        if key not in trials[0].settings:
            raise DlicError(f"--along {key} is no key of --grid")
    plan = Sweep(
        out, tuple(words), tuple(trials), kodak or evaluate, kodak is not None, tuple(along or ()),
        chain_steps, jobs, not in_process,
    )  # fmt: skip
    with terminated_as_exception():  # and so with the runs
        streams.say(run(plan, streams.note))
