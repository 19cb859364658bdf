"""Packed rows of endpoints, including their records.

A record is kept as received, without the parts that are elsewhere: its identities, its seal, and
what it shares with others. Other fields are parsed from it only when they are needed.
"""

from __future__ import annotations

from array import array
from typing import Final

from plaudit.endpoints.arena import Arena
from plaudit.endpoints.binding import SEAL_BYTES, is_bound
from plaudit.endpoints.id_index import IdIndex, identity_of, uuid_bytes, uuid_text
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.packing import RecordPacker
from plaudit.records.endpoint import endpoint_head

NONE: Final = -1

# States of a row; from READABLE on, the endpoint exists.
UNKNOWN: Final = 0
DELETED: Final = 1
READABLE: Final = 2
"""The endpoint was decrypted, or a holder of the key wrote it."""
CLOSED: Final = 3
"""The endpoint can't be decrypted."""
CHANGED: Final = 4
NO_SEAL: Final = 5

_WHOLE: Final = b"\x00"
_HEAD_BYTES: Final = 10
_ID_TEXT: Final = 37
"""A length of 36, and the UUID."""
_ID_END: Final = _HEAD_BYTES + _ID_TEXT
_IDS_END: Final = _ID_END + _ID_TEXT
_LENGTH: Final = b"\x48"
"""36, as Avro writes the length of a string."""


class EndpointRows:
    """One row for each endpoint that the topic ever had; rows of a workspace are linked.

    Args:
        keys: keys to check the seals of records.

    Attributes:
        state: one byte for each row.
        moment: start of service of each row. Until a row has a second record, it is the
            record's append time, negated minus one (see `active_from_ms`).
        served: number of rows whose endpoint exists.
        unreadable: number of those that can't be decrypted.
        unsealed: number of those whose record has no seal.
    """

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys
        self._index = IdIndex()
        self._workspaces = IdIndex()
        self._records = Arena()
        self._packer = RecordPacker()
        self._usual_head = endpoint_head()
        self._heads: list[bytes] = [b"", self._usual_head]
        self._has_seal = bytearray()
        self.moment = array("q")
        self._workspace = array("i")
        self._next = array("i")
        self._before = array("i")
        self._first = array("i")
        self.state = bytearray()
        self.served = self.unreadable = self.unsealed = 0

    def find(self, endpoint_id: str) -> int:
        """Return an endpoint's row; NONE if the topic never contained it."""
        return self._index.find(identity_of(endpoint_id))

    def add(self, identity: bytes) -> int:
        """Return the row of an endpoint, which may be new."""
        row = self._index.add(identity)
        if row == len(self.state):
            self.state.append(UNKNOWN)
            self._has_seal.append(1)
            self.moment.append(0)
            self._workspace.append(NONE)
            self._next.append(NONE)
            self._before.append(NONE)
        return row

    def add_first(self, key: bytes, value: bytes, appended_ms: int) -> str:
        """Add the first record of an endpoint, if a holder of the key wrote it.

        Nearly all records of a topic are like this; the caller handles the others.

        Returns:
            The id of the workspace; empty if the record needs a full check.
        """
        body, workspace_text = value[:-SEAL_BYTES], value[_ID_END + 1 : _IDS_END]
        if (
            value[:_ID_END] != self._usual_head + _LENGTH + key
            or value[_ID_END : _ID_END + 1] != _LENGTH
            or not is_bound(body, value[-SEAL_BYTES:], _IDS_END, self._keys)
        ):
            return ""
        endpoint, workspace = uuid_bytes(key), uuid_bytes(workspace_text)
        if endpoint is None or workspace is None:
            return ""
        row = self.add(endpoint)
        if self.state[row] != UNKNOWN:
            return ""
        self._link(row, workspace)
        self._records.put(row, b"\x01" + self._packer.pack(body[_IDS_END:]))
        self.moment[row] = -1 - appended_ms
        # As `judge` notes it for a new row, which counts as sealed.
        self.state[row] = READABLE
        self.served += 1
        return workspace_text.decode()

    def put(self, row: int, body: bytes, workspace_id: str, served_from_ms: int) -> None:
        """Store the record of an endpoint, and link the row to its workspace."""
        workspace = identity_of(workspace_id)
        if self._workspace[row] == NONE:
            self._link(row, workspace)
        texts = _texts(self._index.identity(row), workspace)
        if body[_HEAD_BYTES:_IDS_END] == texts:
            head = self._head(body[:_HEAD_BYTES])
            self._records.put(row, head + self._packer.pack(body[_IDS_END:]))
        else:
            self._records.put(row, _WHOLE + body)
        self.moment[row] = max(0, served_from_ms)

    def judge(self, row: int, state: int, *, sealed: bool) -> None:
        """Note the state of a row, and whether its record has a seal."""
        before = self.state[row]
        self.served += (state >= READABLE) - (before >= READABLE)
        self.unreadable += (state > READABLE) - (before > READABLE)
        self.unsealed += (not sealed) - (not self._has_seal[row])
        self.state[row] = state
        self._has_seal[row] = sealed
        if state == DELETED and before >= READABLE:
            self._records.drop(row)

    def unreadable_rows(self, most: int) -> list[int]:
        """Return some rows of endpoints that can't be opened."""
        found: list[int] = []
        for state in (CLOSED, CHANGED, NO_SEAL):
            row = self.state.find(state)
            while row >= 0 and len(found) < most:
                found.append(row)
                row = self.state.find(state, row + 1)
        return found

    def first_of(self, workspace_id: str) -> int:
        """Return the first row of a workspace; NONE if it has none."""
        number = self._workspaces.find(identity_of(workspace_id))
        return NONE if number == NONE else self._first[number]

    def next_of(self, row: int) -> int:
        """Return the next row of the same workspace; NONE after the last."""
        return self._next[row]

    def _link(self, row: int, workspace: bytes) -> None:
        """Link a row as the first one of its workspace."""
        number = self._workspaces.add(workspace)
        if number == len(self._first):
            self._first.append(NONE)
        after = self._first[number]
        self._first[number] = row
        self._workspace[row] = number
        self._next[row] = after
        self._before[row] = NONE
        if after != NONE:
            self._before[after] = row

    def unlink(self, row: int) -> None:
        """Remove a row from its workspace."""
        before, after = self._before[row], self._next[row]
        if before != NONE:
            self._next[before] = after
        else:
            self._first[self._workspace[row]] = after
        if after != NONE:
            self._before[after] = before
        self._workspace[row] = NONE

    def value(self, row: int) -> bytes:
        """Return the record of a row."""
        kept = self._records.get(row)
        if kept[:1] == _WHOLE:
            return kept[1:]
        workspace = self._workspaces.identity(self._workspace[row])
        texts = _texts(self._index.identity(row), workspace)
        return self._heads[kept[0]] + texts + self._packer.unpack(kept[1:])

    def _head(self, head: bytes) -> bytes:
        """Return the byte that represents a record's head; there is one for each schema."""
        if head not in self._heads:
            self._heads.append(head)
        return bytes((self._heads.index(head),))


def _texts(endpoint: bytes, workspace: bytes) -> bytes:
    return b"%b%b%b%b" % (
        _LENGTH,
        uuid_text(endpoint).encode(),
        _LENGTH,
        uuid_text(workspace).encode(),
    )
