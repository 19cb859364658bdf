"""Generator of the pydantic models, as formatted Python source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from plaudit.events.generate.inline import Node

HEADER: Final = '''"""{title}

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

'''
_PRIMITIVES: Final = {"string": "Text", "boolean": "Flag", "int": "Int32", "long": "Int64"}
_FACTORIES: Final = {"event-id": "new_event_id", "now": "utc_now"}
_WIDTH: Final = 100


class Unsupported(ValueError):
    """A schema uses a type that the models can't represent. The message names it."""


def enums_module(enums: Iterable[Mapping[str, Any]]) -> str:
    """Return the source of the module that holds every enum."""
    head = HEADER.format(title="Closed sets of values that events use.")
    head += "from plaudit.events.base import Symbol\n"
    return head + "".join(_enum(node) for node in enums)


def records_module(records: Iterable[Mapping[str, Any]], enums: Iterable[str]) -> str:
    """Return the source of the module with the records that several events share."""
    ordered = list(_dependencies_first(records))
    body = "".join(_record(node, "RecordModel", None) for node in ordered)
    return _module("Records that events are made of.", body, enums, ())


def events_module(
    entity: str, types: Mapping[str, Mapping[str, Any]], enums: Iterable[str], shared: Iterable[str]
) -> str:
    """Return the source of the module of all event types of one entity."""
    body = "".join(_record(node, "EventModel", name) for name, node in types.items())
    return _module(f"Events of the topic `{entity}`.", body, enums, shared)


def package_module(modules: Mapping[str, Iterable[str]]) -> str:
    """Return the source of the package module, which exports every model."""
    head = HEADER.format(title="Typed models of every event and of what events are made of.")
    imports = "".join(
        _import(f"plaudit.events.models.{module}", names) for module, names in modules.items()
    )
    exported = sorted(name for names in modules.values() for name in names)
    listed = "".join(f'    "{name}",\n' for name in exported)
    return f"{head}{imports}\n__all__ = [\n{listed}]\n"


def _module(title: str, body: str, enums: Iterable[str], shared: Iterable[str]) -> str:
    """Prepend the imports that `body` needs, in the linter's order."""

    def used(names: Iterable[str]) -> list[str]:
        return [name for name in names if f"{name}" in _words(body)]

    typing = "".join(_import("typing", used(["Annotated", "ClassVar", "Self"])))
    pydantic = _import("pydantic", used(["Field", "model_validator"]))
    rules = "from plaudit.events import rules\n" if "rules." in body else ""
    bases = ["Decimal2", "Flag", "Id", "Int32", "Int64", "RecordModel", "Text", "Timestamp"]
    ours = (
        rules
        + _import("plaudit.events.base", used(bases))
        + _import("plaudit.events.ids", used(sorted(_FACTORIES.values())))
        + _import("plaudit.events.models.enums", used(enums))
        + _import("plaudit.events.models.event", used(["EventModel"]))
        + _import("plaudit.events.models.records", used(shared))
    )
    groups = [group for group in (typing, pydantic, ours) if group]
    return HEADER.format(title=title) + "\n".join(groups) + body


def _words(source: str) -> set[str]:
    cleaned = "".join(char if char.isalnum() or char == "_" else " " for char in _code(source))
    return set(cleaned.split())


def _code(source: str) -> str:
    """Return `source` without docstrings, which mention types that the code does not use."""
    return "".join(source.split('"""')[::2])


def _import(module: str, names: Iterable[str]) -> str:
    ordered = sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    if not ordered:
        return ""
    line = f"from {module} import {', '.join(ordered)}\n"
    if len(line) <= _WIDTH + 1:
        return line
    listed = "".join(f"    {name},\n" for name in ordered)
    return f"from {module} import (\n{listed})\n"


def _dependencies_first(records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield records so that each follows the records that it refers to."""
    waiting = {str(node["name"]): node for node in records}

    def visit(name: str) -> Iterator[Mapping[str, Any]]:
        node = waiting.pop(name, None)
        if node is None:
            return
        for field in node["fields"]:
            for word in sorted(_words(_annotation(field["type"], field))):
                yield from visit(word)
        yield node

    for name in sorted(waiting):
        yield from visit(name)


def _enum(node: Mapping[str, Any]) -> str:
    symbols = "".join(f'    {symbol} = "{symbol}"\n' for symbol in node["symbols"])
    return f"\n\nclass {node['name']}(Symbol):\n{_docstring(node['doc'])}\n{symbols}"


def _record(node: Mapping[str, Any], base: str, event_type: str | None) -> str:
    parts = [f"\n\nclass {node['name']}({base}):\n{_docstring(node['doc'])}"]
    if event_type is not None:
        parts.append(f'\n    type_name: ClassVar[str] = "{event_type}"\n')
    fields = [field for field in node["fields"] if event_type is None or field["name"] != "meta"]
    parts.extend(_field(field) for field in fields)
    parts.extend(_rule(rule) for rule in node.get("plaudit:rules", ()))
    return "".join(parts)


def _field(field: Mapping[str, Any]) -> str:
    annotation = _annotation(field["type"], field)
    line = f"    {field['name']}: {annotation}{_default(field)}\n"
    return f"\n{line}{_docstring(field['doc'])}"


def _rule(rule: str) -> str:
    return (
        '\n    @model_validator(mode="after")\n'
        f"    def _{rule}(self) -> Self:\n"
        f"        rules.{rule}(self)\n"
        "        return self\n"
    )


def _docstring(text: str) -> str:
    quoted = f'    """{text}"""'
    if len(quoted) <= _WIDTH:
        return quoted + "\n"
    first, _, rest = text.partition(". ") if _fits_first(text) else _split_first(text)
    wrapped = textwrap.fill(
        rest, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False
    )
    return f'    """{first}.\n\n{wrapped}\n    """\n'


def _fits_first(text: str) -> bool:
    """Return whether the first sentence alone fits on the opening line of a docstring."""
    first, found, _ = text.partition(". ")
    return bool(found) and len(first) <= _WIDTH - len('    """.')


def _split_first(text: str) -> tuple[str, str, str]:
    """Split a long first sentence at a clause boundary."""
    for mark in ("; ", ": "):
        first, found, rest = text.partition(mark)
        if found and len(first) <= _WIDTH - len('    """.'):
            return first, mark, rest[0].upper() + rest[1:]
    msg = f"doc: no sentence or clause of at most {_WIDTH - 8} characters to begin with: {text!r}"
    raise Unsupported(msg)


def _annotation(node: Node, field: Mapping[str, Any]) -> str:
    match node:
        case ["null", branch]:
            return f"{_annotation(branch, field)} | None"
        case {"type": "array", "items": items}:
            return f"tuple[{_annotation(items, field)}, ...]"
        case {"type": "map", "values": values}:
            return f"dict[Text, {_annotation(values, field)}]"
        case {"logicalType": "uuid"}:
            return "Id"
        case {"logicalType": "timestamp-micros"}:
            return "Timestamp"
        case {"logicalType": "decimal", "precision": precision, "scale": 2}:
            return _constrained("Decimal2", {**_limits(field), "max_digits": precision})
        case str() if node in _PRIMITIVES:
            return _constrained(_PRIMITIVES[node], _limits(field))
        case str():
            return node
        case _:
            msg = f"field {field['name']}: no model for {node!r}"
            raise Unsupported(msg)


def _limits(field: Mapping[str, Any]) -> dict[str, object]:
    limits: dict[str, object] = {}
    if "plaudit:min" in field:
        limits["ge"] = field["plaudit:min"]
    if "plaudit:max-length" in field:
        limits["max_length"] = field["plaudit:max-length"]
    return limits


def _constrained(base: str, limits: Mapping[str, object]) -> str:
    if not limits:
        return base
    listed = ", ".join(
        f"{name}={value:_}" if isinstance(value, int) else f"{name}={value!r}"
        for name, value in limits.items()
    )
    return f"Annotated[{base}, Field({listed})]"


def _default(field: Mapping[str, Any]) -> str:
    factory = field.get("plaudit:default-factory")
    if factory is not None:
        return f" = Field(default_factory={_FACTORIES[factory]})"
    if "default" not in field:
        return ""
    default = field["default"]
    if default == []:
        return " = ()"
    if default == {}:
        return " = Field(default_factory=dict)"
    return f' = "{default}"' if isinstance(default, str) else f" = {default!r}"
