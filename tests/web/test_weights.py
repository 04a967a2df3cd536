"""Weights for browsers, the pages that are one file, and the server of `dlic view`."""

import socket
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlic
from dlic.checkpoints.manifest import read_manifest
from dlic.errors import DlicError
from dlic.web import server as view_server
from dlic.web.bundle import bundle
from dlic.web.content import content_of
from dlic.web.server import ViewServer
from dlic.web.share import escaped, page
from dlic.web.site import site_files, view_files
from dlic.web.weights import MAGIC, body_of, file_name, web_weights
from tests.golden.rewrite import GOLDEN, TINY, TINY_LIGHT

FILE = GOLDEN / "kinds" / "rgba.dlic"
CHECKPOINTS = GOLDEN.parent.parent / "checkpoints"
MOST_CODE, MOST_WEIGHTS = 262_000, 3_700_000  # bytes that a page loads


@pytest.fixture(scope="module")
def content():
    return content_of("a <name> é.dlic", FILE.read_bytes(), TINY_LIGHT)


def test_weights_name_their_checkpoint():
    weights, manifest = web_weights(TINY_LIGHT), read_manifest(TINY_LIGHT)
    assert weights.startswith(MAGIC + manifest.fingerprint) and file_name(manifest) == f"{manifest.fingerprint.hex()[:16]}.weights"
    assert len(body_of(weights)) == int.from_bytes(weights[40:44], "little")


def test_other_models_have_none():
    with pytest.raises(DlicError, match="factorized"):
        web_weights(TINY)


def test_a_page_loads_little():
    files = site_files([CHECKPOINTS / "light-1", CHECKPOINTS / "light-1-inter"])
    code = sum(len(data) for name, data in files.items() if name.endswith(".js") and "/" not in name)
    wasm = max(len(data) for name, data in files.items() if name.endswith(".wasm"))
    assert code + wasm <= MOST_CODE
    assert all(len(data) <= MOST_WEIGHTS for name, data in files.items() if name.endswith(".weights"))


@given(st.binary(max_size=300))
def test_escaped_bytes_come_back(data):
    coded = escaped(data)
    assert not {0, 10, 13, ord("<")} & set(coded)
    letters, back = iter(coded), bytearray()
    for letter in letters:  # as pages/share.js does
        back.append((next(letters) - 106 if letter == ord("=") else letter - 42) & 255)
    assert bytes(back) == data


def test_a_shared_page_is_ascii_but_for_its_data(content):
    written = page(content)
    text = b"".join(part.partition(b"</script>")[2] for part in written.split(b'<script type="application/octet-stream"')[1:])
    assert (
        text.isascii()
        and b"a &lt;name&gt; &#233;.dlic" in written
        and b"unsafe-eval'" not in written.replace(b"'wasm-unsafe-eval'", b"")
    )
    assert len(written) < sum(map(len, content.weights.values())) * 1.03 + 350_000


def test_a_sequence_needs_the_weights_of_both_its_checkpoints():
    frames = [np.full((40, 50, 3), value, np.uint8) for value in (0, 90)]
    data = dlic.compress_sequence(frames, model="light-1")
    shown = content_of("clip.dlic", data)
    models = [read_manifest(CHECKPOINTS / name).fingerprint[:8].hex() for name in ("light-1", "light-1-inter")]
    assert shown.kind == "dlic" and list(shown.weights) == models
    files = view_files(shown)
    assert all(f"weights/{model}.weights" in files and model.encode() in files["weights/index.js"] for model in models)


def test_pictures_of_a_checkpoint_of_frames_are_shown_as_png():
    path = GOLDEN / "shipped" / "light-1-inter.dlic"
    assert content_of(path.name, path.read_bytes()).kind == "png"


def test_progressive_pictures_are_shown_by_the_decoder():
    data = (GOLDEN / "progressive" / "photograph_rans.dlic").read_bytes()
    shown = content_of("a.dlic", data, TINY_LIGHT)
    assert shown.kind == "dlic" and shown.data == data and len(shown.weights) == 1


def test_a_file_that_browsers_do_not_decode_is_shown_as_png():
    path = GOLDEN / "classical" / "lossless_predictive.dlic"
    shown = content_of(path.name, path.read_bytes())
    assert shown.kind == "png" and shown.data.startswith(b"\x89PNG") and shown.size == path.stat().st_size


@pytest.mark.parametrize("entry", ["pages/share.js", "worker.js"])
def test_bundles_have_no_imports_left(entry):
    script = bundle(entry)
    lines = script.splitlines()
    assert script.isascii() and not any(line.startswith(("import ", "export ")) for line in lines)


@pytest.fixture
def server(content, monkeypatch):
    monkeypatch.setattr(view_server, "BEAT", 0.02)
    monkeypatch.setattr(view_server, "GRACE", 0.2)
    running = ViewServer(view_files(content))
    thread = threading.Thread(target=running.run)
    thread.start()
    running.thread = thread
    yield running
    running.viewers.change(0)  # as if somebody had come and gone
    thread.join(20)
    assert not thread.is_alive()


def get(server: ViewServer, path: str = "", host: str | None = None, address: str | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request((address or server.address) + path, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_server_serves_its_own_files_only(server, content):
    assert server.server_address[0] == "127.0.0.1"
    assert get(server, "picture") == (200, content.data)
    assert get(server)[1].startswith(b"<!doctype html>")
    for path in ("nothing", "../picture", "%2e%2e/picture", "/etc/passwd", "pages/", "index.html/"):
        assert get(server, path)[0] == 404
    root = f"http://127.0.0.1:{server.port}/"
    assert get(server, address=root)[0] == get(server, "picture", address=root)[0] == 404


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "example.org:{port}", "127.0.0.1:{port}.example.org"])
def test_the_server_refuses_other_names(server, host):
    assert get(server, "picture", host=host.format(port=server.port))[0] == 403
    assert get(server, "picture", host=f"localhost:{server.port}")[0] == 200


def test_the_server_ends_with_its_last_page(server):
    with socket.create_connection(server.server_address) as page:
        page.sendall(f"GET /{server.secret}/alive HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        assert page.recv(100).startswith(b"HTTP/1.1 200")
        server.thread.join(0.6)
        assert server.thread.is_alive()
    server.thread.join(20)
    assert not server.thread.is_alive()


def test_weights_are_those_of_the_checkpoint():
    """The matrices as float16, in the order of the decoder; the first is h_s_mean.first."""
    from dlic.checkpoints.weights import read_weights

    body, first = body_of(web_weights(TINY_LIGHT)), read_weights(TINY_LIGHT)["h_s_mean.first.weight"].ravel()
    sizes = np.frombuffer(body, "<u4", 12)
    assert sizes.tolist()[:3] == [16, 24, 8] and sizes[11] == 128
    planes = np.frombuffer(body, np.uint8, offset=48)
    count = _matrices(sizes.tolist())
    values = np.stack([planes[:count], planes[count : 2 * count]], axis=1).reshape(-1).view("<f2")
    assert np.array_equal(values[: first.size], first.astype(np.float16))


def _matrices(sizes: list[int]) -> int:
    c, m, z, k, fine, coarse, fine_count, coarse_count, middle, steps = sizes[:10]
    hyper = 9 * z * middle + 17 * k * middle + k * m + (steps - 1) * (m * k + 9 * k * k)
    blocks = coarse_count * coarse * (2 * m + 9 * coarse) + fine_count * fine * (2 * c + 9 * fine)
    return hyper + blocks + 4 * m * c + 192 * c
