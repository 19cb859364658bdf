"""Deliveries to endpoints that want another form than the standard one."""

from __future__ import annotations

from typing import Final

from plaudit.deliver.model.delivery import Delivery
from plaudit.formats.shape import SOURCE, Rendered, Shape

_CE_SOURCE: Final = "ce_source"


def write_as(shape: Shape, delivery: Delivery) -> Rendered:
    """Return what is sent; the event's source stands in its record's headers."""
    headers = dict(delivery.record.headers())
    source = headers.get(_CE_SOURCE, b"").decode("utf-8", "replace")
    return shape.render(delivery.event, source or SOURCE)
