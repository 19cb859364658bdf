"""Slack format: messages within the limits of incoming webhooks, and the meaning of responses.

Slack requires `text`, which phones and screen readers show, and accepts blocks. Only `&`, `<` and
`>` are special in it: with these escaped, no customer's words can call `<!channel>`. Messages omit
e-mail addresses, and answers to forms that are marked as personal.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson

from plaudit.events.catalogue import CATALOGUE
from plaudit.formats.shape import Refusal, Rendered, Shape

if TYPE_CHECKING:
    from plaudit.events.decoding import Event

LONGEST: Final = 2_500
"""Most UTF-16 units of a text; Slack accepts 3,000 in a section."""
LONGEST_PART: Final = 300
"""Most units of a name, or of one answer to a form."""
MOST_ANSWERS: Final = 20
RATE_LIMIT: Final = 1.0
"""Messages per second that Slack accepts in a channel."""
_ELLIPSIS: Final = "…"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LAST_OF_BMP: Final = 0xFFFF
_JOINER: Final = "\u200d"
_OPEN: Final = "Open"
_GONE: Final = frozenset({404, 410})
"""`no_service`, `channel_not_found`, `channel_is_archived`."""
_REJECTED: Final = frozenset({400, 403})
"""`invalid_payload`, `invalid_blocks`, `action_prohibited`."""

HEADLINES: Final[Mapping[str, str]] = {
    "testimonial.submitted": "New testimonial from {who}{stars}",
    "testimonial.updated": "Testimonial from {who} was changed{stars}",
    "testimonial.approved": "Testimonial from {who} was approved{stars}",
    "testimonial.rejected": "A testimonial was rejected: {reason_code}",
    "testimonial.published": "Testimonial from {who} is published{stars}",
    "testimonial.unpublished": "A testimonial was taken down: {reason}",
    "testimonial.deleted": "A testimonial was deleted: {reason}",
    "testimonial.tags_changed": "A testimonial has new tags",
    "testimonial.media_processed": "Media of a testimonial were processed",
    "testimonial.transcribed": "A video testimonial was transcribed",
    "testimonial.replied": "A testimonial got a reply",
    "review.imported": "New review from {who} on {platform}{stars}",
    "review.source_changed": "A review changed at its source: {change}",
    "import.completed": "{platform}: {imported} imported, {skipped} skipped, {failed} failed",
    "form.completed": "{form} was completed",
    "form.abandoned": "{form} was abandoned after {answered} answers",
    "consent.granted": "A customer gave consent",
    "consent.withdrawn": "A customer withdrew consent",
    "customer.erased": "Erase every copy of a customer's data by {deadline_at}",
    "space.stats_changed": "{published_count} testimonials are published",
    "endpoint.disabled": "A webhook endpoint was disabled: {reason}",
}
"""What happened, by event type; names in braces are filled from the event."""


_SILENT: Final = frozenset({"review.imported", "space.stats_changed"})
"""Types that come by the hundred: `import.completed` sums them up in one message."""

TYPES: Final = tuple(name for name in CATALOGUE if name not in _SILENT)
"""Types that an endpoint receives by default."""


def escape(text: str, longest: int = LONGEST) -> str:
    """Return a text with its special characters escaped, cut between characters if too long."""
    # No character takes less than one unit.
    text = text[: longest + 1]
    pieces = [_ESCAPES.get(character, character) for character in text]
    ends = list(accumulate(len(piece) + (ord(piece[0]) > _LAST_OF_BMP) for piece in pieces))
    if not ends or ends[-1] <= longest:
        return "".join(pieces)
    kept = bisect_right(ends, longest - len(_ELLIPSIS))
    while kept and _joined(text, kept):
        kept -= 1
    return "".join(pieces[:kept]) + _ELLIPSIS


def _joined(text: str, at: int) -> bool:
    """Return whether a cut there would split what people see as one character."""
    around = text[at - 1 : at + 1]
    return _JOINER in around or unicodedata.category(text[at]).startswith("M")


def message(event: Event) -> dict[str, Any]:
    """Return the request body for Slack."""
    headline = _headline(event)
    texts = [headline, *_details(event)]
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}}
        for text in texts
        if text.strip()
    ]
    return {"text": headline, "blocks": blocks}


def _headline(event: Event) -> str:
    template = HEADLINES.get(event.type)
    # A type without a headline is not a template: it may contain braces.
    return event.type if template is None else template.format_map(_Names(event.data))


class _Names(dict[str, str]):
    """Values for the braces of a headline: escaped, on one line."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        testimonial = data.get("testimonial") or {}
        form = data.get("form") or {}
        super().__init__(
            {
                **{name: _line(value) for name, value in data.items()},
                "who": _who(testimonial.get("customer") or {}),
                "stars": _stars(testimonial.get("rating")),
                "platform": _line(
                    data.get("platform") or (testimonial.get("source") or {}).get("platform")
                ),
                "form": _line(form.get("name")) or "A form",
            }
        )

    def __missing__(self, name: str) -> str:
        return "?"


def _who(customer: Mapping[str, Any]) -> str:
    name = None if customer.get("is_anonymous") else customer.get("name")
    if not name:
        return "someone"
    company = customer.get("company")
    return _line(name) + (f", {_line(company)}" if company else "")


def _stars(rating: Mapping[str, Any] | None) -> str:
    return "" if rating is None else f" ({rating['value']:g}/{rating['scale_max']})"


def _details(event: Event) -> Iterator[str]:
    """Yield the parts of an event that people read, a section each."""
    data = event.data
    testimonial = data.get("testimonial") or {}
    content = testimonial.get("content") or {}
    reply = data.get("reply") or {}
    for text in (content.get("title"), content.get("text"), data.get("excerpt"), data.get("note")):
        yield escape(text or "")
    yield escape(reply.get("text") or "")
    yield escape(", ".join(data.get("tags") or ()))
    yield _answers(data.get("answers") or ())
    url = data.get("public_url") or testimonial.get("public_url") or data.get("transcript_url")
    yield _link(url)


def _answers(answers: Sequence[Mapping[str, Any]]) -> str:
    shown = [each for each in answers if not each["pii"]][:MOST_ANSWERS]
    lines = [f"{_line(each['label'])}: {_line(each['value'])}" for each in shown]
    while len("\n".join(lines)) > LONGEST // 2:
        # In UTF-16 a text is at most twice as long.
        lines.pop()
    return "\n".join(lines)


def _link(url: str | None) -> str:
    """Return a link, if a browser opens it."""
    if not url or len(url) > LONGEST // 2 or not _is_web(url):
        return ""
    safe = "".join(_ESCAPES.get(each, each) for each in url.replace("|", "%7C"))
    return f"<{safe}|{_OPEN}>" if not any(each.isspace() for each in safe) else ""


def _is_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:  # such as `http://[`; a producer may write any text
        return False


def _line(value: object) -> str:
    return "" if value is None else escape(" ".join(str(value).split()), LONGEST_PART)


def judge(status: int) -> Refusal | None:
    """Return the meaning of a status from Slack: every 4xx but "slow down" is final."""
    if status in _GONE:
        return Refusal.GONE
    return Refusal.REJECTED if status in _REJECTED else None


def _render(event: Event, source: str) -> Rendered:
    del source
    return Rendered(orjson.dumps(message(event)))


SLACK: Final = Shape("slack", b"application/json", _render, judge)
