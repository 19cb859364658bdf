"""The figures that autoscalers read."""

from __future__ import annotations

import httpx
import pytest

from api.conftest import Installation
from plaudit.api.health import ApiHealth
from plaudit.api.routes import scaling
from plaudit.runtime.ops_server import HealthServer

pytestmark = pytest.mark.broker


def test_an_autoscaler_reads_the_due_work(api: Installation) -> None:
    answer = api.client.get("/v1/scaling?lane=deliveries", headers=api.admin)
    assert answer.status_code == 200
    found = answer.json()
    assert found.pop("measured_at")
    nothing = {"due_records": 0, "overdue_seconds": 0, "waiting_records": 0}
    assert found == {"lane": "deliveries", **nothing}
    assert api.client.get("/v1/scaling?lane=deliveries", headers=api.write).status_code == 403
    assert api.client.get("/v1/scaling?lane=fast", headers=api.admin).status_code == 422
    pages = {scaling.PATH: scaling.ScalingPage(api.services.scaling)}
    server = HealthServer(ApiHealth(lambda: ()), "127.0.0.1", 0, pages)
    try:
        at = f"http://127.0.0.1:{server.port}/v1/scaling"
        assert httpx.get(at, params={"lane": "events"}).json()["due_records"] == 0
        refused = httpx.get(at)
        assert (refused.status_code, "lane=events" in refused.text) == (422, True)
    finally:
        server.close()
