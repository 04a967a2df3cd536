"""Both layers of a unit: the second one next to a first that is encoded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dlic.container.layers import CodedPart
from dlic.container.units import CodedUnit
from dlic.learned.progressive.decoding import first_of
from dlic.learned.progressive.layout import layout
from dlic.learned.progressive.refinement import Refined, SecondLayer, left_over
from dlic.learned.tiles.seams import Seams
from dlic.learned.unit import AnalysedUnit, EncodedUnit, UnitCodec
from dlic.progress import Progress
from dlic.runtime.tile_context import Surroundings
from dlic.runtime.timing import timed


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedLayers:
    """Both layers of one unit, without symbols and latents."""

    unit: CodedUnit  # the first
    parts: Sequence[CodedPart]
    finer: int  # of the second
    bits: float  # by the tables
    seconds: dict[str, float]


@dataclass(frozen=True)
class Effort:
    """The work on a second layer."""

    number: int  # 0 … 9
    progress: Progress
    around: Surroundings | None = None  # of a tile, for efforts above 0


@dataclass(frozen=True, eq=False, kw_only=True)
class LayerEncoder:
    """Encodes the second layers of the units of one picture."""

    second: SecondLayer
    codec: UnitCodec  # of the first layers
    level: int
    count: int  # parts

    def encode(self, unit: AnalysedUnit, seams: Seams, coded: EncodedUnit, effort: Effort) -> EncodedLayers:
        """Both layers of a unit from its latent and its encoded first layer."""
        second, level, count = self.second, self.level, self.count
        first, seconds = first_of(coded.unit, coded.symbols, coded.y_hat), dict(coded.seconds)
        with timed(seconds, "refinement"):
            tables, distances = second.tables(first, level), left_over(unit.latent, first, level, second.gains)
            finer = second.finer(distances, unit.latent * second.gains.gain[level], tables, seams)
            if (scale := seams.scale(finer)) is not None:
                distances *= scale[..., None]
            parts = layout(tables, second.data, count)
            refined = Refined.whole(parts, second.choose(distances, tables, parts))
            if effort.number:
                around = replace(effort.around, scale=scale) if effort.around else None
                goal = second.goal(unit.image, first, level, refined, self.codec.distortion, around)
                encoder = self.codec.deployed.encoder
                found = encoder.refine_further(goal, refined.refinements, effort.number, effort.progress)
                refined = replace(refined, refinements=found)
            streams, bits = second.encode(refined, first), coded.estimated_bits + second.bits(refined)
        return EncodedLayers(unit=coded.unit, parts=streams, finer=finer, bits=bits, seconds=seconds)
