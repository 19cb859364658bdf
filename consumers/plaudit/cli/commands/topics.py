"""`plaudit topics`: create, compare and show the topics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from plaudit.cli.ui.brokers import note_refusals
from plaudit.cli.ui.listing import ListColumn, ValueForm, columns_option, print_list
from plaudit.cli.ui.output import Exit, note, print_json
from plaudit.cli.ui.quantities import counted, retention_text
from plaudit.kafka.admin.client import TopicState
from plaudit.kafka.admin.roles import Role, commands
from plaudit.kafka.admin.topic_specs import CLEANUP, RETENTION, TopicSpec, declared
from plaudit.kafka.admin.topics import Admin, Severity, TopicIssue
from plaudit.kafka.admin.topics import apply as apply_topics
from plaudit.kafka.admin.topics import check as check_topics
from plaudit.kafka.admin.topics import show as show_topics
from plaudit.kafka.errors import NotAuthorized
from plaudit.kafka.permissions import check_role
from plaudit.kafka.settings import KafkaSettings

app = typer.Typer(no_args_is_help=True, help="Create, check and show the topics.")

TABLE: Final = (
    ListColumn("topic"),
    ListColumn("partitions", ValueForm.NUMBER),
    ListColumn("replication", ValueForm.NUMBER),
    ListColumn("cleanup"),
    ListColumn("retention"),
    ListColumn("state"),
    ListColumn("exists", default=False),
    ListColumn("actual_partitions", ValueForm.NUMBER, default=False),
    ListColumn("actual_replication", ValueForm.NUMBER, default=False),
)
_File = Annotated[
    Path | None,
    typer.Option("--file", help="TOML file that overrides the shipped declaration."),
]
_Single = Annotated[
    bool, typer.Option("--single-node", help="One replica each, for a cluster of one broker.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def apply(*, file: _File = None, single_node: _Single = False, as_json: _Json = False) -> None:
    """Create missing topics and change what can be changed; nothing is ever deleted.

    Example: plaudit topics apply --single-node
    """
    settings = KafkaSettings()
    note_refusals(settings)
    applied = apply_topics(Admin(settings), declared(settings, single_node=single_node, file=file))
    if as_json:
        print_json(
            {
                "created": applied.created,
                "grown": applied.grown,
                "configured": applied.configured,
                "findings": [_plain(each) for each in applied.findings],
                "ok": applied.ok,
            }
        )
    else:
        for word, names in (
            ("created", applied.created),
            ("grown", applied.grown),
            ("configured", applied.configured),
        ):
            for name in names:
                typer.echo(f"{word} {name}")
        _say(applied.findings)
        if applied.ok:
            typer.echo(_verdict(applied.findings))
    if not applied.ok:
        raise typer.Exit(Exit.FAILED)


@app.command()
def check(
    *,
    file: _File = None,
    single_node: _Single = False,
    role: Annotated[
        Role | None,
        typer.Option(help="Instead, check this user's permissions against those of the role."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Compare the topics with their declaration; exit 1 if something must be corrected.

    With --role, compare this user's permissions with those of the role: a missing permission is an
    error, and so is a permission that the role must not have.

    Example: plaudit topics check --role deliver
    """
    settings = KafkaSettings()
    specs = declared(settings, single_node=single_node, file=file)
    if role is None:
        findings = check_topics(Admin(settings), specs, settings.names.deliveries_prefix)
    else:
        findings = check_role(settings, role, [spec.name for spec in specs])
    ok = not any(each.severity is Severity.ERROR for each in findings)
    if as_json:
        print_json({"ok": ok, "findings": [_plain(each) for each in findings]})
    else:
        _say(findings)
        if ok:
            typer.echo(_verdict(findings) if role is None else f"fit for role {role}")
    if not ok:
        raise typer.Exit(Exit.FAILED)


@app.command()
def acls(
    role: Annotated[Role, typer.Argument(help="Whose rights.")],
    principal: Annotated[
        str | None, typer.Option(help="The user's name in Kafka; User:ROLE by default.")
    ] = None,
) -> None:
    """Print the kafka-acls commands that grant a user exactly a role's permissions.

    Example: plaudit topics acls deliver --principal User:plaudit-deliver | sh
    """
    settings = KafkaSettings()
    user = principal or f"User:{role}"
    for line in commands(role, settings.names, user, settings.bootstrap_servers):
        typer.echo(line)


@app.command()
def show(
    *,
    file: _File = None,
    single_node: _Single = False,
    columns: Annotated[str | None, columns_option(TABLE)] = None,
    as_json: _Json = False,
) -> None:
    """Show each topic's declaration and state, including tiers that are not configured."""
    settings = KafkaSettings()
    specs = declared(settings, single_node=single_node, file=file)
    found = show_topics(Admin(settings), specs, settings.names.deliveries_prefix)
    declared_as = {spec.name: spec for spec in specs}
    rows = [
        {
            **_both(name, declared_as.get(name), state),
            **_declared_cells(declared_as.get(name)),
            "state": _presence(state),
        }
        for name, state in found.items()
    ]
    print_list(rows, TABLE, columns, as_json=as_json)


def _both(
    name: str, spec: TopicSpec | None, state: TopicState | NotAuthorized | None
) -> dict[str, object]:
    """Return a topic as declared (None if it is not) and its state, as plain data."""
    there = state if isinstance(state, TopicState) else None
    return {
        "topic": name,
        "partitions": spec and spec.partitions,
        "replication": spec and spec.replication,
        "config": spec and dict(spec.config),
        "exists": None if isinstance(state, NotAuthorized) else there is not None,
        "actual_partitions": there and there.partitions,
        "actual_replication": there and there.replication,
    }


def _declared_cells(spec: TopicSpec | None) -> dict[str, object]:
    if spec is None:
        return {"cleanup": None, "retention": None}
    retention = retention_text(spec.config.get(RETENTION))
    return {"cleanup": spec.config.get(CLEANUP, ""), "retention": retention}


def _presence(state: TopicState | NotAuthorized | None) -> str:
    match state:
        case None:
            return "missing"
        case NotAuthorized():
            return "not authorized"
        case TopicState():
            partitions = counted(state.partitions, "partition")
            return f"{partitions}, {counted(state.replication, 'replica')}"


def _verdict(findings: list[TopicIssue] | tuple[TopicIssue, ...]) -> str:
    return "the topics work; see the warnings above" if findings else "the topics are as declared"


def _say(findings: list[TopicIssue] | tuple[TopicIssue, ...]) -> None:
    for each in findings:
        note(f"{each.severity}: {each}")


def _plain(finding: TopicIssue) -> dict[str, str]:
    return {
        "severity": finding.severity,
        "aspect": finding.aspect,
        "topic": finding.topic,
        "what": finding.what,
        "advice": finding.advice,
        "setting": finding.setting,
    }
