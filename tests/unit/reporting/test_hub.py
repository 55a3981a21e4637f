"""The hub's settings: where they may come from, what is sent by them, and that no token shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.reporting.event import e2e_result
from sandboxer_cli.reporting.hub import Hub, hub
from tests.unit.reporting.runs import passed

EVENT = e2e_result(passed()).as_dict()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """hub.yml of a user who has no other settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for more in ("URL", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(f"SANDBOXER_HUB_{more}", raising=False)
    file = tmp_path / "sandboxer/hub.yml"
    file.parent.mkdir()
    return file


def test_without_a_word_there_is_none(settings: Path) -> None:
    assert hub() is None


def test_an_address_is_enough(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOXER_HUB_URL", "https://hub.example/events?team=qa")
    found = hub()
    assert found
    sent = found.request(EVENT)
    assert (sent.method, sent.url) == ("POST", "https://hub.example/events?team=qa")
    assert json.loads(sent.body) == EVENT
    assert sent.headers == {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "Idempotency-Key": EVENT["id"],
    }


def test_all_that_a_file_can_say(settings: Path) -> None:
    (settings.parent / "token").write_text("s3cret\n")
    settings.write_text(
        """
url: https://hub.example/api?v=1
path: /runs/{{ data.run | urlencode }}/{{ data.repo }}
method: PUT
headers: {x-team: qa, X-Api-Key: $token, content-type: application/x-own}
body: |
  {"ok": {{ (data.outcome == "passed") | tojson }}, "repo": {{ data.repo | tojson }}}
events: [e2e_result]
delivered: [409]
token_file: token
"""
    )
    found = hub()
    assert found
    assert (found.events, found.delivered) == (("e2e_result",), (409,))
    sent = found.request(e2e_result(passed(repo='my "shop"')).as_dict())
    assert sent.url == "https://hub.example/api/runs/run-4f7kq2zd01/my%20%22shop%22?v=1"
    assert sent.method == "PUT"
    assert json.loads(sent.body) == {"ok": True, "repo": 'my "shop"'}
    assert sent.headers["X-Api-Key"] == "s3cret"
    assert sent.headers["X-Team"] == "qa"
    assert sent.headers["Content-Type"] == "application/x-own"
    assert "Authorization" not in sent.headers


def test_a_body_of_ones_own_is_of_outcomes(settings: Path) -> None:
    settings.write_text("{url: https://hub.example, body: x}")
    found = hub()
    assert found and found.events == ("e2e_result",)


def test_a_token_is_a_bearers_unless_a_header_has_it(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text("url: https://hub.example")
    monkeypatch.setenv("SANDBOXER_HUB_TOKEN", "s3cret")
    found = hub()
    assert found
    assert found.request(EVENT).headers["Authorization"] == "Bearer s3cret"


def test_another_address_gets_nothing_of_the_file(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.parent / "token").write_text("s3cret")
    settings.write_text("{url: https://hub.example, token_file: token, headers: {X-Key: k}}")
    monkeypatch.setenv("SANDBOXER_HUB_URL", "https://other.example")
    found = hub()
    assert found
    assert (found.url, found.token, found.headers) == ("https://other.example", "", None)
    monkeypatch.setenv("SANDBOXER_HUB_URL", "")
    assert hub() is None


def test_no_token_shows(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOXER_HUB_TOKEN", "s3cret")
    monkeypatch.setenv("SANDBOXER_HUB_URL", "https://hub.example/x?key=s3cret#s3cret")
    found = hub()
    assert found
    assert found.shown == "https://hub.example/x"
    assert "s3cret" not in f"{found!r} {found} {found.without_token('you sent s3cret')}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a mapping"),
        ("- url", "a mapping"),
        ("{url: https://hub.example", "not YAML"),
        ("path: /x", "url: Field required"),
        ("{url: https://hub.example, token: x}", "token: Extra inputs"),
        ("{url: https://hub.example, events: [all]}", "events.0: Input should be"),
        ("url: file:///etc/passwd", "no http or https address"),
        ("url: ftp://hub.example/in", "no http or https address"),
        ("url: hub.example", "no http or https address"),
        ("url: 'http://[x'", "no address"),
        ("url: http://hub:99999", "no address"),
        ("url: http://me:s3cret@hub", "belong in a header"),
        ('{url: http://hub, headers: {X: "a\\r\\nY: b"}}', "printable ASCII"),
        ("{url: http://hub, headers: {'X: y': b}}", "'X: y' is no method, or no name"),
        ("{url: http://hub, method: 'GET /'}", "'GET /' is no method, or no name"),
        ("{url: http://hub, token_file: nothing}", "no token can be read"),
    ],
)
def test_what_it_may_not_be(settings: Path, text: str, message: str) -> None:
    settings.write_text(text)
    with pytest.raises(Usage, match=message) as caught:
        hub()
    assert caught.value.detail.code == "hub_invalid"
    assert "s3cret" not in caught.value.detail.message


@pytest.mark.parametrize(
    "body",
    [
        "{{ data.nothing }}",
        "{{ data.run",
        "{% for x in range(999999999) %}{% endfor %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ data.update({'a': 1}) }}",
        "{{ 1 // 0 }}",
    ],
    ids=["unknown", "open", "endless", "reaching", "changing", "failing"],
)
def test_a_template_that_cannot_be_filled(body: str) -> None:
    with pytest.raises(Usage) as caught:
        Hub("http://hub.example", body=body).request(EVENT)
    assert caught.value.detail.code == "hub_template_invalid"


def test_what_a_run_says_is_no_template() -> None:
    said: dict[str, Any] = e2e_result(passed(repo="{{ 7 * 7 }}")).as_dict()
    sent = Hub("http://hub.example", body="{{ data.repo | tojson }}").request(said)
    assert json.loads(sent.body) == "{{ 7 * 7 }}"
