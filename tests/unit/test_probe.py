"""Kubernetes' words in a profile, and what the host is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tree import plain
from sandboxer_cli.probe import Probe

GET = {"port": 80, "path": "/", "status": None, "contains": None}


def probe(text: str) -> Probe:
    return Probe.model_validate({"service": "web", **plain(parse(text.encode(), "probe.yml"))})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("httpGet: {port: 80}", {"http": GET}),
        ("httpGet: {port: 80, path: '/a?b=1'}", {"http": {**GET, "path": "/a?b=1"}}),
        ("httpGet: {port: 80, status: 204}", {"http": {**GET, "status": 204}}),
        ("httpGet: {port: 80, contains: ok}", {"http": {**GET, "contains": "ok"}}),
        ("httpGet: {port: 80, scheme: HTTP}", {"http": GET}),
        ("httpGet: {port: 80, scheme: HTTPS}", {"http": {**GET, "scheme": "https"}}),
        (
            "httpGet: {port: 80, httpHeaders: [{name: Host, value: shop.test}]}",
            {"http": {**GET, "headers": [{"name": "Host", "value": "shop.test"}]}},
        ),
        ("tcpSocket: {port: 5432}", {"tcp": {"port": 5432}}),
        ("exec: {command: [pg_isready, -q]}", {"exec": {"command": ["pg_isready", "-q"]}}),
        (
            "tcpSocket: {port: 1}\ninitialDelaySeconds: 5\nperiodSeconds: 0.5\ntimeoutSeconds: 3\n"
            "successThreshold: 2\nfailureThreshold: 10",
            {
                "tcp": {"port": 1},
                "initial_delay": 5,
                "period": 0.5,
                "timeout": 3,
                "success": 2,
                "failure": 10,
            },
        ),
        ("tcpSocket: {port: 1}\ninitialDelaySeconds: 0", {"tcp": {"port": 1}, "initial_delay": 0}),
    ],
)
def test_what_the_host_is_told(text: str, told: dict[str, Any]) -> None:
    assert probe(text).document() == {"service": "web", **told}


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "tcpSocket: {port: 1}\nhttpGet: {port: 1}",
        "tcpSocket: {port: 1}\nexec: {command: [a]}",
        "tcp: {port: 1}",
        "http: {port: 1}",
        "tcpSocket: {port: 0}",
        "tcpSocket: {port: 65536}",
        "tcpSocket: {port: '1'}",
        "tcpSocket: {port: http}",
        "tcpSocket: {}",
        "httpGet: {port: 80, path: health}",
        'httpGet: {port: 80, path: "/a\\r\\nHost: x"}',
        "httpGet: {port: 80, path: '/a b'}",
        "httpGet: {port: 80, status: 600}",
        "httpGet: {port: 80, scheme: https}",
        "httpGet: {port: 80, httpHeaders: {Host: x}}",
        "httpGet: {port: 80, httpHeaders: [{name: 'Ho st', value: x}]}",
        'httpGet: {port: 80, httpHeaders: [{name: Host, value: "x\\r\\nA: b"}]}',
        "exec: {command: []}",
        "exec: {command: pg_isready}",
        "exec: [pg_isready]",
        "tcpSocket: {port: 1}\nperiodSeconds: 0",
        "tcpSocket: {port: 1}\nperiodSeconds: 1s",
        "tcpSocket: {port: 1}\ntimeoutSeconds: -1",
        "tcpSocket: {port: 1}\nsuccessThreshold: 0",
        "tcpSocket: {port: 1}\nfailureThreshold: 1.5",
        "tcpSocket: {port: 1}\ninitialDelaySeconds: -1",
    ],
)
def test_what_is_no_probe(text: str) -> None:
    with pytest.raises(ValidationError):
        probe(text)
