"""The program `sandboxer`. The only place that catches, prints errors, and exits."""

from __future__ import annotations

import os
import sys
import time

import typer

from sandboxer_cli import __version__
from sandboxer_cli.cli import compose, events, host, inside, options, profile, sandbox
from sandboxer_cli.errors import Cancelled, SandboxerError, Usage
from sandboxer_cli.result import render_error

app = typer.Typer(
    name="sandboxer",
    help="Short-lived sandboxes on hosts you already own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
sandbox.add_to(app)
inside.add_to(app)
app.add_typer(profile.app, name="profile")
app.add_typer(compose.app, name="compose")
app.add_typer(host.app, name="host")
app.add_typer(events.app, name="events")
app.command("doctor")(host.doctor)


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    inventory: options.Inventory = None,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    if version:
        sys.stdout.write(f"sandboxer {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.fail(context.get_help())  # as without any word
    if inventory:
        # before the verb it is what Ansible's own variable is: what holds when a verb names none
        os.environ["ANSIBLE_INVENTORY"] = ",".join(str(path.absolute()) for path in inventory)


def main() -> None:
    """Run the program and exit with the status that the contract gives to what happened."""
    started = time.monotonic()
    # what comes after -- is another program's
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    as_json = "--json" in own
    status = 0
    try:
        answer = app(standalone_mode=False)
        status = answer if isinstance(answer, int) else 0
    except SandboxerError as error:
        render_error(error, as_json)
        status = error.exit_status
    except (KeyboardInterrupt, typer.Abort):
        render_error(Cancelled("cancelled"), as_json)
        status = Cancelled.exit_status
    except BrokenPipeError:
        # whoever read us has seen enough; there is nowhere left to say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        status = _unforeseen(error, as_json)
    if os.environ.get("SANDBOXER_TIMINGS"):
        sys.stderr.write(f"timing: whole {time.monotonic() - started:.2f} s\n")
    raise SystemExit(status)


def _unforeseen(error: Exception, as_json: bool) -> int:
    """Typer's own complaints about words carry exit_code 2; all else is a fault of ours."""
    if getattr(error, "exit_code", None) == 2:
        message = getattr(error, "format_message", lambda: str(error))()
        render_error(Usage(message, "see `sandboxer --help`"), as_json)
        return 2
    if os.environ.get("SANDBOXER_DEBUG"):
        raise error
    fault = SandboxerError(
        f"{type(error).__name__}: {error}", "SANDBOXER_DEBUG=1 shows where; please report it"
    )
    render_error(fault, as_json)
    return fault.exit_status
