"""The Python API: a verb is a method, requests go in, answers come out. Prints nothing.

    client = Client(inventories=["inventories/lab"])
    answer = client.create(CreateRequest(profile="profile.hello", host="h1", name="one"))
    client.destroy("one", host="h1")

What changes a host is a playbook of the collection; what only reads goes straight to the host
program. Every method raises a `SandboxerError` of its kind where the one host wanted said no.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sandboxer_cli import ansible_ahead, connection, forward, glance, host
from sandboxer_cli.errors import Cancelled, HostUnreachable, NotFound, SandboxerError, Usage
from sandboxer_cli.glance import Glance
from sandboxer_cli.laps import Laps

COLLECTION = "coulomb.sandboxer"
_LONGEST_NAME = 39
_AT_ONCE = 16

Object = Mapping[str, Any]
Keep = Literal["never", "on-failure", "always"]


@dataclass(frozen=True)
class CreateRequest:
    """What to make. Spans of time as people write them; `host` may be a pattern of hosts.

    `files`, `env_files` and `compose_profiles` are compose's: paths go from `source`.
    """

    profile: str | None = None
    source: Path | None = None
    host: str | None = None
    name: str | None = None
    id: str | None = None
    owner: str | None = None
    ttl: str | None = None
    deadline: str | None = None
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)
    publish: str | None = None
    files: Sequence[str] = ()
    env_files: Sequence[str] = ()
    compose_profiles: Sequence[str] = ()
    compose_cmd: str | None = None
    auth_file: str | None = None
    replace: bool = False
    unreaped: bool = False
    wait: bool = True
    check: bool = False


@dataclass(frozen=True)
class ValidateRequest:
    """What to test: a repository, and what stands above its contract.

    `key` without a word is a new one, so that it is tested in any case. `reports` is a folder
    below which each run gets one of its own.
    """

    repository: Path
    host: str | None = None
    profile: str | None = None
    keep: Keep | None = None
    key: str | None = None
    owner: str | None = None
    compose_cmd: str | None = None
    auth_file: str | None = None
    unreaped: bool = False
    reports: Path | None = None
    check: bool = False


@dataclass(frozen=True)
class Answer:
    """`results` and `failures` by host. One host's failure is raised instead.

    `timings`: part -> seconds, one after the other.
    """

    results: Mapping[str, Any]
    failures: Mapping[str, SandboxerError] = field(default_factory=dict)
    diffs: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def only(self) -> Any:
        """The result of the one host that there is."""
        [result] = self.results.values()
        return result

    def with_failures(self, more: Mapping[str, SandboxerError]) -> Answer:
        return replace(self, failures={**self.failures, **more})


@dataclass(frozen=True)
class Client:
    """Verbs over some inventories. `on_line` gets progress as it comes, a line each."""

    inventories: Sequence[Path | str] = ()
    on_line: Callable[[str], None] = lambda line: None

    def create(self, request: CreateRequest) -> Answer:
        """Make a sandbox on each host that `request.host` means, or adopt the one that is there."""
        laps = Laps()
        from sandboxer_cli.profiles.resolve import resolve
        from sandboxer_cli.profiles.resolved import ResolveRequest, handed_over, host_request
        from sandboxer_cli.ttl import parse_deadline, parse_ttl

        profile = request.profile or "profile.compose"
        asked = ResolveRequest(
            profile,
            request.source,
            request.settings,
            publish=request.publish,
            files=tuple(request.files),
            env_files=tuple(request.env_files),
            compose_profiles=tuple(request.compose_profiles),
        )
        found = resolve(asked)  # here, to fail early: no connection, no Ansible
        laps.end("resolve")
        for note in found.warnings:
            self.on_line(f"warning: {note}")
        ttl = found.ttl_seconds if request.ttl is None else parse_ttl(request.ttl)
        deadline = None if request.deadline is None else parse_deadline(request.deadline)
        compose_cmd = found.compose_cmd if request.compose_cmd is None else request.compose_cmd
        if compose_cmd:
            host.check_compose_cmd(compose_cmd)
        if request.id is not None:
            host.check_id(request.id)
        owner = host.owner(request.owner)
        if request.name is not None:
            host.check_name(request.name)
        wanted = self._wanted(request.host or found.host)
        ways = self._ways(wanted)
        name = request.name
        if name is None and not _all_are_named(ways):
            name = host.check_name(_new_name(found.default_name))
        names = {way.host: name or str(way.name) for way in ways}
        variables = _given(
            sandboxer_profile=profile,
            sandboxer_source=str(request.source.absolute()) if request.source else None,
            sandboxer_name=name,
            sandboxer_id=request.id,
            sandboxer_owner=owner,
            sandboxer_ttl=request.ttl,
            sandboxer_deadline=request.deadline,
            sandboxer_set=dict(request.settings) or None,
            sandboxer_publish=request.publish,
            sandboxer_files=list(request.files) or None,
            sandboxer_env_files=list(request.env_files) or None,
            sandboxer_compose_profiles=list(request.compose_profiles) or None,
            sandboxer_compose_cmd=request.compose_cmd,  # the profile's counts after the inventory
            sandboxer_auth_file=request.auth_file,
            # what isn't asked for may stand in the inventory
            sandboxer_replace=request.replace or None,
            sandboxer_unreaped=request.unreaped or None,
            sandboxer_wait=None if request.wait else False,
        )

        def at(way: connection.Reach) -> dict[str, Any]:
            """What the play will ask this host for."""
            commands = (request.compose_cmd, way.compose_cmd, found.compose_cmd)
            return host_request(
                found,
                name=names[way.host],
                id=request.id,
                owner=owner,
                ttl=ttl,
                deadline=deadline,
                compose_cmd=host.compose_cmd(next((c for c in commands if c is not None), None)),
                auth_file=request.auth_file,
                replace=request.replace,
                unreaped=request.unreaped,
            )

        is_named = request.name is not None or request.id is not None  # else nothing is there yet
        if is_named and not request.check and all(_knows_all(way, variables) for way in ways):
            kept = {}
            with contextlib.suppress(SandboxerError):  # the play says what is missing here
                glances = [Glance(way, {**at(way), "wait": request.wait}) for way in ways]
                laps.end("reach")
                kept = _kept(glances, variables)
                laps.end("look")
            if kept:
                return Answer(kept, timings=laps.parts)
        else:
            for way in ways:
                connection.start_master(way)  # while Ansible is being started
            laps.end("reach")

        def cancel() -> None:
            known = [way for way in ways if "{{" not in names[way.host]]
            named = {"owner": owner}
            _at_once(lambda way: host.ask(way, "cancel", {"ref": names[way.host], **named}), known)

        with handed_over(asked, found) as environment:
            return self._play(
                "create",
                wanted,
                variables,
                check=request.check,
                on_cancel=cancel,
                environment=environment,
                laps=laps,
            )

    def destroy(
        self,
        reference: str,
        host_pattern: str | None = None,
        owner: str | None = None,
        check: bool = False,
    ) -> Answer:
        """Take a sandbox away, by id or by name, and prove it: receipts by host.

        What no host has is no error, provided that each of them answered.
        """
        owner = host.owner(owner)
        host.check_reference(reference)
        laps = Laps()
        ways = self._each(host_pattern or "all")
        silent: Mapping[str, SandboxerError] = {}
        if len(ways) == 1:
            connection.start_master(ways[0])  # while Ansible is being started
            carriers = [ways[0].host]  # the destroyer looks for itself
        else:
            several = host_pattern is not None
            carriers, silent = self._carriers(reference, ways, owner, several=several)
        if not carriers:
            return Answer({})
        laps.end("reach")
        variables = {"sandboxer_owner": owner, **_named(reference)}
        answer = self._play("destroy", ",".join(carriers), variables, check=check, laps=laps)
        answer = answer.with_failures(silent)
        was_there = any(receipt["changed"] for receipt in answer.results.values())
        return answer if was_there or answer.failures else Answer({})

    def extend(
        self, reference: str, ttl: str, host_pattern: str | None = None, owner: str | None = None
    ) -> Answer:
        """Let a sandbox live for `ttl` from now on."""
        from sandboxer_cli.ttl import parse_ttl

        parse_ttl(ttl)
        more = {"sandboxer_ttl": ttl}
        return self._on_carriers("extend", reference, host_pattern, owner, more)

    def stop(
        self,
        reference: str,
        host_pattern: str | None = None,
        owner: str | None = None,
        check: bool = False,
    ) -> Answer:
        """Stop a sandbox. What it holds stays, and its lease runs on."""
        return self._on_carriers("stop", reference, host_pattern, owner, {}, check)

    def start(
        self,
        reference: str,
        host_pattern: str | None = None,
        owner: str | None = None,
        deadline: str | None = None,
        check: bool = False,
    ) -> Answer:
        """Start a sandbox that is stopped, or put right one that is half dead."""
        _check_deadline(deadline)
        more = _given(sandboxer_deadline=deadline)
        return self._on_carriers("start", reference, host_pattern, owner, more, check)

    def restart(
        self,
        reference: str,
        service: str | None = None,
        host_pattern: str | None = None,
        owner: str | None = None,
        deadline: str | None = None,
        check: bool = False,
    ) -> Answer:
        """Stop and start all of a sandbox, or one of its services."""
        _check_deadline(deadline)
        more = _given(sandboxer_service=service, sandboxer_deadline=deadline)
        return self._on_carriers("restart", reference, host_pattern, owner, more, check)

    def exec(
        self,
        reference: str,
        service: str,
        words: Sequence[str],
        *,
        host_pattern: str | None = None,
        owner: str | None = None,
        index: int | None = None,
        user: str | None = None,
        workdir: str | None = None,
        environment: Mapping[str, str] | None = None,
        tty: bool = False,
    ) -> int:
        """Run a command inside a service, with this process's standard streams. Its status."""
        request = {
            "what": "exec",
            "service": service,
            "words": list(words),
            "index": index,
            "user": user,
            "workdir": workdir,
            "environment": dict(environment or {}),
            "tty": tty,
        }
        return self._stream(reference, host_pattern, owner, request, tty=tty)

    def logs(
        self,
        reference: str,
        service: str | None = None,
        *,
        host_pattern: str | None = None,
        owner: str | None = None,
        index: int | None = None,
        follow: bool = False,
        since: str | None = None,
    ) -> int:
        """Write what one service or all of them have written to our own standard streams.

        since: a span such as 10m, or an instant in RFC 3339.
        """
        from sandboxer_cli.ttl import parse_since

        request = {
            "what": "logs",
            "service": service,
            "index": index,
            "follow": follow,
            "since": None if since is None else parse_since(since),
        }
        return self._stream(reference, host_pattern, owner, request)

    @contextlib.contextmanager
    def forward(
        self,
        reference: str,
        endpoint: str | None = None,
        *,
        host_pattern: str | None = None,
        owner: str | None = None,
        local: int | None = None,
    ) -> Iterator[forward.Forwarding]:
        """Published ports of a sandbox at this machine's loopback, while this lasts: all of them,
        those of SERVICE, or SERVICE:PORT. `local` is the port here, for one of them.

        On this machine itself they are where they are, and `local` is a Usage:
        `forward_needless`.
        """
        found = self.show(reference, host_pattern, owner)
        forward.check_state(found)
        chosen = forward.endpoints(found, endpoint)
        way = connection.reach(found["host"], self.inventories)

        def look() -> Object | None:
            return _show(way, found["id"], found["owner"])

        if way.kind == "local":
            if local is not None:
                raise Usage(
                    f"{found['name']} is on this machine: {chosen[0]['url']} reaches it",
                    "leave --local out",
                    code="forward_needless",
                )
            yield forward.Forwarding(found, forward.at_home(chosen), None, look)
            return
        forwards = forward.planned(chosen, local)
        with forward.opened(way, forwards, self.on_line) as child:
            yield forward.Forwarding(found, forwards, child, look)

    def validate(self, request: ValidateRequest) -> Answer:
        """Test a repository on each host that `request.host` means: results by host.

        An outcome is no error: also that a contract can't be right is a result, of the host "".
        """
        from sandboxer_cli.validation import resolve, run
        from sandboxer_cli.validation.returned import Returned, report_folder
        from sandboxer_cli.validation.secrets import handed_over, read_secrets

        owner = host.owner(request.owner)
        key = host.new_run_key() if request.key is None else host.check_run_key(request.key)
        started_at = run.now()
        try:
            # once here, to fail early: no connection, no Ansible
            found = resolve.resolve(
                resolve.Asked(request.repository, request.profile, request.keep, key)
            )
            secrets = read_secrets(found.document["secrets"], request.repository)
        except Usage as error:
            if request.check:
                raise
            no = run.refused(error, host.new_run_id(), request.repository, key, started_at)
            back = Returned(report_folder(no.run, request.reports))
            return Answer({"": run.report(no, back).as_dict()})
        if request.compose_cmd:
            host.check_compose_cmd(request.compose_cmd)
        wanted = self._wanted(request.host or found.host)
        variables = _given(
            sandboxer_source=str(request.repository.absolute()),
            sandboxer_run_key=key,
            sandboxer_profile=request.profile,
            sandboxer_keep=request.keep,
            sandboxer_owner=owner,
            sandboxer_compose_cmd=request.compose_cmd,
            sandboxer_auth_file=request.auth_file,
            sandboxer_unreaped=request.unreaped or None,
            sandboxer_reports=_absolute(request.reports),
        )
        named = {"key": key, "owner": owner}
        with handed_over(secrets, request.repository) as environment:
            return self._validate(wanted, variables, named, request.check, environment)

    def resume(
        self, run: str, host_pattern: str | None = None, reports: Path | None = None
    ) -> Answer:
        """Go on with a run whose controller is gone, from wherever it is; or its result."""
        host.check_run_id(run)
        ways = self._each(host_pattern or "all")
        answers = _at_once(lambda way: _run(way, run), ways)
        _raise_if_only(answers)
        carriers = [name for name, one in answers.results.items() if one is not None]
        if not carriers:
            _refuse_silence(run, answers.failures)
            raise NotFound(f"there is no run {run}", "runs are kept for 30 days, each on its host")
        variables = _given(sandboxer_run=run, sandboxer_reports=_absolute(reports))
        return self._validate(carriers[0], variables, {"run": run})

    def _validate(
        self,
        wanted: str,
        variables: Mapping[str, object],
        named: Mapping[str, object],
        check: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Answer:
        """A cancelled one is ended on its hosts first, and then brought to its result."""
        ways = self._ways(wanted)
        for way in ways:
            connection.start_master(way)  # while Ansible is being started
        cancelled: dict[str, str] = {}

        def cancel() -> None:
            ended = _at_once(lambda way: host.ask(way, "run-cancel", named), ways)
            cancelled.update({name: one["id"] for name, one in ended.results.items() if one})
            for error in ended.failures.values():
                if not isinstance(error, NotFound):  # it was not begun yet
                    raise error

        given = {**variables, "sandboxer_fail": False}
        try:
            return self._play(
                "validate",
                wanted,
                given,
                check=check,
                on_cancel=cancel,
                environment=environment,
            )
        except Cancelled:
            if len(cancelled) != 1:
                raise
            [(name, run)] = cancelled.items()
            more = {"sandboxer_run": run, "sandboxer_reports": variables.get("sandboxer_reports")}
            return self._play("validate", name, {**_given(**more), "sandboxer_fail": False})

    def list_all(self, host_pattern: str | None = None, owner: str | None = None) -> Answer:
        """Objects by host: of one owner, or of all with None."""
        if owner is not None:
            host.check_owner(owner)
        answers = _at_once(
            lambda way: [host.complete(found, way, changed=False) for found in _list(way, owner)],
            self._each(host_pattern or "all"),
        )
        return _raise_if_only(answers)

    def show(
        self, reference: str, host_pattern: str | None = None, owner: str | None = None
    ) -> Object:
        """The one object of that id or name."""
        owner = host.owner(owner)
        host.check_reference(reference)
        answers = _at_once(
            lambda way: _show(way, reference, owner), self._each(host_pattern or "all")
        )
        found: list[Object] = [one for one in answers.results.values() if one is not None]
        if len(found) > 1:
            raise _several(reference, [one["host"] for one in found])
        if not found:
            _raise_if_only(answers)
            _refuse_silence(reference, answers.failures)
            raise _not_found(reference)
        return found[0]

    def reap(self, host_pattern: str | None = None, check: bool = False) -> Answer:
        """One pass of the reaper on each host."""
        return self._play("reap", host_pattern or "all", {}, check=check)

    def prepare(
        self, host_pattern: str | None = None, fix_engine: bool = False, check: bool = False
    ) -> Answer:
        """Make hosts ready for sandboxes: packages, folders, run account, reaper."""
        variables = {"sandboxer_fix_engine": fix_engine}
        return self._play("prepare", self._wanted(host_pattern), variables, check=check)

    def hosts(self) -> list[str]:
        """The hosts of the inventories."""
        return connection.hosts(self.inventories)

    def _wanted(self, pattern: str | None) -> str:
        """The hosts that a change is for. Without a word about it there has to be just one."""
        if pattern is not None:
            return pattern
        if connection.sources(self.inventories) == (str(connection.THIS_MACHINE),):
            return "localhost"
        names = self.hosts()
        if len(names) != 1:
            raise Usage(
                f"there are {len(names)} hosts to choose from",
                f"say --host NAME, one of {', '.join(names[:10])}",
                code="host_missing",
            )
        return names[0]

    def _ways(self, pattern: str) -> tuple[connection.Reach, ...]:
        return connection.reach_all(pattern, self.inventories)

    def _each(self, pattern: str) -> tuple[connection.Reach, ...]:
        """One that is refused is so when it is asked: the others are asked all the same."""
        return connection.reach_each(pattern, self.inventories)

    def _carriers(
        self, reference: str, ways: Sequence[connection.Reach], owner: str, several: bool
    ) -> tuple[list[str], dict[str, SandboxerError]]:
        """The hosts that have it: with `several` there may be more than one, and all of them are
        meant. So those that could not be asked are named then, each with the reason."""
        answers = _at_once(lambda way: _show(way, reference, owner), ways)
        _raise_if_only(answers)
        found = [name for name, one in answers.results.items() if one is not None]
        if not found:
            _refuse_silence(reference, answers.failures)
        if len(found) > 1 and not several:
            raise _several(reference, found)
        return found, dict(answers.failures) if several else {}

    def _on_carriers(
        self,
        verb: str,
        reference: str,
        host_pattern: str | None,
        owner: str | None,
        more: Mapping[str, object],
        check: bool = False,
    ) -> Answer:
        """A change of a sandbox that has to be there."""
        owner = host.owner(owner)
        host.check_reference(reference)
        ways = self._each(host_pattern or "all")
        several = host_pattern is not None
        carriers, silent = self._carriers(reference, ways, owner, several=several)
        if not carriers:
            raise _not_found(reference)
        variables = {"sandboxer_owner": owner, **more, **_named(reference)}
        answer = self._play(verb, ",".join(carriers), variables, check=check)
        return answer.with_failures(silent)

    def _stream(
        self,
        reference: str,
        host_pattern: str | None,
        owner: str | None,
        request: Mapping[str, object],
        tty: bool = False,
    ) -> int:
        owner = host.owner(owner)
        host.check_reference(reference)
        ways = self._each(host_pattern or "all")
        if len(ways) > 1:
            carriers, _silent = self._carriers(reference, ways, owner, several=False)
            ways = tuple(way for way in ways if way.host in carriers)
        for way in ways:
            status = host.stream(way, {**request, "ref": reference, "owner": owner}, tty=tty)
            if status is not None:
                return status
        raise _not_found(reference)

    def _play(
        self,
        verb: str,
        pattern: str,
        variables: Mapping[str, object],
        check: bool = False,
        on_cancel: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
        laps: Laps | None = None,
    ) -> Answer:
        from sandboxer_cli import runner

        outcome = runner.run(
            runner.Play(
                playbook=f"{COLLECTION}.{verb}",
                hosts=pattern,
                inventories=tuple(self.inventories),
                variables=variables,
            ),
            on_line=self.on_line,
            cancel=runner.Cancel(on_cancel),
            check=check,
            environment=environment,
        )
        timings = {f"play, {part}": seconds for part, seconds in outcome.timings.items()}
        before = laps.parts if laps else {}
        return Answer(outcome.results, outcome.failures, outcome.diffs, {**before, **timings})


def _new_name(short: str) -> str:
    return f"{short[: _LONGEST_NAME - 5]}-{host.new_suffix(4)}"


def _named(reference: str) -> dict[str, object]:
    # the other one is empty, so that none of the inventory takes its place
    is_id = reference.startswith("sbx-")
    return {
        "sandboxer_id": reference if is_id else "",
        "sandboxer_name": "" if is_id else reference,
    }


def _check_deadline(deadline: str | None) -> None:
    from sandboxer_cli.ttl import parse_deadline

    if deadline is not None:
        parse_deadline(deadline)


def _given(**variables: object) -> dict[str, object]:
    return {name: value for name, value in variables.items() if value is not None}


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path is not None else None


def _run(way: connection.Reach, run: str) -> Object | None:
    try:
        found: Object | None = host.ask(way, "run-show", {"run": run})
    except NotFound:
        return None
    return found


def _all_are_named(ways: Sequence[connection.Reach]) -> bool:
    """Whether the inventory says what each host's sandbox is called."""
    named = [way.host for way in ways if way.name]
    if named and len(named) < len(ways):
        raise Usage(
            f"the inventory names the sandbox of {', '.join(named[:10])}, and not of the others",
            "say --name, or give each host a sandboxer_name",
            code="name_missing",
        )
    return bool(named)


def _knows_all(way: connection.Reach, variables: Mapping[str, object]) -> bool:
    """Whether the inventory has no say in what is wanted of this host."""
    known = {"sandboxer_compose_cmd", "sandboxer_name", *variables}
    return known.issuperset(way.variables)


def _kept(glances: Sequence[Glance], variables: Mapping[str, object]) -> dict[str, Any]:
    """The objects by host where a create with these variables would change nothing on any of them,
    and a play would say nothing else; else empty."""
    from sandboxer_cli import runner

    runner.load()  # while the hosts are asked
    there = glance.kept(glances, ansible_ahead.is_warm)
    if not all(_is_settled(found, variables) for found in there.values()):
        return {}
    return {
        one.way.host: host.complete(there[one.way.host], one.way, changed=False)
        for one in glances
        if there
    }


def _is_settled(found: Object, variables: Mapping[str, object]) -> bool:
    """Whether a play would find no fault: it refuses a host whose reaper has stopped, and tries
    from here what is published to all."""
    reaped = found["reaper"] != "late" or bool(variables.get("sandboxer_unreaped"))
    endpoints = found["reachability"].get("endpoints", [])
    return reaped and all(endpoint["scope"] != "host" for endpoint in endpoints)


def _list(way: connection.Reach, owner: str | None) -> list[dict[str, Any]]:
    return host.ask(way, "list", {"owner": owner}) or []


def _show(way: connection.Reach, reference: str, owner: str) -> Object | None:
    try:
        found = host.ask(way, "show", {"ref": reference, "owner": owner})
    except NotFound:
        return None
    return host.complete(found, way, changed=False) if found else None


def _at_once(act: Callable[[connection.Reach], Any], ways: Iterable[connection.Reach]) -> Answer:
    """The same read on several hosts; one that fails or is silent is in `failures`."""
    ways = list(ways)
    results: dict[str, Any] = {}
    failures: dict[str, SandboxerError] = {}
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(ways)) or 1) as pool:
        futures = {way.host: pool.submit(act, way) for way in ways}
        for name, future in futures.items():
            try:
                results[name] = future.result()
            except SandboxerError as error:
                failures[name] = error
    return Answer(results, failures)


def _raise_if_only(answers: Answer) -> Answer:
    if len(answers.failures) == 1 and not answers.results:
        raise next(iter(answers.failures.values()))
    return answers


def _refuse_silence(reference: str, failures: Mapping[str, SandboxerError]) -> None:
    """'Unreachable' is never 'gone'."""
    if not failures:
        return
    silent = [name for name, error in failures.items() if isinstance(error, HostUnreachable)]
    if len(silent) < len(failures):
        raise next(e for e in failures.values() if not isinstance(e, HostUnreachable))
    raise HostUnreachable(
        f"no host that answered has {reference}, but {', '.join(silent)} did not answer",
        "try again when they do, or name a host with --host",
    )


def _not_found(reference: str) -> NotFound:
    return NotFound(f"there is no sandbox {reference}", "see `sandboxer list --all`")


def _several(reference: str, hosts: Sequence[str]) -> Usage:
    return Usage(
        f"{reference} is on {len(hosts)} hosts",
        f"say --host NAME, one of {', '.join(hosts)}",
        code="reference_ambiguous",
    )
