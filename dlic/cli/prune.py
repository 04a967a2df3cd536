"""`dlic prune`: the effect of each residual block of a checkpoint, and the checkpoint without useless blocks."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.extras import require
from dlic.cli.parameters import Argument, Option

CROPS = 12


def prune(
    checkpoint: Annotated[str, Argument("CHECKPOINT", "Name or folder.")],
    data: Annotated[Path, Option(metavar="DIR", help="Photographs to measure on.")],
    folder: Annotated[Path | None, Argument("[FOLDER]", "Folder of the pruned checkpoint; without it, only the report.")] = None,
    below: Annotated[float, Option(help="Remove blocks that lower bpp + λ · distortion by less than this, in percent.")] = 0.02,
    force: Annotated[bool, Option("--force", help="Replace an existing checkpoint.")] = False,
) -> None:
    """Measure each residual block of a checkpoint, and leave out those without effect: less work, the same pictures."""
    require("train", "dlic prune", ["torch"])
    from dlic.checkpoints.local import folder_of
    from dlic.data.crops import ValidationCrops
    from dlic.data.photographs import decode_all, find_photographs
    from dlic.training.pruning import SIDE
    from dlic.training.pruning import prune as judged

    files = find_photographs(data)
    held_out = ValidationCrops(decode_all(files[:: -(-len(files) // CROPS)]), SIDE, CROPS)  # from all over the folder
    crops = [held_out[i] for i in range(len(held_out))]
    for place, (block, goes) in enumerate(judged(folder_of(checkpoint), folder, crops, below / 100, force)):
        if place == 0:
            streams.say(f"{'block':20}  % of the loss that it saves")
        streams.say(f"{block.name:20} {100 * block.cost:8.3f}{'  left out' if goes and folder else ''}")
