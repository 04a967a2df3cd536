"""How much of the frames of a group is stored exactly, from its packets alone: no network is needed."""

from dlic.classical.motion.temporal import FrameMotion
from dlic.container.format import EXACT
from dlic.container.sequence_groups import Group, Packet
from dlic.errors import CorruptFileError
from dlic.learned.exact.layer import layer_of
from dlic.learned.sequence.alpha import split_alpha
from dlic.learned.sequence.key_packet import read_key
from dlic.learned.sequence.packet import has_exact_blocks, read_inter
from dlic.pixels.frames import SequenceFormat

KEY = FrameMotion()


def exact_shares(group: Group, form: SequenceFormat) -> list[float]:
    """Share of the blocks that each frame stores exactly, 0 … 1, in the order of display; 0 for frames that cannot be read.

    Blocks that are predicted from exact ones are not counted again.
    """
    data = {number: split_alpha(packet, form.alpha)[1] for number, packet in group.data.items()}
    shares, motions = dict.fromkeys(range(len(group.table.packets)), 0.0), dict[int, FrameMotion]()
    some = any(
        has_exact_blocks(data[packet.number]) for packet in group.table.packets if packet.references and packet.number in data
    )
    for packet in group.table.packets if some else group.table.packets[:1]:
        try:
            shares[packet.number], motions[packet.number] = _share(data[packet.number], packet, form, motions)
        except (KeyError, CorruptFileError):  # which verifying says
            continue
    return list(shares.values())


def _share(data: bytes, packet: Packet, form: SequenceFormat, motions: dict[int, FrameMotion]) -> tuple[float, FrameMotion]:
    if not packet.references:
        picture = read_key(data, packet, form, bytes(8)).picture
        layer = layer_of(picture)
        return (1.0 if picture.kind == EXACT else layer.share if layer else 0.0), KEY
    references = [motions[number] for number in packet.references]
    inter, motion = read_inter(data, form.height, form.width, packet.number, references)
    return (float(inter.exact.mask.mean()) if inter.exact else 0.0), motion
