"""A training run from command-line arguments: LightningCLI over TrainingModule and PhotographData."""

import warnings
from pathlib import Path

from dlic.errors import DlicError
from dlic.files import NO_STORAGE, cannot_write

HALF = ("16-mixed", "16", 16)  # names of float16, which CPUs do not train in; Lightning would take bfloat16 in silence


def train(args: list[str]) -> None:
    """Parse `args` as LightningCLI does (--config, --model.*, --data.*, --trainer.*) and fit.

    `--from CHECKPOINT` gives the network and its weights, `--resume FILE` or `--resume auto` continues a run.
    Raises DlicError when there is nothing to train on or the loss stays non-finite, or nothing can be saved.
    """
    import torch
    from jsonargparse import ArgumentError
    from lightning_utilities.core.rank_zero import rank_zero_info
    from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

    from dlic.data.module import PhotographData
    from dlic.training.guard import NonFiniteLossError
    from dlic.training.module import TrainingModule
    from dlic.training.saving import OutliveFullDisk
    from dlic.training.start import checkpoint_to_resume, named_start, network_of, place_of

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
            start = named_start(args)
            network = start and network_of(place_of(start))
            if network:
                parser.set_defaults({"model.network": network})  # a recipe may repeat it, or add blocks

        def before_instantiate_classes(self) -> None:
            torch.set_flush_denormal(True)  # before any worker thread: tiny gradients made float32 steps three times slower
            trainer = self.config["trainer"]
            on_cpu = trainer["accelerator"] == "cpu" or (trainer["accelerator"] == "auto" and not torch.accelerator.is_available())
            if on_cpu and trainer["precision"] in HALF:
                raise DlicError("16-mixed needs a GPU; on a CPU, take --trainer.precision bf16-mixed or 32-true")

    deterministic = torch.are_deterministic_algorithms_enabled()
    try:
        cli = TrainCLI(
            TrainingModule,
            PhotographData,
            args=args,
            run=False,
            trainer_defaults={"callbacks": [OutliveFullDisk()]},
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
            auto_configure_optimizers=False,
            trainer_defaults={"use_distributed_sampler": False},  # the data module deals out the batches
            parser_kwargs={"prog": "dlic train", "description": "Train on a folder of photographs.", "exit_on_error": False},
        )
        resume = cli.config["resume"] and checkpoint_to_resume(cli.config["resume"], cli.trainer, cli.model.network)
        cli.config["resume"] = resume and str(resume)  # as the run's config.yaml states it
        if (start := cli.config["from"]) is not None:
            cli.model.start_from(place_of(start))
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=resume, weights_only=True)
    except ArgumentError as error:
        raise DlicError(" ".join(f"{error}; dlic train --help shows every key".split())) from error
    except (NonFiniteLossError, ValueError) as error:  # a run that diverged; a setting the model or the loss refuses
        raise DlicError(str(error)) from error
    except OSError as error:
        if error.errno not in NO_STORAGE:
            raise
        raise cannot_write(Path(error.filename or cli.trainer.log_dir), error) from error
    finally:
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(deterministic)  # as it was before --trainer.deterministic
    rank_zero_info(f"run folder: {cli.trainer.log_dir}")
