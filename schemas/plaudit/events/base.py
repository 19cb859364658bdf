"""Base class and field types of the generated models."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
)
from pydantic_core import PydanticCustomError


class Symbol(StrEnum):
    """Base of the enums. A value is the symbol in the Avro schema.

    Subscribers get the symbol in lower case, so a model accepts that form, too.
    """

    @classmethod
    def _missing_(cls, value: object) -> Symbol | None:
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


class RecordModel(BaseModel):
    """A record of an event: immutable, without fields that its schema does not have.

    Errors name the path of the field but never its value, which may be personal data.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        # Validators are built at the first use of a model. A service publishes a few of the twenty
        # types, and building all validators takes longer than importing pydantic.
        defer_build=True,
    )
    # pytest collects imported classes whose names begin with `Test`, such as `Testimonial`.
    __test__: ClassVar[bool] = False


def _written_as_time(value: object) -> object:
    """Reject numbers and digits: pydantic would guess whether they are seconds or milliseconds."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    kind = "time_form"
    raise PydanticCustomError(
        kind, "Input should be a time with a zone, such as 2026-11-24T16:00:00Z"
    )


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        kind = "time_range"
        raise PydanticCustomError(
            kind, "Input should be a time between the years 1 and 9999, in UTC"
        ) from None


Text = Annotated[str, Strict()]
Flag = Annotated[bool, Strict()]
Int32 = Annotated[int, Strict(), Field(ge=-(2**31), lt=2**31)]
Int64 = Annotated[int, Strict(), Field(ge=-(2**63), lt=2**63)]
Id = UUID
Timestamp = Annotated[AwareDatetime, BeforeValidator(_written_as_time), AfterValidator(_in_utc)]
# A float in JSON: at most 15 digits survive unchanged (a test holds the schemas to it).
Decimal2 = Annotated[Decimal, Field(decimal_places=2), PlainSerializer(float, when_used="json")]
