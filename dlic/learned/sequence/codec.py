"""Frames ⇄ packets: key frames as pictures, others by motion and residual. State is passed, never stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dlic.checkpoints.manifest import read_manifest
from dlic.classical.motion.field import still
from dlic.classical.motion.prediction import predict
from dlic.classical.motion.search import SearchReference, search
from dlic.classical.motion.temporal import FrameMotion, expected
from dlic.container.format import LEARNED, TILED, Container
from dlic.container.sequence_groups import Packet
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.entropy.parts import Symbols
from dlic.errors import CorruptFileError, UnknownCheckpointError
from dlic.images.transparency import filled
from dlic.learned.codec import LearnedCodec, load_codec
from dlic.learned.sequence.alpha import decode_alpha, encode_alpha
from dlic.learned.sequence.areas import SUPERBLOCK
from dlic.learned.sequence.packet import InterPacket, WrittenMotion, read_inter, write_inter, write_motion
from dlic.learned.sequence.residual import CodedResidual, ResidualCodec
from dlic.learned.sequence.skipping import Rate, pays, squared_errors, worth_coding
from dlic.learned.sequence.still_as_inter import StillAsInter
from dlic.pixels.frames import SequenceFormat

KEY = FrameMotion()  # of key frames
KEY_HEAD = 2  # bytes before the stream of a key frame: kind and coder


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """A frame as a decoder has it, to which others refer."""

    pixels: NDArray[np.uint8]  # (H, W, 3)
    motion: FrameMotion = KEY
    alpha: NDArray[np.uint8] | None = None  # (H, W)

    @property
    def shown(self) -> NDArray[np.uint8]:
        """(H, W, 3), or with alpha (H, W, 4); not shared with later frames."""
        return self.pixels.copy() if self.alpha is None else np.dstack([self.pixels, self.alpha])

    @cached_property
    def for_search(self) -> SearchReference:
        """What an encoder's search needs of it."""
        return SearchReference(self.pixels)


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedFrame:
    """A packet with what it decodes to."""

    data: bytes
    symbols_crc: int
    level: int
    decoded: DecodedFrame


@dataclass(frozen=True, eq=False, kw_only=True)
class ParsedFrame:
    """The symbols of a frame: all that is known of it without its references."""

    level: int
    size: tuple[int, int]  # height and width
    motion: FrameMotion = KEY
    alpha: bytes | None = None
    key: Container | None = None
    inter: InterPacket | None = None
    symbols: list[Symbols] = field(default_factory=list)


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

    # --- encoding

    def encode_key(self, x: NDArray[np.uint8], level: int, effort: int = 0) -> EncodedFrame:
        """A frame (H, W, 3), or with alpha (H, W, 4), as a picture."""
        alpha = _alpha(x)
        encoded = self.key.encode(x if alpha is None else filled(x[..., :3], alpha), level, effort)
        container = encoded.container
        data = _coded_alpha(alpha, None) + bytes([container.kind, container.coder]) + container.stream
        decoded = DecodedFrame(self.key.decode(replace(container, chunks=())).image, alpha=alpha)
        return EncodedFrame(data=data, symbols_crc=container.symbols_crc, level=level, decoded=decoded)

    def encode_inter(self, x: NDArray[np.uint8], references: Sequence[DecodedFrame], level: int, number: int) -> EncodedFrame:
        """A frame (H, W, 3), or with alpha (H, W, 4), predicted from one or two others; `number` in the order of display."""
        alpha = _alpha(x)
        moved, p = self._motion(x, references, level, number)
        x = x if alpha is None else np.where(alpha[..., None] > 0, x[..., :3], p)  # clear pixels cost nothing
        coded, residual, x_hat = self._residual(x, p, level)
        data, motion = write_inter(moved, coded, self.residual.coder.number, residual.stream)
        return EncodedFrame(
            data=_coded_alpha(alpha, references[0].alpha) + data,
            symbols_crc=crc32(_side(data, residual.stream), residual.crc),
            level=level,
            decoded=DecodedFrame(x_hat, motion, alpha),
        )

    def _motion(
        self, x: NDArray[np.uint8], references: Sequence[DecodedFrame], level: int, number: int
    ) -> tuple[WrittenMotion, NDArray[np.uint8]]:
        """The motion of a frame and its prediction; none where the first reference is as good for its bits."""
        price, motions = self.rate.of_motion(level), [reference.motion for reference in references]
        pixels = [reference.pixels for reference in references]
        between = any(motion.number > number for motion in motions)
        field = search(x, [reference.for_search for reference in references], price, expected(number, motions), between)
        moved, p = write_motion(field, number, motions), predict(pixels, field)
        saved = squared_errors(x[..., :3], pixels[0]).sum() - squared_errors(x[..., :3], p).sum()
        if saved * self.rate.lmbda(level) <= moved.writer.bits:
            return write_motion(still(x.shape[0], x.shape[1], len(references)), number, motions), pixels[0]
        return moved, p

    def _residual(
        self, x: NDArray[np.uint8], p: NDArray[np.uint8], level: int
    ) -> tuple[NDArray[np.bool_], CodedResidual, NDArray[np.uint8]]:
        """Chooses the superblocks whose residual is worth its bits, and codes them; also returns x_hat as a decoder has it."""
        coded = worth_coding(x, p, self.rate.lmbda(level))
        residual = self.residual.encode(x, p, level, coded)
        x_hat = self.residual.reconstruct(residual.symbols, p, level, coded)
        again = coded & pays(x, p, x_hat, residual.bits, self.rate.lmbda(level))
        if (again != coded).any():
            residual = self.residual.encode(x, p, level, again, residual.latents)
            x_hat = self.residual.reconstruct(residual.symbols, p, level, again)
        return again, residual, x_hat

    # --- decoding

    def parse(self, data: bytes, packet: Packet, references: Sequence[FrameMotion], form: SequenceFormat) -> ParsedFrame:
        """The symbols of a packet, checked against their checksum; `references` is their motion. Raises CorruptFileError."""
        size, alpha = (form.height, form.width), None
        if form.alpha:
            reader = Reader(data)
            alpha = reader.take(read_varint(reader))
            data = data[reader.position :]
        if not references:
            motion, key = KEY, self._container(data, packet.level, packet.symbols_crc, form)
            return ParsedFrame(level=packet.level, size=size, motion=motion, alpha=alpha, key=key)
        inter, motion = read_inter(data, form.height, form.width, packet.number, references)
        symbols, crc = self.residual.parse(inter.stream, inter.coder, size, packet.level, inter.coded)
        if crc32(_side(data, inter.stream), crc) != packet.symbols_crc:
            raise CorruptFileError("the decoded symbols of a frame do not match their checksum")
        return ParsedFrame(level=packet.level, size=size, motion=motion, alpha=alpha, inter=inter, symbols=symbols)

    def reconstruct(self, parsed: ParsedFrame, references: Sequence[DecodedFrame]) -> DecodedFrame:
        """The pixels of a parsed frame, given its references. Raises CorruptFileError."""
        before = references[0].alpha if references else None
        alpha = None if parsed.alpha is None else decode_alpha(parsed.alpha, parsed.size, before)
        if parsed.key is not None:
            return DecodedFrame(self.key.decode(parsed.key).image, parsed.motion, alpha)
        assert parsed.inter is not None, "a parsed frame is a key frame or a predicted one"
        p = predict([reference.pixels for reference in references], parsed.inter.field)
        pixels = self.residual.reconstruct(parsed.symbols, p, parsed.level, parsed.inter.coded)
        return DecodedFrame(pixels, parsed.motion, alpha)

    def verify(self, parsed: ParsedFrame) -> None:
        """Checks what `parse` leaves for later: the symbols of key frames. Raises CorruptFileError."""
        if parsed.key is not None:
            self.key.crcs(parsed.key)

    def _container(self, data: bytes, level: int, symbols_crc: int, form: SequenceFormat) -> Container:
        if len(data) < KEY_HEAD or data[0] not in (LEARNED, TILED):
            raise CorruptFileError("a key frame of the sequence is of a kind that this dlic does not know")
        return Container(
            kind=data[0],
            coder=data[1],
            width=form.width,
            height=form.height,
            level=level,
            model=self.key.fingerprint[:8],
            symbols_crc=symbols_crc,
            stream=data[KEY_HEAD:],
        )


def _side(data: bytes, stream: bytes) -> bytes:
    """A packet without the stream of its residual; the checksum of symbols covers it."""
    return data[: len(data) - len(stream)]


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
    model = frames.unit.deployed
    if model.decoder.unit != SUPERBLOCK:
        raise UnknownCheckpointError(f"{frames.name} is no model of the frames of a sequence")
    network = model if hasattr(model, "given") else StillAsInter(model)
    return SequenceCodec(
        key=pictures,
        residual=ResidualCodec(network=network, model=model, tables=frames.unit.tables),
        inter_name=frames.name,
        inter_model=frames.fingerprint[:8],
        rate=Rate.of_config(read_manifest(Path(inter or key)).config, frames.levels),
    )
