"""Whose name is looked up next: fair between owners, slow names apart."""

from __future__ import annotations

from collections import Counter

from plaudit.transport.net.lookups import (
    MOST_SLOW_NAMES,
    QUICK,
    QUICK_EACH,
    SLOW_EACH,
    SLOW_FOR_S,
    SLOW_S,
    LookUpScheduler,
)


def request(look_ups: LookUpScheduler, owner: str, count: int, now_s: float = 0.0) -> None:
    for number in range(count):
        look_ups.request(f"{number}.{owner}", owner, now_s)


def begin_all(look_ups: LookUpScheduler, now_s: float = 0.0) -> list[str]:
    """Begin as many look-ups as may be; return their names."""
    begun = []
    while (host := look_ups.begin(now_s)) is not None:
        begun.append(host)
    return begun


def owners(hosts: list[str]) -> Counter[str]:
    return Counter(host.partition(".")[2] for host in hosts)


def test_owners_take_turns() -> None:
    look_ups = LookUpScheduler()
    request(look_ups, "a", 3)
    request(look_ups, "b", 2)
    assert begin_all(look_ups) == ["0.a", "0.b", "1.a", "1.b", "2.a"]


def test_no_owner_uses_more_than_its_share_and_another_still_begins_at_once() -> None:
    look_ups = LookUpScheduler()
    request(look_ups, "a", 400)
    assert owners(begin_all(look_ups)) == {"a": QUICK_EACH}
    request(look_ups, "v", 12)
    assert owners(begin_all(look_ups)) == {"v": 12}


def test_a_dozen_owners_whose_names_all_hang_leave_room_for_another() -> None:
    look_ups = LookUpScheduler()
    for number in range(12):
        request(look_ups, f"a{number}", 400)
        begin_all(look_ups)
    assert look_ups.under_way < QUICK
    request(look_ups, "v", 20)
    assert owners(begin_all(look_ups))["v"] >= 1


def test_slow_names_occupy_few_threads_until_they_were_quick_or_time_has_passed() -> None:
    look_ups = LookUpScheduler()
    request(look_ups, "a", 20)
    for host in begin_all(look_ups):
        look_ups.end(host, SLOW_S + 0.1)
    request(look_ups, "a", 20, SLOW_S)
    look_ups.request("quick.a", "a", SLOW_S)
    begun = begin_all(look_ups, SLOW_S)
    assert len(begun) == SLOW_EACH + 1
    assert begun[0] == "quick.a"
    look_ups.end("0.a", SLOW_S + 0.1)
    look_ups.request("0.a", "a", SLOW_S + 0.1)
    assert begin_all(look_ups, SLOW_S)[0] == "0.a", "it was quick this time"
    late = LookUpScheduler()
    late.request("x", "a", 0.0)
    late.begin(0.0)
    late.end("x", 10.0)
    for number in range(SLOW_EACH):
        late.request(str(number), "a", 10.0)
    late.request("x", "a", 10.0 + SLOW_FOR_S)
    assert begin_all(late)[-1] == "x"


def test_a_name_of_two_owners_is_looked_up_once_at_the_first_turn_of_either() -> None:
    look_ups = LookUpScheduler()
    request(look_ups, "a", QUICK_EACH)
    begin_all(look_ups)
    look_ups.request("shared", "a", 0.0)
    look_ups.request("shared", "v", 0.0)
    assert begin_all(look_ups) == ["shared"]
    look_ups.request("shared", "b", 0.0)
    assert not begin_all(look_ups), "it is under way"


def test_abandoned_look_ups_are_forgotten() -> None:
    look_ups = LookUpScheduler()
    request(look_ups, "a", 2)
    look_ups.forget("0.a")
    assert begin_all(look_ups) == ["1.a"]


def test_slow_names_that_are_remembered_are_bounded() -> None:
    look_ups = LookUpScheduler()
    for number in range(MOST_SLOW_NAMES + 1):
        look_ups.request(str(number), "a", 0.0)
        assert look_ups.begin(0.0) == str(number)
        look_ups.end(str(number), 10.0)
    for number in range(SLOW_EACH + 1):
        look_ups.request(str(number + 1), "a", 10.0)
    look_ups.request("0", "a", 10.0)
    assert begin_all(look_ups, 10.0)[0] == "0", "the oldest was forgotten: it is not slow"
