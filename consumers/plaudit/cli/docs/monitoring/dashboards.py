"""Dashboards of an installation."""

from __future__ import annotations

from typing import Final

from plaudit.cli.docs.monitoring.kafka_dashboard import KAFKA
from plaudit.cli.docs.monitoring.service_dashboard import SERVICE
from plaudit.cli.docs.monitoring.tenant_dashboard import TENANT

DASHBOARDS: Final = (SERVICE, KAFKA, TENANT)
