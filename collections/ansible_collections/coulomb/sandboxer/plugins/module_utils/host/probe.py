"""Does it answer? Probes over TCP and HTTP from the host itself; no curl needed there."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

SECONDS = 2.0
CLOSING_SECONDS = 0.2  # within which one that accepts for nobody has closed again
BODY_BYTES = 64 * 1024
_INTERIM = tuple(b"HTTP/1.1 " + status for status in (b"100", b"102", b"103"))


def tcp(
    host: str, port: int, seconds: float = SECONDS, shown: str = "", has_proxy: bool = False
) -> str:
    """Empty where somebody accepts a connection, else why not. `shown` is the address for people
    where that is another one. A proxy accepts whatever comes, and only then looks for somebody in
    the container: by that one it has to be kept for a moment."""
    shown = shown or f"{host}:{port}"
    try:
        with socket.create_connection((host, port), seconds) as connection:
            closed = has_proxy and _is_closed(connection, min(CLOSING_SECONDS, seconds))
    except ConnectionResetError:  # by who had accepted it
        closed = has_proxy
    except OSError as error:
        return f"no connection to {shown} ({_reason(error)})"
    return f"{shown} was closed at once: nobody listens behind it" if closed else ""


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
    if not answer:
        return f"{shown} closed the connection without an answer"
    head, body = _parted(answer)
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return f"{shown} does not speak HTTP"
    got = int(words[1])
    if not (got == int(status) if status else 200 <= got < 400):
        return f"got {got} from {shown}" + (f", wanted {status}" if status else "")
    if contains and contains.encode("utf-8") not in _text(head, body)[0]:
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


def _is_closed(connection: socket.socket, seconds: float) -> bool:
    """Whether the other end closes it within this time."""
    connection.settimeout(seconds)
    try:
        return not connection.recv(1)
    except socket.timeout:
        return False
    except ConnectionError:
        return True


def _request(host: str, path: str, headers: Sequence[Mapping[str, str]]) -> bytes:
    lines = {"Host": host, "User-Agent": "sandboxer", "Connection": "close"}
    lines.update({item["name"].title(): item["value"] for item in headers})
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    # some refuse 1.0: Envoy answers it with 426
    return f"GET {path} HTTP/1.1\r\n{text}\r\n".encode()


def _receive(connection: socket.socket, with_body: bool, end: float) -> bytes:
    """The status line's packet, or all up to the limit; an endless answer can't hold us."""
    answer = b""
    while len(answer) < BODY_BYTES and not _is_whole(answer, with_body):
        connection.settimeout(max(end - time.monotonic(), 0.001))
        data = connection.recv(4096)
        if not data:
            break
        answer += data
    return _final(answer)


def _is_whole(answer: bytes, with_body: bool) -> bool:
    """Whether there is nothing more to wait for: not everybody closes when asked to."""
    answer = _final(answer)
    if not with_body:
        return b"\r\n" in answer
    return b"\r\n\r\n" in answer and _text(*_parted(answer))[1]


def _final(answer: bytes) -> bytes:
    """An answer without those that only announce it."""
    while answer.startswith(_INTERIM):
        answer = answer.partition(b"\r\n\r\n")[2]
    return answer


def _parted(answer: bytes) -> tuple[bytes, bytes]:
    head, _blank, body = answer.partition(b"\r\n\r\n")
    return head, body


def _text(head: bytes, body: bytes) -> tuple[bytes, bool]:
    """A body as it was meant, as far as it has come; and whether it is known to be all."""
    headers = {}
    for line in head.split(b"\r\n")[1:]:
        name, _colon, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip().lower()
    if headers.get(b"transfer-encoding", b"").endswith(b"chunked"):
        return _unchunked(body)
    with contextlib.suppress(ValueError):
        return body, len(body) >= int(headers.get(b"content-length", b""))
    return body, False


def _unchunked(body: bytes) -> tuple[bytes, bool]:
    text = b""
    while True:
        line, line_end, body = body.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return text, False
        if size <= 0 or not line_end:
            return text, bool(line_end)
        text += body[:size]
        body = body[size + 2 :]


def _reason(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "timed out"
    return error.strerror or str(error)
