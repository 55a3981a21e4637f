"""A fake registry: one image over plain HTTP on loopback, for pulls without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class FakeRegistry:
    """`name` is what to pull. `held` keeps the layer back as long as it is not set."""

    port: int = 0
    login: str = ""
    pulls: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifest: bytes = b""
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}/fake/busybox:1"

    def publish(self, architecture: str = "amd64", padding: int = 0) -> None:
        """The image: this machine's busybox, for some machine; and zeroes."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add("/bin/busybox", "bin/busybox")
            for name in ("sh", "sleep", "cat"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
            if padding:
                info = tarfile.TarInfo("padding")
                info.size = padding
                tar.addfile(info, io.BytesIO(bytes(padding)))
        data = layer.getvalue()
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/sleep", "1000"]},
            "history": [{"created_by": "a fake"}],
            "rootfs": {"type": "layers", "diff_ids": [_digest(data)]},
        }
        told = json.dumps(config).encode()
        self.blobs = {_digest(one): one for one in (data, told)}
        kinds = ("container.image.v1", "image.rootfs.diff.tar")
        described = [
            {
                "mediaType": f"application/vnd.docker.{kind}" + ("+json" if one is told else ""),
                "size": len(one),
                "digest": _digest(one),
            }
            for kind, one in zip(kinds, (told, data), strict=True)
        ]
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described[0],
            "layers": described[1:],
        }
        self.manifest = json.dumps(document).encode()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[FakeRegistry, dict[str, str]]]:
    """A registry, and the environment in which podman takes it without TLS."""
    registry = FakeRegistry()
    registry.held.set()
    registry.publish()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, body: bool) -> None:
            wanted = "Basic " + base64.b64encode(registry.login.encode()).decode()
            if registry.login and self.headers.get("Authorization") != wanted:
                self._send(401, b"{}", "application/json", body)
            elif self.path == "/v2/":
                self._send(200, b"{}", "application/json", body)
            elif "/manifests/" in self.path:
                registry.pulls += body
                self._send(200, registry.manifest, MANIFEST, body)
            else:
                digest = self.path.rpartition("/")[2]
                data = registry.blobs[digest]
                if not data.startswith(b"{"):
                    registry.held.wait(60)
                self._send(200, data, "application/octet-stream", body)

        def _send(self, status: int, data: bytes, kind: str, body: bool) -> None:
            self.send_response(status)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="fake"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if kind == MANIFEST:
                self.send_header("Docker-Content-Digest", _digest(data))
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings = folder / "registries.conf"
    settings.write_text(f'[[registry]]\nlocation = "127.0.0.1:{registry.port}"\ninsecure = true\n')
    try:
        yield registry, {"CONTAINERS_REGISTRIES_CONF": str(settings)}
    finally:
        registry.held.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
