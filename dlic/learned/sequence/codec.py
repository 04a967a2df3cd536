"""Frames ⇄ packets: key frames as pictures, others by motion and residual. State is passed, never stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dlic.checkpoints.manifest import read_manifest
from dlic.classical.motion.prediction import predict
from dlic.classical.motion.temporal import FrameMotion
from dlic.container.sequence_groups import Packet
from dlic.entropy.byte_reader import write_varint
from dlic.errors import CorruptFileError, UnknownCheckpointError
from dlic.images.transparency import filled
from dlic.learned.codec import LearnedCodec, load_codec
from dlic.learned.exact.choice import AUTO, Chooser
from dlic.learned.exact.codec import LayeredCodec
from dlic.learned.exact.distortion import VISUAL
from dlic.learned.exact.price import Price
from dlic.learned.guarded_rounding import INTER, GuardedRounding
from dlic.learned.sequence.alpha import decode_alpha, encode_alpha, split_alpha
from dlic.learned.sequence.areas import SUPERBLOCK
from dlic.learned.sequence.exact_blocks import paste
from dlic.learned.sequence.frames import DecodedFrame, EncodedFrame, ParsedFrame
from dlic.learned.sequence.inter_encoder import InterEncoder, without
from dlic.learned.sequence.key_packet import decode_key, encode_key, read_key, write_key
from dlic.learned.sequence.packet import read_inter
from dlic.learned.sequence.parts import InParts
from dlic.learned.sequence.residual import ResidualCodec
from dlic.learned.sequence.skipping import Rate
from dlic.learned.sequence.still_as_inter import StillAsInter
from dlic.pixels.frames import SequenceFormat


@dataclass(frozen=True, eq=False, kw_only=True)
class SequenceCodec:
    """Two checkpoints at work on the frames of a sequence.

    key     x ─ LearnedCodec ─ packet ─ x_hat
    others  x ─ search ─ motion ─ p ─ ResidualCodec ─ packet ─ x_hat
    """

    key: LearnedCodec
    residual: ResidualCodec
    inter_name: str
    inter_model: bytes  # first 8 bytes of the fingerprint
    rate: Rate

    @property
    def levels(self) -> int:
        """Rate levels of both checkpoints."""
        return min(self.key.levels, self.residual.levels)

    @property
    def is_visual(self) -> bool:
        """Whether errors of exact blocks count as eyes see them."""
        return self.key.unit.distortion == VISUAL

    # --- encoding

    def encode_key(
        self, x: NDArray[np.uint8], level: int, effort: int = 0, content: str = AUTO, guarded: bool = True
    ) -> EncodedFrame:
        """A frame (H, W, 3), or with alpha (H, W, 4), as a picture; `guarded` if others refer to it."""
        alpha = _alpha(x)
        image = np.ascontiguousarray(x if alpha is None else filled(x[..., :3], alpha))
        pictures = LayeredCodec(self.key, Chooser(image, content, self.is_visual))
        packet, pixels = encode_key(pictures.encode(image, level, effort).container, self.key, guarded)
        data, crc = write_key(packet)
        decoded = DecodedFrame(pixels, alpha=alpha)
        return EncodedFrame(data=_coded_alpha(alpha, None) + data, symbols_crc=crc, level=level, decoded=decoded)

    def encode_inter(
        self,
        x: NDArray[np.uint8],
        references: Sequence[DecodedFrame],
        level: int,
        number: int,
        content: str = AUTO,
        effort: int = 0,
        guarded: bool = True,
    ) -> EncodedFrame:
        """A frame (H, W, 3), or with alpha (H, W, 4), predicted from one or two others; `number` in the order of display, `guarded`
        if others refer to it.

        `level` may be below 0, where motion and superblocks must be worth more than at any level; the network has level 0 there.
        """
        alpha = _alpha(x)
        frame = InterEncoder(
            residual=self.residual,
            rate=self.rate,
            references=references,
            level=level,
            number=number,
            price=Price.of_level(level, self.levels),
            is_visual=self.is_visual,
            rounding=GuardedRounding(INTER, (x.shape[0], x.shape[1]), choose=guarded),
        )
        packet = frame.encode(x, content, effort)
        return EncodedFrame(
            data=_coded_alpha(alpha, references[0].alpha) + packet.data,
            symbols_crc=packet.crc,
            level=max(0, level),
            decoded=DecodedFrame(packet.x_hat, packet.motion, alpha),
        )

    # --- decoding

    def parse(self, data: bytes, packet: Packet, references: Sequence[FrameMotion], form: SequenceFormat) -> ParsedFrame:
        """The symbols of a packet, checked against their checksum; `references` is their motion. Raises CorruptFileError."""
        size, (alpha, data) = (form.height, form.width), split_alpha(data, form.alpha)
        if not references:
            key = read_key(data, packet, form, self.key.fingerprint[:8])
            return ParsedFrame(level=packet.level, size=size, alpha=alpha, key=key)
        inter, motion = read_inter(data, form.height, form.width, packet.number, references)
        symbols, crc = self.residual.parse(inter.stream, inter.coder, size, packet.level, inter.coded)
        if crc32(without(data, inter.stream), crc) != packet.symbols_crc:
            raise CorruptFileError("the decoded symbols of a frame do not match their checksum")
        return ParsedFrame(level=packet.level, size=size, motion=motion, alpha=alpha, inter=inter, symbols=symbols)

    def reconstruct(self, parsed: ParsedFrame, references: Sequence[DecodedFrame]) -> DecodedFrame:
        """The pixels of a parsed frame, given its references. Raises CorruptFileError."""
        before = references[0].alpha if references else None
        alpha = None if parsed.alpha is None else decode_alpha(parsed.alpha, parsed.size, before)
        if parsed.key is not None:
            return DecodedFrame(decode_key(parsed.key, self.key), parsed.motion, alpha)
        assert parsed.inter is not None, "a parsed frame is a key frame or a predicted one"
        p = predict([reference.pixels for reference in references], parsed.inter.field)
        rounding = GuardedRounding(INTER, parsed.size, parsed.inter.steps)
        pixels = self.residual.reconstruct(parsed.symbols, p, parsed.level, parsed.inter.coded, rounding)
        if parsed.inter.exact is not None:
            paste(parsed.inter.exact, p, pixels)
        return DecodedFrame(pixels, parsed.motion, alpha)

    def verify(self, parsed: ParsedFrame) -> None:
        """Checks what `parse` leaves for later: the symbols of key frames, and exact blocks. Raises CorruptFileError."""
        if parsed.key is not None:
            LayeredCodec(self.key).crcs(parsed.key.picture)
        if parsed.inter is not None and parsed.inter.exact is not None:
            nothing = np.zeros((*parsed.size, 3), np.uint8)
            paste(parsed.inter.exact, nothing, nothing)


def _alpha(x: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    return x[..., 3].copy() if x.shape[2] == 4 else None


def _coded_alpha(alpha: NDArray[np.uint8] | None, reference: NDArray[np.uint8] | None) -> bytes:
    """What a packet of a sequence with alpha begins with; nothing in others."""
    if alpha is None:
        return b""
    coded = encode_alpha(alpha, reference)
    return write_varint(len(coded)) + coded


def load_sequence_codec(key: str | Path, inter: str | Path | None = None, runtime: str | None = None) -> SequenceCodec:
    """The codec of two checkpoints' folders; without one for inter frames, that of key frames serves for both.

    `runtime` is as of `load_codec`. Raises UnknownCheckpointError.
    """
    pictures = load_codec(key, runtime)
    frames = pictures if inter is None else load_codec(inter, runtime)
    return sequence_codec(pictures, frames, read_manifest(Path(inter or key)).config)


def sequence_codec(pictures: LearnedCodec, frames: LearnedCodec, config: Mapping[str, Any]) -> SequenceCodec:
    """The codec of two checkpoints; `config` is of that of inter frames. Raises UnknownCheckpointError."""
    model = frames.unit.deployed
    if model.decoder.unit != SUPERBLOCK:
        raise UnknownCheckpointError(f"{frames.name} is no model of the frames of a sequence")
    network = model if hasattr(model, "given") else StillAsInter(model)
    return SequenceCodec(
        key=pictures,
        residual=ResidualCodec(network=InParts(network), model=model, tables=frames.unit.tables),
        inter_name=frames.name,
        inter_model=frames.fingerprint[:8],
        rate=Rate.of_config(config, frames.levels),
    )
