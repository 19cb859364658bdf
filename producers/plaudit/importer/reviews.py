"""Encoder of `review.imported` events for the rows of one file.

The parts that all reviews of an import share are encoded once. For each row, the mapped fields are
parsed, validated as in the models, and inserted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError, create_model

from plaudit.events.avro.template import Placeholder, compile_template
from plaudit.events.avro.writer_codegen import time_bytes, uuid_bytes
from plaudit.events.base import RecordModel
from plaudit.events.catalogue import lookup
from plaudit.events.cloudevents import attributes, time_text
from plaudit.events.encoding import framed
from plaudit.events.ids import utc_now, uuid_text
from plaudit.events.models import (
    Consent,
    Content,
    Customer,
    ImportCompleted,
    ReviewImported,
    Source,
    Testimonial,
)
from plaudit.importer.errors import ImportRefused
from plaudit.importer.fields import Mapped, Read, Values
from plaudit.importer.names import Name, TargetField
from plaudit.importer.outcome import Counts
from plaudit.importer.values import BadValue, first_of
from plaudit.publish.errors import PublishRefused
from plaudit.publish.prepare import Prepared, sized
from plaudit.records.names import Names

SOURCE: Final = "/plaudit/import"
_REVIEW: Final = lookup("review.imported")
_UUID_LENGTH: Final = uuid_bytes(UUID(int=0))[:1]
_BOOLEANS: Final = (b"\x00", b"\x01")
_ANY: Final = "?"  # placeholder for a hole in a template

# Position of each field in a testimonial: model, field, and path.
_PLACES: Final[Mapping[str, tuple[type[RecordModel], str, tuple[str, ...]]]] = {
    "text": (Content, "text", ("content", "text")),
    "title": (Content, "title", ("content", "title")),
    "rating": (Testimonial, "rating", ("rating",)),
    "language": (Content, "language", ("content", "language")),
    "customer_name": (Customer, "name", ("customer", "name")),
    "customer_email": (Customer, "email", ("customer", "email")),
    "customer_company": (Customer, "company", ("customer", "company")),
    "customer_job_title": (Customer, "job_title", ("customer", "job_title")),
    "customer_avatar_url": (Customer, "avatar_url", ("customer", "avatar_url")),
    "customer_profile_url": (Customer, "profile_url", ("customer", "profile_url")),
    "url": (Source, "url", ("source", "url")),
    "originally_at": (Source, "originally_at", ("source", "originally_at")),
    "tags": (Testimonial, "tags", ("tags",)),
    "consent": (Consent, "state", ("consent", "state")),
    "is_verified": (Testimonial, "is_verified", ("is_verified",)),
    "is_incentivized": (Testimonial, "is_incentivized", ("is_incentivized",)),
}


class BadRow(ValueError):
    """A row that is not a valid review. The message names the field."""


@dataclass(frozen=True)
class Review:
    """An event, ready to send.

    Attributes:
        event_id: id of the event, 16 bytes.
        record: record to send.
    """

    event_id: bytes
    record: Prepared


class ReviewMaker:
    """Builds events from rows.

    Args:
        target: target space.
        mapped: source of each field's value.
        import_id: id of this import.
        names: names of the topics.
        schema_id: id of the schema, with a registry.

    Attributes:
        leaves_out: returns why the mapping leaves out a row; None when the row is imported.

    Raises:
        ImportRefused: a value that all rows share is invalid.
    """

    def __init__(
        self,
        target: TargetField,
        mapped: Mapped,
        import_id: UUID,
        names: Names,
        schema_id: int | None = None,
    ) -> None:
        self._target = target
        self._named = target.namer(mapped)
        self.leaves_out = mapped.reason_to_leave_out()
        self._readers = _readers(mapped, target.rating_scale)
        self._check = _checker(self._readers)
        template = _template(target, import_id, self._readers)
        self._write = compile_template(_REVIEW.schema, template)
        self._frame = framed(_REVIEW, schema_id)
        self._topic = names.event_topic(_REVIEW.entity)
        self.at(utc_now())

    def at(self, moment: datetime) -> None:
        """Set the time of import for the following reviews."""
        self._now, self._now_text = time_bytes(moment), time_text(moment)

    def name(self, row: Values) -> Name | None:
        """Return the identity of the row's review; None when the row is not valid."""
        try:
            return self._named(row)
        except BadValue:
            return None

    def __call__(self, row: Values, name: Name | None = None) -> Review:
        """Return the event.

        Args:
            row: row of the file.
            name: result of `name` for the row, to avoid computing it twice.

        Raises:
            BadRow: the message says what is wrong.
        """
        try:
            name = name or self._named(row)
            return Review(name.event_id, self._record(name, self._checked(row)))
        except (BadValue, PublishRefused) as error:
            raise BadRow(str(error)) from None
        except ValidationError as error:
            raise BadRow(str(first_of(error))) from None
        except UnicodeEncodeError:
            raise BadRow("there is half of a character in it, a surrogate") from None

    def _checked(self, row: Values) -> dict[str, Any]:
        """Return the row's fields in the form of the models."""
        fields = self._check({field: read(row) for field, read in self._readers.items()})
        if not (fields.get("text") or fields.get("title") or fields.get("rating")):
            field = "text"
            raise BadValue(field, "there is neither text nor title nor rating")
        return fields

    def _record(self, name: Name, fields: dict[str, Any]) -> Prepared:
        testimonial_id, customer_id = map(uuid_text, self._target.ids(name))
        event_id = uuid_text(name.event_id)
        body = self._write(
            {
                **fields,
                "event_id": _UUID_LENGTH + event_id,
                "testimonial_id": _UUID_LENGTH + testimonial_id,
                "customer_id": _UUID_LENGTH + customer_id,
                "is_anonymous": _BOOLEANS[fields.get("customer_name") is None],
                "platform": name.platform,
                "external_id": name.external_id,
                "now": self._now,
            }
        )
        headers = attributes(
            _REVIEW.name, SOURCE, event_id=event_id, moment=self._now_text, subject=testimonial_id
        )
        value = sized(_REVIEW, self._frame + body)
        return Prepared(self._topic, testimonial_id, value, headers)


def _readers(mapped: Mapped, scale: int) -> dict[str, Read[object]]:
    """Return the parsers of the fields that a row can have."""
    special: dict[str, Callable[[], Read[object]]] = {
        "rating": lambda: mapped.rating(scale),
        "originally_at": lambda: mapped.moment("originally_at"),
        "tags": lambda: mapped.words("tags"),
        "consent": lambda: _or_not_asked(mapped.text("consent")),
        "is_verified": lambda: mapped.flag("is_verified"),
        "is_incentivized": lambda: mapped.flag("is_incentivized"),
    }
    return {
        field: special[field]() if field in special else mapped.text(field)
        for field in _PLACES
        if mapped.has(field)
    }


def _or_not_asked(read: Read[str | None]) -> Read[object]:
    return lambda row: read(row) or "NOT_ASKED"


def _checker(fields: Mapping[str, object]) -> Callable[[dict[str, object]], dict[str, Any]]:
    """Return a validator of these fields as in the models; it raises `ValidationError`."""
    kinds: dict[str, Any] = {}
    for field in fields:
        model, name, _ = _PLACES[field]
        kinds[field] = (model.model_fields[name].rebuild_annotation(), ...)
    row: type[BaseModel] = create_model("Row", __base__=RecordModel, **kinds)

    def check(values: dict[str, object]) -> dict[str, Any]:
        return row.model_validate(values).__dict__

    return check


def _template(target: TargetField, import_id: UUID, fields: Mapping[str, object]) -> dict[str, Any]:
    """Return the event with holes for the values that differ between rows.

    Raises:
        ImportRefused: a shared value is invalid.
    """
    try:
        event = _blank(target, import_id).model_dump()
    except ValidationError as error:
        raise ImportRefused(str(first_of(error)).removeprefix("testimonial.")) from None
    review = event["testimonial"]
    for field in fields:
        *way, last = _PLACES[field][2]
        record = review
        for name in way:
            record = record[name]
        record[last] = Placeholder(field)
    now = Placeholder("now", encoded=True)
    event["meta"] |= {"event_id": Placeholder("event_id", encoded=True), "occurred_at": now}
    review |= {
        "testimonial_id": Placeholder("testimonial_id", encoded=True),
        "created_at": now,
        "updated_at": now,
    }
    review["customer"] |= {
        "customer_id": Placeholder("customer_id", encoded=True),
        "is_anonymous": Placeholder("is_anonymous", encoded=True),
    }
    review["source"] |= {
        "platform": Placeholder("platform"),
        "external_id": Placeholder("external_id"),
    }
    return event


def _blank(target: TargetField, import_id: UUID) -> ReviewImported:
    """Return a review with the shared values only."""
    now, nobody = utc_now(), UUID(int=0)
    return ReviewImported.model_validate(
        {
            "meta": {
                "event_id": nobody,
                "workspace_id": target.workspace_id,
                "space_id": target.space_id,
                "occurred_at": now,
                "sequence": 1,
                "correlation_id": import_id,
                "actor": {"kind": "IMPORTER"},
            },
            "testimonial": {
                "testimonial_id": nobody,
                "status": target.status,
                "content": {"kind": "TEXT"},
                "customer": {"customer_id": nobody},
                "source": {"channel": "IMPORT", "platform": _ANY, "external_id": _ANY},
                "consent": {"state": "NOT_ASKED"},
                "created_at": now,
                "updated_at": now,
            },
            "import_id": import_id,
            "is_backfill": target.is_backfill,
        }
    )


def completed(
    target: TargetField, import_id: UUID, platform: str, counts: Counts, started_at: datetime
) -> ImportCompleted:
    """Return the event that completes an import."""
    finished_at = utc_now()
    return ImportCompleted.model_validate(
        {
            "meta": {
                "event_id": target.completed_id(import_id),
                "workspace_id": target.workspace_id,
                "space_id": target.space_id,
                "occurred_at": finished_at,
                # Imports of a space are sequential, so their times are, too.
                "sequence": int(finished_at.timestamp() * 1_000),
                "correlation_id": import_id,
                "actor": {"kind": "IMPORTER"},
            },
            "import_id": import_id,
            "platform": platform,
            "imported": counts.imported,
            "skipped": counts.skipped,
            "failed": counts.failed,
            "started_at": started_at,
            "finished_at": finished_at,
        }
    )
