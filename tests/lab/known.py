"""What the laboratory has found and nobody has mended yet; each with a way to see it."""

from __future__ import annotations

import pytest

from lab.running import Outcome


def expect_repetitions(outcome: Outcome, most: int) -> None:
    """Tell a run with more repetitions than a kill explains as the open defect that it is.

    After a worker is killed, records of the retry tiers are now and then written twice although
    nothing is lost: one run in three or so, on a busy machine.
    """
    unexplained = len(outcome.ledger.unexplained)
    if unexplained > most:
        pytest.xfail(f"{unexplained} repetitions that no kill explains, {most} at most are meant")
