"""How much memory fuzzing may take: MUCH more than the process had taken before it."""

import resource
import sys

MUCH = 2 << 30  # bytes; more is a finding


def peak_memory() -> int:
    """Bytes that the process has taken at most: on Linux also what its parent had when it started this one."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def atheris_limit() -> str:
    """The option of libFuzzer, which compares the peak of the process with it."""
    return f"-rss_limit_mb={(peak_memory() + MUCH) >> 20}"
