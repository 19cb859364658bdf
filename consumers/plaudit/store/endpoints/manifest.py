"""Manifest: a file of endpoints, and the changes that make the database match it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plaudit.records.validation import explained, place_of
from plaudit.store.endpoints.batch import Change
from plaudit.store.endpoints.header_protection import dropped_headers
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused, uuid_text

OWN_VARIABLE: Final = "PLAUDIT_VAR_"
"""Prefix of the environment variables that every file may use."""
_SETTINGS: Final = ("PLAUDIT_", "KAFKA_")
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""With libyaml's C loader, a file of 2,000 endpoints takes 0.1 s instead of 2 s."""
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
Action = Literal["create", "update", "remove", "keep"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str
    url: str
    types: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)
    rate_limit: float | None = None
    schedule: str | None = None
    format: str = "standard"
    secret: str | None = None
    signing: str = "v1"
    filter: dict[str, Any] | None = None

    def wanted(self) -> EndpointSpec:
        return EndpointSpec(
            self.url,
            self.types,
            self.spaces,
            self.headers,
            self.rate_limit,
            self.schedule,
            self.format,
            self.secret,
            self.name,
            None if self.filter is None else json.dumps(self.filter),
            self.signing,
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    workspace: str
    endpoints: Annotated[list[_Entry], Field(default_factory=list)]


@dataclass(frozen=True, slots=True)
class Step:
    """One change.

    Attributes:
        action: kind of the change.
        name: name of the endpoint.
        change: change of the database; None if the endpoint already matches.
    """

    action: Action
    name: str
    change: Change | None


@dataclass(frozen=True, slots=True)
class Desired:
    """Content of a file."""

    workspace: str
    endpoints: tuple[EndpointSpec, ...]


def read_file(
    path: Path, named: Collection[str] = (), environ: Mapping[str, str] = os.environ
) -> Desired:
    """Read a file, and replace `${NAME}` by environment variables.

    Args:
        path: path of the file.
        named: allowed variables besides `PLAUDIT_VAR_*`. The restriction matters because the file
            decides to which hosts the values are sent.
        environ: the environment.

    Raises:
        InputRefused: the file is invalid; the message names the line or the field.
    """
    for name in named:
        if _is_setting(name):
            raise InputRefused("--env", f"{name} is a setting of Plaudit; files may not use it")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputRefused(str(path), f"can't be read: {why}") from None
    try:
        tree = yaml.load(_filled(text, named, environ, path), _LOADER)  # noqa: S506 - a safe one
        file = _File.model_validate(tree)
    except yaml.YAMLError as error:
        raise InputRefused(str(path), " ".join(str(error).split())) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = place_of(first["loc"]) or "the file"
        reason = explained(first)
        hint = ", for example [testimonial.approved]" if where.endswith(".types") else ""
        raise InputRefused(f"{path}: {where}", reason + hint) from None
    names = [entry.name for entry in file.endpoints]
    for name, count in Counter(names).items():
        if count > 1:
            raise InputRefused(str(path), f"two endpoints are named {name!r}")
    workspace = uuid_text("workspace", file.workspace)
    return Desired(workspace, tuple(entry.wanted() for entry in file.endpoints))


def plan(service: EndpointService, desired: Desired, *, prune: bool) -> list[Step]:
    """Return the changes that make the workspace's named endpoints match the file.

    Endpoints without a name do not come from a file and stay unchanged. Named endpoints that are
    not in the file are removed only with `prune`.

    Raises:
        InputRefused: an entry is invalid; the message names it and the field.
    """
    existing = {
        each.name: each for each in service.list(desired.workspace) if each.name is not None
    }
    steps = [
        _step(service, desired.workspace, wanted, existing.get(wanted.name or ""))
        for wanted in desired.endpoints
    ]
    listed = {wanted.name for wanted in desired.endpoints}
    if prune:
        steps += [
            Step("remove", name, Change("remove", each, each.version))
            for name, each in existing.items()
            if name not in listed
        ]
    return steps


def carry_out(service: EndpointService, steps: Sequence[Step]) -> int:
    """Save the changes, all or none; return the number for `service.batch.announce`.

    Raises:
        ChangedInBetween: nothing was changed.
        DatabaseFailure: nothing was changed.
    """
    return service.batch.save([each.change for each in steps if each.change is not None])


def _step(
    service: EndpointService, workspace: str, wanted: EndpointSpec, existing: StoredEndpoint | None
) -> Step:
    name = wanted.name or ""
    try:
        asked = service.batch.check(wanted)
    except InputRefused as refused:
        raise InputRefused(f"endpoint {name!r}: {refused.field}", refused.reason) from None
    if existing is None:
        return Step("create", name, service.batch.plan_creation(workspace, asked))
    now = service.spec_of(existing)
    if replace(asked, secret=None) == now and (
        asked.secret is None or asked.secret == service.private(existing).secrets[0].text
    ):
        return Step("keep", name, None)
    change = service.batch.plan_update(existing, asked, dropped_headers(now, asked))
    return Step("update", name, change)


def _filled(text: str, named: Collection[str], environ: Mapping[str, str], path: Path) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in named and not name.startswith(OWN_VARIABLE):
            advice = (
                f"call it {OWN_VARIABLE}…" if _is_setting(name) else f"allow it with --env {name}"
            )
            raise InputRefused(str(path), f"${{{name}}} is not allowed; {advice}")
        if name not in environ:
            raise InputRefused(str(path), f"${{{name}}} is not in the environment")
        return environ[name]

    return _VARIABLE.sub(value, text)


def _is_setting(name: str) -> bool:
    """Return whether a variable is a setting of Plaudit."""
    return name.upper().startswith(_SETTINGS) and not name.startswith(OWN_VARIABLE)
