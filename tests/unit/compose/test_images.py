"""Image names, as docker spells them out."""

from __future__ import annotations

import re

import pytest

from sandboxer_cli.compose.images import REGISTRY, full_name

D = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:alpine", "docker.io/library/nginx:alpine"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/library/nginx:1.27-alpine", "docker.io/library/nginx:1.27-alpine"),
        ("ghcr.io/a/b/c", "ghcr.io/a/b/c:latest"),
        ("localhost/mine:1", "localhost/mine:1"),
        ("localhost:5000/mine", "localhost:5000/mine:latest"),
        ("registry:5000/mine:1", "registry:5000/mine:1"),
        (f"quay.io/a/b@{D}", f"quay.io/a/b@{D}"),
        (f"quay.io/a/b:1@{D}", f"quay.io/a/b@{D}"),
    ],
)
def test_full_name(written: str, full: str) -> None:
    assert full_name(written) == full


@pytest.mark.parametrize(
    ("written", "registry", "full"),
    [
        ("redis:7", "docker.io", "docker.io/library/redis:7"),
        ("user/name", "docker.io", "docker.io/user/name:latest"),
        ("redis:7", "quay.io", "quay.io/redis:7"),
        ("user/name", "localhost:5000", "localhost:5000/user/name:latest"),
        ("ghcr.io/a/b:1", "quay.io", "ghcr.io/a/b:1"),
    ],
)
def test_a_short_name_is_of_the_registry(written: str, registry: str, full: str) -> None:
    assert full_name(written, registry) == full


@pytest.mark.parametrize(
    ("written", "good"),
    [
        *((name, True) for name in ("docker.io", "localhost", "localhost:5000", "a-b:5000")),
        *((name, True) for name in ("registry.example.com:5000", "10.1.1.1")),
        *((name, False) for name in ("", "docker", "docker.io/", "docker.io/library", "a:b")),
        *((name, False) for name in ("https://docker.io", "Docker.io", "-v", "docker.io\n")),
    ],
)
def test_what_a_registry_is(written: str, good: bool) -> None:
    assert (re.fullmatch(REGISTRY, written) is not None) is good


@pytest.mark.parametrize(
    "written",
    [
        "",
        ":",
        "a:",
        "a@",
        "a@sha256:12",
        "Nginx",
        "docker.io/Nginx",
        "docker.io/",
        "docker.io//a",
        "docker.io/a b",
        "docker://docker.io/a",
        "dir:/tmp/x",
        "oci-archive:/x.tar",
        "-v",
        "docker.io/a --privileged",
        "docker.io/a:-x",
        "a/../b",
        "x" * 300,
    ],
)
def test_no_name(written: str) -> None:
    assert full_name(written) is None
