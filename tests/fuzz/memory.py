"""How much memory fuzzing may take."""

import resource
import sys

MUCH = 2 << 30  # bytes; more is a finding


def peak_memory() -> int:
    """Bytes that the process has taken at most: on Linux also what its parent had when it started this one."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def atheris_limit() -> str:
    """The option of libFuzzer, which compares the peak of the process with it: MUCH, or what the parent had where that was more."""
    return f"-rss_limit_mb={max(MUCH, peak_memory()) >> 20}"
