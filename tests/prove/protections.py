"""The protections of this project, each with the change that takes it away and the test that
must fail then. `make prove` tries them all."""

from __future__ import annotations

from dataclasses import dataclass

COLLECTION = "collections/ansible_collections/coulomb/sandboxer/"
HOST = COLLECTION + "plugins/module_utils/host/"
HOST_TESTS = COLLECTION + "tests/unit/plugins/module_utils/host/"
ACTION_TESTS = COLLECTION + "tests/unit/plugins/action/"
CLI = "sandboxer_cli/"


@dataclass(frozen=True)
class Protection:
    """`old` stands in `file` exactly once; with `new` in its place `test`, a node id of pytest's,
    must fail."""

    words: str
    file: str
    old: str
    new: str
    test: str


LOCKS = (
    Protection(
        "the host's lock keeps others out",
        HOST + "state.py",
        'return self._locked("host", 30)',
        "return contextlib.nullcontext()",
        HOST_TESTS + "test_state.py::test_locks_exclude_other_processes_and_die_with_their_holder",
    ),
    Protection(
        "two creates of one name: the second looks again under the host's lock",
        HOST + "create.py",
        "with state.host_lock():",
        "if True:",
        "tests/faults/test_race.py::test_two_creates_of_one_name_make_one",
    ),
)

RECORD = (
    Protection(
        "a writer of an older generation is fenced",
        HOST + "record.py",
        "if current is None or current.generation != generation:",
        "if current is None:",
        HOST_TESTS + "test_record.py::test_a_fenced_writer_changes_nothing",
    ),
    Protection(
        "a record for newer readers is not interpreted (min_reader)",
        HOST + "record.py",
        'if data.get("min_reader", 1) > SCHEMA:',
        "if False:",
        HOST_TESTS + "test_record.py::test_a_record_for_newer_readers_is_not_interpreted",
    ),
)

LEASE = (
    Protection(
        "within one boot the boot clock decides, whatever the wall clock does",
        HOST + "lease.py",
        "    if lease.boot_id == now.boot_id:\n        return",
        "    if False:\n        return",
        HOST_TESTS + "test_lease.py::test_steps_of_the_wall_clock_are_harmless",
    ),
    Protection(
        "no extension passes the lease's maximum",
        HOST + "lease.py",
        "min(seconds, most)",
        "seconds",
        HOST_TESTS + "test_lease.py::test_extend",
    ),
)

RUNNER = (
    Protection(
        "user text is never templated (unsafe marking)",
        CLI + "runner.py",
        'return {"__ansible_unsafe": str(value)}',
        "return str(value)",
        "tests/unit/test_runner.py::test_templates_in_values_stay_text",
    ),
    Protection(
        "the private folder is removed",
        CLI + "runner.py",
        """tempfile.TemporaryDirectory(
        prefix="sandboxer-", dir=ansible_env.runtime_directory(), ignore_cleanup_errors=True
    )""",
        'contextlib.nullcontext(tempfile.mkdtemp("", "x", ansible_env.runtime_directory()))',
        "tests/unit/test_runner.py::test_a_result_comes_back",
    ),
)

COMPOSE = (
    Protection(
        "a key that is not known is refused",
        CLI + "compose/field.py",
        "if key not in known:",
        "if False:",
        "tests/unit/compose/test_unknown_keys.py::test_any_other_key_is_refused_by_name",
    ),
    Protection(
        "a key given twice is refused",
        CLI + "compose/parse.py",
        "if key.text in own:",
        "if False:",
        "tests/unit/compose/test_refusals.py::test_invalid",
    ),
)

GROUPS: dict[str, tuple[Protection, ...]] = {
    "locks": LOCKS,
    "record": RECORD,
    "lease": LEASE,
    "runner": RUNNER,
    "compose": COMPOSE,
}
