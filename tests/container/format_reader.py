"""A reader of learned files from bytes to symbols, written from docs/format.md alone: plain Python, nothing of dlic."""

import hashlib
import json
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from safetensors.numpy import load_file

REFINEMENT = Path(__file__).parents[2] / "dlic" / "learned" / "progressive" / "refinement.json"

Latent = list[list[list[int]]]  # [y][x][channel]


@dataclass
class Tables:
    """Section 4.2."""

    minima: list[int]
    counts: list[list[int]]


class Checkpoint:
    """model.json and the whole numbers of weights.safetensors."""

    def __init__(self, folder: Path):
        manifest = json.loads((folder / "model.json").read_text())
        self.model, self.fingerprint = manifest["model"], bytes.fromhex(manifest["fingerprint"])
        self.tables = Tables(manifest["tables"]["minima"], manifest["tables"]["counts"])
        self.latents, self.context_steps = manifest["config"]["latents"], manifest["config"].get("context_steps", 2)
        arrays = load_file(folder / "weights.safetensors")
        self.arrays = {name: array.tolist() for name, array in arrays.items() if name.startswith("deployed.")}


@dataclass
class Unit:
    """A picture or a tile."""

    width: int
    height: int
    level: int
    coder: int
    symbols_crc: int
    stream: bytes = b""


class Bytes:
    """Bytes with a position."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.data)
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def varint(self) -> int:
        value = 0
        for place in range(5):
            byte = self.number(1)
            value += (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise AssertionError("longer than five bytes")


def units_of(file: bytes, checkpoint: Checkpoint) -> list[Unit]:
    """Sections 1 and 3."""
    reader = Bytes(file)
    assert reader.take(6) == bytes.fromhex("d269630d0a1a")
    kind, coder = reader.number(1), reader.number(1)
    width, height, level = reader.varint(), reader.varint(), reader.number(1)
    assert reader.take(8) == checkpoint.fingerprint[:8]
    symbols_crc, head = reader.number(4), file[: reader.at]
    stream = reader.take(reader.varint())
    assert zlib.crc32(file[: reader.at]) == reader.number(4)
    if kind == 0:
        return [Unit(width, height, level, coder, symbols_crc, stream)]
    assert kind == 1
    table = Bytes(stream)
    side = table.varint()
    lefts, tops = _borders(width, side), _borders(height, side)
    sizes = [(right - left, low - top) for top, low in pairwise(tops) for left, right in pairwise(lefts)]
    entries = [(table.varint(), table.number(4), table.number(1)) for _ in sizes]
    assert zlib.crc32(head + stream[: table.at]) == table.number(4)
    assert zlib.crc32(b"".join(crc.to_bytes(4, "big") for _, crc, _ in entries)) == symbols_crc
    return [Unit(*size, level, coder, crc, table.take(length)) for size, (length, crc, _) in zip(sizes, entries, strict=True)]


def _borders(length: int, side: int) -> list[int]:
    parts, blocks = max(1, (2 * length + side) // (2 * side)), -(-length // 64)
    return [64 * (i * blocks // parts) for i in range(parts)] + [length]


def symbols_of(unit: Unit, checkpoint: Checkpoint) -> list[int]:
    """Section 4: all symbols of a unit, z before y, compared with their checksum."""
    ans, height, width = Ans(unit.stream), -(-unit.height // 16), -(-unit.width // 16)
    if checkpoint.model == "factorized":
        symbols = ans.part([*range(checkpoint.latents)] * (height * width), checkpoint.tables)
    else:
        z, y_rows = z_and_rows(ans, unit, checkpoint)
        steps = places_of_steps(height, width, checkpoint) if unit.coder == 1 else []
        symbols = z + part_in_groups(ans, y_rows, groups_of(steps, y_rows, checkpoint.tables), checkpoint.tables)
    assert not ans.words and ans.state == 0
    assert crc_of(symbols) == unit.symbols_crc
    return symbols


def z_and_rows(ans: "Ans", unit: Unit, checkpoint: Checkpoint) -> tuple[list[int], list[int]]:
    """The symbols of z of a `light` unit, and the rows of y."""
    height, width = -(-unit.height // 16), -(-unit.width // 16)
    z_rows = [64 + row for row in checkpoint.arrays["deployed.z_rows"][unit.level]]
    z = ans.part(z_rows * (-(-height // 4) * -(-width // 4)), checkpoint.tables)
    rows = rows_of_y(_latent(z, -(-width // 4), len(z_rows)), unit.level, checkpoint.arrays)
    return z, [row for line in rows[:height] for pixel in line[:width] for row in pixel]


def crc_of(symbols: list[int], before: int = 0) -> int:
    return zlib.crc32(b"".join(symbol.to_bytes(4, "little", signed=True) for symbol in symbols), before)


@dataclass
class Refinement:
    """Section 10.3."""

    tables: Tables
    splits: list[int]
    ranks: list[list[int]]
    spreads: list[int]
    shifts: list[list[int]]
    name: bytes

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Refinement":
        stored = json.loads(REFINEMENT.read_text())
        none = [[0] * checkpoint.latents] * 4
        shifts = stored.pop("shifts").get(checkpoint.fingerprint[:8].hex(), none)
        text = json.dumps({**stored, "channels": shifts}, sort_keys=True, separators=(",", ":"))
        tables, name = Tables(stored["minima"], stored["counts"]), hashlib.sha256(text.encode()).digest()[:4]
        return cls(tables, stored["splits"], stored["ranks"], stored["spreads"], shifts, name)

    def passes(self) -> tuple[Tables, Tables]:
        """Section 10.4: the tables of cells, and those of values in them."""
        coarse, fine = Tables([], []), Tables([], [])
        for minimum, split, counts in zip(self.tables.minima, self.splits, self.tables.counts, strict=True):
            below = split - minimum
            coarse.minima.append(0 if below else 1)
            coarse.counts.append(_rescaled([sum(counts[:below]), sum(counts[below:]), 0]) if below else [1 << 16])
            fine.minima += [minimum, split]
            fine.counts.append(_rescaled([*counts[:below], 0]) if below > 1 else [1 << 16])
            fine.counts.append(_rescaled(counts[below:]) if below else counts)
        return coarse, fine


@dataclass
class Layered:
    """A unit of a progressive file: symbols of its first layer, 0 where they are missing, and the checksum of its last part."""

    unit: Unit
    z: list[int]
    y: list[int]
    rows: list[int]
    crc: int


def layers_of(file: bytes, checkpoint: Checkpoint) -> tuple[list[Layered], list[list[int]]]:
    """Section 10: the first layer of every unit, and the refinements of each."""
    reader = Bytes(file)
    head = reader.take(8)
    assert head == bytes.fromhex("d269630d0a1a07") + head[7:]
    width, height, level = reader.varint(), reader.varint(), reader.number(1)
    assert reader.take(8) == checkpoint.fingerprint[:8]
    symbols_crc, header = reader.number(4), file[: reader.at]
    assert reader.varint() == 0 and zlib.crc32(file[: reader.at]) == reader.number(4)
    chunks = {}
    while reader.at < len(file):
        start, name = reader.at, reader.take(4)
        chunks[name] = reader.take(reader.varint())
        assert zlib.crc32(file[start : reader.at]) == reader.number(4)
    units, whole, crc = _first_layer(chunks[b"Base"], header, (width, height), head[7], checkpoint)
    assert crc == symbols_crc or not whole
    if b"Fine" not in chunks:
        return units, [[] for _ in units]
    assert whole
    return units, _second_layer(chunks[b"Fine"], header, level, units, checkpoint)


def _head_of_layer(data: Bytes, header: bytes, tiles: int) -> int:
    """The number of parts."""
    count = data.varint()
    data.take(tiles)
    assert zlib.crc32(header + data.data[: data.at]) == data.number(4)
    return count


def _first_layer(
    data: bytes, header: bytes, size: tuple[int, int], coder: int, checkpoint: Checkpoint
) -> tuple[list[Layered], bool, int]:
    """Section 10.1: the units, whether no part is missing, and the checksum that the header has of the whole."""
    base = Bytes(data)
    kind, level = base.number(1), base.number(1)
    sizes = [size]
    if kind == 1:
        side = base.varint()
        lefts, tops = _borders(size[0], side), _borders(size[1], side)
        sizes = [(right - left, low - top) for top, low in pairwise(tops) for left, right in pairwise(lefts)]
    count, layered = _head_of_layer(base, header, len(sizes)), list[Layered]()
    parts: list[list[list[int]]] = []
    streams = 0
    for number in range(count):
        for i, own in enumerate(sizes):
            if base.at == len(data):
                break
            length, crc = base.varint(), base.number(4)
            ans, streams = Ans(base.take(length)), streams + 1
            if number == 0:
                unit = Unit(*own, level, coder, 0)
                z, rows = z_and_rows(ans, unit, checkpoint)
                layered.append(Layered(unit, z, [0] * len(rows), rows, crc_of(z)))
                parts.append(_parts_of_first(unit, rows, count, checkpoint))
            _read_part(ans, layered[i], parts[i][number], checkpoint)
            assert layered[i].crc == crc
    assert base.at == len(data)
    crcs = b"".join(of.crc.to_bytes(4, "big") for of in layered)
    return layered, streams == count * len(sizes), zlib.crc32(crcs) if kind == 1 else layered[0].crc


def _parts_of_first(unit: Unit, rows: list[int], count: int, checkpoint: Checkpoint) -> list[list[int]]:
    """The places of each part of the first layer."""
    steps, entropies = [0] * len(rows), [_entropy(counts) for counts in checkpoint.tables.counts]
    for step, places in enumerate(places_of_steps(-(-unit.height // 16), -(-unit.width // 16), checkpoint)):
        for place in places:
            steps[place] = step
    order = sorted(range(len(rows)), key=lambda place: (2 * steps[place] - rows[place], steps[place], place))
    return _cut([(place, entropies[rows[place]]) for place in order], count)


def _cut(costs: list[tuple[int, int]], count: int) -> list[list[int]]:
    """What comes in an order, with what it costs, in parts of about equal cost."""
    total, before = sum(cost for _, cost in costs), 0
    parts: list[list[int]] = [[] for _ in range(count)]
    for what, cost in costs:
        parts[min(count - 1, before * count // max(total, 1))].append(what)
        before += cost
    return [sorted(part) for part in parts]


def _read_part(ans: "Ans", layered: Layered, places: list[int], checkpoint: Checkpoint) -> None:
    """The symbols of y of one part of the first layer."""
    unit, among = layered.unit, {place: i for i, place in enumerate(places)}
    rows = [layered.rows[place] for place in places]
    steps = places_of_steps(-(-unit.height // 16), -(-unit.width // 16), checkpoint) if unit.coder == 1 else []
    of_part = [[among[place] for place in step if place in among] for step in steps]
    symbols = part_in_groups(ans, rows, groups_of(of_part, rows, checkpoint.tables), checkpoint.tables)
    assert not ans.words and ans.state == 0
    layered.crc = crc_of(symbols, layered.crc)
    for place, symbol in zip(places, symbols, strict=True):
        layered.y[place] = symbol


def _second_layer(data: bytes, header: bytes, level: int, units: list[Layered], checkpoint: Checkpoint) -> list[list[int]]:
    """Sections 10.2 and 10.4."""
    fine, refinement = Bytes(data), Refinement.of(checkpoint)
    assert fine.take(4) == refinement.name
    count = _head_of_layer(fine, header, len(units))
    tables = [_tables_of(unit, level, checkpoint, refinement) for unit in units]
    parts = [_parts_of_second(of_unit, refinement, count) for of_unit in tables]
    refinements, crcs = [[0] * len(of_unit) for of_unit in tables], [unit.crc for unit in units]
    cells = [[1] * len(of_unit) for of_unit in tables]
    coarse_tables, fine_tables = refinement.passes()
    for number in range(count):
        for i, unit in enumerate(units):
            if fine.at == len(data):
                break
            length, crc = fine.varint(), fine.number(4)
            ans = Ans(fine.take(length))
            coarse, values = parts[i][number]
            found = ans.part([tables[i][place] for place in coarse], coarse_tables)
            for place, cell in zip(coarse, found, strict=True):
                cells[i][place] = cell
            own, rows = [tables[i][place] for place in values], [2 * tables[i][place] + cells[i][place] for place in values]
            groups = _groups_of_values(own, rows, refinement.tables, fine_tables) if unit.unit.coder == 1 else []
            symbols = part_in_groups(ans, rows, groups, fine_tables)
            assert not ans.words and ans.state == 0
            crcs[i] = crc_of(found + symbols, crcs[i])
            assert crcs[i] == crc
            for place, symbol in zip(values, symbols, strict=True):
                refinements[i][place] = symbol
    assert fine.at == len(data)
    return refinements


def _groups_of_values(own: list[int], rows: list[int], tables: Tables, fine: Tables) -> list[list[int]]:
    """The groups of the values of a part, the last first."""
    groups, entropies = [], [_entropy(counts) for counts in fine.counts]
    for group in groups_of_step(list(range(len(own))), own, [_entropy(counts) for counts in tables.counts]):
        last = max(group, key=lambda place: (entropies[rows[place]], -place))
        groups += [[last, *(place for place in group if place != last)]] if entropies[rows[last]] else []
    return groups


def _tables_of(layered: Layered, level: int, checkpoint: Checkpoint, refinement: Refinement) -> list[int]:
    """Section 10.3."""
    unit = layered.unit
    height, width = -(-unit.height // 16), -(-unit.width // 16)
    z = _latent(layered.z, -(-width // 4), len(checkpoint.arrays["deployed.z_rows"][0]))
    rows = [row for line in rows_of_y(z, level, checkpoint.arrays)[:height] for pixel in line[:width] for row in pixel]
    tables = []
    for place, (s, a, b) in enumerate(zip(layered.y, layered.rows, rows, strict=True)):
        d = min(15, max(0, b - a))
        r = min(63, max(0, b + refinement.shifts[level // 16][place % checkpoint.latents] + refinement.spreads[d]))
        tables.append(4 * r + min(3, abs(s)))
    return tables


def _parts_of_second(tables: list[int], refinement: Refinement, count: int) -> list[tuple[list[int], list[int]]]:
    """Section 10.4: the places of the cells and of the values of each part."""
    both, first = ([_entropy(counts) for counts in of.counts] for of in (refinement.tables, refinement.passes()[0]))
    bits = [first, [max(0, e - c) for e, c in zip(both, first, strict=True)]]
    passes = [(pass_, place) for pass_ in (0, 1) for place in range(len(tables))]
    passes.sort(key=lambda of: (refinement.ranks[of[0]][tables[of[1]]], of[1]))
    parts = _cut([(pass_ * len(tables) + place, bits[pass_][tables[place]]) for pass_, place in passes], count)
    once = [split == minimum for split, minimum in zip(refinement.splits, refinement.tables.minima, strict=True)]
    return [
        (
            [of for of in part if of < len(tables) and not once[tables[of]]],
            [of - len(tables) for of in part if of >= len(tables)],
        )
        for part in parts
    ]


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + _varint(value // 128)


class Ans:
    """Section 4.4."""

    def __init__(self, stream: bytes):
        self.words = [int.from_bytes(stream[i : i + 4], "little") for i in range(0, len(stream), 4)]
        assert len(stream) % 4 == 0 and (not self.words or self.words[-1])
        self.state = self.words.pop() if self.words else 0
        if self.words:
            self.state = (self.state << 32) + self.words.pop()

    def entry(self, borders: list[int]) -> int:
        """`borders` are L₀ … Lₙ."""
        q = self.state % (1 << 24)
        i = bisect_right(borders, q) - 1
        self.state = (self.state >> 24) * (borders[i + 1] - borders[i]) + q - borders[i]
        if self.state < 1 << 32 and self.words:
            self.state = (self.state << 32) + self.words.pop()
        return i

    def uniform(self, size: int) -> int:
        step = (1 << 24) // size
        return self.entry([i * step for i in range(size)] + [1 << 24])

    def part(self, rows: list[int], tables: Tables) -> list[int]:
        """Sections 4.2 and 4.3."""
        symbols = [tables.minima[row] for row in rows]
        escapes = []
        places: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(row, []).append(place)
        for row in sorted(places):
            counts = tables.counts[row]
            if len(counts) == 1:
                continue
            borders = _borders_of(counts)
            for place in places[row]:
                index = self.entry(borders)
                symbols[place] += index
                escapes += [place] if index == len(counts) - 1 else []
        lengths = [self.uniform(16) for _ in escapes]
        codes = [(1 << length) + (self.uniform(1 << length) if length else 0) for length in lengths]
        for place, code in zip(escapes, codes, strict=True):
            minimum, size = tables.minima[rows[place]], len(tables.counts[rows[place]]) - 1
            symbols[place] = minimum - (code + 1) // 2 if code % 2 else minimum + size - 1 + code // 2
        return symbols


def _borders_of(counts: list[int]) -> list[int]:
    borders, before = [], 0
    for i, count in enumerate(counts):
        borders.append(i + (before * ((1 << 24) - len(counts)) >> 16))
        before += count
    return [*borders, 1 << 24]


def places_of_steps(height: int, width: int, checkpoint: Checkpoint) -> list[list[int]]:
    """Section 4.5: the places of the symbols of every context step."""
    places_of_step: list[list[int]] = [[] for _ in range(checkpoint.context_steps)]
    for place in range(height * width * checkpoint.latents):
        at, c = divmod(place, checkpoint.latents)
        i, j = divmod(at, width)
        half, quarter = (c + i + j) % 2, (c // 2 + i) % 2
        places_of_step[half if checkpoint.context_steps == 2 else 2 * half + quarter].append(place)
    return places_of_step


def groups_of(steps: list[list[int]], rows: list[int], tables: Tables) -> list[list[int]]:
    """Section 4.5: the places of each group's members, the last symbol first."""
    entropies = [_entropy(counts) for counts in tables.counts]
    return [group for places in steps for group in groups_of_step(places, rows, entropies)]


def groups_of_step(places: list[int], rows: list[int], entropies: list[int]) -> list[list[int]]:
    """The groups of one step."""
    groups, before, numbered = [], 0, dict[int, list[int]]()
    for place in places:
        if entropies[rows[place]]:
            numbered.setdefault(before // 4096, []).append(place)
            before += entropies[rows[place]]
    for number in sorted(numbered):
        if number < before // 4096:
            last = max(numbered[number], key=lambda place: (rows[place], -place))
            groups.append([last, *(place for place in numbered[number] if place != last)])
    return groups


def _entropy(counts: list[int]) -> int:
    return sum(count * (4096 - _logarithm(count)) for count in counts) >> 16


def _logarithm(value: int) -> int:
    logarithm = value.bit_length() - 1
    m = value << 30 - logarithm
    for _ in range(8):
        m = m * m >> 30
        bit = m >> 31
        m, logarithm = m >> bit, 2 * logarithm + bit
    return logarithm


def part_in_groups(ans: Ans, rows: list[int], groups: list[list[int]], tables: Tables) -> list[int]:
    """Section 4.5: the part y."""
    lasts = {group[0] for group in groups}
    others = [place for place in range(len(rows)) if place not in lasts]
    symbols = dict(zip(others, ans.part([rows[place] for place in others], tables), strict=True))
    parities = [sum(symbols[place] for place in others) % 2 for _, *others in groups]
    rows_of_lasts = [2 * rows[group[0]] + parity for group, parity in zip(groups, parities, strict=True)]
    for group, parity, u in zip(groups, parities, ans.part(rows_of_lasts, _tables_of_parities(tables)), strict=True):
        symbols[group[0]] = 2 * u + parity
    return [symbols[place] for place in range(len(rows))]


def _tables_of_parities(tables: Tables) -> Tables:
    made = Tables([], [])
    for minimum, counts in zip(tables.minima, tables.counts, strict=True):
        for parity in (0, 1):
            if len(counts) == 1:
                made.minima.append(minimum)
                made.counts.append(counts)
                continue
            d = (parity - minimum) % 2
            made.minima.append((minimum + d) // 2)
            made.counts.append(_rescaled([*(counts[d:-1:2] or [1]), (counts[-1] + 1) // 2]))
    return made


def _rescaled(numbers: list[int]) -> list[int]:
    total, rest = sum(numbers), (1 << 16) - len(numbers)
    counts = [1 + number * rest // total for number in numbers]
    by_remainder = sorted(range(len(numbers)), key=lambda i: -(numbers[i] * rest % total))
    for i in by_remainder[: (1 << 16) - sum(counts)]:
        counts[i] += 1
    return counts


def rows_of_y(z: Latent, level: int, arrays: dict[str, list]) -> Latent:
    """Section 5.2."""
    a = [[[max(-(1 << 20), min(1 << 20, value)) for value in pixel] for pixel in line] for line in z]
    for name, high, shuffled in (("first", 0, False), ("widen", 0, True), ("middle", 0, False), ("last", 63, True)):
        layer = {key: arrays[f"deployed.h_s_scale.{name}.{key}"] for key in ("weight", "bias", "shift")}
        a = _convolved(a, layer["weight"], layer["bias"][level], layer["shift"], high or (1 << 20) - 1)
        a = _shuffled(a) if shuffled else a
    return a


def _convolved(a: Latent, weight: list, bias: list[int], shift: int, high: int) -> Latent:
    height, width, reach = len(a), len(a[0]), len(weight[0][0]) // 2

    def at(y: int, x: int, out: int) -> int:
        total = bias[out]
        for p in range(-reach, reach + 1):
            for q in range(-reach, reach + 1):
                if 0 <= y + p < height and 0 <= x + q < width:
                    pixel = a[y + p][x + q]
                    total += sum(kernel[p + reach][q + reach] * value for kernel, value in zip(weight[out], pixel, strict=True))
        return min(high, max(0, total >> shift))

    return [[[at(y, x, out) for out in range(len(weight))] for x in range(width)] for y in range(height)]


def _shuffled(a: Latent) -> Latent:
    channels = len(a[0][0]) // 4
    return [
        [[a[y // 2][x // 2][4 * c + 2 * (y % 2) + x % 2] for c in range(channels)] for x in range(2 * len(a[0]))]
        for y in range(2 * len(a))
    ]


def _latent(symbols: list[int], width: int, channels: int) -> Latent:
    pixels = [symbols[i : i + channels] for i in range(0, len(symbols), channels)]
    return [pixels[i : i + width] for i in range(0, len(pixels), width)]
