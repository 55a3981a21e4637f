"""The document, whole, and its digest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandboxer_cli.compose.emit import build_document, canonical_json, digest
from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.rebuild import rebuild

FULL = """\
name: shop
version: "3.8"
x-note: {anything: [goes]}
services:
  web:
    image: docker.io/library/nginx:alpine
    command: nginx -g 'daemon off;'
    environment: {MODE: "true", PORT: 8080, SHIP: 🚢}
    working_dir: /srv
    user: "1000:1000"
    init: true
    labels: [a=b]
    restart: on-failure:3
    volumes: ["data:/data:ro", /cache]
    ports: ["127.0.0.1:8080:80"]
    expose: [9000]
    depends_on:
      db: {condition: service_healthy}
  db:
    image: docker.io/library/postgres:16
    healthcheck:
      test: [CMD, pg_isready]
      interval: 500ms
  off:
    image: docker.io/library/redis
    healthcheck: {disable: true}
volumes:
  data:
"""


def service(**fields: Any) -> dict[str, Any]:
    return {
        "command": None,
        "entrypoint": None,
        "environment": {},
        "working_dir": None,
        "user": None,
        "init": False,
        "labels": {},
        "restart": "no",
        "volumes": [],
        "ports": [],
        "expose": [],
        "depends_on": {},
        "healthcheck": None,
        "networks": {"default": {}},
        **fields,
    }


def test_the_whole_document() -> None:
    document = build_document(
        rebuild(parse(FULL.encode(), "compose.yml")), images={}, probes=[], publish="loopback"
    )
    assert (
        json.loads(canonical_json(document))
        == document
        == {
            "schema": 2,
            "images": {},
            "services": {
                "web": service(
                    image="docker.io/library/nginx:alpine",
                    command=["nginx", "-g", "daemon off;"],
                    environment={"MODE": "true", "PORT": "8080", "SHIP": "🚢"},
                    working_dir="/srv",
                    user="1000:1000",
                    init=True,
                    labels={"a": "b"},
                    restart="on-failure:3",
                    volumes=[
                        {
                            "type": "volume",
                            "volume": "data",
                            "target": "/data",
                            "read_only": True,
                        },
                        {
                            "type": "volume",
                            "volume": None,
                            "target": "/cache",
                            "read_only": False,
                        },
                    ],
                    ports=[{"target": 80, "protocol": "tcp", "published": "8080"}],
                    expose=[{"target": 9000, "protocol": "tcp"}],
                    depends_on={"db": {"condition": "service_healthy"}},
                ),
                "db": service(
                    image="docker.io/library/postgres:16",
                    healthcheck={
                        "test": ["CMD", "pg_isready"],
                        "interval": 0.5,
                        "timeout": 30.0,
                        "retries": 3,
                        "start_period": 0.0,
                    },
                ),
                "off": service(
                    image="docker.io/library/redis:latest", healthcheck={"test": ["NONE"]}
                ),
            },
            "networks": {"default": {}},
            "volumes": {"data": {}},
            "probes": [],
            "publish": "loopback",
        }
    )


def test_canonical_json() -> None:
    assert canonical_json({"b": "🚢", "a": [1, None]}) == '{"a":[1,null],"b":"🚢"}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})


def test_digest() -> None:
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(b"") == empty
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) == digest(b'{"a":1,"b":2}')
