"""Every error dlic raises on bad input: one sentence for the person at the shell, and the exit code it ends with."""


class DlicError(Exception):
    """Bad usage or input. Base of the others; the sentence is the message."""

    exit_code = 1


class ExistsError(DlicError):
    """A file that would be written is there already."""


class StorageError(DlicError):
    """Nothing more can be written where the output goes: the disk or a quota is full, or it can only be read."""


class CorruptFileError(DlicError):
    """A compressed file that is truncated, damaged, larger than allowed, or of a kind that is not read here."""

    exit_code = 2


class UnreadableImageError(DlicError):
    """An image file that is missing, broken, or larger than the pixel limit."""

    exit_code = 2


class SomeFailedError(DlicError):
    """Some files of a folder could not be made; the others were."""

    exit_code = 2


class UnknownCheckpointError(DlicError):
    """The model a file or a command asks for is not on this machine, or its file is not the one expected."""

    exit_code = 3


class DownloadError(DlicError):
    """A file could not be had from any of its addresses, or what they gave is not the one expected."""

    exit_code = 3


class OverlapError(DlicError):
    """A picture to train on is one that codecs are judged by."""


class VerificationError(DlicError):
    """What was written does not decode to what was encoded."""

    exit_code = 4
