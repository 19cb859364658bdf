"""A delivery whose event Kafka has no more: shown and sent again from the database."""

from __future__ import annotations

import uuid
from typing import cast

from attempts import failed
from console.rig import Rig, Sent
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.ids import new_event_id
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.store.log.payloads import PayloadKey, PayloadStore


def stored_delivery(console: Rig) -> tuple[str, bytes]:
    """Log a failed delivery and store its event; return the delivery's id and the event."""
    event = example("testimonial.approved")
    event_id = str(new_event_id())
    meta = event.meta.model_copy(update={"event_id": uuid.UUID(event_id)})
    value = encode(event.model_copy(update={"meta": meta}))
    endpoint = console.add("CRM")
    tried = failed(event_id=event_id, endpoint_id=endpoint, workspace_id=console.workspace)
    console.log(tried)
    record = StoredRecord(value, b"subject", [("ce_source", b"/reviews")], tried["started_at"])
    store = PayloadStore(console.services.engine, console.services.secrets)
    store.add(7, {PayloadKey(event_id, console.workspace): record})
    return tried["delivery_id"], value


def test_a_request_is_shown_from_the_database(console: Rig) -> None:
    delivery, _ = stored_delivery(console)
    page = console.browser("read").get(f"/console/deliveries/{delivery}/request")
    assert "From the database" in page
    assert "testimonial.approved" in page
    key = {"authorization": f"Bearer {console.keys['read']}"}
    client = console.browser(None).client
    answer = client.get(f"/v1/deliveries/{delivery}/request", headers=key).json()
    assert answer["stored"] is True
    assert "testimonial.approved" in answer["body"]


def test_a_stranger_finds_no_stored_request(console: Rig) -> None:
    delivery, _ = stored_delivery(console)
    console.browser("stranger").get(f"/console/deliveries/{delivery}/request", status=404)
    key = {"authorization": f"Bearer {console.keys['stranger']}"}
    client = console.browser(None).client
    assert client.get(f"/v1/deliveries/{delivery}/request", headers=key).status_code == 404


def test_a_retry_sends_the_stored_event(console: Rig) -> None:
    delivery, value = stored_delivery(console)
    page = f"/console/deliveries/{delivery}"
    assert console.browser("write").post(page, f"{page}/retry").status_code == 303
    [(topic, sent, _, headers)] = cast("Sent", console.services.producer).records
    assert (topic, sent) == (console.services.names.deliveries_now, value)
    assert ("ce_source", b"/reviews") in headers
