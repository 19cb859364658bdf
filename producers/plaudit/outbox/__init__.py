"""Transactional outbox: events written in a service's own database transaction, then relayed.

```python
from plaudit.outbox import enqueue

with connection.transaction():
    connection.execute("update testimonials …")
    enqueue(connection, TestimonialApproved(...), source="/services/moderation")
```
"""

from plaudit.outbox.insertion import (
    NotEnqueued,
    OutsideTransaction,
    UnknownConnection,
    enqueue,
    enqueue_async,
    row_of,
)
from plaudit.outbox.table import TableNameRefused

__all__ = [
    "NotEnqueued",
    "OutsideTransaction",
    "TableNameRefused",
    "UnknownConnection",
    "enqueue",
    "enqueue_async",
    "row_of",
]
