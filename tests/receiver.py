"""A State Hub for tests: a real HTTP server on loopback that does as it is told, also badly.

`script` says what becomes of each request in turn; when it is at its end, all are stored. What is
stored is told apart by source and id, as CloudEvents say.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Got:
    """A request that arrived whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True)
class Act:
    """What becomes of one request: whether it is stored, and how it is answered.

    `status` None drops the connection without a reply. `hold` keeps the reply back until `release`
    is set, `endless` sends a body that doesn't end before `release`, `huge` one of 1 GB.
    """

    store: bool = True
    status: int | None = 202
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    hold: bool = False
    endless: bool = False
    huge: bool = False


@dataclass
class Receiver:
    url: str = ""
    script: deque[Act] = field(default_factory=deque)
    got: list[Got] = field(default_factory=list)
    facts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    release: threading.Event = field(default_factory=threading.Event)
    written: int = 0  # bytes of a huge body that the other side took
    lock: threading.Lock = field(default_factory=threading.Lock)

    def will(self, *acts: Act) -> None:
        self.script.extend(acts)


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            got = Got(self.command, self.path, dict(self.headers), self.rfile.read(length))
            with state.lock:
                act = state.script.popleft() if state.script else Act()
                state.got.append(got)
                if act.store:
                    state.facts.setdefault((got.event["source"], got.event["id"]), got.event)
            state.arrived.release()
            self._answer(act)

        do_PUT = do_POST  # noqa: N815

        def _answer(self, act: Act) -> None:
            self.close_connection = True
            if act.hold:
                state.release.wait(30)
            if act.status is None:
                return
            endless = act.endless or act.huge
            length = {} if endless else {"Content-Length": str(len(act.text.encode()))}
            with contextlib.suppress(OSError):
                self.send_response(act.status)
                for name, value in {**length, **act.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(act.text.encode())
                if act.endless:
                    while not state.release.wait(0.01):
                        self.wfile.write(b".")
                if act.huge:
                    for _ in range(1024):
                        state.written += self.wfile.write(b"x" * 1024 * 1024)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
