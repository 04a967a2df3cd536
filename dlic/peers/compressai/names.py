"""How names of CompressAI's models begin, and how people write them."""

PREFIX = "compressai:"
FORM = "compressai:ARCHITECTURE:QUALITY, or compressai:ARCHITECTURE@FILE for weights on this machine"
ALL_IN_THE_NAME = "the name of a CompressAI model says its rate and its weights, as compressai:ARCHITECTURE:QUALITY@FILE"


def is_zoo_name(name: str | None) -> bool:
    """Whether a name of a model is one of CompressAI's rather than of a checkpoint of dlic."""
    return name is not None and name.startswith(PREFIX)
