"""What a test is told of its sandbox, and what no sandbox could do."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import step, suite
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError

PUBLISHED = [
    {"service": "web", "port": 80, "host_port": 20001, "url": "tcp://127.0.0.1:20001"},
    {"service": "web", "port": 80, "host_port": 20002, "url": "tcp://127.0.0.1:20002"},
    {"service": "my-db.1", "port": 5432, "host_port": 20003, "url": "tcp://127.0.0.1:20003"},
]
HEALTH = [{"service": "web", "http": {"port": 80, "scheme": "https"}}]


def test_urls_answer_from_where_the_test_runs() -> None:
    assert suite.endpoints(PUBLISHED, HEALTH, "host") == {
        "WEB_80": "https://127.0.0.1:20001",
        "MY_DB_1_5432": "tcp://127.0.0.1:20003",
    }
    assert suite.endpoints(PUBLISHED, [], "web") == {
        "WEB_80": "tcp://web:80",
        "MY_DB_1_5432": "tcp://my-db.1:5432",
    }


def test_the_environment_of_a_test() -> None:
    on_host = step.environment("run-1", "sbx-1", "/srv/x", "/srv/x/e2e/out", {"WEB_80": "u"}, "t")
    assert on_host == {
        "SANDBOXER_ID": "sbx-1",
        "SANDBOXER_RUN": "run-1",
        "SANDBOXER_REMOTE_DIR": "/srv/x",
        "E2E_OUT": "/srv/x/e2e/out",
        "TRACEPARENT": "t",
        "SANDBOXER_ENDPOINT_WEB_80": "u",
    }
    assert "SANDBOXER_REMOTE_DIR" not in step.environment("run-1", "sbx-1", "", "/out", {}, "t")


def test_kubernetes_words_as_a_document_has_them() -> None:
    asked = {"service": "web", "tcp": {"port": 80}, "periodSeconds": 1, "failureThreshold": 3}
    assert suite.probes([asked]) == [
        {"service": "web", "tcp": {"port": 80}, "period": 1, "failure": 3}
    ]


@pytest.mark.parametrize(
    ("health", "steps"),
    [([{"service": "no"}], []), ([], [{"in": "no"}])],
)
def test_a_service_that_there_is_not(health: list[Any], steps: list[Any]) -> None:
    with pytest.raises(HostError, match="there is no service no"):
        suite.check({"health": health, "steps": steps}, {"web": {}})
    suite.check({"health": [{"service": "web"}], "steps": [{"in": "host"}]}, {"web": {}})
