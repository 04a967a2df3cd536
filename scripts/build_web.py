"""Builds the decoders for browsers and the module of motion from C, with Debian's clang and lld: `make web`.

Two decoders: one for every engine with SIMD, and one with the fused multiply-add of relaxed SIMD, which is faster on most machines.
LLVM 14 knows relaxed SIMD by the numbers of an early draft; they are replaced by those of the finished standard.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "dlic"
WEB, MOTION = PACKAGE / "web", PACKAGE / "classical" / "motion"
OPTIONS = [
    "--target=wasm32", "-std=c11", "-O3", "-Wall", "-Wextra", "-Werror", "-msimd128", "-mbulk-memory", "-fvisibility=hidden",
    "-nostdlib", "-Wl,--no-entry", "-Wl,--export-dynamic", "-Wl,--strip-all", "-Wl,-z,stack-size=262144",
]  # fmt: skip
FINISHED = {0xAF: 0x105, 0xCF: 0x107}  # f32x4 and f64x2 multiply-add: number of the draft → of the standard
CODE, VECTOR, OTHER = 10, 0xFD, 0xFC  # the section of functions, and the prefixes of instructions


def main(folder: str | None = None) -> int:
    """Writes all files into `folder`, or to where the package has them."""
    clang = shutil.which("clang")
    if clang is None or shutil.which("wasm-ld") is None:
        print("clang and lld are needed: apt-get install clang lld", file=sys.stderr)
        return 1
    to, of_motion = (Path(folder), Path(folder)) if folder else (WEB, MOTION)
    decoder = WEB / "decoder.c"
    built = [
        _build(clang, decoder, to / "decoder.wasm"),
        _build(clang, MOTION / "motion.c", of_motion / "motion.wasm", "-Wno-unused-function"),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        draft = _build(clang, decoder, Path(scratch) / "draft.wasm", "-mrelaxed-simd")
        built.append(to / "decoder.relaxed.wasm")
        built[-1].write_bytes(with_finished_numbers(draft.read_bytes()))
    for path in built:
        print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


def _build(clang: str, source: Path, target: Path, *options: str) -> Path:
    subprocess.run([clang, *OPTIONS, *options, str(source), "-o", str(target)], check=True)
    return target


def with_finished_numbers(module: bytes) -> bytes:
    """A WebAssembly module with the standard's numbers of relaxed instructions in place of the draft's."""
    data, at = bytearray(module), 8
    while at < len(data):
        section, (size, body) = data[at], _leb(data, at + 1)
        if section == CODE:
            _walk_functions(data, body)
        at = body + size
    return bytes(data)


def _walk_functions(data: bytearray, at: int) -> None:
    count, at = _leb(data, at)
    for _ in range(count):
        size, at = _leb(data, at)
        end = at + size
        groups, at = _leb(data, at)
        for _ in range(groups):  # of local variables: number and type
            at = _leb(data, at)[1] + 1
        while at < end:
            at = _instruction(data, at)
        assert at == end, "an instruction was not understood"


def _instruction(data: bytearray, at: int) -> int:
    """Replaces the number of an instruction where it is a draft's; returns where the next one begins."""
    code, at = data[at], at + 1
    if code == VECTOR:
        number, after = _leb(data, at)
        if number in FINISHED:
            data[at:after] = _two_bytes(FINISHED[number])
        return _vector_operands(data, number, after)
    if code == OTHER:
        number, at = _leb(data, at)
        return _skip(data, at, {8: 2, 9: 1, 10: 2, 11: 1}.get(number, 0))
    if code == 0x0E:  # br_table
        count, at = _leb(data, at)
        return _skip(data, at, count + 1)
    if code in (0x43, 0x44):  # float constants
        return at + (4 if code == 0x43 else 8)
    if code in (0x02, 0x03, 0x04, 0x0C, 0x0D, 0x10, 0x3F, 0x40, 0x41, 0x42) or 0x20 <= code <= 0x26:
        return _skip(data, at, 1)
    return _skip(data, at, 2 if code == 0x11 or 0x28 <= code <= 0x3E else 0)


def _vector_operands(data: bytearray, number: int, at: int) -> int:
    if number <= 11 or number in (92, 93):  # loads and stores: alignment and offset
        return _skip(data, at, 2)
    if 84 <= number <= 91:  # of one lane
        return _skip(data, at, 2) + 1
    return at + (16 if number in (12, 13) else 1 if 21 <= number <= 34 else 0)  # constants and shuffles; lanes


def _leb(data: bytearray, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def _skip(data: bytearray, at: int, numbers: int) -> int:
    for _ in range(numbers):
        at = _leb(data, at)[1]
    return at


def _two_bytes(number: int) -> bytes:
    return bytes([number & 127 | 128, number >> 7])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
