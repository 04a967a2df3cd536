"""The server of `dlic view`: a few pages in memory, for browsers on this machine, as long as one of them shows the page."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"
GRACE = 3.0  # seconds between a page's end and the server's: a reload takes less
BEAT = 0.5  # seconds between signs of life on the connection that a page keeps open
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "wasm": "application/wasm",
    "png": "image/png",
}
PRIVATE = {  # nobody else may embed, guess or keep what is shown
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(eq=False)
class Viewers:
    """The pages that are open."""

    open: int = 0
    last_seen: float | None = None  # None: nobody has come yet
    lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, by: int) -> None:
        with self.lock:
            self.open, self.last_seen = self.open + by, time.monotonic()

    @property
    def gone(self) -> bool:
        with self.lock:
            return self.open == 0 and self.last_seen is not None and time.monotonic() - self.last_seen > GRACE


class ViewServer(ThreadingHTTPServer):
    """Serves `files` (path → bytes) below a path that cannot be guessed."""

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes]):
        super().__init__((LOOPBACK, 0), _Handler)
        self.files, self.viewers = files, Viewers()
        self.secret, self.port = secrets.token_urlsafe(16), self.server_address[1]

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/{self.secret}/"

    def run(self) -> None:
        """Serves until the last page is closed."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            while not self.viewers.gone:
                time.sleep(0.1)
        finally:
            self.shutdown()
            self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes a connection early is no event."""


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        if self.headers.get("Host") not in (f"{LOOPBACK}:{self.server.port}", f"localhost:{self.server.port}"):
            self._answer(403, "text/plain", b"this server is for its own address only\n")  # another name that leads here
            return
        path = self.path.partition("?")[0].removeprefix(f"/{self.server.secret}/")
        if path == "alive":
            self._stay()
        elif path != self.path and (path or "index.html") in self.server.files:
            name = path or "index.html"
            kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
            self._answer(200, kind, self.server.files[name])
        else:
            self._answer(404, "text/plain", b"there is no such page\n")

    do_HEAD = do_GET

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **PRIVATE}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stay(self) -> None:
        """Keeps the connection of a page open, and notices when the page is closed."""
        self.send_response(200)
        for name, value in {"Content-Type": "text/plain", "Connection": "close", **PRIVATE}.items():
            self.send_header(name, value)
        self.end_headers()
        self.server.viewers.change(1)
        try:
            while True:
                self.wfile.write(b".")
                time.sleep(BEAT)
        except OSError:
            self.close_connection = True
        finally:
            self.server.viewers.change(-1)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is the user's."""
