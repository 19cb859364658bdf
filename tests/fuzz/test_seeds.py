"""Replay of the seeds of all targets, without atheris."""

from __future__ import annotations

import pytest

from fuzz.run import NAMES, SEEDS
from fuzz.targets import TARGETS


def test_each_target_can_be_searched_and_has_seeds() -> None:
    assert set(NAMES) == set(TARGETS)
    assert {folder.name for folder in SEEDS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_makes_its_target_raise(name: str) -> None:
    for file in sorted((SEEDS / name).iterdir()):
        try:
            TARGETS[name](file.read_bytes())
        except BaseException as error:
            error.add_note(str(file))
            raise
