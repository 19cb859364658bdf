"""Promises about hostile bytes and defects of our own; see `promises`."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

_EVERYTHING: Final = (
    "tests/deliver/test_defects.py"
    "::test_whatever_raises_that_delivery_is_settled_and_all_others_are_delivered"
)

DEFECTS: Final = (
    Break(
        "a second rotation does not end the time of the first",
        "consumers/plaudit/store/endpoints/transitions.py",
        "return self.now_ms + self.overlap_ms if expires_at_ms is None else expires_at_ms",
        "return self.now_ms + self.overlap_ms",
        "tests/store/test_key_rotation.py",
    ),
    Break(
        "an endpoint with a key pair gets asymmetric signatures",
        "consumers/plaudit/endpoints/opening.py",
        'pairs = private.pairs if "v1a" in kinds else ()',
        "pairs = ()",
        "tests/endpoints/test_key_pairs.py",
    ),
    Break(
        "a whole number has no point in a body",
        "schemas/plaudit/events/avro/varint.py",
        "    if number % power == 0:",
        "    if number == 0:",
        "tests/formats/test_reserialized.py",
    ),
    Break(
        "no Retry-After raises",
        "consumers/plaudit/deliver/model/retry_after.py",
        "except ValueError:  # the 30th of February, the year 0",
        "except KeyError:",
        "tests/deliver/test_retry_after.py",
    ),
    Break(
        "a forged number in a header makes its record unreadable",
        "consumers/plaudit/deliver/model/delivery.py",
        "if not 0 <= number <= most:",
        "if number < 0:",
        "tests/deliver/test_headers.py",
    ),
    Break(
        "a link that does not parse is left out",
        "consumers/plaudit/formats/slack.py",
        "except ValueError:  # such as `http://[`; a producer may write any text",
        "except KeyError:",
        "tests/formats/test_formats.py",
    ),
    Break(
        "a defect of our own says so in the end",
        "consumers/plaudit/deliver/model/decision.py",
        "if not isinstance(outcome, Defect):",
        "if outcome:",
        "tests/deliver/test_hostile_parts.py",
    ),
    Break(
        "a write that our own code raises for is written with less in the end",
        "consumers/plaudit/deliver/settle/settler.py",
        "if ticket.raised <= MOST_RAISED:",
        "if ticket.raised >= 0:",
        "tests/deliver/test_hostile_parts.py",
    ),
    Break(
        "a clock that raises costs no delivery",
        "consumers/plaudit/deliver/settle/settler.py",
        "return int(time.time() * 1_000)",
        "raise",
        "tests/deliver/test_hostile_parts.py",
    ),
    Break(
        "a delivery that a defect stops in its queue is settled",
        "consumers/plaudit/deliver/isolation/dispatch.py",
        "return Failed(head if self._queues.give_up(head) else None, error)",
        "return Failed(None if self._queues.give_up(head) else None, error)",
        _EVERYTHING,
    ),
    Break(
        "a slot is free whatever admission raises",
        "consumers/plaudit/deliver/pipeline/pipeline.py",
        "self.lane.defects.note(Stage.ADMIT, error, flight.delivery.record)\n"
        "            self.admission.queues.free(flight)",
        "self.lane.defects.note(Stage.ADMIT, error, flight.delivery.record)",
        _EVERYTHING,
    ),
    Break(
        "a record that is on its way to the source is not begun anew",
        "consumers/plaudit/deliver/stranded.py",
        "for place, record in absent.items() if place in self._absent]",
        "for _, record in absent.items()]",
        "tests/deliver/test_stranded.py",
    ),
    Break(
        "a record in nobody's hand is begun anew",
        "consumers/plaudit/deliver/stranded.py",
        "if times == 1:",
        "if times == 0:",
        "tests/deliver/test_stranded.py",
    ),
)
