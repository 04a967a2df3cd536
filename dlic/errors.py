"""Every error dlic raises on bad input: one sentence for the person at the shell, and the exit code it ends with."""

from collections.abc import Sequence


class DlicError(Exception):
    """Bad usage or input. Base of the others; the sentence is the message."""

    exit_code = 1


class ExistsError(DlicError):
    """A file to be written exists already."""


class StorageError(DlicError):
    """The output cannot be written: the disk or a quota is full, or the disk is read-only."""


class CorruptFileError(DlicError):
    """A compressed file that is truncated, damaged, larger than allowed, or of an unknown kind."""

    exit_code = 2


class TruncatedError(CorruptFileError):
    """A file ends too early."""


class UnreadableImageError(DlicError):
    """An image file that is missing, broken, or larger than the pixel limit."""

    exit_code = 2


class SomeFailedError(DlicError):
    """Some of several files failed; the others were done. Its exit code is the highest of the failures, or 2."""

    exit_code = 2

    @classmethod
    def of(cls, failures: Sequence[DlicError], files: int) -> "SomeFailedError":
        """The error for failures among this many files."""
        error = cls(f"{len(failures):,} of {files:,} failed")
        error.exit_code = max(cls.exit_code, *(failure.exit_code for failure in failures))
        return error


class UnknownCheckpointError(DlicError):
    """The checkpoint of a file or a command is not on this machine, or its files are not the expected ones."""

    exit_code = 3


class DownloadError(DlicError):
    """A download failed at all addresses, or gave another file than expected."""

    exit_code = 3


class OverlapError(DlicError):
    """The training data contain a picture of an evaluation set."""


class VerificationError(DlicError):
    """A written file does not decode to the encoded picture."""

    exit_code = 4
