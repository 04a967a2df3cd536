"""`dlic train`: a recipe and photographs → a training run."""

from typing import Annotated

from dlic.cli.extras import require
from dlic.cli.parameters import Rest


def train(words: Annotated[list[str], Rest(all_words=True)]) -> None:
    """Train a model on your photographs: dlic train --config light-finetune --data.train_dir PATH."""
    require("train", "dlic train")
    from dlic.training.run import train as run

    run(words)
