"""A binary file read forward, with a look ahead; a pipe as well as a file that can seek."""

import io
from typing import BinaryIO

PIECE = 1 << 20  # bytes read at a time, so that a false length allocates nothing


class ForwardReader:
    """Positions are counted from where the file stood at first."""

    def __init__(self, file: BinaryIO):
        self._file, self.seekable = file, file.seekable()
        self._start = file.tell() if self.seekable else 0
        self._ahead, self.position = bytearray(), 0

    def peek(self, count: int) -> bytes:
        """The next bytes, without going on; fewer at the end of the file."""
        while len(self._ahead) < count:
            piece = self._file.read(min(count - len(self._ahead), PIECE))
            if not piece:
                break
            self._ahead += piece
        return bytes(self._ahead[:count])

    def take(self, count: int) -> bytes:
        """The next bytes; fewer at the end of the file."""
        taken = self.peek(count)
        del self._ahead[:count]
        self.position += len(taken)
        return taken

    def skip(self, count: int) -> None:
        """Goes on without the next bytes; at most to the end of the file."""
        if self.seekable and count > len(self._ahead):
            self.go_to(min(self.position + count, self.size()))
            return
        while count > 0 and (taken := len(self.take(min(count, PIECE)))):
            count -= taken

    def go_to(self, position: int) -> None:
        """Goes anywhere in a file that can seek."""
        self._file.seek(self._start + position)
        self._ahead.clear()
        self.position = position

    def size(self) -> int:
        """Bytes of a file that can seek."""
        end = self._file.seek(0, io.SEEK_END) - self._start
        self._file.seek(self._start + self.position + len(self._ahead))
        return end
