"""Images from a registry, a fake one on loopback: policies, logins, other machines, full disks."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import image
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State
from tests.faults.conftest import (
    HostProgram,
    built_service,
    create_request,
    document,
    listing,
    service,
    source_folder,
    source_of,
)
from tests.faults.registry import FakeRegistry, serving
from tests.faults.test_trouble import Listing, await_condition, podman

pytestmark = pytest.mark.podman


class Pulling:
    """A host with a registry that it reaches."""

    def __init__(self, host: HostProgram, registry: FakeRegistry, settings: dict[str, str]) -> None:
        self.host = host
        self.registry = registry
        self.settings = settings

    def create(self, **changes: Any) -> Any:
        wanted = create_request(**{"document": document(web=self.web()), **changes})
        return self.host.call("create", wanted, **self.settings)

    def web(self, **changes: Any) -> dict[str, Any]:
        return service(image=self.registry.name, init=False, **changes)

    def made(self, **changes: Any) -> Any:
        answer = self.create(**changes)
        assert "error" not in answer, answer
        self.host.settle()
        return self.host.show(answer["object"]["id"])

    def failed(self, **changes: Any) -> Any:
        shown = self.made(**changes)
        assert shown["state"] == "failed", shown
        return shown["error"]

    def log(self) -> list[str]:
        [sandbox_id] = self.host.ids()
        events = self.host.call("follow", {"id": sandbox_id, "seconds": 0})["events"]
        return [f"{event['phase']}: {event['text']}" for event in events]


@pytest.fixture
def pulling(host: HostProgram, before: Listing, tmp_path: Path) -> Iterator[Pulling]:
    with serving(tmp_path) as (registry, settings):
        yield Pulling(host, registry, settings)
        host.settle()
        subprocess.run(
            ["podman", "rmi", "--force", registry.name], capture_output=True, check=False
        )


def test_missing_is_pulled_once_and_always_each_time(pulling: Pulling) -> None:
    assert pulling.made(document=document(web=pulling.web(pull="missing")))["state"] == "ready"
    assert f"pull: pulling {pulling.registry.name}" in pulling.log()
    pulls = pulling.registry.pulls
    assert pulls > 0
    pulling.made(name="two")
    assert pulling.registry.pulls == pulls
    pulling.made(name="three", document=document(web=pulling.web(pull="always")))
    assert pulling.registry.pulls > pulls


def test_nothing_is_pulled_for_a_container_that_is_there(pulling: Pulling) -> None:
    """Whatever its policy says: the registry may be down by then."""
    both = document(web=pulling.web(pull="always"), beside=pulling.web(pull="always"))
    made = pulling.made(document=both)
    pulls = pulling.registry.pulls
    request = {"ref": "one", "owner": "me", "wait": False}
    for verb in ("restart", "stop", "start"):
        assert "error" not in pulling.host.call(verb, request, **pulling.settings)
        pulling.host.settle()
    assert (pulling.host.show("one")["state"], pulling.registry.pulls) == ("ready", pulls)
    podman("rm", "--force", f"{made['id']}.web")
    assert pulling.create(document=both)["action"] == "repair"
    pulling.host.settle()
    assert pulling.host.show("one")["state"] == "ready"
    assert pulling.registry.pulls > pulls


def test_an_image_without_its_entrypoint_has_its_command(pulling: Pulling) -> None:
    document_of_it = document(web=pulling.web(entrypoint=[]))
    made = pulling.made(document=document_of_it)
    assert made["state"] == "ready", made["error"]
    asked = ("inspect", "--format", "{{.Config.Cmd}}", f"{made['id']}.web")
    assert podman(*asked) == "[/bin/sleep 1000]\n"


def test_networks_that_go_while_an_image_comes(pulling: Pulling) -> None:
    """By `podman network prune`, as hosts run it at night."""
    pulling.registry.publish(padding=3)
    pulling.registry.held.clear()
    sandbox_id = pulling.create()["object"]["id"]
    await_condition(lambda: pulling.registry.pulls)
    podman("network", "rm", f"{sandbox_id}.default")
    pulling.registry.held.set()
    pulling.host.settle()
    assert pulling.host.show(sandbox_id)["state"] == "ready"


@pytest.mark.soak
def test_never(pulling: Pulling) -> None:
    never = document(web=pulling.web(pull="never"))
    error = pulling.failed(document=never)
    assert (error["code"], error["stage"]) == ("image_unavailable", "pull")
    assert "may not be pulled" in error["message"]
    assert pulling.registry.pulls == 0
    pulling.made(name="two")
    assert pulling.made(name="three", document=never)["state"] == "ready"


@pytest.mark.soak
def test_an_auth_file_is_named_and_never_shown(pulling: Pulling, tmp_path: Path) -> None:
    pulling.registry.login = "me:s3cret-word"
    error = pulling.failed()
    assert error["code"] == "image_unavailable"
    assert "auth" in error["message"].lower()
    login = base64.b64encode(b"me:s3cret-word").decode()
    auth_file = tmp_path / "auth.json"
    auths = {"auths": {f"127.0.0.1:{pulling.registry.port}": {"auth": login}}}
    auth_file.write_text(json.dumps(auths))
    shown = pulling.made(name="two", auth_file=str(auth_file))
    assert shown["state"] == "ready", shown
    job = pulling.host.state / "sandboxes" / shown["id"]
    written = b"".join(path.read_bytes() for path in job.rglob("*") if path.is_file())
    assert login.encode() not in written
    assert b"s3cret-word" not in written


@pytest.mark.soak
@pytest.mark.parametrize(
    ("auth_file", "code"), [("auth.json", "usage"), ("/nowhere/auth.json", "file_missing")]
)
def test_an_auth_file_that_is_none(pulling: Pulling, auth_file: str, code: str) -> None:
    assert pulling.create(auth_file=auth_file)["error"]["code"] == code
    assert pulling.host.ids() == []


@pytest.mark.soak
def test_an_image_for_another_machine(pulling: Pulling) -> None:
    pulling.registry.publish(architecture="s390x")
    error = pulling.failed()
    assert error["code"] == "image_unavailable"
    assert "is for s390x, and this host is amd64" in error["message"]


@pytest.mark.soak
def test_one_of_another_machine_that_is_here_is_not_taken(pulling: Pulling) -> None:
    """Somebody has pulled it with --platform: what fits this host is fetched again."""
    pulling.registry.publish(architecture="s390x")
    pulling.failed()
    pulling.registry.publish()
    assert pulling.made()["state"] == "ready"


@pytest.mark.soak
def test_its_news_are_told_while_it_is_pulled(pulling: Pulling) -> None:
    pulling.registry.publish(padding=1)  # a layer that isn't here
    pulling.registry.held.clear()
    answer = pulling.create()
    cursor, seen = 0, []
    while not any("Copying blob" in text or "Trying to pull" in text for text in seen):
        said = pulling.host.call(
            "follow", {"id": answer["object"]["id"], "cursor": cursor, "seconds": 20}
        )
        assert said["working"], said
        cursor = said["cursor"]
        seen += [event["text"] for event in said["events"]]
    pulling.registry.held.set()
    pulling.host.settle()
    assert pulling.host.show("one")["state"] == "ready"


@pytest.mark.soak
def test_a_pull_that_takes_too_long(pulling: Pulling) -> None:
    pulling.registry.publish(padding=2)
    pulling.registry.held.clear()
    error = pulling.failed(deadline=3)
    assert error["code"] == "deadline"
    assert pulling.registry.name in error["message"]


def test_a_pull_has_a_time_of_its_own(
    pulling: Pulling, before: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which ends it where the making may go on."""
    pulling.registry.publish(padding=3)
    pulling.registry.held.clear()
    for name, value in pulling.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(image, "PULL_SECONDS", 1.5)
    state = State(str(tmp_path / "state"), str(tmp_path / "srv"))
    state.prepare()
    wanted, call = image.Wanted(pulling.registry.name), image.Call(20.0)
    with pytest.raises(HostError, match=r"did not come within 1\.5 s") as error:
        image.fetch(state, Podman(), wanted, call)
    assert (error.value.code, error.value.retryable) == ("image_unavailable", True)
    assert "podman pull" in error.value.hint
    after = listing(pulling.host)
    assert (after["images"], after["processes"]) == (before["images"], before["processes"])


@pytest.mark.soak
def test_a_base_image_comes_from_the_registry(pulling: Pulling, tmp_path: Path) -> None:
    folder = source_folder(tmp_path / "source", f"FROM {pulling.registry.name}\nRUN echo x > /x\n")
    wanted = document(web=built_service())
    answer = pulling.create(document=wanted, source_digest=source_of(folder))
    pulling.host.send(answer, folder)
    pulling.host.settle()
    shown = pulling.host.show("one")
    assert shown["state"] == "ready", shown["error"]
    assert podman("exec", f"{shown['id']}.web", "/bin/cat", "/x") == "x\n"


def full_disk(size: str) -> None:
    """A small disk for the engine's images and all that it writes beside."""
    for folder in ("/var/lib/containers", "/var/tmp"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "full", folder], check=True)


@pytest.fixture
def small_disk(pulling: Pulling) -> Iterator[None]:
    full_disk("300m")
    yield
    pulling.host.settle()
    for one in pulling.host.ids():
        pulling.host.destroy(one)
    subprocess.run(["podman", "rmi", "--all", "--force"], capture_output=True, check=False)
    subprocess.run(["umount", "/var/tmp"], check=True)
    subprocess.run(["umount", "--lazy", "/var/lib/containers"], check=True)


@pytest.mark.soak
def test_a_disk_that_becomes_full_in_a_pull(pulling: Pulling, small_disk: None) -> None:
    pulling.registry.publish(padding=400 * 1024**2)
    error = pulling.failed()
    assert (error["code"], error["stage"]) == ("disk_full", "pull")


@pytest.mark.soak
def test_a_disk_that_becomes_full_in_a_build(
    pulling: Pulling, small_disk: None, tmp_path: Path
) -> None:
    folder = source_folder(
        tmp_path / "source",
        f"FROM {pulling.registry.name}\nRUN /bin/busybox dd if=/dev/zero of=/x bs=1M count=400\n",
    )
    wanted = document(web=built_service())
    answer = pulling.create(document=wanted, source_digest=source_of(folder))
    pulling.host.send(answer, folder)
    pulling.host.settle()
    error = pulling.host.show("one")["error"]
    assert (error["code"], error["stage"]) == ("disk_full", "build")


@pytest.mark.soak
def test_a_disk_that_is_nearly_full(pulling: Pulling, small_disk: None) -> None:
    with Path("/var/lib/containers/filler").open("wb") as file:
        file.write(bytes(100 * 1024**2))
    error = pulling.failed()
    assert (error["code"], error["stage"]) == ("disk_full", "check")
    assert "MiB are left" in error["message"]
    assert pulling.registry.pulls == 0
