"""Downloads from a local server that behaves, and from ones that do not."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dlic.errors import DownloadError
from dlic.storage.downloads import fetch, fetch_bytes, sha256_of

DATA = hashlib.shake_128(b"weights").digest(300_000)  # several chunks
SHA256 = hashlib.sha256(DATA).hexdigest()
HALF = 150_000
PATH = "/weights.bin"


class Handler(BaseHTTPRequestHandler):
    """Sends the server's files, with the faults the server is set to."""

    def do_GET(self) -> None:
        server = self.server
        server.ranges.append(self.headers.get("Range"))
        if server.redirect:
            self.send_response(302)
            self.send_header("Location", server.redirect)
            self.end_headers()
        elif self.path not in server.files:
            self.send_error(404)
        else:
            self.send_file(server.files[self.path])

    def send_file(self, data: bytes) -> None:
        server, start = self.server, self.start()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start + server.shift}-{len(data) - 1}/{len(data)}")
        if server.announce:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start : server.drop_at]
        server.sent += len(body)
        self.wfile.write(body)
        if server.drop_at and server.stall:
            self.wfile.flush()
            server.done.wait(10)

    def start(self) -> int:
        wanted = self.headers.get("Range")
        return int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.knows_ranges else 0

    def log_message(self, *_) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {PATH: DATA}
        self.knows_ranges = self.announce = True  # Range requests are answered; Content-Length is sent
        self.drop_at = None  # connections break off here
        self.stall = False  # … or fall silent
        self.shift = 0  # error in the position a range is said to have
        self.redirect = None
        self.sent, self.ranges = 0, []  # bytes of bodies; Range header of each request
        self.done = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{PATH}"


@pytest.fixture
def serve(monkeypatch):
    """Starts servers, any number."""
    monkeypatch.setenv("no_proxy", "*")
    servers = []

    def start() -> Server:
        server = Server()
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.done.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(serve) -> Server:
    return serve()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "weights.bin"


def part(target):
    return target.with_name("weights.bin.part")


def get(target, *urls, **options) -> None:
    fetch(urls, target, len(DATA), SHA256, **options)


def refused(target, *urls, **options) -> str:
    """The sentence of a fetch that must fail and leave nothing at the target."""
    with pytest.raises(DownloadError) as caught:
        get(target, *urls, **options)
    assert caught.value.exit_code == 3
    assert not target.exists()
    return str(caught.value)


def only(target) -> None:
    """The file is there, and nothing beside it."""
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]


def test_whole_file_with_progress(server, target):
    seen = []
    get(target, server.url, progress=lambda there, size: seen.append((there, size)))
    only(target)
    assert seen == sorted(seen)
    assert seen[0] == (0, len(DATA)) and seen[-1] == (len(DATA), len(DATA)) and len(seen) > 3


def test_present_file_is_not_fetched_again(server, target):
    target.write_bytes(DATA)
    get(target, server.url)
    assert server.ranges == []


def test_present_file_with_other_content_is_replaced(server, target):
    target.write_bytes(b"?" * len(DATA))
    get(target, server.url)
    only(target)


def test_dropped_connection_keeps_what_arrived_and_resumes(server, target):
    server.drop_at = HALF
    sentence = refused(target, server.url)
    assert "broke off after 150,000 of 300,000 bytes" in sentence and "the next try continues" in sentence
    assert part(target).read_bytes() == DATA[:HALF]
    server.drop_at, server.sent = None, 0
    get(target, server.url)
    only(target)
    assert server.sent == len(DATA) - HALF
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_interrupted_by_hand_and_resumed(server, target):
    def interrupt(there: int, size: int) -> None:
        if there >= HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(target, server.url, progress=interrupt)
    kept = part(target).stat().st_size
    assert HALF <= kept < len(DATA) and not target.exists()
    server.sent = 0
    get(target, server.url)
    only(target)
    assert server.sent == len(DATA) - kept


def test_another_mirror_continues_a_dropped_transfer(serve, target):
    first, second = serve(), serve()
    first.drop_at = HALF
    get(target, first.url, second.url)
    only(target)
    assert second.sent == len(DATA) - HALF


def test_server_without_ranges_starts_over(server, target):
    part(target).write_bytes(DATA[:HALF])
    server.knows_ranges = False
    get(target, server.url)
    only(target)
    assert server.sent == len(DATA)


def test_server_that_answers_another_range_is_refused(server, target):
    part(target).write_bytes(DATA[:HALF])
    server.shift = 7
    assert "was asked for the bytes from 150,000 on" in refused(target, server.url)
    assert part(target).read_bytes() == DATA[:HALF]


def test_complete_part_needs_no_server(target):
    part(target).write_bytes(DATA)
    get(target, "http://127.0.0.1:1/weights.bin")
    only(target)


def test_part_longer_than_the_file_starts_over(server, target):
    part(target).write_bytes(DATA + b"?")
    get(target, server.url)
    only(target)
    assert server.ranges == [None]


@pytest.mark.parametrize("left", [b"?" * HALF, b"?" * len(DATA)], ids=["half", "whole"])
def test_damaged_part_starts_over(server, target, left):
    part(target).write_bytes(left)
    get(target, server.url)
    only(target)
    assert server.ranges[-1] is None


def test_wrong_content_is_refused_and_removed(server, target):
    server.files[PATH] = DATA[:-1] + b"?"
    assert "wrong content" in refused(target, server.url)
    assert not part(target).exists()


def test_wrong_content_on_one_mirror_leaves_the_next(serve, target):
    first, second = serve(), serve()
    first.files[PATH] = DATA[:-1] + b"?"
    get(target, first.url, second.url)
    only(target)
    assert second.sent == len(DATA)


def test_mirrors_are_tried_in_order(serve, target):
    missing, good, unused = serve(), serve(), serve()
    missing.files.clear()
    get(target, missing.url, good.url, unused.url)
    only(target)
    assert (len(missing.ranges), len(good.ranges), len(unused.ranges)) == (1, 1, 0)


def test_every_failure_is_named(server, target, tmp_path):
    server.files.clear()
    missing = (tmp_path / "nowhere").as_uri()
    sentence = refused(target, server.url, missing, "http://127.0.0.1:1/weights.bin")
    assert f"cannot download weights.bin: {server.url}: HTTP 404 Not Found; {missing}: No such file or directory" in sentence
    assert "http://127.0.0.1:1/weights.bin: Connection refused" in sentence


def test_silent_server_is_given_up(server, target):
    server.drop_at, server.stall = HALF, True
    assert "does not answer in time" in refused(target, server.url, timeout=0.2)
    assert part(target).read_bytes() == DATA[:HALF]


@pytest.mark.parametrize("data", [DATA + b"?", DATA[:-1], b""], ids=["longer", "shorter", "empty"])
def test_another_announced_length_is_refused_before_the_transfer(server, target, data):
    server.files[PATH] = data
    part(target).write_bytes(DATA[:10])
    server.knows_ranges = False
    assert f"has {len(data):,} bytes instead of 300,000" in refused(target, server.url)
    assert part(target).read_bytes() == DATA[:10]


def test_server_that_sends_more_without_saying_is_cut_off(server, target):
    server.files[PATH], server.announce = DATA + b"?", False
    assert "sends more than the 300,000 bytes expected" in refused(target, server.url)
    assert part(target).stat().st_size == 0


def test_length_need_not_be_announced(server, target):
    server.announce = False
    part(target).write_bytes(DATA[:HALF])
    get(target, server.url)
    only(target)


def test_file_address_resumes_too(tmp_path, target):
    source = tmp_path / "elsewhere" / "weights with spaces.bin"
    source.parent.mkdir()
    source.write_bytes(DATA)
    seen = []
    part(target).write_bytes(DATA[:HALF])
    get(target, source.as_uri(), progress=lambda there, size: seen.append(there))
    assert target.read_bytes() == DATA
    assert seen[0] == HALF


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "data:,x", "/etc/hostname", "weights.bin", "", "http://", "http://[", "file://"]
)
def test_other_addresses_are_refused(target, url):
    assert refused(target, url)


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_redirects_stay_on_the_web(server, target, location):
    server.redirect = location
    assert refused(target, server.url)


def test_redirect_is_followed_with_its_range(serve, target):
    first, second = serve(), serve()
    first.redirect = second.url
    part(target).write_bytes(DATA[:HALF])
    get(target, first.url)
    only(target)
    assert second.sent == len(DATA) - HALF


def test_no_address_at_all(target):
    assert "no address is known" in refused(target)


def test_empty_file(server, target):
    server.files[PATH] = b""
    fetch([server.url], target, 0, hashlib.sha256().hexdigest())
    assert target.read_bytes() == b""


def test_folder_that_cannot_be_written(server, tmp_path):
    assert "cannot write" in refused(tmp_path / "absent" / "weights.bin", server.url)


def test_those_who_want_the_same_file_wait_for_the_first(server, target):
    """Two that write one .part would mix what they get."""
    threads = [threading.Thread(target=get, args=(target, server.url)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == DATA and server.ranges == [None] and server.sent == len(DATA)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_after_one_that_failed_the_next_goes_on(server, target):
    """It holds the lock no longer, and its part is continued."""
    server.drop_at = HALF
    refused(target, server.url)
    server.drop_at = None
    get(target, server.url)
    assert target.read_bytes() == DATA and server.ranges == [None, f"bytes={HALF}-"]


def test_small_file_as_bytes(server):
    assert fetch_bytes(server.url, len(DATA)) == DATA
    with pytest.raises(DownloadError, match="longer than 299,999 bytes"):
        fetch_bytes(server.url, len(DATA) - 1)
    server.drop_at = HALF
    with pytest.raises(DownloadError, match="broke off after 150,000 of 300,000 bytes"):
        fetch_bytes(server.url, len(DATA))


def test_sha256_of_a_file(target):
    target.write_bytes(DATA)
    assert sha256_of(target) == SHA256
