"""Where the time of a verb goes, on standard error, where SANDBOXER_TIMINGS asks for it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def say(part: str, seconds: float) -> None:
    if os.environ.get("SANDBOXER_TIMINGS"):
        sys.stderr.write(f"timing: {part} {seconds:.2f} s\n")


def age() -> float:
    """Seconds since this process was started, before it was Python; 0 where nothing tells."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started
