"""A program's run: the only place that catches, prints errors, and exits."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from sandboxer_cli.cli import timing
from sandboxer_cli.errors import Cancelled, SandboxerError, Usage
from sandboxer_cli.result import render_error


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run the program and exit with the status that the contract gives to what happened."""
    # what comes after -- is another program's
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    as_json = "--json" in own
    status = 0
    try:
        answer = app(prog_name=name, standalone_mode=False)
        status = answer if isinstance(answer, int) else 0
    except SandboxerError as error:
        render_error(error, as_json, name)
        status = error.exit_status
    except (KeyboardInterrupt, typer.Abort):
        render_error(Cancelled("cancelled"), as_json, name)
        status = Cancelled.exit_status
    except BrokenPipeError:
        # whoever read us has seen enough; there is nowhere left to say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        status = _unforeseen(error, as_json, name)
    timing.say("whole", timing.age())
    raise SystemExit(status)


def _unforeseen(error: Exception, as_json: bool, name: str) -> int:
    """Typer's own complaints about words carry exit_code 2; all else is a fault of ours."""
    if type(error).__name__ == "NoArgsIsHelpError":  # of a room that typer keeps to itself
        sys.stdout.write(f"{error}\n")
        # the program alone is a question, and a group of verbs without one is half a command
        return 2 if sys.argv[1:] else 0
    if getattr(error, "exit_code", None) == 2:
        message = getattr(error, "format_message", lambda: str(error))()
        render_error(Usage(message, f"see `{name} --help`"), as_json, name)
        return 2
    if os.environ.get("SANDBOXER_DEBUG"):
        raise error
    fault = SandboxerError(
        f"{type(error).__name__}: {error}", "SANDBOXER_DEBUG=1 shows where; please report it"
    )
    render_error(fault, as_json, name)
    return fault.exit_status
