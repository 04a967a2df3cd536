"""`dlic curve`: the rate–distortion curve of one recipe's checkpoints, in TensorBoard."""

from pathlib import Path
from typing import Annotated

from dlic.cli.evaluate import images_in
from dlic.cli.extras import require
from dlic.cli.parameters import Argument, Option


def curve(
    folder: Annotated[Path, Argument("DIR", "Folder of images to measure on.")],
    checkpoints: Annotated[list[Path], Argument("CHECKPOINT...", "Checkpoint folders, one a λ.")],
    log_dir: Annotated[Path, Option("--tensorboard", help="Where TensorBoard looks.")] = Path("runs/curve"),
) -> None:
    """Draw several checkpoints of one recipe as a rate–distortion curve next to JPEG, in TensorBoard and as a table."""
    require("train", "dlic curve", ["torch", "tensorboard"])
    require("eval", "dlic curve", ["bjontegaard", "matplotlib"])
    from dlic.checkpoints.local import as_folder
    from dlic.studies.curve import log_curve

    log_curve(log_dir, [as_folder(path) for path in checkpoints], list(images_in(folder).values()))
