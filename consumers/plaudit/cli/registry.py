"""Registry of commands, loaded lazily.

Only the requested command is imported: `plaudit --help` is quick, and a command whose extra is not
installed says which one to install.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Annotated, Final, TypeGuard

try:
    import typer
except ModuleNotFoundError:  # an installation for publishing only has no command line
    sys.stderr.write(
        'plaudit: the command line is an extra; pip install "plaudit[server]" for all commands, '
        '"plaudit[worker]" to deliver, "plaudit[cli]" to publish and import\n'
    )
    raise SystemExit(2) from None

from typer.exceptions import TyperException
from typer.main import get_command_name
from typer.models import CommandInfo

from plaudit.cli.ui.command_audit import command_line
from plaudit.cli.ui.help import humanize, tell_usage
from plaudit.cli.ui.output import Exit, note
from plaudit.cli.ui.setting_names import env_file, misspelled
from plaudit.kafka.identity import set_role

DEBUG: Final = "PLAUDIT_DEBUG"
INTERRUPTED: Final = 130
"""128 plus the number of SIGINT, as in shells."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Location of a command: a module that has `app` (a group) or `command` (a function).

    Attributes:
        summary: one line for the list of commands.
        extra: the extra to install for it.
        module: module of the command, if not in `commands` under its own name.
    """

    summary: str
    extra: str = "cli"
    module: str | None = None


COMMANDS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "dev": Entry("Run the whole pipeline on this machine, with a live view.", "dev"),
        "topics": Entry("Create, check and show the topics."),
        "schemas": Entry("The event catalogue: list, show, check and register schemas."),
        "publish": Entry("Publish events from JSON lines."),
        "import": Entry("Import reviews from CSV and JSON.", "cli", "commands.imports"),
        "outbox": Entry("Relay, inspect and create a service's outbox table.", "worker"),
        "endpoints": Entry("Register and manage endpoints.", "server", "endpoints.commands"),
        "deliver": Entry("Deliver events to endpoints, until stopped.", "worker"),
        "record": Entry("Record attempts in the delivery log, until stopped.", "server"),
        "serve": Entry("Serve the REST API, until stopped.", "server"),
        "deliveries": Entry("The delivery log: list, show and retry deliveries.", "server"),
        "trace": Entry("Trace one event, testimonial or delivery.", "server"),
        "keys": Entry("Create, list and revoke API keys.", "server"),
        "jobs": Entry("Jobs: redrive, purge, replay, recovery and retry.", "server"),
        "audit": Entry("The audit log: who changed what, and when.", "server"),
        "status": Entry("Show brokers, workers, waiting deliveries, and dead letters.", "worker"),
        "records": Entry("Unblock a partition, or read records again.", "worker"),
        "dlq": Entry(
            "Dead letters: list, count, export, redrive and purge.", "worker", "dlq.commands"
        ),
        "replay": Entry(
            "Send events of a time range to an endpoint again.", "worker", "dlq.replay"
        ),
        "listen": Entry("Receive webhooks on this machine, verify and print them.", "server"),
        "bench": Entry("Measure this installation against plain loops.", "dev"),
        "db": Entry("Migrate and check the database.", "server"),
    }
)


def run(argv: Sequence[str]) -> None:
    """Run a command; ends the process with 0 (done), 1 (failed) or 2 (usage).

    Raises:
        SystemExit: always.
    """

    def program() -> object:
        try:
            app = build(argv)
        finally:
            gc.freeze()
            gc.enable()
        _warn_of_misspelled()
        command = typer.main.get_command(app)
        humanize(command)
        with command_line(argv):
            return command.main(list(argv), prog_name="plaudit", standalone_mode=False)

    guarded(program)


def _warn_of_misspelled() -> None:
    """Warn of variables that nothing reads: a misspelled setting would be ignored silently."""
    for variable, setting in misspelled({**env_file(), **os.environ}).items():
        note(f"plaudit: warning: {variable} is not a setting; did you mean {setting}?")


def guarded(program: Callable[[], object]) -> None:
    """Run a command line, and print an error as one line.

    Raises:
        SystemExit: always.
    """
    try:
        code = program()
    except TyperException as error:
        tell_usage(error, "plaudit")
        raise SystemExit(Exit.USAGE) from None
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of our output has closed the pipe; nothing may be flushed into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(Exit.FAILED) from None
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        note(f"plaudit: {said(error)}")
        raise SystemExit(code_of(error)) from None
    raise SystemExit(code if isinstance(code, int) else Exit.DONE)


def build(argv: Sequence[str]) -> typer.Typer:
    """Return the command line for these arguments.

    Other commands have only their summary, and none if nothing can print it: typer spends
    milliseconds on each.
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Kafka-backed webhooks: Avro events in, signed webhooks out, nothing lost.",
        epilog="Settings come from PLAUDIT_* and KAFKA_BOOTSTRAP_SERVERS, and from a .env file.",
    )
    app.callback()(_root)
    wanted = next((word for word in argv if not word.startswith("-")), None)
    set_role(wanted or "client")
    alone = bool(argv) and argv[0] in COMMANDS
    for name, entry in COMMANDS.items():
        if name == wanted:
            _add(app, name, entry, argv[1:2])
        elif not alone:
            app.command(name, help=entry.summary)(_not_called)
    return app


def _add(app: typer.Typer, name: str, entry: Entry, following: Sequence[str]) -> None:
    """Add the requested command, or the requested one of its group."""
    module = load(name, entry)
    if not hasattr(module, "app"):
        app.command(name)(module.command)
        return
    group = copy(module.app)
    chosen = [each for each in group.registered_commands if _name_of(each) in following]
    if chosen:
        group.registered_commands = chosen
        group.registered_groups = []
    app.add_typer(group, name=name, help=entry.summary)


def _name_of(command: CommandInfo) -> str:
    function = command.callback
    return command.name or get_command_name(function.__name__ if function else "")


def load(name: str, entry: Entry) -> ModuleType:
    """Import the module of a command.

    Raises:
        SystemExit: a library that it needs is not installed.
    """
    try:
        return importlib.import_module(f"plaudit.cli.{entry.module or 'commands.' + name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "plaudit":
            raise
        note(f'plaudit {name}: {error.name} is missing; pip install "plaudit[{entry.extra}]"')
        raise SystemExit(Exit.USAGE) from None


def said(error: Exception) -> str:
    """Return one line for an error; our own errors and file errors have one already."""
    if of_a_file(error):
        return f"{error.filename}: {error.strerror}"
    line = " ".join(str(error).split())
    if is_ours(error):
        return line
    return f"unexpected {type(error).__name__}: {line} (set {DEBUG}=1 for the traceback)"


def code_of(error: Exception) -> Exit:
    """Return the exit code: 2 if the input must change, 1 if a retry may work."""
    usage = of_a_file(error) or (
        is_ours(error)
        and (isinstance(error, ValueError | LookupError) or type(error).__name__ == "SettingsError")
    )
    return Exit.USAGE if usage else Exit.FAILED


def of_a_file(error: Exception) -> TypeGuard[OSError]:
    """Return whether a named file can't be used."""
    return isinstance(error, OSError) and isinstance(error.filename, str)


def is_ours(error: Exception) -> bool:
    """Return whether Plaudit, or the benchmark of its source tree, raised the error on purpose."""
    return type(error).__module__.partition(".")[0] in {"plaudit", "bench"}


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the shape of an option's callback
    if wanted:
        from plaudit.runtime.build import build  # noqa: PLC0415 - other commands start without it

        found = build()
        sys.stdout.write(f"plaudit {found.version} ({found.form}, Python {found.python})\n")
        raise typer.Exit


def _root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options before a command."""


def _not_called() -> None:
    """Placeholder of a command in the list of commands."""
