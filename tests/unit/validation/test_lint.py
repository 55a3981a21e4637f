"""A contract held against the services that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.validation.lint import faults

from .conftest import Write

LEAST = "version: 1\ntest_command: ./run\n"
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").iterdir())


def said(repository: Path) -> list[str]:
    return list(map(str, faults(repository)))


def test_nothing_is_wrong(write: Write) -> None:
    text = LEAST + "in: db\nhealth: [{service: web, tcp: {port: 80}}]\n"
    assert said(write(text)) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_nothing_is_wrong_with_an_example(example: Path) -> None:
    assert said(example) == []


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        (
            "health: [{service: wbe, tcp: {port: 80}}]",
            "health[0].service: there is no service wbe: did you mean web?, e2e/e2e.yml:3:11",
        ),
        (
            "health: [{service: web, http: {port: 8080}}]",
            "health[0]: port 8080 of web isn't published, e2e/e2e.yml:3:10",
        ),
        ("health: [{service: web, tcp: {port: 53}}]", "health[0]: port 53 of web isn't published"),
        ("in: hots", "in: there is no service hots: did you mean host?, e2e/e2e.yml:3:1"),
        ("profile: profile.helo", "there is no profile profile.helo: did you mean profile.hello?"),
        ("profile: profile.hello\nsandbox:", ""),
        ("sandbox: {profile: profile.hello, environment: {mesage: x}}", "has no setting mesage"),
    ],
)
def test_what_is_not_there(write: Write, more: str, wanted: str) -> None:
    found = said(write(LEAST + more + "\n"))
    assert len(found) == bool(wanted)
    assert wanted in "".join(found)


def test_steps_in_services(write: Write) -> None:
    text = (
        "version: 1\nin: nowhere\nsteps:\n  - {name: a, run: a}\n  - {name: b, run: b}\n"
        "  - {name: c, run: c, in: elsewhere}\n  - {name: d, run: d, in: host}\n"
    )
    assert [one.partition(",")[0] for one in said(write(text))] == [
        "in: there is no service nowhere",
        "steps[2].in: there is no service elsewhere",
    ]


def test_a_compose_file_that_is_refused_is_named(write: Write, shop: Path) -> None:
    (shop / "compose.yml").write_text("services: {web: {image: x, privileged: true}}")
    [one] = faults(write(LEAST))
    assert (one.place.file, one.place.line) == ("compose.yml", 1)
    (shop / "compose.yml").unlink()
    [one] = faults(shop)
    assert "there is no compose file" in one.what


def test_the_repositorys_own_profile_counts(write: Write, shop: Path) -> None:
    """And it may not say more than any may."""
    (shop / ".sandboxer/profiles").mkdir(parents=True)
    profile = shop / ".sandboxer/profiles/shop.yml"
    profile.write_text("extends: profile.compose\n")
    assert said(write(LEAST + "profile: profile.shop\n")) == []
    profile.write_text("extends: profile.compose\nhost: h1\n")
    assert "a project's profile may not say it" in said(shop)[0]
