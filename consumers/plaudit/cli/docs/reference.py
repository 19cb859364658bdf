"""Every setting, command, topic, metric and header on one page, written from the code.

`python -m plaudit.cli.docs.reference > docs/reference.md`
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Final, get_args, get_origin

import typer
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from plaudit.api.settings import ApiSettings
from plaudit.cli.docs.reference_rights import rights
from plaudit.cli.registry import COMMANDS, load
from plaudit.cli.ui.quantities import retention_text
from plaudit.console.oidc.client_settings import OidcSettings
from plaudit.console.settings import ConsoleSettings
from plaudit.deliver.settings import (
    HttpSettings,
    IsolationSettings,
    ObservabilitySettings,
    ReadingSettings,
    SealSettings,
)
from plaudit.kafka.admin.topic_specs import declared
from plaudit.kafka.settings import DEFAULT_SCHEDULE, DEFAULT_TIERS, KafkaSettings
from plaudit.logs.catalogue import CATALOGUE
from plaudit.outbox.settings import OutboxSettings
from plaudit.recorder.settings import RecorderSettings
from plaudit.records.explanations import REASONS, STATUS_CLASSES, STATUSES
from plaudit.records.names import Header
from plaudit.runtime.logging import LogSettings
from plaudit.runtime.metrics.catalogue import SECTIONS
from plaudit.store.db.database import DatabaseSettings

HEAD: Final = """\
# Reference

Generated from the code by `python -m plaudit.cli.docs.reference`; do not edit it.
"""
SETTINGS: Final[Mapping[str, type[BaseSettings]]] = {
    "Kafka: every command": KafkaSettings,
    "Endpoints' secrets: plaudit deliver, record, serve and endpoints": SealSettings,
    "Requests: plaudit deliver, record, serve and endpoints": HttpSettings,
    "Isolation: plaudit deliver": IsolationSettings,
    "Reading: plaudit deliver": ReadingSettings,
    "Metrics and attempts: plaudit deliver, record and serve": ObservabilitySettings,
    "Database: plaudit record, serve, endpoints, keys, deliveries": DatabaseSettings,
    "Delivery log: plaudit record": RecorderSettings,
    "Outbox: plaudit outbox": OutboxSettings,
    "REST API: plaudit serve": ApiSettings,
    "Logs: plaudit deliver, record, serve and outbox relay": LogSettings,
    "Console and portal: plaudit serve": ConsoleSettings,
    "Signing in with OpenID Connect: plaudit serve": OidcSettings,
}
_MEANING: Final = re.compile(r'^\s+(\w+): Final = "([^"]+)"(?:  # (.*))?$', re.MULTILINE)


def reference() -> str:
    """Return the page, as Markdown."""
    parts = [
        HEAD,
        *_commands(),
        *_settings(),
        *_topics(),
        *rights(),
        *_headers(),
        *_reasons(),
        *_metrics(),
        *_log_events(),
    ]
    return "\n".join(parts) + "\n"


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    yield "Every command has `--help`. Exit codes: 0 done, 1 failed, 2 usage.\n"
    yield "| command | what it does |"
    yield "|---|---|"
    for name, entry in COMMANDS.items():
        module = load(name, entry)
        if not hasattr(module, "app"):
            yield f"| `plaudit {name}` | {_first_line(module.command)} |"
            continue
        app: typer.Typer = module.app
        for each in app.registered_commands:
            if each.callback is not None:
                command = each.name or each.callback.__name__
                yield f"| `plaudit {name} {command}` | {_first_line(each.callback)} |"
    yield ""


def _first_line(function: object) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _settings() -> Iterator[str]:
    yield "## Settings\n"
    yield "From the environment, or from a `.env` file in the working directory; the environment"
    yield "wins. Any librdkafka property can be set as `PLAUDIT_KAFKA_<PROPERTY>`, an underscore"
    yield "for each dot: `PLAUDIT_KAFKA_SASL_MECHANISM` is `sasl.mechanism`.\n"
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    shown = {"PLAUDIT_RETRY_SCHEDULE": DEFAULT_SCHEDULE, "PLAUDIT_RETRY_TIERS": DEFAULT_TIERS}
    for settings in SETTINGS.values():
        for variable, default, meaning in fields(settings):
            yield f"| `{variable}` | {_code(shown.get(variable, default))} | {meaning} |"
    yield "| `PLAUDIT_DEBUG` | | Show the traceback of an unexpected error. |"
    yield ""


def fields(settings: type[BaseSettings]) -> Iterator[tuple[str, str, str]]:
    """Yield variable, default and meaning of every setting of a class."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        if name == "properties":
            continue
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"{prefix}{name}".upper()
        values = get_args(field.annotation) if get_origin(field.annotation) is not None else ()
        choices = [str(value) for value in values if isinstance(value, str)]
        among = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
        yield variable, _default(field.default), (field.description or "") + among


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined or value == ():
        return ""
    return "" if str(value).startswith("***") else str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _topics() -> Iterator[str]:
    yield "## Topics\n"
    yield "As `plaudit topics apply` makes them, under the prefix `plaudit.`; all stamp records by"
    yield "the brokers' clock (`message.timestamp.type=LogAppendTime`).\n"
    yield "| topic | partitions | replicas | cleanup | retention |"
    yield "|---|---|---|---|---|"
    settings = KafkaSettings.model_construct(
        topic_prefix="plaudit.", retry_schedule=None, retry_tiers=None, topics_file=None
    )
    for spec in declared(settings):
        kept = retention_text(spec.config.get("retention.ms"))
        cleanup = spec.config["cleanup.policy"]
        yield f"| `{spec.name}` | {spec.partitions} | {spec.replication} | {cleanup} | {kept} |"
    yield ""


def _headers() -> Iterator[str]:
    yield "## Kafka headers\n"
    yield "Events carry CloudEvents headers (`ce_id`, `ce_type`, `ce_source`, `ce_specversion`,"
    yield "`ce_time`, `ce_subject`), and `traceparent` and `tracestate` if the event was published"
    yield "in a trace. The pipeline adds:\n"
    yield "| header | meaning |"
    yield "|---|---|"
    for _, name, meaning in _MEANING.findall(inspect.getsource(Header)):
        if not name.endswith("-"):
            yield f"| `{name}` | {meaning} |"
    yield ""


def _reasons() -> Iterator[str]:
    yield "## Reasons\n"
    yield "Why a delivery did not succeed at once, in attempt records and in `plaudit-reason`. The"
    yield "console and the commands show these texts, too.\n"
    statuses = {f"HTTP {status}": text for status, text in STATUSES.items()}
    classes = {f"other {first}xx": text for first, text in STATUS_CLASSES.items()}
    yield "| code or status | what happened | what to do |"
    yield "|---|---|---|"
    codes = {f"`{code}`": text for code, text in REASONS.items()}
    for name, text in {**codes, **statuses, **classes}.items():
        yield f"| {name} | {text.what} | {text.action} |"
    yield ""


def _metrics() -> Iterator[str]:
    yield "## Metrics\n"
    for heading, specs in SECTIONS.items():
        yield f"{heading}\n"
        yield "| metric | kind | unit | labels | meaning | what to do |"
        yield "|---|---|---|---|---|---|"
        for each in specs:
            labels = ", ".join(each.labels)
            shown = f"{each.kind} | {each.unit} | {labels} | {each.meaning} | {each.act} |"
            yield f"| `{each.scraped}` | {shown}"
        yield ""


def _log_events() -> Iterator[str]:
    yield "## Log events\n"
    yield "The `event` of a line that Plaudit writes. Lines of libraries have their own text there."
    yield "An exception in Plaudit's code is a defect in Plaudit, not in your installation.\n"
    yield "| event | level | meaning | what to do |"
    yield "|---|---|---|---|"
    for name, each in CATALOGUE.items():
        yield f"| `{name}` | {', '.join(each.levels)} | {each.means} | {each.act} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
