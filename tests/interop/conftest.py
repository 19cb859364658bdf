"""An installation for generated clients."""

from __future__ import annotations

from api.conftest import api, sink

__all__ = ["api", "sink"]
