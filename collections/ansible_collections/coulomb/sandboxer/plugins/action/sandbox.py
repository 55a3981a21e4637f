# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `sandbox`: resolves, carries, follows. It decides nothing."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from itertools import pairwise
from typing import IO, Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import ids, program
from ansible_collections.coulomb.sandboxer.plugins.modules.sandbox import RUNNING, SPEC, question
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer as answers
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import installed, package, task

MODULE = "coulomb.sandboxer.sandbox"
SILENCE_SECONDS = 120.0  # for a host that has a making at work
UNHEARD_SECONDS = 20.0  # for one that has said nothing yet
PIECE_BYTES = 4 * 1024 * 1024  # of the source, in one call
LOST = ("not responding", "closed by remote host", "Broken pipe", "Connection reset by")


class ActionModule(ActionBase):
    """Runs the module on the host and follows its job until it ends. The only follower."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        self._took: dict[str, float] = {}
        started = time.monotonic()
        given = self._task.args
        self._task.args = {**given, **_settings(given), **_lines(given)}
        args = self.validate_argument_spec(argument_spec=SPEC)[1]
        args["owner"] = task.owner(args["owner"])
        host = variables["inventory_hostname"]
        if args["state"] != "present" and not (args["id"] or args["name"]):
            raise _refused({"code": "usage", "message": "a name or an id is missing"})
        if args["state"] == "absent":
            done = self._call(args, variables)
            receipt = done.get("receipt") or {"id": done.get("id", ""), "remains": []}
            shown = {**receipt, "host": host, "changed": bool(done.get("changed"))}
        elif args["state"] in RUNNING:
            done = self._running(args, variables, host)
            shown = done.get("sandbox", {})
        else:
            done = self._present(args, variables, host)
            shown = done.get("sandbox", {})
        if not done.get("failed"):
            done["ansible_stats"] = answers.stats(shown, variables)
        if os.environ.get("SANDBOXER_TIMINGS"):
            self._say_timings(host, time.monotonic() - started)
        result.update(done)
        return result

    def _present(self, args: dict[str, Any], variables: dict[str, Any], host: str) -> Any:
        request, listing = _resolve(args)
        done = self._start(
            {**args, "resolved": json.dumps(request, ensure_ascii=False)}, variables, host
        )
        if done.get("failed") or self._task.check_mode:
            return _with_plan(done, request["name"])
        found = done["object"]
        if done["action"] != "keep":
            cleanup = answers.cleanup_command(found["id"], host)
            self._say(host, f"{request['name']} is {found['id']} ({done['reason']})")
            self._say(host, f"to take it away: {cleanup}")
        if done.get("wants_source"):
            sent = self._send_source(listing, found, args["wait"], variables, host)
            if sent.get("failed"):
                return sent
            done = {**sent, "changed": done["changed"], "action": done["action"]}
        return self._to_its_end(done, args, variables, host, found["id"])

    def _running(self, args: dict[str, Any], variables: dict[str, Any], host: str) -> Any:
        """Stop, start or restart what is there."""
        request = {"deadline": _deadline(args["deadline"])}
        done = self._call({**args, "resolved": json.dumps(request)}, variables)
        if done.get("failed"):
            return done
        if self._task.check_mode:
            return _with_states(done, args["state"])
        return self._to_its_end(done, args, variables, host, done["object"]["id"])

    def _to_its_end(
        self,
        done: dict[str, Any],
        args: dict[str, Any],
        variables: dict[str, Any],
        host: str,
        sandbox_id: str,
    ) -> dict[str, Any]:
        """Follow the job that was begun, if one was. The whole object, or why there is none."""
        changed, action, found = done["changed"], done["action"], done["object"]
        if action not in ("keep", "stop") and args["wait"]:
            done = self._follow(done, sandbox_id, variables, host)
            if done.get("failed"):
                return done
            found = done["object"]
        if found is None:
            return _failure(
                {"code": "fenced", "message": "it was taken away while it was being made"}
            )
        wanted = "stopped" if args["state"] == "stopped" else "ready"
        if found["state"] != wanted and args["wait"]:
            return _failure(found["error"] or _died(found))
        whole = answers.complete(found, host, answers.ssh(self._connection), changed)
        if (
            found["state"] == "ready"
            and answers.is_public(whole)
            and answers.is_direct(self._connection)
        ):
            told = answers.unreachable(whole)
            if told:
                return _failure(_not_from_here(told, whole))
        return {"changed": changed, "action": action, "sandbox": whole}

    def _start(self, args: dict[str, Any], variables: dict[str, Any], host: str) -> dict[str, Any]:
        """The first call. Where its link is lost the answer is, and the same again finds what it
        has begun, if it came so far."""
        try:
            return self._call(args, variables)
        except AnsibleConnectionFailure as error:
            if not _was_connected(str(error)):
                raise
        said = "no answer yet; asking again"
        self._say(host, said)
        done = self._call_again(args, variables, host, UNHEARD_SECONDS, said)
        if not done.get("failed") and not self._task.check_mode:
            done["changed"] = True  # as far as anyone can know, by the call that was lost
        return done

    def _send_source(
        self, listing: Any, found: dict[str, Any], wait: bool, variables: dict[str, Any], host: str
    ) -> dict[str, Any]:
        """The source, for the making that waits for it. The last call's answer."""
        to = {"id": found["id"], "generation": found["generation"], "wait": wait}
        with tempfile.TemporaryFile() as file:
            try:
                _pack(listing, file)
            except AnsibleActionFail:
                file.truncate(0)  # which the host refuses, so that nothing waits for more
                self._send(file, to, variables, host)
                raise
            if file.tell() > PIECE_BYTES:
                self._say(host, f"sending the source, {file.tell() / 1024**2:.1f} MiB")
            return self._send(file, to, variables, host)

    def _send(
        self, file: IO[bytes], to: dict[str, Any], variables: dict[str, Any], host: str
    ) -> dict[str, Any]:
        """A whole file in pieces, each a call."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        sender = ids.new_suffix(8)
        while True:
            at = file.tell()
            data = base64.b64encode(file.read(PIECE_BYTES)).decode("ascii")
            last = file.tell() >= size
            piece = {**to, "sender": sender, "at": at, "data": data, "last": last}
            given, said = {"piece": json.dumps(piece)}, "no answer; sending that piece again"
            done = self._call_again(given, variables, host, SILENCE_SECONDS, said)
            if last or done.get("failed"):
                return done

    def _follow(
        self, done: dict[str, Any], sandbox_id: str, variables: dict[str, Any], host: str
    ) -> dict[str, Any]:
        """Short calls until nobody works on it."""
        while True:
            events = done.get("events", [])
            for event in events:
                self._say(host, event["text"])
            for event, following in pairwise(events):
                self._count(f"host, {event['phase']}", following["at"] - event["at"])
            if not done.get("working"):
                return done
            cursor = json.dumps({"id": sandbox_id, "cursor": done["cursor"]})
            boot_id = done["boot_id"]
            done = self._call_again(
                {"follow": cursor},
                variables,
                host,
                SILENCE_SECONDS,
                "no answer; the making goes on there; asking again",
            )
            if done.get("failed"):
                return done
            if done["boot_id"] != boot_id:
                return _failure(_rebooted(sandbox_id, host))

    def _call_again(
        self, args: dict[str, Any], variables: dict[str, Any], host: str, patience: float, said: str
    ) -> dict[str, Any]:
        """One call over a link that may be cut, made again as long as the patience (seconds)."""
        end = time.monotonic() + patience
        while True:
            try:
                return self._call(args, variables)
            except AnsibleConnectionFailure:
                if time.monotonic() >= end:
                    raise
                self._say(host, said)
                said = ""  # once is enough
                time.sleep(1)  # nothing tells when a host is back

    def _call(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """By the program of this very version, where it is installed; else by the module, which
        installs it."""
        verb, request = question({**dict.fromkeys(SPEC), **args}, self._task.check_mode)
        started = time.monotonic()
        done = installed.ask(self, program.own_name(), verb, request, variables)
        if done is None:
            given = {key: value for key, value in args.items() if value is not None}
            done = self._execute_module(module_name=MODULE, module_args=given, task_vars=variables)
        self._count("host", time.monotonic() - started)
        return dict(done)

    def _count(self, part: str, seconds: float) -> None:
        self._took[part] = self._took.get(part, 0.0) + seconds

    def _say_timings(self, host: str, whole: float) -> None:
        """Of the host's calls the phases of the making, and what else they took: the way there,
        its Python, the looking before and after."""
        calls = self._took.pop("host", 0.0)
        parts = {"task": whole - calls, "host": calls - sum(self._took.values()), **self._took}
        for part, seconds in parts.items():
            self._say(host, f"timing: {part} {seconds:.2f} s")

    def _say(self, host: str, text: str) -> None:
        for line in text.splitlines():
            Display().display(f"sandboxer: {host}: {line}")


def _was_connected(message: str) -> bool:
    """Whether ssh speaks of a connection that it had. Of one that it could not make it says why;
    of a shared one that went away it says nothing at all."""
    return message.rstrip().endswith("over ssh:") or any(sign in message for sign in LOST)


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """The settings as a mapping where they are text, KEY=VALUE in each line: a survey of AWX
    knows no mappings."""
    text = given.get("settings")
    if not isinstance(text, str) or text.startswith("{"):
        return {}
    with package.loading():
        from sandboxer_cli.errors import SandboxerError
        from sandboxer_cli.profiles.settings import parse_settings
    try:
        return {"settings": parse_settings([line for line in text.splitlines() if line.strip()])}
    except SandboxerError as error:
        raise _refused(error.detail.as_dict()) from None


def _lines(given: dict[str, Any]) -> dict[str, Any]:
    """Lists where they are text, one entry in each line: surveys know no lists, either."""
    texts = {key: given.get(key) for key in ("files", "env_files", "compose_profiles")}
    return {
        key: [line.strip() for line in text.splitlines() if line.strip()]
        for key, text in texts.items()
        if isinstance(text, str)
    }


def _refused(error: dict[str, Any]) -> AnsibleActionFail:
    return AnsibleActionFail(error["message"], result={"sandboxer_error": error})


def _pack(listing: Any, file: IO[bytes]) -> None:
    """The source as one stream."""
    with package.loading():
        from sandboxer_cli.errors import SandboxerError
        from sandboxer_cli.source import archive
    try:
        archive(listing, file)
    except SandboxerError as error:
        raise _refused(error.detail.as_dict()) from None


def _resolve(args: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """What the host is asked for, and the listing of the source."""
    with package.loading():
        from sandboxer_cli.errors import SandboxerError
        from sandboxer_cli.profiles.resolved import ResolveRequest, host_request, taken_over
        from sandboxer_cli.ttl import parse_deadline, parse_ttl
    asked = ResolveRequest(
        profile=args["profile"],
        source=answers.folder(args["source"]),
        settings=args["settings"],
        publish=args["publish"],
        files=tuple(args["files"]),
        env_files=tuple(args["env_files"]),
        compose_profiles=tuple(args["compose_profiles"]),
        carry=answers.folder(args["carry"]),
    )
    try:
        found = taken_over(asked) or _resolved(asked)
        ttl = parse_ttl(args["ttl"]) if args["ttl"] else found.ttl_seconds
        deadline = parse_deadline(args["deadline"])
    except SandboxerError as error:
        raise _refused(error.detail.as_dict()) from None
    for note in found.warnings:  # of what was taken over the program has said so
        Display().warning(str(note))  # which Ansible shows once, however many hosts there are
    request = host_request(
        found,
        name=args["name"] or found.default_name,
        id=args["id"],
        owner=args["owner"],
        ttl=ttl,
        deadline=deadline,
        compose_cmd=answers.compose_cmd(
            found.compose_cmd if args["compose_cmd"] is None else args["compose_cmd"]
        ),
        auth_file=args["auth_file"],
        replace=args["replace"],
        unreaped=args["unreaped"],
    )
    return request, found.listing


def _resolved(asked: Any) -> Any:
    """Where the program hasn't done it already."""
    with package.loading():
        from sandboxer_cli.profiles.resolve import resolve
    return resolve(asked)


def _deadline(text: str) -> int:
    with package.loading():
        from sandboxer_cli.errors import SandboxerError
        from sandboxer_cli.ttl import parse_deadline
    try:
        return parse_deadline(text)
    except SandboxerError as error:
        raise _refused(error.detail.as_dict()) from None


def _with_states(done: dict[str, Any], wanted: str) -> dict[str, Any]:
    """A check's answer, with the states before and after as a diff."""
    found = done["object"]
    after = "stopped" if wanted == "stopped" else "ready"
    if done["changed"]:
        before = {"before": f"{found['state']}\n", "after": f"{after}\n"}
        done["diff"] = {**before, "after_header": found["name"]}
    done["sandbox"] = {
        "changed": done["changed"],
        "name": found["name"],
        "id": found["id"],
        "action": done["action"],
    }
    return done


def _with_plan(done: dict[str, Any], name: str) -> dict[str, Any]:
    """A check's answer, with what would come to be as a diff."""
    if not done.get("failed"):
        planned = [f"{item['kind']} {item['key']}" for item in done.get("planned", [])]
        done["diff"] = {
            "before": "",
            "after": "".join(f"{line}\n" for line in planned),
            "after_header": name,
        }
        done["sandbox"] = {"changed": done["changed"], "name": name, "action": done["action"]}
    return done


def _not_from_here(told: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": "not_ready",
        "message": told,
        "hint": f"it is left running: a firewall may be on the way; {found['cleanup_command']}",
        "retryable": False,
        "stage": "ready",
    }


def _rebooted(sandbox_id: str, host: str) -> dict[str, Any]:
    return {
        "code": "host_rebooted",
        "message": f"{host} was rebooted while {sandbox_id} was being made or started there",
        "hint": "run the same again: what is left of it is put right, or made anew",
        "retryable": True,
        "stage": "",
    }


def _died(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": "job_died",
        "message": f"the job that made {found['id']} died",
        "hint": "create it again; what it had made is taken away first",
        "retryable": True,
        "stage": "",
    }


def _failure(error: dict[str, Any]) -> dict[str, Any]:
    return {"failed": True, "msg": error["message"], "sandboxer_error": error}
