"""Every form of every event type: signed as sent, and within the rules of its reader."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import svix
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from endpoint_records import endpoint_value
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.model import Endpoint, Unreadable
from plaudit.endpoints.opening import EncryptedFields, open_endpoint, seal
from plaudit.endpoints.signing import Secret, Signer, new_secret
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import Event, EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.formats import slack
from plaudit.formats.catalogue import FORMATS, SHAPES, UnknownFormat, shape_of
from plaudit.formats.cloudevents import header_value
from plaudit.formats.flat import flatten
from plaudit.formats.shape import Refusal
from plaudit.records.endpoint import decode_endpoint

NAMES = sorted(CATALOGUE)
SPECIAL = "<!channel> & <@U1> https://x.example|y \u202e"
# What people type, and what breaks cutting: surrogate pairs, joined emoji, combining marks.
TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="<>&", min_size=1_500, max_size=3_000),
    st.sampled_from(["\U0001f469\u200d\U0001f680", "e\u0301", "\U0001f600"]).map(
        lambda x: x * 2_000
    ),
)


def decoded(name: str) -> Event:
    return EventDecoder().decode(encode(example(name)))


def units(text: str) -> int:
    """Return the length of a text as JavaScript, and so Slack, counts it."""
    return len(text.encode("utf-16-le")) // 2


def with_text(text: str) -> Event:
    """Return an event whose every text of people's own is that one."""
    event = decoded("testimonial.published")
    testimonial = {**event.data["testimonial"]}
    testimonial["content"] = {**testimonial["content"], "text": text, "title": text}
    testimonial["customer"] = {**testimonial["customer"], "name": text, "company": text}
    return event._replace(data={**event.data, "testimonial": testimonial, "public_url": text})


def check_message(message: dict[str, Any]) -> None:
    """Check what Slack would: limits, and that nothing but our link is markup."""
    assert 0 < units(message["text"]) <= 3_000
    assert 0 < len(message["blocks"]) <= 50
    total = 0
    for block in message["blocks"]:
        text = block["text"]["text"]
        assert (block["type"], block["text"]["type"]) == ("section", "mrkdwn")
        assert 0 < units(text) <= 3_000
        total += units(text)
        plain = re.sub(r"^<https?://[^<>|\s]+\|Open>$", "", text)
        assert "<" not in plain
        assert ">" not in plain
        assert not re.search(r"&(?!amp;|lt;|gt;)", plain)
        text.encode()
    assert total <= 13_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", sorted(SHAPES))
def test_the_official_libraries_verify_requests_of_every_format(form: str, name: str) -> None:
    shape, secret, event = SHAPES[form], new_secret(), decoded(name)
    rendered = shape.render(event, "/services/reviews")
    now_s = int(time.time())
    signature = Signer([Secret(secret)]).sign(event.event_id, now_s, rendered.body).decode()
    headers = {
        "webhook-id": event.event_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": signature,
    }
    assert Webhook(secret).verify(rendered.body, headers) == json.loads(rendered.body)
    svix.Webhook(secret).verify(rendered.body, headers)


@pytest.mark.parametrize("name", NAMES)
def test_cloudevents_have_the_same_content_in_both_modes(name: str) -> None:
    event = decoded(name)
    whole = json.loads(SHAPES["cloudevents-structured"].render(event, "/s").body)
    bare = SHAPES["cloudevents-binary"].render(event, "/s")
    data = whole.pop("data")
    assert whole.pop("datacontenttype") == "application/json"
    assert data == json.loads(bare.body)
    assert {f"ce-{key}": value for key, value in whole.items()} == {
        key.decode(): value.decode() for key, value in bare.headers
    }
    required = {"specversion": "1.0", "id": event.event_id, "source": "/s", "type": name}
    assert required.items() <= whole.items()
    assert whole["sequence"].isdigit()
    assert len(whole["sequence"]) == 19


def test_attributes_are_percent_encoded_in_headers() -> None:
    assert header_value('/a b"%€\r\n') == b"/a%20b%22%25%E2%82%AC%0D%0A"


@pytest.mark.parametrize("name", NAMES)
def test_a_flat_event_has_no_objects_and_its_lists_come_last(name: str) -> None:
    flat = flatten(decoded(name))
    values = list(flat.values())
    assert not any(isinstance(value, dict) for value in values)
    kinds = [isinstance(value, list) for value in values]
    assert kinds == sorted(kinds)
    assert list(flat)[:3] == ["id", "type", "timestamp"]


def test_a_flat_event_names_what_people_look_for() -> None:
    flat = flatten(decoded("testimonial.published"))
    assert (flat["customer_name"], flat["rating_value"]) == ("Ada Example", 5)
    assert (flat["status"], flat["content_language"]) == ("published", "en")
    assert flat["tags"] == "onboarding, landing-page"
    assert flat["public_url"] == flat["testimonial_public_url"]


def test_a_flat_event_has_the_same_names_when_things_are_absent() -> None:
    event = decoded("testimonial.approved")
    testimonial = {**event.data["testimonial"], "rating": None, "public_url": None, "tags": []}
    bare = event._replace(data={**event.data, "testimonial": testimonial, "actor": None})
    assert list(flatten(bare)) == list(flatten(event))
    assert flatten(bare)["rating_value"] is None


@pytest.mark.parametrize("url", ["https://[oops/x", "https://a]b/", "http://["])
def test_a_link_that_does_not_parse_is_left_out_of_the_message(url: str) -> None:
    event = with_text("fine")
    with_link = event._replace(data={**event.data, "public_url": url})
    assert slack.message(with_link) == slack.message(event)
    check_message(slack.message(with_link))


@pytest.mark.parametrize("name", NAMES)
def test_every_event_type_is_a_message_that_slack_accepts(name: str) -> None:
    message = slack.message(decoded(name))
    check_message(message)
    assert "?" not in message["text"]
    assert name in slack.HEADLINES
    assert "@example.com" not in json.dumps(message), "no e-mail address"


@given(text=TEXTS)
def test_any_text_of_people_is_a_message_that_slack_accepts(text: str) -> None:
    check_message(slack.message(with_text(text)))


def test_words_of_customers_are_escaped() -> None:
    message = slack.message(with_text(SPECIAL))
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in message["text"]


def test_personal_data_of_a_form_is_not_published() -> None:
    event = decoded("form.completed")
    answers = [{"label": "Phone", "value": "555-0100", "pii": True}]
    asked = event._replace(data={**event.data, "answers": [*event.data["answers"], *answers]})
    told = json.dumps(slack.message(asked))
    assert "We were live in a day." in told
    assert "555-0100" not in told


@given(text=TEXTS, longest=st.integers(1, 50))
def test_a_text_is_cut_between_characters(text: str, longest: int) -> None:
    cut = slack.escape(text, longest)
    assert units(cut) <= max(longest, 1)
    whole = slack.escape(text, 10**6)
    assert cut == whole or cut.endswith("…")
    assert cut == whole or whole.startswith(cut.removesuffix("…"))
    assert not cut.removesuffix("…").endswith("\u200d")


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (400, Refusal.REJECTED),
        (403, Refusal.REJECTED),
        (404, Refusal.GONE),
        (410, Refusal.GONE),
        (429, None),
        (500, None),
        (200, None),
    ],
)
def test_slacks_own_answers_decide(status: int, refusal: Refusal | None) -> None:
    assert slack.judge(status) is refusal


def test_an_unknown_format_is_refused_by_name() -> None:
    assert shape_of("standard") is None
    assert {name for name in FORMATS if shape_of(name)} == set(SHAPES)
    with pytest.raises(UnknownFormat, match="'xml' is not one of standard, cloudevents"):
        shape_of("xml")


def test_an_endpoint_with_a_newer_format_is_not_sent_another_one() -> None:
    keys = SecretKeys([bytes(32)])
    sealed = seal(keys, "e", EncryptedFields("https://x.example/", {}, [Secret(new_secret())]))
    key = {"key_id": sealed.key_id, "sealed": sealed.blob}
    known, newer = (
        open_endpoint(decode_endpoint(endpoint_value("e", "w", format=form, **key)), keys)
        for form in ("flat", "teams")
    )
    assert isinstance(known, Endpoint)
    assert known.shape is SHAPES["flat"]
    assert isinstance(newer, Unreadable)
    assert "'teams' is not one of" in newer.reason
