"""Messages of pydantic in plain words."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plaudit.records.validation import explained, place_of


class Inner(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")
    types: tuple[str, ...] = ()


class Model(BaseModel):
    """The models that are validated."""

    model_config = ConfigDict(extra="forbid")
    port: Annotated[int, Field(ge=1, le=9)] = 1
    rate: Annotated[float, Field(gt=0)] = 1.0
    on: bool = False
    mode: Literal["all", "none"] = "all"
    inner: list[Inner] = []
    state: Annotated[str, Field(pattern="^(dead|pending)$")] = "dead"
    text: Annotated[str, Field(pattern=r"^[^\x00]*$")] = ""
    word: Annotated[str, Field(pattern="^[a-z_]+$")] = "x"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": "x"}, "port: 'x' is not a whole number"),
        ({"port": "0"}, "port: must be at least 1, not 0"),
        ({"port": "10"}, "port: must be at most 9, not 10"),
        ({"rate": "many"}, "rate: 'many' is not a number"),
        ({"rate": 0}, "rate: must be over 0, not 0"),
        ({"on": "maybe"}, "on: 'maybe' is neither true nor false"),
        ({"port": 2.5}, "port: '2.5' is not a whole number"),
        ({"mode": "some"}, "mode: must be 'all' or 'none'"),
        ({"inner": [{}, {"types": "a"}]}, "inner[1].types: not a list"),
        ({"inner": [{"typo": 1}]}, "inner[0].typo: not a known name"),
        ({"inner": {}}, "inner: not a list"),
        ({"state": "x"}, "state: must be one of dead|pending"),
        ({"text": "a\0"}, "text: contains a NUL character"),
        ({"word": "A"}, "word: not in the form that is expected here"),
    ],
)
def test_an_error_message_is_in_plain_words(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(given)
    first = caught.value.errors()[0]
    assert f"{place_of(first['loc'])}: {explained(first)}" == said
