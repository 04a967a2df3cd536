"""The decoder in C as a native library, called by ctypes: what `dlic.js` does with the WebAssembly of the same file."""

import ctypes
import shutil
import subprocess
import uuid
from pathlib import Path

import numpy as np

import dlic
from dlic.container.format import PROGRESSIVE, Container, read
from dlic.web.weights import body_of, web_weights

SOURCE = Path(dlic.__file__).parent / "web" / "decoder.c"
CLANG = shutil.which("clang")
PICTURE = (
    "kind", "coder", "width", "height", "level", "crc", "model_high", "model_low", "start", "length", "columns", "rows", "chunks",
    "side", "first", "tables", "parts", "entries", "base_parts", "base_entries", "shown",
)  # fmt: skip
TILE = ("x", "y", "width", "height", "start", "length", "crc", "finer", "further")
PLACES = (  # functions that return one
    "take", "mark", "open", "picture", "latents", "pixels", "symbols", "alpha", "exact", "sequence", "group", "frame", "motion",
    "entries", "refined", "steps",
)  # fmt: skip
HALO = 2  # latents


def build(target: Path, *options: str) -> Path:
    """Builds the library."""
    subprocess.run(
        [str(CLANG), "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", *options, str(SOURCE), "-o", str(target)], check=True
    )
    return target


class Native:
    """The library with the weights of one checkpoint."""

    def __init__(self, library: Path, checkpoint: Path):
        own = library.with_name(f"{uuid.uuid4().hex}.so")  # two handles of one file would share its state
        self.c = ctypes.CDLL(str(shutil.copy(library, own)))
        for name in PLACES:
            getattr(self.c, f"dlic_{name}").restype = ctypes.c_void_p
        self.c.dlic_problem.restype = ctypes.c_char_p
        self.c.dlic_motion_size.restype = ctypes.c_size_t
        self.c.dlic_release.argtypes = [ctypes.c_void_p]
        assert self.load(body_of(web_weights(checkpoint))), self.problem()
        self.start = self.c.dlic_mark()

    def load(self, body: bytes) -> bool:
        """The model of a weights file's body; whether it is one."""
        return bool(self.c.dlic_model(ctypes.c_void_p(self._copied(body)), ctypes.c_size_t(len(body))))

    def problem(self) -> str:
        return (self.c.dlic_problem() or b"").decode()

    def decode(self, data: bytes, partial: bool = False, offsets: bytes | None = None) -> np.ndarray:
        """RGBA (H, W, 4); with `partial`, of the beginning of a progressive file; with `offsets`, of a guarded frame.

        Raises ValueError with the decoder's sentence.
        """
        self.c.dlic_release(self.start)
        file = self._copied(data)
        tiles = self.c.dlic_open(ctypes.c_void_p(file), ctypes.c_size_t(len(data)), int(partial))
        if not tiles:
            raise ValueError(self.problem())
        head = dict(zip(PICTURE, self._numbers(self.c.dlic_picture(), len(PICTURE)), strict=True))
        count = head["columns"] * head["rows"]
        places = [dict(zip(TILE, self._numbers(tiles + 4 * len(TILE) * i, len(TILE)), strict=True)) for i in range(count)]
        steps = None if offsets is None else self._steps(offsets, head)
        streams = head["base_entries"] + head["entries"]
        entries = np.array(self._numbers(self.c.dlic_entries(), 3 * streams), np.uint32).reshape(-1, 3)
        latents = self._latents(head, file, places, np.split(entries, [head["base_entries"]]))
        image = np.empty((head["height"], head["width"], 4), np.uint8)
        for place in places:
            x, y, right, bottom = place["x"], place["y"], place["x"] + place["width"], place["y"] + place["height"]
            image[y:bottom, x:right] = self._pixels(head, latents, place, steps)
        return image

    def symbols(self, container: Container, count: int) -> np.ndarray:
        """The symbols of a picture of one unit."""
        self.c.dlic_release(self.start)
        found = self.c.dlic_symbols(*self._coded(container, container.width, container.height))
        return np.ctypeslib.as_array(ctypes.cast(found, ctypes.POINTER(ctypes.c_int32)), (count,)).copy()

    def latents(self, container: Container, width: int, height: int) -> bool:
        """Whether the stream decodes as a picture of another size."""
        self.c.dlic_release(self.start)
        return bool(self.c.dlic_latents(*self._coded(container, width, height), 0, 0))

    def alpha(self, data: bytes) -> bool:
        """Whether the transparency of a file decodes."""
        self.c.dlic_release(self.start)
        container = read(data)
        chunk = dict(container.chunks)[b"alph"]
        size = container.width, container.height
        return bool(self.c.dlic_alpha(ctypes.c_void_p(self._copied(chunk)), ctypes.c_size_t(len(chunk)), *size, 0, 0, *size))

    def exact(self, layer: bytes, width: int, height: int) -> np.ndarray | None:
        """The pixels (H, W, 4) of a layer of exact blocks; others, and clear ones, are 0."""
        self.c.dlic_release(self.start)
        size = width, height
        found = self.c.dlic_exact(ctypes.c_void_p(self._copied(layer)), ctypes.c_size_t(len(layer)), *size, 0, 0, *size, 0, 0)
        pixels = ctypes.string_at(found, 4 * width * height) if found else None
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 4) if pixels else None

    def _coded(self, container: Container, width: int, height: int) -> tuple[object, ...]:
        place, length = ctypes.c_void_p(self._copied(container.stream)), ctypes.c_size_t(len(container.stream))
        return place, length, width, height, container.level, container.coder, ctypes.c_uint32(container.symbols_crc)

    def _latents(self, head: dict[str, int], file: int, places: list[dict[str, int]], layers: list[np.ndarray]) -> np.ndarray:
        """y_hat of the whole picture; `layers`: start, length and crc of the streams of each."""
        slots = self.c.dlic_slots()
        whole = np.empty((-(-head["height"] // 16), -(-head["width"] // 16), slots), np.float32)
        for index, place in enumerate(places):
            column, row = index % head["columns"], index // head["columns"]
            seams = (column > 0) + 2 * (row > 0) + 4 * (column + 1 < head["columns"]) + 8 * (row + 1 < head["rows"])
            if head["kind"] == PROGRESSIVE:
                y = self._refined(head, file, place, seams, [layer[index :: len(places)] for layer in layers])
            else:
                stream = ctypes.c_void_p(file + place["start"]), ctypes.c_size_t(place["length"])
                size, crc = (place["width"], place["height"]), ctypes.c_uint32(place["crc"])
                y = self.c.dlic_latents(*stream, *size, head["level"], head["coder"], crc, place["finer"], seams)
            if not y:
                raise ValueError(self.problem())
            h, w = -(-place["height"] // 16), -(-place["width"] // 16)
            values = np.ctypeslib.as_array(ctypes.cast(y, ctypes.POINTER(ctypes.c_float)), (h, w, slots))
            whole[place["y"] // 16 :, place["x"] // 16 :][:h, :w] = values
        return whole

    def _refined(self, head: dict[str, int], file: int, place: dict[str, int], seams: int, layers: list[np.ndarray]) -> int:
        """y_hat of both layers of a tile."""
        entries = np.concatenate(layers)
        streams = b"".join(ctypes.string_at(file + start, length) for start, length, _ in entries.tolist())
        data = [self._copied(part) for part in (streams, np.ascontiguousarray(entries[:, 1:]).tobytes())]
        found = self.c.dlic_refined(
            place["width"], place["height"], head["first"], head["coder"], place["finer"], seams, *map(ctypes.c_void_p, data),
            len(layers[0]), head["base_parts"], len(layers[1]), head["parts"], head["level"], head["shown"], place["further"],
            ctypes.c_uint32(head["tables"]),
        )  # fmt: skip
        return int(found or 0)

    def _steps(self, offsets: bytes, head: dict[str, int]) -> np.ndarray:
        """Steps of the offsets of a guarded frame's units (h, w)."""
        units = -(-head["height"] // 32), -(-head["width"] // 32)
        place, size = ctypes.c_void_p(self._copied(offsets)), ctypes.c_size_t(len(offsets))
        found = self.c.dlic_steps(place, size, head["width"], head["height"])
        if not found:
            raise ValueError(self.problem())
        return np.ctypeslib.as_array(ctypes.cast(found, ctypes.POINTER(ctypes.c_int16)), units).copy()

    def _pixels(
        self, head: dict[str, int], latents: np.ndarray, place: dict[str, int], steps: "np.ndarray | None" = None
    ) -> np.ndarray:
        left, top = max(0, place["x"] // 16 - HALO), max(0, place["y"] // 16 - HALO)
        right, bottom = -(-(place["x"] + place["width"]) // 16) + HALO, -(-(place["y"] + place["height"]) // 16) + HALO
        part = np.ascontiguousarray(latents[top:bottom, left:right])
        if steps is not None:
            end = -(-(place["y"] + place["height"]) // 32), -(-(place["x"] + place["width"]) // 32)
            own = np.ascontiguousarray(steps[place["y"] // 32 : end[0], place["x"] // 32 : end[1]]).tobytes()
        found = self.c.dlic_pixels(
            ctypes.c_void_p(self._copied(part.tobytes())), part.shape[0], part.shape[1], head["shown"],
            place["x"] - 16 * left, place["y"] - 16 * top, place["width"], place["height"],
            None if steps is None else ctypes.c_void_p(self._copied(own)),
        )  # fmt: skip
        if not found:
            raise ValueError(self.problem())
        pixels = ctypes.string_at(found, 4 * place["width"] * place["height"])
        return np.frombuffer(pixels, np.uint8).reshape(place["height"], place["width"], 4)

    def _copied(self, data: bytes) -> int:
        """Bytes in memory of the decoder, which ends where they end."""
        place = self.c.dlic_take(ctypes.c_size_t(len(data)))
        assert place
        ctypes.memmove(place, data, len(data))
        return place

    @staticmethod
    def _numbers(place: int, count: int) -> list[int]:
        return list((ctypes.c_uint32 * count).from_address(place)) if count else []
