"""Transactional outbox: events written in a service's own database transaction, then relayed.

```python
from plaudit.outbox import enqueue

with connection.transaction():
    connection.execute("update testimonials …")
    enqueue(connection, TestimonialApproved(...), source="/services/moderation")
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plaudit.outbox.insertion import (
        NotEnqueued,
        OutsideTransaction,
        UnknownConnection,
        enqueue,
        enqueue_async,
        row_of,
    )
    from plaudit.outbox.table import TableNameRefused
else:

    def __getattr__(name: str) -> object:
        """Import a name when it is used first.

        A relay needs neither the events' models nor the Publisher, which take a tenth of the start
        of a command.
        """
        if name not in __all__:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        module = "table" if name == "TableNameRefused" else "insertion"
        return getattr(import_module(f"{__name__}.{module}"), name)


__all__ = [
    "NotEnqueued",
    "OutsideTransaction",
    "TableNameRefused",
    "UnknownConnection",
    "enqueue",
    "enqueue_async",
    "row_of",
]
