"""Metadata of a commit counts only in the cluster and at the offset that it was committed for."""

from __future__ import annotations

import pytest

from plaudit.kafka.read.bound_metadata import bind, unbind

HERE = "5L6g3nShT-eMCtK--X86sw"


def test_bound_metadata_reads_back_at_its_place() -> None:
    assert unbind(HERE, 7, bind(HERE, 7, "p1:AQ==")) == "p1:AQ=="
    assert unbind(HERE, 7, bind(HERE, 7, "with:colons\nand lines")) == "with:colons\nand lines"


@pytest.mark.parametrize(("cluster", "offset"), [("another", 7), (HERE, 6), (HERE, 8)])
def test_metadata_of_another_cluster_or_offset_stays_bound(cluster: str, offset: int) -> None:
    bound = bind(HERE, 7, "p1:AQ==")
    assert unbind(cluster, offset, bound) == bound


@pytest.mark.parametrize("text", ["", "p1:AQ==", "@", f"@{HERE}:x:y", '{"replay": "1"}'])
def test_unbound_metadata_is_returned_unchanged(text: str) -> None:
    assert unbind(HERE, 7, text) == text


def test_nothing_is_committed_without_a_text_or_a_cluster() -> None:
    assert bind(HERE, 7, "") == bind("", 7, "p1:AQ==") == ""
