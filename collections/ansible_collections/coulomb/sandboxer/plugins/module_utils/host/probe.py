"""Does it answer? Probes over TCP and HTTP from the host itself; no curl needed there."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

SECONDS = 2.0
BODY_BYTES = 64 * 1024


def tcp(host: str, port: int, seconds: float = SECONDS, shown: str = "") -> str:
    """Empty where somebody accepts a connection, else why not. `shown` is the address for people
    where that is another one."""
    shown = shown or f"{host}:{port}"
    try:
        with socket.create_connection((host, port), seconds):
            return ""
    except OSError as error:
        return f"no connection to {shown} ({_reason(error)})"


def http(
    host: str,
    port: int,
    wanted: Mapping[str, Any],
    seconds: float = SECONDS,
    shown: str = "",
) -> str:
    """Empty where GET answers with the status wanted (and the text), else what came instead.

    `wanted`: path, status (without: 200 to 399), contains (text that the body's first 64 KiB must
    hold), scheme (http or https, whoever has signed that), headers (name and value each). `shown`
    as for `tcp`.
    """
    path = wanted.get("path") or "/"
    shown = (shown or f"{host}:{port}") + path
    status = wanted.get("status")
    contains = wanted.get("contains")
    end = time.monotonic() + seconds
    try:
        with _connection(host, port, wanted, seconds) as connection:
            connection.sendall(_request(f"{host}:{port}", path, wanted.get("headers") or ()))
            answer = _receive(connection, bool(contains), end)
    except OSError as error:
        return f"no answer from {shown} ({_reason(error)})"
    head, _blank, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return f"{shown} does not speak HTTP"
    got = int(words[1])
    if not (got == int(status) if status else 200 <= got < 400):
        return f"got {got} from {shown}" + (f", wanted {status}" if status else "")
    if contains and contains.encode("utf-8") not in body:
        return f"the answer of {shown} does not hold {contains!r}"
    return ""


def _connection(host: str, port: int, wanted: Mapping[str, Any], seconds: float) -> socket.socket:
    plain = socket.create_connection((host, port), seconds)
    if (wanted.get("scheme") or "http").lower() != "https":
        return plain
    import ssl  # hardly ever wanted, and slow to load

    # it is asked whether it answers, not who it is: its certificate is for another name
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


def _request(host: str, path: str, headers: Sequence[Mapping[str, str]]) -> bytes:
    lines = {"Host": host, "User-Agent": "sandboxer"}
    lines.update({item["name"].title(): item["value"] for item in headers})
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET {path} HTTP/1.0\r\n{text}\r\n".encode()


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
