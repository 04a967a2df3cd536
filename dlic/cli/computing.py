"""Options of commands that run a network: threads and the runtime."""

from typing import Annotated

from dlic.cli.parameters import Option

THREADS = Annotated[int | None, Option(metavar="N", least=1, help="Most threads that compute at once; default: one a core.")]
RUNTIME = Annotated[str | None, Option(metavar="onnx|torch", help="Runs the network; default: ONNX Runtime, for efforts PyTorch.")]
