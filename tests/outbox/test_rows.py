"""The end of a batch's rows, for every answer of the brokers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plaudit.kafka.errors import KafkaUnavailable, RecordTooLarge
from plaudit.kafka.write.producer import Ack, SendFailure
from plaudit.outbox.rows import Outcome, Row, Unfit, judge

ACK = Ack("t", 0, 1, 2)
AWAY = SendFailure(KafkaUnavailable("publish"), retriable=True)
LARGE = SendFailure(RecordTooLarge("publish"), retriable=False)

answers = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"c", None]), st.sampled_from([ACK, AWAY, LARGE, None]))
)


def batch(answered: list[tuple[bytes | None, Outcome]]) -> list[Row | Unfit]:
    """Return rows of these keys; without a key, one that no record can be made of."""
    return [
        Unfit(number, "broken") if key is None else Row(number, "t", key, b"v")
        for number, (key, _) in enumerate(answered)
    ]


@given(answers)
def test_every_row_is_published_refused_or_kept_and_only_for_its_own_reason(
    answered: list[tuple[bytes | None, Outcome]],
) -> None:
    rows = batch(answered)
    outcomes = [outcome for _, outcome in answered]
    verdict = judge(rows, outcomes)
    refused = {number for number, _ in verdict.refused}
    assert len(verdict.published) + len(refused) + verdict.kept == len(rows)
    assert all(outcomes[number] is ACK for number in verdict.published)
    for number, (row, outcome) in enumerate(zip(rows, outcomes, strict=True)):
        assert (number in refused) == (isinstance(row, Unfit) or outcome is LARGE)


@given(answers)
def test_no_row_is_finished_before_a_repeated_row_of_its_key(
    answered: list[tuple[bytes | None, Outcome]],
) -> None:
    rows = batch(answered)
    verdict = judge(rows, [outcome for _, outcome in answered])
    done = {*verdict.published, *(number for number, _ in verdict.refused)}
    for key in (b"a", b"b", b"c"):
        mine = [row.number for row in rows if isinstance(row, Row) and row.key == key]
        kept = [number for number in mine if number not in done]
        assert all(number < min(kept) for number in mine if number in verdict.published and kept)


def test_the_reported_failure_is_the_first() -> None:
    first, second = (
        SendFailure(KafkaUnavailable("publish", reason), retriable=True) for reason in "12"
    )
    verdict = judge(batch([(b"a", None), (b"b", first), (b"c", second)]), [None, first, second])
    assert verdict.failure is first.error
