"""Does it answer? Probes over TCP and HTTP from the host itself; no curl needed there."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

SECONDS = 2.0
BODY_BYTES = 64 * 1024


def tcp(host: str, port: int, seconds: float = SECONDS) -> str:
    """Empty where somebody accepts a connection, else why not."""
    try:
        with socket.create_connection((host, port), seconds):
            return ""
    except OSError as error:
        return f"no connection to {host}:{port} ({_reason(error)})"


def http(host: str, port: int, wanted: Mapping[str, Any], seconds: float = SECONDS) -> str:
    """Empty where GET answers with the status wanted (and the text), else what came instead.

    `wanted`: path, status, and contains (text that the body's first 64 KiB must hold, or None).
    """
    path = wanted.get("path") or "/"
    status = int(wanted.get("status") or 200)
    contains = wanted.get("contains")
    request = f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nUser-Agent: sandboxer\r\n\r\n"
    end = time.monotonic() + seconds
    try:
        with socket.create_connection((host, port), seconds) as connection:
            connection.sendall(request.encode("utf-8"))
            answer = _receive(connection, bool(contains), end)
    except OSError as error:
        return f"no answer from {host}:{port}{path} ({_reason(error)})"
    head, _blank, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return f"{host}:{port}{path} does not speak HTTP"
    if int(words[1]) != status:
        return f"got {int(words[1])} from {host}:{port}{path}, wanted {status}"
    if contains and contains.encode("utf-8") not in body:
        return f"the answer of {host}:{port}{path} does not hold {contains!r}"
    return ""


def _receive(connection: socket.socket, with_body: bool, end: float) -> bytes:
    """The status line's packet, or all up to the limit; an endless answer can't hold us."""
    answer = b""
    while len(answer) < BODY_BYTES:
        connection.settimeout(max(end - time.monotonic(), 0.001))
        data = connection.recv(4096)
        if not data:
            break
        answer += data
        if not with_body and b"\r\n" in answer:
            break
    return answer


def _reason(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "timed out"
    return error.strerror or str(error)
