"""The protections of this project, each with the change that takes it away and the test that
must fail then. `make prove` tries them all."""

from __future__ import annotations

from dataclasses import dataclass

COLLECTION = "collections/ansible_collections/coulomb/sandboxer/"
HOST = COLLECTION + "plugins/module_utils/host/"
ACTION = COLLECTION + "plugins/action/"
HOST_TESTS = COLLECTION + "tests/unit/plugins/module_utils/host/"
MODULE_TESTS = COLLECTION + "tests/unit/plugins/modules/"
ACTION_TESTS = COLLECTION + "tests/unit/plugins/action/"
CLI = "sandboxer_cli/"
TESTS = "tests/unit/"
KILL = "tests/faults/test_kill.py::"
RACE = "tests/faults/test_race.py::"
TROUBLE = "tests/faults/test_trouble.py::"
MAKER = "tests/faults/test_maker.py::"


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
        "the record's lock keeps others out",
        HOST + "state.py",
        'return self._locked("record-" + ids.check_id(sandbox_id), 30)',
        "return contextlib.nullcontext()",
        HOST_TESTS + "test_state.py::test_locks_exclude_other_processes_and_die_with_their_holder",
    ),
    Protection(
        "the work lock keeps others out",
        HOST + "state.py",
        "            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "            pass",
        HOST_TESTS + "test_state.py::test_locks_exclude_other_processes_and_die_with_their_holder",
    ),
    Protection(
        "a lock dies with its holder: no child inherits it",
        HOST + "state.py",
        "self._lock_path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600\n"
        "        )",
        "self._lock_path(name), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600\n"
        "        )\n"
        "        os.set_inheritable(descriptor, True)",
        HOST_TESTS + "test_state.py::test_locks_are_not_inherited_by_what_is_started",
    ),
    Protection(
        "a killed holder of each lock keeps nobody waiting (a lock is no file that stays)",
        HOST + "state.py",
        "            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "            if os.fstat(descriptor).st_size:\n"
        "                raise BlockingIOError\n"
        '            os.write(descriptor, b"held")',
        HOST_TESTS + "test_state.py::test_locks_exclude_other_processes_and_die_with_their_holder",
    ),
    Protection(
        "a create is planned and written under the host's lock",
        HOST + "create.py",
        "with state.host_lock():",
        "if True:",
        RACE + "test_two_creates_of_one_name_make_one",
    ),
    Protection(
        "under the host's lock a create looks again",
        HOST + "create.py",
        "if _identity(current) != _identity(seen):",
        "if False:",
        RACE + "test_two_creates_of_one_name_make_one",
    ),
    Protection(
        "a record is changed under its lock",
        HOST + "record.py",
        "with where.record_lock(sandbox_id):",
        "if True:",
        HOST_TESTS + "test_record.py::test_a_change_waits_for_whoever_has_the_records_lock",
    ),
    Protection(
        "an image is made under its lock",
        HOST + "image.py",
        "with state.image_lock(name, seconds):",
        "if True:",
        HOST_TESTS + "test_image.py::test_two_that_need_the_same_image_have_it_made_once",
    ),
    Protection(
        "under an image's lock it is looked for again",
        HOST + "image.py",
        'return Image("", _volumes(found))  # somebody else was at it',
        "pass",
        HOST_TESTS + "test_image.py::test_two_that_need_the_same_image_have_it_made_once",
    ),
    Protection(
        "one pass of the reaper at a time",
        HOST + "reap.py",
        "lock = state.try_reap_lock()",
        'lock = os.open("/dev/null", os.O_RDONLY)',
        HOST_TESTS + "test_reap.py::test_one_pass_at_a_time",
    ),
    Protection(
        "of two destroyers the slower finds nothing more to do",
        HOST + "destroy.py",
        "if current is None:  # the other destroyer was quicker",
        "if False:",
        RACE + "test_two_destroyers",
    ),
)

FILES = (
    Protection(
        "what is written is on the disk before it counts",
        HOST + "state.py",
        "            os.fsync(file.fileno())\n",
        "",
        HOST_TESTS + "test_state.py::test_what_is_written_is_on_the_disk_before_it_counts",
    ),
    Protection(
        "so is its name",
        HOST + "state.py",
        "    sync_folder(os.path.dirname(path))\n",
        "",
        HOST_TESTS + "test_state.py::test_what_is_written_is_on_the_disk_before_it_counts",
    ),
    Protection(
        "a file is replaced as a whole, and a link in its place is not followed",
        HOST + "state.py",
        'temporary = f"{path}.{os.getpid()}.tmp"\n'
        "    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW",
        "temporary = path\n    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC",
        HOST_TESTS + "test_state.py::test_a_link_in_place_of_a_file_is_not_followed",
    ),
    Protection(
        "a link in place of a file is not read",
        HOST + "state.py",
        "        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)\n"
        "    except (FileNotFoundError, NotADirectoryError):",
        "        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)\n"
        "    except (FileNotFoundError, NotADirectoryError):",
        HOST_TESTS + "test_state.py::test_a_link_in_place_of_a_file_is_not_followed",
    ),
    Protection(
        "a link in place of the job's log is not followed",
        HOST + "job.py",
        "os.O_CLOEXEC | os.O_NOFOLLOW, 0o600",
        "os.O_CLOEXEC, 0o600",
        HOST_TESTS + "test_job.py::test_a_link_in_place_of_the_log_is_not_followed",
    ),
    Protection(
        "the job's log is bounded",
        HOST + "job.py",
        "if _size(path) + len(line) > self._tail_limit:",
        "if False:",
        HOST_TESTS + "test_job.py::test_bounded_with_its_head_and_its_newest_tail",
    ),
    Protection(
        "a link as the state folder is refused",
        HOST + "state.py",
        "if os.path.islink(path) or os.stat",
        "if os.stat",
        HOST_TESTS + "test_state.py::test_a_link_as_root_folder_is_refused",
    ),
    Protection(
        "another account's state folder is refused",
        HOST + "state.py",
        "os.path.islink(path) or os.stat(path).st_uid != os.geteuid()",
        "os.path.islink(path)",
        HOST_TESTS + "test_state.py::test_another_accounts_root_folder_is_refused",
    ),
    Protection(
        "nobody else may look into the state folder",
        HOST + "state.py",
        "os.makedirs(self.root, mode=0o700, exist_ok=True)",
        "os.makedirs(self.root, mode=0o755, exist_ok=True)",
        HOST_TESTS + "test_state.py::test_nobody_else_may_look_in",
    ),
    Protection(
        "what a killed writer left is swept",
        HOST + "state.py",
        "                os.unlink(os.path.join(folder, name))\n",
        "                pass\n",
        HOST_TESTS + "test_state.py::test_only_what_a_killed_writer_left_is_swept[True]",
    ),
    Protection(
        "never a living writer's file",
        HOST + "state.py",
        """ and not os.path.exists(f"/proc/{found[1]}")""",
        "",
        HOST_TESTS + "test_state.py::test_only_what_a_killed_writer_left_is_swept[False]",
    ),
    Protection(
        "the reaper sweeps",
        HOST + "reap.py",
        "            sweep(folder)\n",
        "            pass\n",
        HOST_TESTS + "test_reap.py::test_what_killed_writers_left_goes",
    ),
)

RECORD = (
    Protection(
        "nothing is made before the record is written",
        HOST + "create.py",
        'fault.point("create-spec")',
        'os.makedirs(state.remote_dir(sandbox_id))\n            fault.point("create-spec")',
        KILL + "test_killed_while_making[create-spec]",
    ),
    Protection(
        "all that is planned stands in the record before it is made",
        HOST + "create.py",
        "            dir_holding(state.remote_dir(sandbox_id)),\n",
        "",
        KILL + "test_killed_while_making[made-dir]",
    ),
    Protection(
        "volumes that an image asks for become planned holdings first",
        HOST + "make.py",
        "self._change(holdings=tuple(planned))",
        "pass",
        TROUBLE + "test_volumes_that_no_one_named",
    ),
    Protection(
        "a writer of an older generation is fenced",
        HOST + "record.py",
        "if current is None or current.generation != generation:",
        "if current is None:",
        HOST_TESTS + "test_record.py::test_a_fenced_writer_changes_nothing",
    ),
    Protection(
        "a fenced job changes nothing",
        HOST + "record.py",
        "if current is None or current.generation != generation:",
        "if current is None:",
        RACE + "test_a_fenced_job_changes_nothing",
    ),
    Protection(
        "a record for newer readers is not interpreted (min_reader)",
        HOST + "record.py",
        'if data.get("min_reader", 1) > SCHEMA:',
        "if False:",
        HOST_TESTS + "test_record.py::test_a_record_for_newer_readers_is_not_interpreted",
    ),
    Protection(
        "a newer version's record is not destroyed by us",
        HOST + "destroy.py",
        'if error.code != "broken_record":',
        "if False:",
        TROUBLE + "test_a_record_of_a_newer_version",
    ),
    Protection(
        "a newer version's fields survive a rewrite",
        HOST + "record.py",
        'data.update(data.pop("unknown"))',
        'data.pop("unknown")',
        HOST_TESTS + "test_record.py::test_unknown_fields_survive_a_rewrite",
    ),
    Protection(
        "the reaper needs no more of a record than lease and state",
        HOST + "reap.py",
        "        found = record.read_for_reaper(state, sandbox_id)\n    except HostError:\n"
        "        return False",
        "        record.read(state, sandbox_id)\n"
        "        found = record.read_for_reaper(state, sandbox_id)\n    except HostError:\n"
        "        return False",
        TROUBLE + "test_the_reaper_lets_a_newer_program_destroy_its_own",
    ),
    Protection(
        "the program that made a sandbox takes it away",
        HOST + "reap.py",
        'theirs = os.path.basename(found[2]) if found else ""',
        'theirs = ""',
        TROUBLE + "test_the_reaper_lets_a_newer_program_destroy_its_own",
    ),
    Protection(
        "a program stays while a record names it",
        HOST + "reap.py",
        "            kept.add(os.path.basename(found[2]))",
        "            pass",
        HOST_TESTS + "test_reap.py::test_a_program_that_a_record_may_name_is_not_forgotten",
    ),
    Protection(
        "a program stays while a record can't be read that may name it",
        HOST + "reap.py",
        "return  # a record that can't be read may name any of them",
        "continue",
        HOST_TESTS + "test_reap.py::test_a_program_that_a_record_may_name_is_not_forgotten",
    ),
    Protection(
        "a program stays while another version's timer runs by it",
        HOST + "reap.py",
        "*(os.path.basename(os.readlink(path)) for path in there if os.path.islink(path))",
        "",
        HOST_TESTS + "test_prepare.py::test_a_program_that_some_timer_runs_by_is_not_forgotten",
    ),
    Protection(
        "reads go to no older program",
        HOST + "program.py",
        "current if current and _version(current) > _version(comer) else comer",
        "comer",
        HOST_TESTS + "test_program.py::test_the_reader_is_never_pointed_at_an_older_version",
    ),
    Protection(
        "a broken record hides no other",
        HOST + "record.py",
        "            continue\n        if current is not None:",
        "            raise\n        if current is not None:",
        HOST_TESTS + "test_record.py::test_a_broken_record_is_named_and_hides_no_other",
    ),
    Protection(
        "a lease that is none makes a record a broken one",
        HOST + "record.py",
        "        found.granted()  # a lease that is none would be met later, by everybody\n",
        "",
        HOST_TESTS + "test_record.py::test_a_broken_record_is_named_and_hides_no_other",
    ),
    Protection(
        "a broken record does not end the reaper's pass",
        HOST + "reap.py",
        "return False  # what can't be read is for a person",
        "raise",
        HOST_TESTS + "test_record.py::test_a_broken_record_does_not_end_the_reapers_pass",
    ),
    Protection(
        "a broken record is destroyed by its id, with all that carries it",
        HOST + "destroy.py",
        "current = _stand_in(state, sandbox_id)",
        "raise",
        TROUBLE + "test_a_record_that_is_none_is_destroyed_by_id",
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
        "after a reboot the wall clock decides",
        HOST + "lease.py",
        "    if lease.boot_id == now.boot_id:\n        return",
        "    if True:\n        return",
        HOST_TESTS + "test_lease.py::test_after_a_reboot_the_wall_clock_decides",
    ),
    Protection(
        "no extension passes the lease's maximum",
        HOST + "lease.py",
        "min(seconds, most)",
        "seconds",
        HOST_TESTS + "test_lease.py::test_extend",
    ),
    Protection(
        "no extension ends a lease sooner",
        HOST + "lease.py",
        "wanted = max(left, min(",
        "wanted = max(0, min(",
        HOST_TESTS + "test_lease.py::test_extend",
    ),
    Protection(
        "what has ended is not extended",
        HOST + "lease.py",
        "    if left <= 0:\n        raise",
        "    if False:\n        raise",
        HOST_TESTS + "test_lease.py::test_extending_after_the_end_fails",
    ),
    Protection(
        "what is being destroyed is not extended",
        HOST + "verbs.py",
        'if current is None or current.wanted == "absent":',
        "if current is None:",
        HOST_TESTS + "test_verbs.py::test_what_is_not_extended",
    ),
    Protection(
        "the making's deadline is not extended",
        HOST + "verbs.py",
        'if current.state == "creating":',
        "if False:",
        HOST_TESTS + "test_verbs.py::test_what_is_not_extended",
    ),
    Protection(
        "a ttl has bounds on the host too",
        HOST + "lease.py",
        "if not TTL_LEAST <= seconds <= TTL_GREATEST:",
        "if False:",
        HOST_TESTS + "test_create.py::test_what_the_controller_sent_is_checked_again",
    ),
    Protection(
        "a second create never renews",
        HOST + "make.py",
        'if self._record.state == "creating":\n            changes',
        "if True:\n            changes",
        TROUBLE + "test_a_second_create_puts_it_right[killed-web]",
    ),
    Protection(
        "what somebody began to take away is due",
        HOST + "lease.py",
        'if state in ("destroying", "stuck") and not working:',
        'if state == "destroying" and not working:',
        HOST_TESTS + "test_lease.py::test_what_is_due",
    ),
    Protection(
        "what a dead maker left is due",
        HOST + "lease.py",
        "(lease.boot_id != now.boot_id or not working)",
        "lease.boot_id != now.boot_id",
        HOST_TESTS + "test_lease.py::test_what_is_due",
    ),
    Protection(
        "what was being made in an older boot is due",
        HOST + "lease.py",
        "(lease.boot_id != now.boot_id or not working)",
        "not working",
        HOST_TESTS + "test_lease.py::test_what_is_due",
    ),
    Protection(
        "a folder without a record is due: its create died",
        HOST + "reap.py",
        "return not working  # a create that died before its record",
        "return False",
        KILL + "test_killed_while_making[create-folder]",
    ),
    Protection(
        "what was not taken away is not called destroyed",
        HOST + "reap.py",
        "not os.path.exists(state.sandbox(sandbox_id))",
        "True",
        HOST_TESTS + "test_reap.py::test_what_was_not_taken_away_is_left_and_said",
    ),
)

JOB = (
    Protection(
        "a pid is believed only with its start",
        HOST + "job.py",
        'if started not in (0, job["start_ticks"]):',
        "if False:",
        HOST_TESTS + "test_job.py::test_nobody_else_is_ended",
    ),
    Protection(
        "a pid is believed only in its boot",
        HOST + "job.py",
        ' or job.get("boot_id") != boot_id()',
        "",
        HOST_TESTS + "test_job.py::test_nobody_else_is_ended",
    ),
    Protection(
        "whoever ends a job does not end itself",
        HOST + "job.py",
        ' or job.get("session") == os.getsid(0)',
        "",
        HOST_TESTS + "test_job.py::test_nobody_else_is_ended",
    ),
    Protection(
        "a job that is deaf to TERM is killed",
        HOST + "process.py",
        "        (signal.SIGKILL, None, patience),\n",
        "",
        HOST_TESTS + "test_job.py::test_a_job_is_ended_even_one_that_is_deaf",
    ),
    Protection(
        "a making ends with its deadline",
        HOST + "make.py",
        "    signal.setitimer(signal.ITIMER_REAL, seconds)\n",
        "",
        HOST_TESTS + "test_make.py::test_a_making_ends_with_its_deadline",
    ),
    Protection(
        "a making that failed is undone",
        HOST + "make.py",
        "self._record = destroy.undo(self._state, self._record, error)",
        'self._change(state="failed", error=error.as_dict())',
        TROUBLE + "test_a_service_that_exits_well_is_a_failure_too",
    ),
    Protection(
        "a full log keeps nobody from undoing",
        HOST + "make.py",
        "with contextlib.suppress(OSError):  # a log that is full keeps nobody from undoing",
        "if True:",
        TROUBLE + "test_the_disk_gets_full_while_it_is_made",
    ),
    Protection(
        "what replaces is not made where the old one does not go",
        HOST + "make.py",
        "            if left is not None:\n                raise left\n",
        "",
        TROUBLE + "test_what_replaces_fails_where_the_old_one_does_not_go",
    ),
    Protection(
        "what is replaced is given up in its own record",
        HOST + "create.py",
        "                _give_up(state, current)\n",
        "                pass\n",
        KILL + "test_killed_while_replacing[create-replaced]",
    ),
    Protection(
        "running is not ready: it has to stay up",
        HOST + "readiness.py",
        "self._unchanged(container) >= SETTLE_SECONDS",
        "True",
        HOST_TESTS + "test_readiness.py::test_what_stays_up_is_ready",
    ),
    Protection(
        "an endless answer can't hold a probe",
        HOST + "probe.py",
        "connection.settimeout(max(end - time.monotonic(), 0.001))",
        "connection.settimeout(SECONDS)",
        HOST_TESTS + "test_probe.py::test_nobody_can_hold_us",
    ),
)

DESTROY = (
    Protection(
        "a destroy raises the generation",
        HOST + "destroy.py",
        'current, wanted="absent", state="destroying", generation=current.generation + 1',
        'current, wanted="absent", state="destroying"',
        HOST_TESTS + "test_destroy.py::test_whoever_works_is_fenced",
    ),
    Protection(
        "a cancel raises the generation",
        HOST + "destroy.py",
        "current = replace(current, generation=current.generation + 1)",
        "pass",
        HOST_TESTS + "test_destroy.py::test_whoever_works_is_fenced",
    ),
    Protection(
        "nothing is removed before the job has ended",
        HOST + "destroy.py",
        "if not job.end(current):",
        "if False:",
        HOST_TESTS + "test_destroy.py::test_nothing_is_removed_before_the_job_has_ended",
    ),
    Protection(
        "a receipt does not lie: what remains is looked at",
        HOST + "destroy.py",
        "remains = holdings.remaining(place, current.id, current.holdings)",
        "remains: list[dict[str, str]] = []",
        HOST_TESTS + "test_destroy.py::test_what_the_engine_only_says_it_removed_remains",
    ),
    Protection(
        "what remains is an error",
        HOST + "verbs.py",
        "        if error is not None:\n            raise error\n",
        "",
        HOST_TESTS + "test_verbs.py::test_what_remains_of_one_that_is_to_be_absent_is_an_error",
    ),
    Protection(
        "an answer of a host program that failed is no success",
        COLLECTION + "plugins/plugin_utils/installed.py",
        'if isinstance(answer, dict) and done["rc"] == 0:',
        "if isinstance(answer, dict):",
        COLLECTION + "tests/unit/plugins/plugin_utils/"
        "test_installed.py::test_an_answer_of_one_that_failed_is_no_success",
    ),
    Protection(
        "a host that does not answer is never called empty",
        CLI + "client.py",
        "            _refuse_silence(reference, answers.failures)\n        if len",
        "            pass\n        if len",
        TESTS + "test_program.py::test_a_host_that_is_silent_is_never_one_without_it",
    ),
    Protection(
        "an engine that fails to answer proves nothing",
        HOST + "destroy.py",
        "            if not remains:  # nobody could look: a receipt without remains would lie\n"
        "                raise error\n",
        "",
        TROUBLE + "test_no_engine_at_destroy_of_a_failed_one",
    ),
    Protection(
        "an engine that is missing proves nothing",
        HOST + "holdings.py",
        'if kinds.intersection({"pod", *ENGINE_KINDS}):',
        "if False:",
        TROUBLE + "test_no_engine_at_destroy_is_residue_until_it_is_back",
    ),
    Protection(
        "the record goes last",
        HOST + "destroy.py",
        "removed, remains, error = _empty(state, current)",
        "_remove_record(state, sandbox_id)\n"
        "        removed, remains, error = _empty(state, current)",
        KILL + "test_killed_while_destroying[removed-container]",
    ),
    Protection(
        "a receipt is kept",
        HOST + "destroy.py",
        "        receipt.bury(state, made)\n",
        "",
        HOST_TESTS + "test_destroy.py::test_a_receipt_is_kept_and_given_again",
    ),
    Protection(
        "a link in place of a sandbox's folder is not followed",
        HOST + "holdings.py",
        "os.path.dirname(path) != state.remote or os.path.islink(path)",
        "os.path.dirname(path) != state.remote",
        HOST_TESTS + "test_holdings.py::test_a_link_in_its_place_is_not_followed",
    ),
    Protection(
        "a link in a sandbox's folder is not followed",
        HOST + "holdings.py",
        "if entry.is_dir(follow_symlinks=False):\n            shutil.rmtree(entry.path)",
        "if entry.is_dir():\n            shutil.rmtree(os.path.realpath(entry.path))",
        HOST_TESTS + "test_holdings.py::test_links_in_it_go_and_what_they_lead_to_stays",
    ),
    Protection(
        "no folder is removed that does not lie right below the root",
        HOST + "holdings.py",
        "os.path.dirname(path) != state.remote or os.path.islink(path)",
        "os.path.islink(path)",
        HOST_TESTS + "test_holdings.py::test_a_folder_elsewhere_is_not_removed",
    ),
    Protection(
        "no folder is removed that does not carry our marker",
        HOST + "holdings.py",
        "if owner != sandbox_id:",
        "if False:",
        HOST_TESTS + "test_holdings.py::test_a_folder_without_our_marker_is_left_to_a_person",
    ),
    Protection(
        "the marker goes last",
        HOST + "holdings.py",
        "        if entry.path == marked:\n            continue\n",
        "",
        HOST_TESTS + "test_holdings.py::test_the_marker_goes_last",
    ),
    Protection(
        "no folder is made elsewhere",
        HOST + "holdings.py",
        "if os.path.dirname(path) != state.remote:",
        "if False:",
        HOST_TESTS + "test_holdings.py::test_a_folder_is_made_below_the_root_only",
    ),
    Protection(
        "no right is given through a link in place of a sandbox's folder",
        HOST + "holdings.py",
        "os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW",
        "os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC",
        HOST_TESTS + "test_holdings.py::test_nothing_is_made_through_a_link",
    ),
    Protection(
        "no marker is written through a link",
        HOST + "holdings.py",
        "os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600",
        "os.O_TRUNC | os.O_CLOEXEC, 0o600",
        HOST_TESTS + "test_holdings.py::test_nothing_is_made_through_a_link",
    ),
    Protection(
        "a container goes with its processes where the engine takes it for never started",
        HOST + "engine.py",
        "        runtime.end(one.id for one in containers if one.never_started)\n",
        "",
        RACE + "test_engine_killed_before_it_has_written_that_it_started[False]",
    ),
    Protection(
        "a container goes with its processes where the engine has forgotten it",
        HOST + "holdings.py",
        "        runtime.end(forgotten)\n",
        "",
        RACE + "test_engine_killed_before_it_has_written_that_it_started[True]",
    ),
    Protection(
        "a monitor that outlives its container is a container left",
        HOST + "holdings.py",
        "names = monitored | {one.name for one in containers}",
        "names = {one.name for one in containers}",
        HOST_TESTS
        + "test_holdings.py::test_a_monitor_that_outlives_its_container_is_a_container_left",
    ),
    Protection(
        "what runs inside of a container can pass for no monitor",
        HOST + "process.py",
        "same and os.stat",
        "os.stat",
        TROUBLE + "test_a_process_of_a_container_can_pass_for_no_monitor",
    ),
    Protection(
        "another account's process can pass for no monitor",
        HOST + "process.py",
        'return same and os.stat(f"/proc/{pid}").st_uid == os.geteuid()',
        "return same",
        HOST_TESTS + "test_process.py::test_another_accounts_process_is_not_ours",
    ),
    Protection(
        "a port that a stranger has by now is not ours to count",
        HOST + "holdings.py",
        ' and monitored and not ports.is_free(int(item["key"]))',
        ' and not ports.is_free(int(item["key"]))',
        HOST_TESTS + "test_holdings.py::test_a_port_that_a_stranger_has_by_now_is_not_ours",
    ),
    Protection(
        "what a killed engine has left without labels is known by its name",
        HOST + "engine.py",
        "return found[1] if found else next(",
        "return next(",
        HOST_TESTS + "test_destroy.py::test_what_the_engine_only_says_it_removed_remains",
    ),
)

CREATE = (
    Protection(
        "another content is a conflict, never taken for the same",
        HOST + "create.py",
        "    if differs:\n        return",
        "    if False:\n        return",
        HOST_TESTS + "test_create.py::test_plan",
    ),
    Protection(
        "what has ended is made anew, never given out",
        HOST + "create.py",
        "if left <= 0:",
        "if False:",
        HOST_TESTS + "test_create.py::test_an_expired_one_is_made_anew",
    ),
    Protection(
        "ids can't lead elsewhere",
        HOST + "ids.py",
        "pattern.fullmatch(value) is None",
        "pattern.match(value) is None",
        HOST_TESTS + "test_ids.py::test_not_an_id",
    ),
    Protection(
        "each path is built from a checked id",
        HOST + "state.py",
        "return os.path.join(self.remote, ids.check_id(sandbox_id))",
        "return os.path.join(self.remote, sandbox_id)",
        HOST_TESTS + "test_ids.py::test_not_an_id",
    ),
    Protection(
        "the controller's name is checked again on the host",
        HOST + "create.py",
        '    ids.check_name(wanted["name"])\n',
        "",
        HOST_TESTS + "test_create.py::test_what_the_controller_sent_is_checked_again",
    ),
    Protection(
        "the controller's owner is checked again on the host",
        HOST + "create.py",
        '    ids.check_owner(wanted["owner"])\n',
        "",
        HOST_TESTS + "test_create.py::test_what_the_controller_sent_is_checked_again",
    ),
    Protection(
        "hostile ids are refused before any connection",
        CLI + "host.py",
        'return check_id(value) if value.startswith("sbx-") else check_name(value)',
        "return value",
        TESTS + "test_program.py::test_an_error_is_one_object_or_two_lines"
        "[destroy sbx-../../etc-2-usage]",
    ),
    Protection(
        "a name that only another owner has is a conflict",
        HOST + "record.py",
        "    if named:\n        raise",
        "    if False:\n        raise",
        HOST_TESTS
        + "test_record.py::test_a_name_of_another_owner_is_a_conflict_that_says_what_helps",
    ),
    Protection(
        "a name is looked for among one's own",
        HOST + "record.py",
        "own = [item for item in named if item.owner == owner]",
        "own = named",
        HOST_TESTS + "test_record.py::test_find",
    ),
    Protection(
        "an id that is another one's is a conflict",
        HOST + "create.py",
        'if (by_id.name, by_id.owner) != (wanted["name"], wanted["owner"]):',
        "if False:",
        HOST_TESTS + "test_verbs.py::test_an_id_that_is_another_ones_is_a_conflict",
    ),
    Protection(
        "an account that is not root is refused",
        HOST + "create.py",
        "if os.geteuid() != 0:",
        "if False:",
        HOST_TESTS + "test_verbs.py::test_only_root_makes_sandboxes_for_now",
    ),
    Protection(
        "a port that a record holds is not given twice",
        HOST + "create.py",
        "taken = _taken_ports(record.read_all(state))",
        "taken: set[int] = set()",
        TROUBLE + "test_the_port_range_is_used_up",
    ),
    Protection(
        "a port is tried by bind",
        HOST + "ports.py",
        "if port not in taken and is_free(port):",
        "if port not in taken:",
        TROUBLE + "test_a_port_that_somebody_else_has_is_passed_over",
    ),
    Protection(
        "ports are chosen under the host's lock",
        HOST + "create.py",
        "with state.host_lock():",
        "if True:",
        RACE + "test_creates_of_two_names_share_nothing",
    ),
    Protection(
        "values never stand in an argv",
        HOST + "maker.py",
        'argv += ["--env", key]',
        'argv += ["--env", f"{key}={by_name[key]}"]',
        HOST_TESTS + "test_maker.py::test_values_of_the_environment_never_stand_in_argv",
    ),
    Protection(
        "the file of values goes once it is read",
        HOST + "make.py",
        "            os.unlink(env_file)\n",
        "            pass\n",
        TROUBLE + "test_values_of_the_environment_arrive_byte_for_byte",
    ),
    Protection(
        "the engine is not given names that it lives by itself",
        HOST + "maker.py",
        "own = key in _ENGINES_OWN or key.startswith(_ENGINES_OWN_PREFIXES)",
        "own = False",
        HOST_TESTS + "test_maker.py::test_split_environment",
    ),
    Protection(
        "no variable's name hands over the engine's own environment",
        HOST + "maker.py",
        "if _VARIABLE.fullmatch(key) is None:",
        "if False:",
        HOST_TESTS + "test_maker.py::test_what_the_engine_would_not_carry_unchanged_is_refused",
    ),
    Protection(
        "what can't arrive is refused before anything is made",
        HOST + "create.py",
        '        maker.split_environment(service["environment"])\n',
        "        pass\n",
        TROUBLE + "test_what_can_not_arrive_is_refused_before_anything_is_made",
    ),
    Protection(
        "nothing of the document becomes an option of the engine's",
        HOST + "maker.py",
        'return [*argv, "--", service["image"]',
        'return [*argv, service["image"]',
        HOST_TESTS + "test_maker.py::test_nothing_of_the_document_can_become_an_option",
    ),
    Protection(
        "no label of the document says whose a container is",
        HOST + "maker.py",
        'labels = {**service["labels"], **labels_of(sandbox_id, generation)}',
        'labels = {**labels_of(sandbox_id, generation), **service["labels"]}',
        HOST_TESTS + "test_maker.py::test_a_label_of_the_service_does_not_say_whose_it_is",
    ),
    Protection(
        "a container's image is pulled by us alone",
        HOST + "maker.py",
        ', "--pull", "never"]',
        "]",
        HOST_TESTS + "test_maker.py::test_the_plain_service",
    ),
    Protection(
        "what can't run alone goes into no image",
        HOST + "image.py",
        "if _wants_interpreter(data):",
        "if False:",
        HOST_TESTS + "test_image.py::test_linked_to_libraries",
    ),
)

REACH = (
    Protection(
        "ports are published on loopback",
        HOST + "make.py",
        'else "127.0.0.1"  # noqa: S104',
        'else "0.0.0.0"  # noqa: S104',
        TROUBLE + "test_only_this_machine_reaches_a_sandbox",
    ),
    Protection(
        "no sandbox reaches another one's network",
        HOST + "engine.py",
        '"--opt", "isolate=true", ',
        "",
        TROUBLE + "test_only_this_machine_reaches_a_sandbox",
    ),
)

BEAT = (
    Protection(
        "where the beat is late no sandbox is made",
        HOST + "create.py",
        """if reap.beat(state, now()) == "late" and not wanted.get("unreaped"):""",
        "if False:",
        TROUBLE + "test_a_reaper_that_has_died",
    ),
    Protection(
        "a late beat is exit code 12",
        CLI + "errors.py",
        '"reaper_late": TryAgain',
        '"reaper_late": ProvisioningFailed',
        TESTS + "test_contract.py::test_what_a_host_answers_has_its_exit_status",
    ),
    Protection(
        "what was left behind is exit code 10",
        CLI + "errors.py",
        '"residue": ResidueLeft',
        '"residue": ProvisioningFailed',
        TESTS + "test_contract.py::test_what_a_host_answers_has_its_exit_status",
    ),
    Protection(
        "late is late in this boot too, and an older boot's beat is none",
        HOST + "reap.py",
        'if last and last["boot_id"] == at.boot_id else',
        "if last else",
        HOST_TESTS + "test_reap.py::test_beat",
    ),
    Protection(
        "a system container counts from its own start",
        HOST + "reap.py",
        'return process.start_ticks(1) / os.sysconf("SC_CLK_TCK")',
        "return 0.0",
        HOST_TESTS + "test_reap.py::test_beat",
    ),
    Protection(
        "a reaper is proved by its timer's own pass",
        HOST + "prepare.py",
        "        if read_json(state.beat_file) != last:\n            return\n",
        "        return\n",
        HOST_TESTS + "test_prepare.py::test_the_reaper_is_proved_by_its_timers_own_pass",
    ),
    Protection(
        "engine settings that don't help are taken back",
        HOST + "trial.py",
        "            os.unlink(SETTINGS_FILE)\n",
        "            pass\n",
        HOST_TESTS + "test_trial.py::test_settings_that_do_not_help_are_taken_back",
    ),
    Protection(
        "engine settings that were there come back",
        HOST + "trial.py",
        'write_bytes(SETTINGS_FILE, before.encode("utf-8"), 0o644)',
        "pass",
        HOST_TESTS + "test_trial.py::test_settings_that_do_not_help_are_taken_back",
    ),
    Protection(
        "engine settings are written only where that is allowed",
        HOST + "trial.py",
        "if not fix:",
        "if False:",
        HOST_TESTS + "test_trial.py::test_without_leave_nothing_is_written",
    ),
    Protection(
        "a pass that is stopped ends no command of the engine's",
        HOST + "timer.py",
        "KillMode=process\n",
        "",
        HOST_TESTS + "test_prepare.py::test_a_pass_of_the_reaper_that_is_stopped_ends_no_command_of"
        "_the_engines",
    ),
    Protection(
        "nothing of the environment becomes part of a unit or a cron line",
        HOST + "timer.py",
        'if re.fullmatch(r"[A-Za-z0-9/._-]*", moved) is None:',
        "if False:",
        HOST_TESTS + "test_prepare.py::test_a_state_that_could_be_read_as_something_else",
    ),
    Protection(
        "the run account is never root",
        HOST + "prepare.py",
        "    if uid == 0:",
        "    if False:",
        HOST_TESTS + "test_prepare.py::test_the_run_account_is_never_root",
    ),
    Protection(
        "an engine that changed is proved anew",
        HOST + "prepare.py",
        'facts["proved"] = machine.engine',
        'facts.setdefault("proved", machine.engine)',
        HOST_TESTS + "test_prepare.py::test_an_engine_that_changed_has_to_be_proved_anew",
    ),
    Protection(
        "the host's ports don't meet those of its clients",
        HOST + "prepare.py",
        "if first <= client_ports[1] and client_ports[0] <= last:",
        "if False:",
        HOST_TESTS + "test_prepare.py::test_ports_that_are_refused",
    ),
    Protection(
        "an unknown system is refused",
        HOST + "prepare.py",
        'if machine.system != "debian" or machine.release not in SUPPORTED:',
        'if machine.system != "debian":',
        HOST_TESTS + "test_prepare.py::test_who_is_refused",
    ),
)

CHECK = (
    Protection(
        "a check of a create writes nothing",
        HOST + "create.py",
        '    if request.get("check"):\n        current',
        "    if False:\n        current",
        HOST_TESTS + "test_verbs.py::test_a_check_of_a_create_makes_no_state_folder",
    ),
    Protection(
        "a check of a destroy destroys nothing",
        HOST + "verbs.py",
        'if not there or request.get("check"):',
        "if not there:",
        HOST_TESTS + "test_verbs.py::test_a_check_writes_nothing",
    ),
    Protection(
        "a check of an extension writes nothing",
        HOST + "verbs.py",
        '    if request.get("check"):\n        lease.extend',
        "    if False:\n        lease.extend",
        HOST_TESTS + "test_verbs.py::test_a_check_writes_nothing",
    ),
    Protection(
        "a check of a reap takes nothing away",
        HOST + "reap.py",
        "    if check:\n",
        "    if False:\n",
        HOST_TESTS + "test_verbs.py::test_a_check_writes_nothing",
    ),
    Protection(
        "a check of a preparation writes nothing",
        HOST + "prepare.py",
        "    if not check:\n",
        "    if True:\n",
        HOST_TESTS + "test_verbs.py::test_a_check_of_a_preparation_writes_nothing",
    ),
    Protection(
        "Ansible's check is a check on the host, for a create",
        COLLECTION + "plugins/modules/sandbox.py",
        '"wait": params["wait"], "check": check_mode}',
        '"wait": params["wait"]}',
        MODULE_TESTS + "test_sandbox.py::test_a_check_stays_a_check",
    ),
    Protection(
        "Ansible's check is a check on the host, for a destroy",
        COLLECTION + "plugins/modules/sandbox.py",
        '"owner": params["owner"], "check": check_mode}',
        '"owner": params["owner"]}',
        MODULE_TESTS + "test_sandbox.py::test_a_check_stays_a_check",
    ),
    Protection(
        "asking whether somebody works writes nothing",
        HOST + "state.py",
        "            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)\n"
        "        except FileNotFoundError:",
        "            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC)\n"
        "        except FileNotFoundError:",
        HOST_TESTS + "test_state.py::test_is_working_writes_nothing",
    ),
)

HOST_KEYS = (
    Protection(
        "a key that changed is refused, whatever the library's default",
        CLI + "ansible_env.py",
        """        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": " ".join([*STRICT_HOST_KEYS, _ssh_args()]),
""",
        '        "ANSIBLE_SSH_ARGS": _ssh_args(),\n',
        TESTS + "test_runner.py::test_a_host_key_that_is_not_known_is_refused"
        "[changed-ANSIBLE_HOST_KEY_CHECKING]",
    ),
    Protection(
        "an unknown key is refused, whatever the environment says",
        CLI + "ansible_env.py",
        """        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": " ".join([*STRICT_HOST_KEYS, _ssh_args()]),
""",
        '        "ANSIBLE_SSH_ARGS": _ssh_args(),\n',
        TESTS + "test_runner.py::test_a_host_key_that_is_not_known_is_refused"
        "[unknown-ANSIBLE_SSH_HOST_KEY_CHECKING]",
    ),
    Protection(
        "no configuration of ssh's lets a play learn a key",
        CLI + "ansible_env.py",
        '" ".join([*STRICT_HOST_KEYS, _ssh_args()])',
        "_ssh_args()",
        TESTS + "test_runner.py::test_ssh_configuration_does_not_let_a_play_learn_a_key",
    ),
    Protection(
        "ANSIBLE_HOST_KEY_CHECKING can't switch the check off",
        CLI + "ansible_env.py",
        '        "ANSIBLE_HOST_KEY_CHECKING": "True",\n        "ANSIBLE_SSH_HOST_KEY_CHECKING"'
        ': "True",\n',
        "",
        TESTS + "test_connection.py::test_the_environment_cannot_switch_the_check_off",
    ),
    Protection(
        "every play checks host keys, also where AWX switches that off",
        COLLECTION + "playbooks/destroy.yml",
        "ansible_ssh_host_key_checking: true",
        "ansible_ssh_host_key_checking: false",
        TESTS + "test_house.py::test_every_play_checks_host_keys",
    ),
    Protection(
        "arguments that would switch the check off are refused",
        CLI + "connection.py",
        '    _refuse_disabled_checks(host, way["options"])\n',
        "",
        TESTS + "test_connection.py::test_switching_host_key_checks_off_is_refused",
    ),
    Protection(
        "a file of known hosts that forgets is refused",
        CLI + "connection.py",
        'or (key == "userknownhostsfile" and value.lower() in ("/dev/null", "none"))',
        "",
        TESTS + "test_connection.py::test_switching_host_key_checks_off_is_refused",
    ),
    Protection(
        "a jump without the check is refused",
        CLI + "connection.py",
        'if key == "proxycommand" and (inner := _disabling_word(_shell_words(value))):',
        "if inner := None:",
        TESTS + "test_connection.py::test_switching_host_key_checks_off_is_refused",
    ),
    Protection(
        "a jump without the check is refused, also where its command ends in a quote",
        CLI + "connection.py",
        "_unquoted(value.strip())",
        "value.strip().strip('\"')",
        TESTS + "test_connection.py::test_switching_host_key_checks_off_is_refused",
    ),
    Protection(
        "a configuration of ssh's that switches the check off is refused",
        CLI + "connection.py",
        'not in ("true", "yes", "ask"):',
        'in ("no such value",):',
        TESTS + "test_connection.py::test_the_same_from_an_ssh_configuration",
    ),
    Protection(
        "a changed key is told from an unknown one",
        CLI + "connection.py",
        "if _KEY_CHANGED.search(message):",
        "if False:",
        TESTS + "test_connection.py::test_a_changed_host_key_is_refused",
    ),
    Protection(
        "a revoked key is never offered for trust",
        CLI + "hostkey.py",
        'if one.mark == "@revoked" and one.key in shown.values():',
        "if False:",
        TESTS + "test_hostkey.py::test_a_revoked_key_is_never_offered",
    ),
    Protection(
        "a key does not become known by looking it up, whatever ssh's configuration says",
        CLI + "_show_keys.py",
        "    read_its_configuration(session)\n",
        "",
        TESTS + "test_hostkey.py::test_a_key_does_not_become_known_by_looking",
    ),
    Protection(
        "looking a key up never logs in",
        CLI + "_show_keys.py",
        "    def verify_knownhost(self)",
        "    def nobody_calls_this(self)",
        TESTS + "test_hostkey.py::test_it_never_tries_to_log_in",
    ),
    Protection(
        "a host that falls silent is not taken for one without a key that is known",
        CLI + "_show_keys.py",
        "                if NO_SUCH_KEY not in str(error):",
        "                if False:",
        TESTS + "test_hostkey.py::test_a_host_that_falls_silent_has_not_lost_a_key",
    ),
    Protection(
        "each kind of key that is known is compared",
        CLI + "_show_keys.py",
        "        if always or not shown:",
        "        if not shown:",
        TESTS + "test_hostkey.py::test_a_second_kind_of_key_replaces_none",
    ),
    Protection(
        "a connection that is open does not hide another host key from doctor",
        CLI + "doctor/host.py",
        "return [first, *_host_key(way, key.result(), first), *rest]",
        "return [first, *rest]",
        TESTS + "test_doctor.py::test_an_open_connection_does_not_hide_that_the_key_is_another",
    ),
    Protection(
        "doctor takes a compose command for words",
        CLI + "doctor/questions.sh",
        '-k 1 10 "$@" version </dev/null 2>&1)',
        '-k 1 10 sh -c "$* version" </dev/null 2>&1)',
        TESTS + "test_doctor.py::test_a_compose_command_is_words",
    ),
    Protection(
        "what doctor calls takes nothing of its questions",
        CLI + "doctor/questions.sh",
        "podman ps --quiet </dev/null 2>&1",
        "podman ps --quiet 2>&1",
        TESTS + "test_doctor.py::test_the_questions_where_sh_is_bash",
    ),
    Protection(
        "a key behind a jump host is not looked up past it",
        CLI + "hostkey.py",
        "    _refuse_jump(way, options)\n",
        "",
        TESTS + "test_hostkey.py::test_behind_a_jump_host_it_is_done_by_hand",
    ),
    Protection(
        "without a terminal no key becomes known by itself",
        CLI + "cli/host.py",
        "        if not yes:\n",
        "        if False:\n",
        TESTS + "test_hostkey.py::test_without_a_terminal_nobody_can_say_yes",
    ),
    Protection(
        "other hosts' known keys stay",
        CLI + "hostkey.py",
        'if one.decode(errors="replace").lower() != name]',
        "if False]",
        TESTS + "test_hostkey.py::test_a_line_for_several_hosts_stays_for_the_others",
    ),
    Protection(
        "one writer of known hosts at a time",
        CLI + "hostkey.py",
        "        fcntl.flock(descriptor, fcntl.LOCK_EX)\n",
        "",
        TESTS + "test_hostkey.py::test_many_at_once_lose_nothing",
    ),
)

RUNNER = (
    Protection(
        "user text is never templated (unsafe marking)",
        CLI + "runner.py",
        'return {"__ansible_unsafe": str(value)}',
        "return str(value)",
        TESTS + "test_runner.py::test_templates_in_values_stay_text",
    ),
    Protection(
        "no key of the user's is read by Ansible as its own",
        CLI + "runner.py",
        'str(key).startswith("__ansible_")',
        "False",
        TESTS + "test_runner.py::test_keys_that_ansible_reads_are_refused",
    ),
    Protection(
        "our environment is written nowhere",
        CLI + "runner.py",
        'Path(runner_config.artifact_dir, "command").unlink(missing_ok=True)',
        "pass",
        TESTS + "test_runner.py::test_no_secret_in_arguments_or_on_disk",
    ),
    Protection(
        "the private folder is removed",
        CLI + "runner.py",
        """tempfile.TemporaryDirectory(
        prefix="sandboxer-", dir=ansible_env.runtime_directory(), ignore_cleanup_errors=True
    )""",
        'contextlib.nullcontext(tempfile.mkdtemp("", "x", ansible_env.runtime_directory()))',
        TESTS + "test_runner.py::test_a_result_comes_back",
    ),
    Protection(
        "the private folder is ours alone (0700)",
        CLI + "runner.py",
        "with cancel.on_signals(), folder as private:",
        "Path(folder.name).chmod(0o755)\n    with cancel.on_signals(), folder as private:",
        TESTS + "test_runner.py::test_the_private_folder_is_ours_alone",
    ),
    Protection(
        "what a killed Ansible leaves goes with the private folder",
        CLI + "runner.py",
        '                "ANSIBLE_LOCAL_TEMP": str(Path(private, "tmp")),\n',
        "",
        TESTS + "test_runner.py::test_a_killed_playbook_is_an_error",
    ),
    Protection(
        "rc 0 is not success: the wanted host must be in the stats",
        CLI + "runner.py",
        "if missing or (status != 0 and not failures):",
        "if status != 0 and not failures:",
        TESTS + "test_runner.py::test_a_play_that_leaves_the_wanted_host_out_is_not_success",
    ),
    Protection(
        "a play that skips everything is not success",
        CLI + "runner.py",
        '        if counts["ok"] or counts["failures"] or counts["dark"]\n',
        "",
        TESTS + "test_runner.py::test_a_play_that_skips_everything_is_not_success",
    ),
    Protection(
        "an unknown host is refused by its name",
        CLI + "connection.py",
        'if answer["unmatched"] or not answer["hosts"]:',
        "if False:",
        TESTS + "test_runner.py::test_an_unknown_host_is_not_success",
    ),
    Protection(
        "a killed playbook is told from a failed one",
        CLI + "runner.py",
        "if status is None:",
        "if False:",
        TESTS + "test_runner.py::test_a_killed_playbook_is_an_error",
    ),
    Protection(
        "no pattern of hosts is an option or a file",
        CLI + "runner.py",
        'play.hosts.startswith(("@", "-"))',
        "False",
        TESTS + "test_runner.py::test_things_that_are_no_pattern",
    ),
    Protection(
        "text from a host can't drive the terminal",
        CLI + "runner.py",
        '"".join(c if c.isprintable() else " " for c in line).rstrip()',
        "line",
        TESTS + "test_runner.py::test_lines_come_live_and_plain",
    ),
    Protection(
        "a cancelled play's modules end too",
        CLI + "runner.py",
        "os.kill(self._pid, signal.SIGINT)",
        "os.kill(self._pid, signal.SIGKILL)",
        TESTS + "test_runner.py::test_a_module_of_a_cancelled_play_ends_too",
    ),
    Protection(
        "a host that fell silent is not waited for without end",
        ACTION + "sandbox.py",
        "                SILENCE_SECONDS,\n",
        "                3600.0,\n",
        ACTION_TESTS + "test_sandbox.py::test_no_silence_is_borne_for_ever",
    ),
    Protection(
        "no older copy of the collection wins over ours",
        CLI + "ansible_env.py",
        "for path in [collection_root(), *configured]",
        "for path in [*configured, collection_root()]",
        TESTS + "test_runner.py::test_our_own_collection_is_first",
    ),
)

CONNECTION = (
    Protection(
        "words arrive on the host as they were",
        CLI + "connection.py",
        'return [*way.argv[:-1], "-T", way.argv[-1], shlex.join(words)]',
        'return [*way.argv[:-1], "-T", way.argv[-1], " ".join(words)]',
        TESTS + "test_connection.py::test_words_arrive_as_they_were",
    ),
    Protection(
        "an address is no option of ssh's",
        CLI + "connection.py",
        'if argv[-1].startswith("-"):',
        "if False:",
        TESTS + "test_connection.py::test_ways_that_are_not_ours",
    ),
    Protection(
        "become never asks",
        CLI + "connection.py",
        'return (exe, "-n", *flags,',
        "return (exe, *flags,",
        TESTS + "test_connection.py::test_become_never_asks",
    ),
    Protection(
        "what a jump host said is asked for where ssh kept it to itself",
        CLI + "connection.py",
        "if _VAGUE.search(message) and way.argv[1:3] != _ALONE:",
        "if False:",
        TESTS + "test_surroundings.py::test_a_jump_host_whose_key_is_not_known[list-unknown]",
    ),
    Protection(
        "a play asks for it too",
        CLI + "connection.py",
        "    if not _VAGUE.search(message):\n        return",
        "    if True:\n        return",
        TESTS + "test_surroundings.py::test_su_that_asks_for_a_password[reap]",
    ),
    Protection(
        "the key of a jump host is not taken for its host's",
        CLI + "connection.py",
        "    if _JUMP_ENDED.search(message):\n",
        "    if False:\n",
        TESTS + "test_surroundings.py::test_a_jump_host_whose_key_is_not_known[list-unknown]",
    ),
    Protection(
        "nothing of the working folder is imported",
        CLI + "connection.py",
        '[sys.executable, "-P", str',
        '[sys.executable, "-c", "import sys,runpy;runpy.run_path(sys.argv[1],None,\'__main__\')", '
        "str",
        TESTS + "test_connection.py::test_modules_in_the_working_folder_are_not_run",
    ),
    Protection(
        "a folder for control sockets that others may enter is refused",
        CLI + "ansible_env.py",
        "if not mine or stat.S_IMODE(found.st_mode) & 0o077:",
        "if not mine:",
        TESTS + "test_connection.py::test_the_control_folder_is_ours_alone",
    ),
    Protection(
        "a folder for control sockets of another account is refused",
        CLI + "ansible_env.py",
        "mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()",
        "mine = stat.S_ISDIR(found.st_mode)",
        TESTS + "test_connection.py::test_the_control_folder_is_ours_alone",
    ),
    Protection(
        "another account's runtime folder is not used",
        CLI + "ansible_env.py",
        " and Path(named).stat().st_uid == os.getuid():",
        ":",
        TESTS + "test_connection.py::test_the_runtime_folder_of_another_account_is_not_used",
    ),
    Protection(
        "a kept answer of how a host is reached ends with what it was made from",
        CLI + "reach_cache.py",
        'or kept.get("fingerprint") != wanted',
        "",
        TESTS + "test_reach_cache.py::test_what_has_changed_is_asked_again",
    ),
    Protection(
        "what depends on more than plain files is never kept: vaults, look-ups, plugins",
        CLI + "reach_cache.py",
        '    if _NOT_PLAIN.search(_VARIABLE.sub(b"", text)):\n        raise _NotPlainError(path)\n',
        "",
        TESTS + "test_reach_cache.py::test_what_depends_on_more_is_never_kept",
    ),
    Protection(
        "a script's answer is never kept",
        CLI + "reach_cache.py",
        "found.st_mode & 0o111 or ",
        "",
        TESTS + "test_reach_cache.py::test_a_script_is_never_kept",
    ),
)

COMPOSE = (
    Protection(
        "a key that is not known is refused by name",
        CLI + "compose/field.py",
        "            if name not in table:\n",
        "            if name not in table:\n                continue\n            if False:\n",
        TESTS + "compose/test_keys.py::test_any_other_key_is_refused_by_name",
    ),
    Protection(
        "a key given twice is refused",
        CLI + "compose/parse.py",
        "if key.text in own:",
        "if False:",
        TESTS + "compose/test_refusals.py::test_invalid",
    ),
    Protection(
        "an alias counts as often as it is used (alias bombs)",
        CLI + "compose/parse.py",
        "        self._count(nodes, place)\n",
        "",
        TESTS + "compose/test_parse.py::test_an_alias_bomb_is_refused_before_it_grows",
    ),
    Protection(
        "a YAML tag is refused",
        CLI + "compose/parse.py",
        "if event.tag is not None:",
        "if False:",
        TESTS + "compose/test_parse.py::test_unsupported",
    ),
    Protection(
        "a compose file has a greatest size",
        CLI + "compose/read.py",
        "if len(content) > _MOST_BYTES:",
        "if False:",
        TESTS + "compose/test_read.py::test_too_large",
    ),
    Protection(
        "a refusal's words can't drive the terminal",
        CLI + "compose/refusal.py",
        "c if c.isprintable() else ascii(c)[1:-1]",
        "c",
        TESTS + "compose/test_refusals.py::test_a_message_holds_no_control_characters_and_ends",
    ),
    Protection(
        "a short image name is refused",
        CLI + "compose/images.py",
        "if not _has_registry(written):",
        "if False:",
        TESTS + "compose/test_refusals.py::test_images",
    ),
    Protection(
        "what is no image's name is refused",
        CLI + "compose/images.py",
        "all(_PATH.fullmatch(part)",
        "all(True",
        TESTS + "compose/test_images.py::test_no_name",
    ),
    Protection(
        "a variable without a value is never filled from whoever runs it",
        CLI + "compose/pairs.py",
        "where.reading.variables.get(name) if",
        '__import__("os").environ.get(name) if',
        TESTS + "compose/test_forms.py::test_nothing_comes_from_the_environment_of_whoever_runs_it",
    ),
    Protection(
        "labels that say whose a thing is are refused",
        CLI + "compose/pairs.py",
        "if name.startswith(_RESERVED):",
        "if False:",
        TESTS + "compose/test_refusals.py::test_invalid",
    ),
    Protection(
        "an override file is not passed over in silence",
        CLI + "compose/read.py",
        "if override is not None:",
        "if False:",
        TESTS + "compose/test_read.py::test_an_override_is_refused",
    ),
    Protection(
        "no path leads out of the source",
        CLI + "compose/inside.py",
        """    else:
        raise field.refused(written, _OUTSIDE)
""",
        """    else:
        below = Path()
""",
        TESTS + "compose/test_forms.py::test_nothing_outside_of_the_source_is_read",
    ),
    Protection(
        "no link leads out of the source",
        CLI + "compose/inside.py",
        "if not (root / below).resolve().is_relative_to(root):",
        "if False:",
        TESTS + "compose/test_forms.py::test_nothing_outside_of_the_source_is_read",
    ),
    Protection(
        "no service gets the host's engine",
        CLI + "compose/mounts.py",
        "if _ENGINES.fullmatch(written):",
        "if False:",
        TESTS + "compose/test_refusals.py::test_refused",
    ),
    Protection(
        "what would give a container the host is refused",
        CLI + "compose/field.py",
        "            elif not found.asks_for_nothing:\n",
        "            elif False:\n",
        TESTS + "compose/test_keys.py::test_what_is_refused_says_why",
    ),
    Protection(
        "values that would give a container the host are refused",
        CLI + "compose/networks.py",
        """    if kind != "service":
        raise field.refused(written)
""",
        """    if kind != "service":
        return written
""",
        TESTS + "compose/test_keys.py::test_values_that_are_refused_say_why",
    ),
    Protection(
        "a capability over the host is refused",
        CLI + "compose/confinement.py",
        "if name in _OF_THE_HOST:",
        "if False:",
        TESTS + "compose/test_keys.py::test_values_that_are_refused_say_why",
    ),
    Protection(
        "nothing unconfines a container",
        CLI + "compose/confinement.py",
        """        if option is None:
            raise item.refused(item.text())
""",
        """        if option is None:
            continue
""",
        TESTS + "compose/test_keys.py::test_values_that_are_refused_say_why",
    ),
    Protection(
        "a kernel setting of the host is refused",
        CLI + "compose/confinement.py",
        "if _SYSCTL.fullmatch(name) is None:",
        "if False:",
        TESTS + "compose/test_keys.py::test_values_that_are_refused_say_why",
    ),
    Protection(
        "nothing is left out in silence",
        CLI + "compose/field.py",
        "                found.note()\n",
        "                pass\n",
        TESTS + "compose/test_keys.py::test_what_is_left_out_has_a_note_and_changes_nothing",
    ),
    Protection(
        "the bytes of a secret are in no repr",
        CLI + "compose/stack.py",
        "secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)",
        "secrets: Mapping[str, bytes] = field(default_factory=dict)",
        TESTS + "compose/test_forms.py::test_a_secret_is_in_no_repr",
    ),
    Protection(
        "compose show prints no secret",
        CLI + "cli/compose.py",
        "document = without_secrets(found.document)",
        "document = found.document",
        TESTS + "compose/test_show.py::test_no_secret_is_shown",
    ),
    Protection(
        "nothing is taken from the environment of whoever runs it",
        CLI + "compose/interpolation.py",
        "raise UnknownVariableError(match.group())",
        "return match.group()",
        TESTS + "compose/test_refusals.py::test_unsupported",
    ),
)

BRIDGE = (
    Protection(
        "what a killed engine left plugged in goes",
        HOST + "holdings.py",
        "            bridge.remove(left)\n",
        "",
        RACE + "test_what_a_killed_engine_left_plugged_in_goes",
    ),
    Protection(
        "a receipt looks at the bridge again",
        HOST + "holdings.py",
        "return seen.found + [item for left in bridges for item in left.holdings()]",
        "return seen.found",
        RACE + "test_what_stays_plugged_in_is_residue_until_it_is_gone",
    ),
    Protection(
        "a network stays as long as its bridge, which it names",
        HOST + "holdings.py",
        "if left is None or bridge.look(interface) is None:",
        "if True:",
        RACE + "test_what_stays_plugged_in_is_residue_until_it_is_gone",
    ),
    Protection(
        "what remains is not called removed",
        HOST + "destroy.py",
        "gone = [item for item in removed if item not in remains]",
        "gone = removed",
        HOST_TESTS + "test_destroy.py::test_what_the_engine_only_says_it_removed_remains",
    ),
    Protection(
        "a namespace that stays keeps the interface that leads to it",
        HOST + "bridge.py",
        "if now and not now.namespaces:",
        "if now:",
        HOST_TESTS
        + "test_bridge.py::test_what_can_not_be_removed_keeps_what_leads_to_it[namespace]",
    ),
    Protection(
        "an interface that stays keeps the bridge it is plugged in at",
        HOST + "bridge.py",
        "if now and not now.plugged:",
        "if now:",
        HOST_TESTS + "test_bridge.py::test_what_can_not_be_removed_keeps_what_leads_to_it[port]",
    ),
    Protection(
        "no interface of a neighbour's goes by a name used again",
        HOST + "bridge.py",
        'f"if{interface.index}"',
        "interface.name",
        HOST_TESTS + "test_bridge.py::test_what_can_not_be_removed_keeps_what_leads_to_it[port]",
    ),
    Protection(
        "what is plugged in elsewhere stays",
        HOST + "bridge.py",
        'if one.get("master") == bridge]',
        'if "master" in one]',
        HOST_TESTS + "test_bridge.py::"
        "test_what_is_left_is_the_bridge_what_is_plugged_in_and_what_lies_behind",
    ),
    Protection(
        "a namespace that no engine made stays",
        HOST + "bridge.py",
        ' and one["name"].startswith(_MADE_BY_THE_ENGINE)',
        "",
        HOST_TESTS + "test_bridge.py::"
        "test_what_is_left_is_the_bridge_what_is_plugged_in_and_what_lies_behind",
    ),
    Protection(
        "an ip that fails is no bridge without anything",
        HOST + "bridge.py",
        "if done.returncode != 0:",
        "if False:",
        HOST_TESTS + "test_bridge.py::test_an_ip_that_fails_is_an_error",
    ),
    Protection(
        "nothing is proved while nobody can look at the bridge",
        HOST + "bridge.py",
        'raise _failed(words, lines[-1] if lines else f"exit status {done.returncode}")',
        "return []",
        RACE + "test_nothing_is_proved_while_nobody_can_look_at_the_bridge",
    ),
    Protection(
        "a host without ip is no bridge without anything",
        HOST + "bridge.py",
        "    except FileNotFoundError:\n        raise HostError(",
        "    except FileNotFoundError:\n"
        '        return subprocess.CompletedProcess(words, 0, b"", b"")\n'
        "        raise HostError(",
        HOST_TESTS + "test_bridge.py::test_a_host_without_ip_can_not_say_what_is_left",
    ),
    Protection(
        "a bridge that is gone needs no ip to say so",
        HOST + "bridge.py",
        "if not bridge or all(name != bridge for _index, name in socket.if_nameindex()):",
        "if not bridge:",
        HOST_TESTS + "test_bridge.py::test_a_bridge_that_is_gone_needs_no_ip_to_say_so",
    ),
)

RUNTIME = (
    Protection(
        "a runtime is found where cron's PATH does not lead",
        HOST + "runtime.py",
        '            env={**os.environ, "PATH": process.search_path()},\n',
        "",
        HOST_TESTS + "test_runtime.py::test_a_runtime_ends_what_it_knows",
    ),
    Protection(
        "so are the engine's own tools",
        HOST + "engine.py",
        ', "PATH": process.search_path()}',
        "}",
        HOST_TESTS + "test_engine.py::test_the_engine_finds_its_own_tools",
    ),
    Protection(
        "what no runtime ends is residue, not forgotten",
        HOST + "runtime.py",
        "        if time.monotonic() >= until:\n",
        "        if time.monotonic() >= until:\n            return\n",
        HOST_TESTS + "test_runtime.py::test_what_a_runtime_does_not_end_is_residue",
    ),
    Protection(
        "a runtime that is missing ends nothing in silence",
        HOST + "runtime.py",
        "    except FileNotFoundError:\n",
        "    except FileNotFoundError:\n        return\n",
        HOST_TESTS + "test_runtime.py::test_a_runtime_that_there_is_not",
    ),
    Protection(
        "a runtime that hangs holds up no destroy",
        HOST + "runtime.py",
        "            timeout=SECONDS,\n",
        "",
        HOST_TESTS + "test_runtime.py::test_what_a_runtime_does_not_end_is_residue[exec sleep 5]",
    ),
    Protection(
        "what is no container's id becomes no path",
        HOST + "runtime.py",
        "if _ID.fullmatch(one)]",
        "if True]",
        HOST_TESTS + "test_runtime.py::test_what_is_no_id_becomes_no_path",
    ),
    Protection(
        "a command of the engine's that takes too long is not killed in the middle",
        HOST + "engine.py",
        "            child.terminate()\n",
        "            child.kill()\n",
        HOST_TESTS
        + "test_engine.py::test_a_command_that_takes_too_long_may_finish_what_it_has_begun",
    ),
    Protection(
        "nor is one whose job is over",
        HOST + "engine.py",
        "        except BaseException:\n            _await_end(child)\n",
        "        except BaseException:\n            child.kill()\n",
        HOST_TESTS + "test_engine.py::test_so_may_one_whose_job_is_over",
    ),
)

COMPOSE_PROGRAM = (
    Protection(
        "a compose program's exit status is no verdict: what is there is looked at",
        HOST + "compose_program.py",
        "amiss = _amiss(engine, sandbox_id, generation, wanted)",
        'amiss = ""',
        MAKER + "test_one_that_fails[started]",
    ),
    Protection(
        "what it makes of another generation is not taken",
        HOST + "compose_program.py",
        "elif item.generation != str(generation):",
        "elif False:",
        MAKER + "test_one_that_fails[another generation]",
    ),
    Protection(
        "its own settings are kept from it",
        HOST + "compose_program.py",
        "if not key.startswith(_ITS_OWN)}",
        "}",
        MAKER + "test_its_own_settings_are_kept_from_it",
    ),
    Protection(
        "it reads the file in any locale",
        HOST + "compose_program.py",
        '"PYTHONUTF8": "1", ',
        "",
        MAKER + "test_its_own_settings_are_kept_from_it",
    ),
    Protection(
        "it interpolates nothing",
        HOST + "compose_program.py",
        'return value.replace("$", "$$")',
        "return value",
        HOST_TESTS + "test_compose_program.py::test_each_key",
    ),
    Protection(
        "its JSON is the same as YAML",
        HOST + "compose_program.py",
        'return _NOT_IN_YAML.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text)',
        "return text",
        HOST_TESTS + "test_compose_program.py::test_its_json_is_the_same_as_yaml",
    ),
    Protection(
        "our labels win over the document's with it too",
        HOST + "compose_program.py",
        '{**spec["labels"], **labels_of(sandbox_id, generation)}',
        '{**labels_of(sandbox_id, generation), **spec["labels"]}',
        HOST_TESTS + "test_compose_program.py::test_our_labels_win",
    ),
    Protection(
        "no compose program is found by where somebody stands",
        HOST + "compose_program.py",
        'if "/" in words[0] and not os.path.isabs(words[0]):',
        "if False:",
        HOST_TESTS + "test_compose_program.py::test_what_is_no_command",
    ),
    Protection(
        "names that none of them carries are refused",
        HOST + "compose_program.py",
        'if "$" in key or len(key) > _LONGEST_KEY:',
        "if False:",
        HOST_TESTS + "test_compose_program.py::test_names_that_none_of_them_carries",
    ),
    Protection(
        "one that is not there is named before anything is made",
        HOST + "create.py",
        '        compose_program.refuse_missing(wanted["compose_cmd"])\n',
        "        pass\n",
        MAKER + "test_one_that_is_not_there_is_named_before_anything_is_made",
    ),
    Protection(
        "no value of the environment is in what it said",
        HOST + "compose_program.py",
        '            line = line.replace(part.strip(), "…")\n',
        "            pass\n",
        MAKER + "test_no_value_is_in_what_it_said",
    ),
    Protection(
        "of what it says no more than the end is kept",
        HOST + "compose_program.py",
        "(kept + chunk)[-_KEPT:]",
        "kept + chunk",
        HOST_TESTS + "test_compose_program.py::test_of_what_it_says_the_end_is_kept",
    ),
    Protection(
        "nothing that it has started outlives it",
        HOST + "compose_program.py",
        "        process.end_group(child.pid, END_SECONDS)\n",
        "        child.kill()\n",
        MAKER + "test_one_that_leaves_a_process_behind",
    ),
    Protection(
        "a pod that its command asks for is planned and goes",
        HOST + "create.py",
        "if composed else []),",
        "if False else []),",
        MAKER + "test_a_pod_that_its_command_asks_for_goes_too",
    ),
    Protection(
        "a full disk is told by its last lines",
        HOST + "compose_program.py",
        "raise no_space(lines) or HostError(",
        "raise HostError(",
        MAKER + "test_one_that_fails[disk full]",
    ),
)

DOORS = (
    Protection(
        "a host that never answered is soon given up",
        ACTION + "sandbox.py",
        "host, UNHEARD_SECONDS, said)",
        "host, SILENCE_SECONDS, said)",
        ACTION_TESTS + "test_sandbox.py::test_a_host_that_never_answered_is_soon_given_up",
    ),
    Protection(
        "what could not be connected is not asked again",
        ACTION + "sandbox.py",
        "if not _was_connected(str(error)):",
        "if False:",
        ACTION_TESTS + "test_sandbox.py::test_what_could_not_be_connected_is_not_asked_again",
    ),
    Protection(
        "what a lost call has begun is found by the same again",
        ACTION + "sandbox.py",
        "            if not _was_connected(str(error)):\n                raise\n",
        "            raise\n",
        ACTION_TESTS
        + "test_sandbox.py::test_what_the_lost_call_has_begun_is_found_by_the_same_again",
    ),
    Protection(
        "quietly nothing is said where nothing was changed",
        CLI + "cli/answer.py",
        'changed(one) if one["changed"] else []',
        "changed(one)",
        TESTS + "test_program.py::test_quietly_only_what_was_changed_is_said",
    ),
    Protection(
        "a package of another version is not loaded",
        COLLECTION + "plugins/plugin_utils/package.py",
        "if found != VERSION:",
        "if False:",
        TESTS + "test_package.py::test_another_version_is_refused_with_the_line_that_mends_it",
    ),
    Protection(
        "a package that is missing is named",
        COLLECTION + "plugins/plugin_utils/package.py",
        "except ImportError as error:",
        "except KeyError as error:",
        TESTS + "test_package.py::test_a_package_that_is_not_there_is_named",
    ),
    Protection(
        "an environment of AWX with another version is refused",
        ACTION + "sandbox.py",
        "    with package.loading():\n"
        "        from sandboxer_cli.errors import SandboxerError\n"
        "        from sandboxer_cli.profiles.resolve",
        "    if True:\n"
        "        from sandboxer_cli.errors import SandboxerError\n"
        "        from sandboxer_cli.profiles.resolve",
        TESTS + "test_awx_job.py::test_a_wheel_of_another_version_is_refused",
    ),
    Protection(
        "a job of AWX is refused a key that is not known",
        COLLECTION + "playbooks/list.yml",
        "ansible_ssh_host_key_checking: true",
        "ansible_ssh_host_key_checking: false",
        TESTS + "test_awx_job.py::test_a_host_key_that_is_not_known_fails_the_job[list-unknown]",
    ),
    Protection(
        "a job destroys on the host of the job before it, no other",
        COLLECTION + "playbooks/destroy.yml",
        "(sandboxer_result | default({})).host | default('all')",
        "'all'",
        TESTS + "test_awx_job.py::test_a_job_is_about_what_the_job_before_it_made",
    ),
    Protection(
        "a name that is given wins over the job before it",
        COLLECTION + "playbooks/destroy.yml",
        "omit if sandboxer_name is defined\n          else (sandboxer_result",
        "(sandboxer_result",
        TESTS + "test_awx_job.py::test_a_job_is_about_what_the_job_before_it_made",
    ),
    Protection(
        "a command that mends names the inventories that were given",
        CLI + "doctor/__init__.py",
        "return _OUR_COMMAND.sub(lambda found: found[0] + words, mend)",
        "return mend",
        TESTS + "test_doctor.py::test_a_command_of_ours_that_mends_can_be_pasted",
    ),
    Protection(
        "an inventory with blanks in its name can be pasted",
        CLI + "doctor/__init__.py",
        'f"-i {shlex.quote(str(one))} "',
        'f"-i {one} "',
        TESTS + "test_doctor.py::test_a_command_of_ours_that_mends_can_be_pasted",
    ),
    Protection(
        "words that only look like a command of ours stay",
        CLI + "doctor/__init__.py",
        r"(?<!\S)sandboxer",
        "sandboxer",
        TESTS + "test_doctor.py::test_other_words_that_mend_stay",
    ),
    Protection(
        "a check changes nothing, though its first call was lost",
        ACTION + "sandbox.py",
        """ and not self._task.check_mode:
            done["changed"]""",
        """:
            done["changed"]""",
        ACTION_TESTS
        + "test_sandbox.py::test_a_check_says_what_the_call_that_was_answered_says[keep]",
    ),
    Protection(
        "an empty word is not the current folder, as an inventory or as a source",
        CLI + "cli/options.py",
        "    if not text:\n",
        "    if False:\n",
        TESTS + "test_program.py::test_an_error_is_one_object_or_two_lines[list -i -2-usage]",
    ),
    Protection(
        "nor is it for the Python API",
        CLI + "connection.py",
        'if given == "":',
        "if False:",
        TESTS + "test_connection.py::test_inventories_that_cannot_be_used",
    ),
)

GROUPS: dict[str, tuple[Protection, ...]] = {
    "locks": LOCKS,
    "files": FILES,
    "record": RECORD,
    "lease": LEASE,
    "job": JOB,
    "destroy": DESTROY,
    "create": CREATE,
    "reach": REACH,
    "beat": BEAT,
    "check": CHECK,
    "host keys": HOST_KEYS,
    "runner": RUNNER,
    "connection": CONNECTION,
    "compose": COMPOSE,
    "bridge": BRIDGE,
    "runtime": RUNTIME,
    "compose program": COMPOSE_PROGRAM,
    "doors": DOORS,
}
