"""Many training runs of one recipe: each trained, exported and measured from files, in a folder that grows.

runs/NAME/           what Lightning keeps of a run, the whole recipe it was trained with, and what it said
checkpoints/NAME/    the exported checkpoint
evaluation/          an evaluation of all of them, as `dlic evaluate --out` makes it and `dlic report` reads it
results.csv …        as `sweep_results` says
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import yaml

from dlic.checkpoints.manifest import MANIFEST
from dlic.errors import CorruptFileError, DlicError, SomeFailedError
from dlic.storage.files import read_whole, written_whole
from dlic.studies.child_runs import ChildRuns
from dlic.studies.search_grid import Trial, chains
from dlic.studies.sweep_measures import last_checkpoint, measured, reference_curves, saved_checkpoint
from dlic.studies.sweep_results import Result, log_result, read_results, show, write_results
from dlic.training.export import export
from dlic.training.run import Recipe, parsed, train

RECIPE, LOG = "recipe.yaml", "log.txt"
WHEREABOUTS = (  # keys of places and workers, which do not change results
    "resume", "data.cache_dir", "data.workers", "kodak", "trainer.default_root_dir", "trainer.logger",
)  # fmt: skip

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Sweep:
    """The trials of a sweep, and their common settings."""

    out: Path
    arguments: tuple[str, ...]  # of every run, as `train` takes them
    trials: tuple[Trial, ...]
    images: Path | None = None  # to measure on
    kodak: bool = False  # whether these are the Kodak set, which published curves hold for
    along: tuple[str, ...] = ()  # keys that change with λ along a curve
    chain_steps: int | None = None  # of runs that start from another; those of the recipe by default
    jobs: int = 1
    own_process: bool = True

    def checkpoint(self, name: str) -> Path:
        return self.out / "checkpoints" / name

    def run(self, name: str) -> Path:
        return self.out / "runs" / name

    def training(self, trial: Trial) -> list[str]:
        """The arguments of `train` for one run, without its start, which may not exist yet."""
        arguments = [*self.arguments, *(f"--{key}={value}" for key, value in trial.settings.items())]
        if trial.start is not None and self.chain_steps is not None:
            arguments.append(f"--trainer.max_steps={self.chain_steps}")
        folders = {"save_dir": str(self.out / "runs"), "name": trial.name}
        logger = {"class_path": "pytorch_lightning.loggers.TensorBoardLogger", "init_args": folders}
        arguments += [f"--trainer.logger={json.dumps(logger)}", f"--trainer.default_root_dir={self.run(trial.name)}"]
        # keeps the time spent, over every resumption; its default interval cannot be written into a file
        return [*arguments, "--trainer.callbacks+=pytorch_lightning.callbacks.Timer", "--trainer.callbacks.interval=step"]


def sweep(plan: Sweep, tell: Tell) -> str:
    """Trains, exports and measures the missing runs, and returns the tables of all runs in the folder. Checks every recipe before
    training (DlicError). If a run fails, the others go on and the tables are written; then SomeFailedError is raised.
    """
    recipes = dict(zip((trial.name for trial in plan.trials), parsed([plan.training(trial) for trial in plan.trials]), strict=True))
    results = Results(plan, read_results(plan.out))
    missing = [trial for trial in plan.trials if not results.has(trial.name)]
    _check(plan, recipes, missing)
    with ChildRuns(plan.out, plan.jobs) as children:
        references = reference_curves(plan.out, plan.images, plan.kodak)
        tell(f"{len(missing)} of {len(plan.trials)} runs to do in {plan.out}")
        failures = _conduct(Work(plan, recipes, results, children, tell), missing)
        tables = show(plan.out, results.rows, references)
    if failures:
        tell(f"without the runs that failed:\n{tables}")
        lines = "".join(f"\n  {name}: {reason}" for name, reason in failures.items())
        raise SomeFailedError(f"{len(failures)} of {len(plan.trials)} runs failed; the same command tries them again{lines}")
    return tables


class Results:
    """The rows of a sweep, on the disk as soon as they are known, in the order of its trials."""

    def __init__(self, plan: Sweep, rows: Sequence[Result]):
        self._measuring, self._along, self._folder = plan.images is not None, plan.along, plan.out
        self._order = {trial.name: place for place, trial in enumerate(plan.trials)}
        self.rows = [replace(row, along=self._along) if row.name in self._order else row for row in rows]

    def has(self, name: str) -> bool:
        """Whether a run is complete; with images to measure on, it must be measured."""
        return any(row.name == name and (row.images or not self._measuring) for row in self.rows)

    def add(self, rows: Sequence[Result]) -> None:
        """The rows of one run."""
        kept_rows = [row for row in self.rows if row.name != rows[0].name]
        named = [replace(row, along=self._along) for row in rows]
        self.rows = sorted([*kept_rows, *named], key=lambda row: self._order.get(row.name, -1))
        write_results(self._folder, self.rows)


# --- before anything is trained -----------------------------------------------------------------------------------------


def _check(plan: Sweep, recipes: Mapping[str, Recipe], missing: Sequence[Trial]) -> None:
    """Raises DlicError for runs in the folder with other settings, and for settings that model, data or callbacks refuse."""
    for trial in plan.trials:
        _check_unchanged(plan, trial.name, recipes[trial.name])
    for trial in missing:
        try:
            recipes[trial.name].check()
        except DlicError as error:
            raise DlicError(f"{trial.name}: {error}") from error


def _check_unchanged(plan: Sweep, name: str, recipe: Recipe) -> None:
    """Raises DlicError where the folder holds this run with other settings; paths may differ."""
    path = plan.run(name) / RECIPE
    if not path.exists():
        return
    try:
        before = dict(_flat(yaml.safe_load(read_whole(path, CorruptFileError))))
    except yaml.YAMLError as error:
        raise CorruptFileError(f"{path} is damaged: {error}") from error
    now = dict(_flat(yaml.safe_load(recipe.yaml)))
    shared = sorted(before.keys() & now.keys())  # not those that a later version added
    for key in (key for key in shared if not key.startswith(WHEREABOUTS) and before[key] != now[key]):
        raise DlicError(
            f"{plan.out} holds {name} with {key} {before[key]}, not {now[key]}; --out names another folder for other settings"
        )


def _flat(settings: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested settings by dotted keys."""
    if isinstance(settings, dict) and settings:
        for key, value in settings.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, settings


# --- one run after the other --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """Shared state of the running trials of a sweep."""

    plan: Sweep
    recipes: Mapping[str, Recipe]
    results: Results
    children: ChildRuns
    tell: Tell
    measuring: Lock = field(default_factory=Lock)  # one at a time, so that the times of files are comparable


def _conduct(work: Work, missing: Sequence[Trial]) -> dict[str, str]:
    """Completes all chains, in one thread a job; returns the failures with their reasons."""
    queues = [[trial for trial in chain if trial in missing] for chain in chains(work.plan.trials)]
    failures: dict[str, str] = {}

    def go_through(queue: Sequence[Trial]) -> None:
        for trial in queue:
            try:
                _complete(work, trial)
            except Exception as error:  # any failure: the others go on
                if work.children.ended:
                    return
                failures[trial.name] = str(error) if isinstance(error, DlicError) else f"{type(error).__name__}: {error}"
                work.tell(f"{trial.name} failed: {failures[trial.name]}")

    if work.plan.jobs == 1:
        for queue in queues:
            go_through(queue)
        return failures
    with ThreadPoolExecutor(work.plan.jobs) as pool:
        try:
            for _ in pool.map(go_through, queues):
                pass
        except BaseException:  # Ctrl-C, or the system's wish: no thread may wait for its run, or begin another
            pool.shutdown(wait=False, cancel_futures=True)
            work.children.end()
            raise
    return failures


def _complete(work: Work, trial: Trial) -> None:
    """Completes one run: training, export, measurement."""
    plan, checkpoint = work.plan, work.plan.checkpoint(trial.name)
    if trial.start is not None and not (plan.checkpoint(trial.start) / MANIFEST).exists():
        raise DlicError(f"not trained, as {trial.start} was not")
    if not (checkpoint / MANIFEST).exists():
        _train(work, trial)
        checkpoint.parent.mkdir(exist_ok=True)
        export(saved_checkpoint(plan.run(trial.name)), checkpoint)
    with work.measuring:
        rows = measured(plan.out, plan.run(trial.name), checkpoint, trial.settings, plan.images, plan.kodak)
        work.results.add(rows)
    for row in rows:
        log_result(plan.out, row)
        work.tell(str(row))


def _train(work: Work, trial: Trial) -> None:
    """Trains a run, or resumes it after an interruption."""
    folder, recipe = work.plan.run(trial.name), work.recipes[trial.name]
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / RECIPE, overwrite=True) as file:
        file.write(recipe.yaml.encode())
    before = last_checkpoint(folder)
    start = [] if trial.start is None else ["--from", str(work.plan.checkpoint(trial.start))]
    arguments = ["--config", str(folder / RECIPE), *start, *(["--resume", str(before)] if before else [])]
    work.tell(f"{trial.name}: training{' goes on' if before else ''}")
    if work.plan.own_process:
        work.children.run(["train", *arguments], folder / LOG)
    else:
        train(arguments)
