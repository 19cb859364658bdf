"""Installations under attack."""

from __future__ import annotations

from e2e.conftest import rig, sink

__all__ = ["rig", "sink"]
