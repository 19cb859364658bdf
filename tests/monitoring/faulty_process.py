"""A `plaudit` with a defect, or one that looks at dead letters and keys more often.

The first argument names what is patched; the others are those of `plaudit`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final
from unittest.mock import patch

from plaudit.cli.main import main


def fail(*_: object, **__: object) -> None:
    """Raise, as a defect does."""
    raise RuntimeError("a defect of the drill")


def lose(*_: object, **__: object) -> None:
    """Forget a record."""


PATCHES: Final[Mapping[str, Mapping[str, object]]] = {
    "raises": {"plaudit.deliver.pipeline.attempt.Attempter.request_of": fail},
    "loses": {
        "plaudit.deliver.pipeline.pipeline.Pipeline.process": lose,
        "plaudit.deliver.worker.MARGIN_S": 1.0,
    },
    "looks-often": {
        "plaudit.cli.commands.record.LOOK_EVERY_S": 1.0,
        "plaudit.cli.commands.record.COUNT_KEYS_EVERY_S": 1.0,
        "plaudit.dlq.letters.ages.EXACT_EVERY_S": 2.0,
    },
}

if __name__ == "__main__":
    with ExitStack() as stack:
        for name, value in PATCHES[sys.argv[1]].items():
            stack.enter_context(patch(name, value))
        main(sys.argv[2:])
