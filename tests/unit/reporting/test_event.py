"""Events: what CloudEvents 1.0 and CDEvents 0.5.1 demand, the same ids each time."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from sandboxer_cli.reporting.event import Event, e2e_result, event_id, events_of
from sandboxer_cli.reporting.hub import Hub
from sandboxer_cli.reporting.result import Cause, Outcome, Phase
from tests.unit.reporting.runs import passed

SCHEMA = Path(__file__).resolve().parents[3] / "docs/reference/e2e_result.schema.json"
TEXT = {"type": "string", "minLength": 1}
ANY_TEXT = {"type": "string"}


def only(required: str, **properties: Any) -> dict[str, Any]:
    """A mapping of these properties and no others; those that `required` names must be there."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


def cdevent_schema(type_: str, content: dict[str, Any]) -> dict[str, Any]:
    return only(
        "context subject",
        context=only(
            "specversion id source type timestamp",
            specversion=TEXT,
            id=TEXT,
            source={**TEXT, "format": "uri-reference"},
            type={"const": type_},
            timestamp={"type": "string", "format": "date-time"},
            schemaUri={**TEXT, "format": "uri"},
            chainId=TEXT,
            links={"type": "array"},
        ),
        subject=only("id content", id=TEXT, source=ANY_TEXT, content=content),
        customData={"type": ["object", "string"]},
        customDataContentType=ANY_TEXT,
    )


# What github.com/cdevents/spec demands at v0.5.1, in schemas/testsuiterunfinished.json,
# environmentcreated.json and environmentdeleted.json.
CDEVENTS = {
    "dev.cdevents.testsuiterun.finished.0.3.0": only(
        "outcome environment",
        environment=only("id", id=TEXT, source={**TEXT, "format": "uri-reference"}),
        testSuite=only(
            "id", id=TEXT, version=ANY_TEXT, name=ANY_TEXT, uri={"type": "string", "format": "uri"}
        ),
        outcome={"enum": ["success", "failure", "cancel", "error"]},
        severity={"enum": ["low", "medium", "high", "critical"]},
        reason=ANY_TEXT,
    ),
    "dev.cdevents.environment.created.0.3.0": only(
        "", name=ANY_TEXT, uri={"type": "string", "format": "uri"}
    ),
    "dev.cdevents.environment.deleted.0.3.0": only("", name=ANY_TEXT),
}


def cdevent(event: Event) -> Any:
    return event.data.get("cdevent", event.data)


@pytest.mark.parametrize("outcome", get_args(Outcome))
@pytest.mark.parametrize("sandbox", ["sbx-1", None])
def test_they_are_what_cdevents_demand(outcome: Outcome, sandbox: str | None) -> None:
    for event in events_of(passed(outcome=outcome, sandbox=sandbox, commit="")):
        found = cdevent(event)
        type_ = found["context"]["type"]
        jsonschema.validate(
            found,
            cdevent_schema(type_, CDEVENTS[type_]),
            format_checker=jsonschema.FormatChecker(),
        )


def test_they_are_bound_to_cloudevents_as_cdevents_say() -> None:
    """cloudevents-binding.md: id, source, type, subject and time are those of the CDEvent."""
    created, deleted, _ = events_of(passed())
    for event in (created, deleted):
        found = event.as_dict()
        context, subject = event.data["context"], event.data["subject"]
        assert found["id"] == context["id"]
        assert found["source"] == context["source"]
        assert found["type"] == context["type"]
        assert found["subject"] == subject["id"] == "sbx-4f7kq2zd01"
        assert found["time"] == context["timestamp"]


def test_another_reader_of_cloudevents_understands_what_is_sent() -> None:
    for event in events_of(passed()):
        sent = Hub("http://hub.example").request(event.as_dict())
        read = from_http_event(HTTPMessage(dict(sent.headers), sent.body))
        assert (read.get_id(), read.get_type()) == (event.id, event.type)
        assert read.get_specversion() == "1.0"
        assert read.get_subject() == event.subject
        assert f"{read.get_time():%Y-%m-%dT%H:%M:%SZ}" == event.time
        assert read.get_data() == event.data


def test_ids_are_of_the_run_and_the_kind() -> None:
    once, again = events_of(passed()), events_of(passed(outcome="failed", host="other-name"))
    assert [event.id for event in once] == [event.id for event in again]
    others = events_of(passed("run-2"))
    assert len({event.id for event in (*once, *others)}) == 6
    assert uuid.UUID(once[0].id).version == 5
    # for ever: a hub knows what it has by it
    assert event_id("run-1", "e2e_result") == "08a9808d-8ca9-501d-8f9c-4cac038501ea"


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({}, ["environment.created", "environment.deleted", "e2e_result"]),
        ({"cleanup": "kept"}, ["environment.created", "e2e_result"]),
        ({"cleanup": "failed"}, ["environment.created", "e2e_result"]),
        ({"sandbox": None, "cleanup": "none", "phases": ()}, ["e2e_result"]),
        (
            {
                "outcome": "infra_error",
                "phases": (
                    Phase("provision", "2026-11-26T01:50:00Z", 2.5, "failed"),
                    Phase("destroy", "2026-11-26T01:50:03Z", 2.5, "done"),
                ),
            },
            ["e2e_result"],  # one that was never made is not gone, either
        ),
        (
            {"phases": (Phase("destroy", None, 0.0, "skipped"),)},
            ["e2e_result"],
        ),
    ],
)
def test_what_a_run_has_to_say(changed: dict[str, Any], kinds: list[str]) -> None:
    assert [event.kind for event in events_of(passed(**changed))] == kinds


def test_when_it_happened() -> None:
    assert [event.time for event in events_of(passed())] == [
        "2026-11-26T01:50:02Z",
        "2026-11-26T01:50:09Z",
        "2026-11-26T01:50:09Z",
    ]


def test_the_data_of_an_outcome_fit_their_schema() -> None:
    found = e2e_result(passed())
    jsonschema.validate(found.data, json.loads(SCHEMA.read_text()))
    assert found.type == "io.sandboxer.e2e_result.v1"
    assert found.data["outcome"] == "passed"
    assert found.data["cdevent"]["subject"]["content"]["outcome"] == "success"


def test_what_a_test_printed_stays_at_home() -> None:
    assert "canary" in passed().to_json()
    for event in events_of(passed()):
        assert "canary" not in json.dumps(event.as_dict())


def test_so_do_the_lines_of_a_service_that_came_after_a_reason() -> None:
    said = "service web ended with exit code 3; its last lines:\ncanary"
    error = Cause("service_exited", said, "")
    found = e2e_result(passed(outcome="infra_error", reason=said, error=error))
    assert "canary" not in json.dumps(found.as_dict())
    assert found.data["error"]["message"] == found.data["reason"] == said.partition("\n")[0]
