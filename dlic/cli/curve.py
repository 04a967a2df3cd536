"""`dlic curve`: the rate–distortion curve of one recipe's checkpoints, in TensorBoard."""

from pathlib import Path
from typing import Annotated

import typer

from dlic.cli.evaluate import images_in


def curve(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of images to measure on.")],
    checkpoints: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT...", help="Checkpoint folders, one a λ.")],
    log_dir: Annotated[Path, typer.Option("--tensorboard", help="Where TensorBoard looks.")] = Path("runs/curve"),
) -> None:
    """Draw several checkpoints of one recipe as a rate–distortion curve next to JPEG, in TensorBoard and as a table."""
    from dlic.checkpoints.local import as_folder
    from dlic.studies.curve import log_curve

    log_curve(log_dir, [as_folder(path) for path in checkpoints], list(images_in(folder).values()))
