"""A training run from command-line arguments: LightningCLI over TrainingModule and PhotographData."""

import logging
import os
import shlex
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlic.errors import DlicError
from dlic.storage.files import NO_STORAGE, cannot_write

if TYPE_CHECKING:
    from jsonargparse import Namespace
    from pytorch_lightning import Trainer
    from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

log = logging.getLogger(__name__)

TRAINER = {  # shared defaults of all recipes; `callbacks.usual` has the callbacks
    "devices": 1,
    "check_val_every_n_epoch": None,  # validations go by steps: an epoch has no meaning where crops are drawn
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 20,
    "use_distributed_sampler": False,  # the data module deals out the batches
    "enable_model_summary": False,
    "default_root_dir": "runs",
}
HALF = ("16-mixed", "16", 16)  # names of float16, which CPUs do not support in training; Lightning would silently use bfloat16

BFLOAT16 = ("bf16-mixed", "bf16-true", "bf16")


def train(args: list[str]) -> None:
    """Parses `args` as LightningCLI does (--config, --model.*, --data.*, --trainer.*) and trains. `--from CHECKPOINT` sets the
    network and its weights; `--resume FILE` or `--resume auto` continues a run. Raises DlicError where there are no training data,
    the loss diverges, or checkpoints cannot be saved.
    """
    import torch
    from lightning_utilities.core.rank_zero import rank_zero_info

    from dlic.data.module import PhotographData
    from dlic.runtime.torch.threads import flushes_denormals
    from dlic.training.processes import leave_together
    from dlic.training.resume import checkpoint_to_resume, place_of

    deterministic, flushed = torch.are_deterministic_algorithms_enabled(), flushes_denormals()
    try:
        with _one_sentence():
            cli = _command_line(args)
            if cli.trainer.is_global_zero and isinstance(cli.datamodule, PhotographData):  # other processes look when they start
                cli.datamodule.refuse_overlap()
            resume = cli.config["resume"] and checkpoint_to_resume(cli.config["resume"], cli.trainer, cli.model.network)
            cli.config["resume"] = resume and str(resume)  # as the run's config.yaml states it
            if resume:
                _tell_changes(resume, cli)
            if (start := cli.config["from"]) is not None:
                cli.model.start_from(place_of(start))
            cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=resume, weights_only=True)
    except OSError as error:
        if error.errno not in NO_STORAGE:
            raise
        raise cannot_write(Path(error.filename or cli.trainer.log_dir or "."), error) from error
    finally:
        torch.set_flush_denormal(flushed)
        torch.use_deterministic_algorithms(deterministic)  # as it was before --trainer.deterministic
    rank_zero_info("\n".join(_ending(cli.trainer)))
    leave_together()


def _tell_changes(resumed: Path, cli: "LightningCLI") -> None:
    """Logs the settings that differ from those of the resumed call. Raises DlicError for one that would not be used."""
    import yaml

    from dlic.training.changed_settings import changed, configuration_of, refuse_fixed

    before = configuration_of(resumed)
    if before is None:
        return
    changes = changed(before, yaml.safe_load(cli.parser.dump(cli.config, skip_none=False)))
    refuse_fixed(changes)
    for key, (was, will_be) in changes.items():
        log.warning("changed: %s is %s now, and was %s", key, will_be, was)


def _ending(trainer: "Trainer") -> Iterator[str]:
    """The last lines of a run: its folder, and the command that makes a checkpoint of it."""
    from dlic.training.callbacks.keep_best import checkpoint_folder

    yield f"run folder: {trainer.log_dir}"
    folder = checkpoint_folder(trainer)
    kept = [folder / name for name in ("best.ckpt", "last.ckpt")] if folder else []
    if best := next((path for path in kept if path.is_file()), None):
        yield f"next: dlic export {shlex.quote(os.path.relpath(best))} my-checkpoint"


# --- recipes that are not yet run ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """The settings of one run, after every file and argument."""

    parser: "LightningArgumentParser"
    config: "Namespace"

    @property
    def yaml(self) -> str:
        """The complete settings as a file for `--config`."""
        return self.parser.dump(self.config, skip_none=False)

    def check(self) -> None:
        """Creates the model, the data and the callbacks, as a run does before its first step. Raises DlicError for settings that
        they refuse.
        """
        from dlic.data.clips import find_clips
        from dlic.data.photographs import find_photographs
        from dlic.training.resume import place_of

        find = find_clips if "chains" in self.config["data"] else find_photographs
        find(self.config["data"]["train_dir"])
        with _one_sentence():
            instances = self.parser.instantiate_classes(self.config)
            if (start := self.config["from"]) is not None:
                instances["model"].start_from(place_of(start))


def parsed(runs: Sequence[Sequence[str]]) -> list[Recipe]:
    """Parses the recipes of several runs from their arguments of `train`, without training. Raises DlicError for unknown keys."""
    from dlic.training.resume import named_start

    parsers: dict[str | None, LightningArgumentParser] = {}  # the start checkpoint decides which keys are known
    recipes = []
    with _one_sentence():
        for args in map(_in_full, runs):
            start = named_start(args)
            if start not in parsers:
                parsers[start] = _command_line(args, build=False).parser
            recipes.append(Recipe(parsers[start], parsers[start].parse_args(args)))
    return recipes


# --- the command line ---------------------------------------------------------------------------------------------------


def _command_line(args: Sequence[str], build: bool = True) -> "LightningCLI":
    """The model, the data and the trainer of `args`; without `build` only the parser that reads them."""
    import torch
    import yaml
    from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

    from dlic.data.clip_module import ClipData
    from dlic.data.module import PhotographData
    from dlic.training.callbacks import KodakCurve
    from dlic.training.callbacks.durable_checkpoints import OutliveFullDisk
    from dlic.training.callbacks.settings_table import SettingsTable
    from dlic.training.callbacks.usual import with_usual_callbacks
    from dlic.training.console import keep_quiet
    from dlic.training.module import TrainingModule
    from dlic.training.resume import named_start, network_of, place_of, trains_on_clips

    args = _in_full(args)
    on_clips = trains_on_clips(args)
    keep_quiet()
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*torch.jit.script.*")
    warnings.filterwarnings("ignore", message=".*args parameter is intended.*")

    class TrainCLI(LightningCLI):
        def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
            parser.add_argument(
                "--resume", type=str | None, default=None, help="checkpoint (.ckpt) to continue exactly; auto: the newest"
            )
            parser.add_argument(
                "--from",
                type=str | None,
                default=None,
                help="name or folder of a checkpoint to start from, or CompressAI's weights",
            )
            parser.add_argument(
                "--name", type=str | None, default=None, help="folder of the run, in runs/; default: the recipe's name"
            )
            start = named_start(args)
            network = start and network_of(place_of(start))
            if network:
                parser.set_defaults({"model.network": network})  # a recipe may repeat it, or add blocks
            parser.add_argument("--averaging", type=float, default=0.99, help="decay of weight averaging a step; 0: none")
            parser.add_argument("--save_every", type=int, default=200, help="steps from one save to the next; validations save too")
            parser.add_lightning_class_args(KodakCurve, "kodak")  # --kodak DIR: comparison with published curves

        def before_instantiate_classes(self) -> None:
            torch.set_flush_denormal(True)  # before any worker thread: tiny gradients made float32 steps three times slower
            trainer = self.config["trainer"]
            on_cpu = trainer["accelerator"] == "cpu" or (trainer["accelerator"] == "auto" and not torch.accelerator.is_available())
            if on_cpu and trainer["precision"] in HALF:
                raise DlicError("16-mixed needs a GPU; on a CPU, take --trainer.precision bf16-mixed or 32-true")
            if on_cpu and trainer["precision"] in BFLOAT16 and torch.backends.cpu.get_cpu_capability() == "AVX2":
                log.warning("this CPU has no AVX-512: bfloat16 takes several times as long here as --trainer.precision 32-true")

        def instantiate_trainer(self, **kwargs: Any) -> "Trainer":
            settings = self.config_init
            own, logs = settings["trainer"]["callbacks"] or [], settings["trainer"]["logger"] is not False
            bar = settings["trainer"]["enable_progress_bar"] is not False
            callbacks = with_usual_callbacks(own, settings["averaging"], settings["save_every"], logs, bar, curve=not on_clips)
            callbacks += [SettingsTable(yaml.safe_load(self.parser.dump(self.config, skip_none=False)))] * logs
            return super().instantiate_trainer(callbacks=callbacks, **kwargs)

    class ParserCLI(TrainCLI):
        def _set_seed(self) -> None:
            pass

        def before_instantiate_classes(self) -> None:
            pass

        def instantiate_classes(self) -> None:
            pass

    return (TrainCLI if build else ParserCLI)(
        TrainingModule,
        ClipData if on_clips else PhotographData,
        args=args,
        run=False,
        trainer_defaults=TRAINER | {"callbacks": [OutliveFullDisk()], "logger": _logger(args)},
        save_config_kwargs={"overwrite": True},
        seed_everything_default=0,
        auto_configure_optimizers=False,
        parser_kwargs={"prog": "dlic train", "description": "Train on a folder of photographs.", "exit_on_error": False},
    )


def _logger(args: Sequence[str]) -> dict[str, Any]:
    """The default logger: it writes to a folder with the name of the run."""
    from dlic.training.resume import run_name

    return {"class_path": "pytorch_lightning.loggers.TensorBoardLogger", "init_args": {"save_dir": "runs", "name": run_name(args)}}


def _in_full(args: Sequence[str]) -> list[str]:
    """`args` with short options expanded: --kodak DIR is --kodak.folder DIR, --config light-finetune the recipe of that name."""
    from dlic.training.recipes import with_files

    return [
        "--kodak.folder" + arg.removeprefix("--kodak") if arg == "--kodak" or arg.startswith("--kodak=") else arg
        for arg in with_files(args)
    ]


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turns errors of arguments and settings into DlicError."""
    from jsonargparse import ArgumentError

    from dlic.training.callbacks.divergence import NonFiniteLossError

    try:
        yield
    except ArgumentError as error:
        raise DlicError(" ".join(f"{error}; dlic train --help shows every key".split())) from error
    except (NonFiniteLossError, ValueError) as error:  # a run that diverged; a setting the model or the loss refuses
        raise DlicError(str(error)) from error
