"""Scheduler of name look-ups: fair between owners, with separate threads for slow names. Pure.

A look-up can't be cancelled: one that hangs occupies a thread until the C library gives up, which
takes 5 to 30 seconds. So an owner gets only a part of the free threads, and a name that was slow
before competes only with other slow names.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final, NamedTuple

QUICK: Final = 96
"""Concurrent look-ups of names that are not known to be slow."""
QUICK_EACH: Final = 24
"""Concurrent look-ups of one owner: 10,000 names at 20 ms each take 8 s."""
SLOW: Final = 32
"""Concurrent look-ups of slow names: a waiting thread takes about 50 KB."""
SLOW_EACH: Final = 4
SLOW_S: Final = 2.0
"""A name whose look-up took longer than this is slow …"""
SLOW_FOR_S: Final = 600.0
"""… for this time."""
MOST_SLOW_NAMES: Final = 10_000
"""Slow names that are remembered; about 200 bytes each."""


class _WaitingNames:
    """Waiting names of one kind, by owner."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._waiting: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._free = most

    def add(self, host: str, owner: str) -> None:
        self._waiting.setdefault(owner, OrderedDict())[host] = None

    def discard(self, host: str, owner: str) -> None:
        hosts = self._waiting.get(owner)
        if hosts is not None and host in hosts:
            del hosts[host]
            if not hosts:
                del self._waiting[owner]

    def next(self) -> tuple[str, str] | None:
        """Return the next name and its owner; None while all threads or shares are taken."""
        if not self._free:
            return None
        # A third of the free threads, so that a dozen owners whose names all hang leave threads to
        # others.
        share = max(1, min(self._most_each, self._free // 3))
        for owner, hosts in self._waiting.items():
            if self._running[owner] < share:
                self._waiting.move_to_end(owner)
                return next(iter(hosts)), owner
        return None

    def begin(self, owner: str) -> None:
        self._free -= 1
        self._running[owner] += 1

    def end(self, owner: str) -> None:
        self._free += 1
        self._running[owner] -= 1
        if not self._running[owner]:
            del self._running[owner]


class _RunningLookUp(NamedTuple):
    """A look-up under way."""

    lane: _WaitingNames
    owner: str
    began_s: float


class LookUpScheduler:
    """Decides which name to look up next. Concurrent requests for a name share one look-up."""

    def __init__(self) -> None:
        self._quick = _WaitingNames(QUICK, QUICK_EACH)
        self._slow = _WaitingNames(SLOW, SLOW_EACH)
        self._owners: dict[str, set[str]] = {}
        self._begun: dict[str, _RunningLookUp] = {}
        self._slow_until_s: OrderedDict[str, float] = OrderedDict()

    @property
    def under_way(self) -> int:
        """Number of threads that are needed."""
        return len(self._begun)

    def request(self, host: str, owner: str, now_s: float) -> None:
        """Queue a name for an owner."""
        if host in self._begun:
            return
        self._waiting_for(host, now_s).add(host, owner)
        self._owners.setdefault(host, set()).add(owner)

    def forget(self, host: str) -> None:
        """Remove a waiting name that no caller needs any more."""
        for owner in self._owners.pop(host, ()):
            # The name may have become slow, or quick, while it waited.
            self._quick.discard(host, owner)
            self._slow.discard(host, owner)

    def begin(self, now_s: float) -> str | None:
        """Return a name to look up now; None: all names have to wait."""
        for lane in (self._quick, self._slow):
            found = lane.next()
            if found is not None:
                host, owner = found
                self.forget(host)
                lane.begin(owner)
                self._begun[host] = _RunningLookUp(lane, owner, now_s)
                return host
        return None

    def end(self, host: str, now_s: float) -> None:
        """Note the end of a look-up, and whether its name is slow."""
        begun = self._begun.pop(host)
        begun.lane.end(begun.owner)
        self._slow_until_s.pop(host, None)
        if now_s - begun.began_s > SLOW_S:
            self._slow_until_s[host] = now_s + SLOW_FOR_S
            if len(self._slow_until_s) > MOST_SLOW_NAMES:
                self._slow_until_s.popitem(last=False)

    def _waiting_for(self, host: str, now_s: float) -> _WaitingNames:
        return self._slow if self._slow_until_s.get(host, now_s) > now_s else self._quick
