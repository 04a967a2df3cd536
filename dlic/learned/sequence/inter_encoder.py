"""A predicted frame → its packet: motion, residual and exact blocks, each where it is worth its bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import still
from dlic.classical.motion.prediction import predict
from dlic.classical.motion.search import SearchOptions, search
from dlic.classical.motion.temporal import FrameMotion, expected
from dlic.learned.exact.layer import in_pixels
from dlic.learned.exact.price import Price
from dlic.learned.exact.visibility import visibility
from dlic.learned.guarded_rounding import GuardedRounding
from dlic.learned.sequence.exact_blocks import ExactBlocks, paste
from dlic.learned.sequence.exact_canvas import PredictedFrame
from dlic.learned.sequence.exact_choice import chosen, of_blocks, possible, restored
from dlic.learned.sequence.frames import DecodedFrame
from dlic.learned.sequence.packet import WrittenMotion, write_inter, write_motion
from dlic.learned.sequence.residual import CodedResidual, ResidualCodec
from dlic.learned.sequence.settings import search_rounds
from dlic.learned.sequence.skipping import BEARABLE, Rate, losses, squared_errors, worth_coding
from dlic.pixels.rectangles import Rectangle


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedInter:
    """A predicted frame, coded in one way."""

    data: bytes  # of its packet, without transparency
    crc: int
    x_hat: NDArray[np.uint8]
    motion: FrameMotion
    bits: NDArray[np.float64]  # of each superblock


@dataclass(frozen=True, eq=False, kw_only=True)
class InterEncoder:
    """The encoder of one predicted frame."""

    residual: ResidualCodec
    rate: Rate
    references: Sequence[DecodedFrame]  # one or two
    level: int  # below 0: as 0, but bits of motion and superblocks cost more
    number: int  # in the order of display
    price: Price  # of exact blocks
    is_visual: bool  # whether errors of exact blocks count as eyes see them
    rounding: GuardedRounding

    def encode(self, x: NDArray[np.uint8], content: str, effort: int) -> CodedInter:
        """The packet of the frame (H, W, 3), or with alpha (H, W, 4), of which it codes the colours."""
        candidates = possible(x[..., :3], content)
        options = SearchOptions(
            price=self.rate.of_motion(self.level),
            between=any(reference.motion.number > self.number for reference in self.references),
            scrolls=candidates is not None,
            rounds=search_rounds(effort),
        )
        moved, p = self._motion(x, options)
        if x.shape[2] == 4:
            x = np.where(x[..., 3:] > 0, x[..., :3], p)  # clear pixels cost nothing
        packet = self._packet(moved, x, p)
        if candidates is None or np.array_equal(x, p):
            return packet
        return self._with_exact_blocks(packet, moved, x, p, candidates)

    def _with_exact_blocks(
        self, plain: CodedInter, moved: WrittenMotion, x: NDArray[np.uint8], p: NDArray[np.uint8], candidates: NDArray[np.bool_]
    ) -> CodedInter:
        """The packet of a frame with exact blocks, moving or not, if it costs fewer bits + error than the plain one."""
        frame = PredictedFrame(x, p, visibility(x) if self.is_visual else np.ones(x.shape[:2], np.float32))
        network = frame.errors(plain.x_hat, self.price) + of_blocks(plain.bits, frame.errors(p, self.price))
        exact = chosen(frame, network, candidates, self.price)
        if exact is None:
            return plain
        packets = [plain, self._packet(write_motion(moved.field, moved.number, moved.references), x, p, exact)]
        if not moved.field.is_still:
            quiet = write_motion(moved.field.stilled(exact.mask), moved.number, moved.references)
            p = predict([reference.pixels for reference in self.references], quiet.field)
            exact = restored(PredictedFrame(x, p, frame.weights), exact.mask, self.price)
            packets.append(self._packet(quiet, x, p, exact))
        return min(packets, key=lambda packet: 8 * len(packet.data) + float(frame.errors(packet.x_hat, self.price).sum()))

    def _packet(
        self, moved: WrittenMotion, x: NDArray[np.uint8], p: NDArray[np.uint8], exact: ExactBlocks | None = None
    ) -> CodedInter:
        """The frame coded with its motion and exact blocks; the network gets the prediction in their place."""
        rest = x if exact is None else np.where(in_pixels(exact.mask, Rectangle(0, 0, x.shape[1], x.shape[0]))[..., None], p, x)
        coded, residual, x_hat = self._residual(rest, p)
        if exact is not None:
            paste(exact, p, x_hat)
        steps = self.rounding.steps if self.rounding.chooses else None
        data, motion = write_inter(moved, coded, self.residual.coder.number, residual.stream, exact, steps)
        crc = crc32(without(data, residual.stream), residual.crc)
        return CodedInter(data=data, crc=crc, x_hat=x_hat, motion=motion, bits=residual.bits)

    def _motion(self, x: NDArray[np.uint8], options: SearchOptions) -> tuple[WrittenMotion, NDArray[np.uint8]]:
        """The motion of the frame and its prediction; none where the first reference is as good for its bits."""
        motions, pixels = [frame.motion for frame in self.references], [frame.pixels for frame in self.references]
        field = search(x, [frame.for_search for frame in self.references], options, expected(self.number, motions))
        moved, p = write_motion(field, self.number, motions), predict(pixels, field)
        saved = squared_errors(x[..., :3], pixels[0]).sum() - squared_errors(x[..., :3], p).sum()
        if saved * self.rate.lmbda(self.level) <= moved.writer.bits:
            return write_motion(still(x.shape[0], x.shape[1], len(motions)), self.number, motions), pixels[0]
        return moved, p

    def _residual(self, x: NDArray[np.uint8], p: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], CodedResidual, NDArray[np.uint8]]:
        """Chooses the superblocks whose residual is worth its bits, and codes them; also returns x_hat as a decoder has it."""
        lmbda, level = self.rate.lmbda(self.level), max(0, self.level)
        coded = worth_coding(x, p, lmbda)
        residual = self.residual.encode(x, p, level, coded)
        x_hat = residual.x_hat(p, self.rounding)
        lost = losses(x, p, x_hat, residual.bits, lmbda)
        if lost.sum() > BEARABLE * residual.bits.sum():
            coded = coded & (lost == 0)
            residual = self.residual.encode(x, p, level, coded, residual)
            x_hat = residual.x_hat(p, self.rounding)
        return coded, residual, x_hat


def without(data: bytes, stream: bytes) -> bytes:
    """A packet without the stream of its residual, at its end; the checksum of symbols covers it."""
    return data[: len(data) - len(stream)]
