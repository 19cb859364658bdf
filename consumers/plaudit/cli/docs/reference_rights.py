"""The reference's table of what each role may do in Kafka."""

from __future__ import annotations

from collections.abc import Iterator

from plaudit.kafka.admin.roles import MEANINGS, Grant, Role, grants
from plaudit.records.names import Names


def rights() -> Iterator[str]:
    """Yield the section, as Markdown."""
    yield "## Rights in Kafka\n"
    yield "Each role is a user of its own. `plaudit topics acls ROLE --principal User:NAME` prints"
    yield "the `kafka-acls` commands, `plaudit topics check --role ROLE` compares as that user:"
    yield "topics, groups that have been used, and transactional ids."
    yield "`*` at the end of a name stands for any continuation; writing and reading include"
    yield "Describe.\n"
    yield "| role | what it is | may |"
    yield "|---|---|---|"
    for role in Role:
        may = "; ".join(_words(grant) for grant in grants(role, Names()))
        yield f"| `{role}` | {MEANINGS[role]} | {may} |"
    yield ""


def _words(grant: Grant) -> str:
    operations = ", ".join(each.replace("_", " ") for each in grant.operations)
    if grant.kind == "cluster":
        return f"{operations} the cluster"
    kind = {"topic": "", "group": "group ", "transactional-id": "transactional id "}[grant.kind]
    return f"{operations} {kind}`{grant.name}{'*' if grant.prefixed else ''}`"
