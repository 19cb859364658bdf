"""Entry point of `plaudit`. It handles SIGTERM before it imports slow modules.

An orchestrator may stop a process while it is still starting. A command that runs until it is
stopped has then done its job: it exits with 0, as it does later. Any other command reports that it
was stopped: 143. Commands replace this handler with their own.

A command that runs until it is stopped ends without finalizing the interpreter: threads of
librdkafka call into Python, and a call during the finalization crashes the process. A crash prints
the stack of each thread.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_UNTIL_STOPPED = frozenset({"deliver", "record", "serve", "listen", "outbox relay", "jobs run"})
_STOPPED_BY = 128  # plus the number of the signal, as in shells


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with 0 (done), 1 (failed) or 2 (usage).

    Args:
        argv: arguments; by default those of the process, which then also handles signals.

    Raises:
        SystemExit: always.
    """
    until_stopped = argv is None and _runs_until_stopped(sys.argv[1:])
    if argv is None:
        _mind_signals(until_stopped=until_stopped)
    if until_stopped:
        with suppress(OSError, ValueError):  # standard error may be closed
            faulthandler.enable()
    # Modules are never garbage, and scanning them takes a tenth of the start. `run` enables the
    # collector again.
    gc.disable()
    from plaudit.cli.registry import run  # noqa: PLC0415 - takes a tenth of a second

    try:
        run(sys.argv[1:] if argv is None else argv)
    except SystemExit as end:
        if until_stopped and isinstance(end.code, int):
            _end_process(end.code)
        raise


def _runs_until_stopped(argv: Sequence[str]) -> bool:
    words = [word for word in argv if not word.startswith("-")]
    return not _UNTIL_STOPPED.isdisjoint({" ".join(words[:1]), " ".join(words[:2])})


def _end_process(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has closed it
            stream.flush()
    os._exit(code)


def _mind_signals(*, until_stopped: bool) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(0 if until_stopped else _STOPPED_BY + number)

    signal.signal(signal.SIGTERM, stop)
    if until_stopped:
        signal.signal(signal.SIGINT, stop)
