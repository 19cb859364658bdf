"""Entry point of `plaudit`. It handles SIGTERM before it imports slow modules.

An orchestrator may stop a process while it is still starting. A command that runs until it is
stopped has then done its job: it exits with 0, as it does later. Any other command reports that it
was stopped: 143. Commands replace this handler with their own.
"""

from __future__ import annotations

import gc
import signal
import sys

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
    if argv is None:
        _mind_signals(sys.argv[1:])
    # Modules are never garbage, and scanning them takes a tenth of the start. `run` enables the
    # collector again.
    gc.disable()
    from plaudit.cli.registry import run  # noqa: PLC0415 - takes a tenth of a second

    run(sys.argv[1:] if argv is None else argv)


def _mind_signals(argv: Sequence[str]) -> None:
    words = [word for word in argv if not word.startswith("-")]
    until_stopped = not _UNTIL_STOPPED.isdisjoint({" ".join(words[:1]), " ".join(words[:2])})

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(0 if until_stopped else _STOPPED_BY + number)

    signal.signal(signal.SIGTERM, stop)
    if until_stopped:
        signal.signal(signal.SIGINT, stop)
