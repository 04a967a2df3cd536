"""Formats that state little: comments of PNM, texts of TGA, the colour space of QOI."""

import re

from dlic.images.colours.code_points import CodePoints
from dlic.images.metadata import COMMENT, Metadata
from dlic.images.sources.found import Found, comments, text_of

PNM_HEAD = re.compile(rb"P[1-7](?:\s+|#[^\r\n]*[\r\n])(?:\s*#[^\r\n]*[\r\n]|\s*[0-9]+(?=[\s#]))*")
PNM_COMMENT = re.compile(rb"#([^\r\n]*)")
PAM_HEAD = re.compile(rb"P7\s.*?ENDHDR\n", re.DOTALL)
TGA_SIGNATURE = b"TRUEVISION-XFILE.\0"
TGA_FIELDS = {"Author": (2, 41), COMMENT: (43, 324), "Title": (379, 41), "Software": (426, 41)}  # places and sizes in its extension
TGA_EXTENSION = 495  # bytes
LINEAR = CodePoints(1, 8)


def scan_pnm(data: bytes) -> Found:
    """Comments in the header of a PBM, PGM, PPM or PAM file."""
    head = PAM_HEAD.match(data) if data.startswith(b"P7") else PNM_HEAD.match(data)
    comment = comments([line.strip() for line in PNM_COMMENT.findall(head[0])]) if head else ""
    return Found(Metadata(text={COMMENT: comment} if comment else {}))


def scan_tga(data: bytes) -> Found:
    """The identification of a TGA file, and the texts of its extension."""
    texts = {COMMENT: text_of(data[18 : 18 + data[0]])} if data and data[0] else {}
    left_out = []
    if data.endswith(TGA_SIGNATURE) and len(data) > 26:
        extension_at, developer_at = (int.from_bytes(data[i : i + 4], "little") for i in (len(data) - 26, len(data) - 22))
        left_out += ["developer area"] if developer_at else []
        extension = data[extension_at : extension_at + TGA_EXTENSION] if extension_at else b""
        for keyword, (start, size) in TGA_FIELDS.items():
            lines = [text_of(extension[start + i : start + min(i + 81, size)].split(b"\0")[0]) for i in range(0, size, 81)]
            text = "\n".join(filter(None, map(str.strip, lines)))
            if text:
                texts[keyword] = "\n".join(filter(None, [texts.get(keyword), text]))
        left_out += ["gamma"] if any(extension[478:482]) else []
        left_out += (
            ["time, job or pixel shape"] if any(extension[367:379]) or any(extension[420:426]) or any(extension[474:478]) else []
        )
    return Found(Metadata(text={keyword: text for keyword, text in texts.items() if text.strip()}), tuple(left_out))


def scan_qoi(data: bytes) -> Found:
    """Whether the samples of a QOI file are linear in light."""
    return Found(Metadata(code_points=LINEAR)) if data[13:14] == b"\1" else Found()
