"""How much memory each process of a private machine takes at most."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

LIMIT = 200 * 1024 * 1024
_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")
_PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def watched() -> Iterator[dict[str, int]]:
    """Filled while it goes on: the command line of each process -> its peak in bytes.

    A peak is the kernel's own; one of a process that lives shorter than a look takes is not seen.
    """
    peaks: dict[str, int] = {}
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(peaks, done))
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def too_large(peaks: dict[str, int]) -> dict[str, int]:
    return {words: peak for words, peak in peaks.items() if peak >= LIMIT}


def _watch(peaks: dict[str, int], done: threading.Event) -> None:
    mine = _words(Path("/proc/self"))  # a child of ours has it too, until it runs what it is for
    while not done.wait(_PAUSE_SECONDS):
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                peak = _PEAK.search((folder / "status").read_bytes())
                words = _words(folder)
                if peak and words and words != mine:
                    peaks[words] = max(peaks.get(words, 0), int(peak[1]) * 1024)


def _words(folder: Path) -> str:
    return os.fsdecode((folder / "cmdline").read_bytes().replace(b"\0", b" "))[:200]
