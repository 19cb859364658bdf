"""Event publisher for upstream services.

```python
from plaudit.events.models import TestimonialApproved
from plaudit.publish import Publisher

with Publisher(source="/services/moderation") as publisher:
    publisher.publish(TestimonialApproved(...)).result(timeout=30)
```
"""

from plaudit.kafka.errors import Fenced, KafkaFailure, KafkaUnavailable, TransactionAborted
from plaudit.kafka.write.producer import Ack
from plaudit.publish.async_publisher import AsyncPublisher
from plaudit.publish.errors import BatchTooLarge, EventTooLarge, OptionRefused, PublishRefused
from plaudit.publish.publisher import DELIVERY_TIMEOUT_S, Publisher

__all__ = [
    "DELIVERY_TIMEOUT_S",
    "Ack",
    "AsyncPublisher",
    "BatchTooLarge",
    "EventTooLarge",
    "Fenced",
    "KafkaFailure",
    "KafkaUnavailable",
    "OptionRefused",
    "PublishRefused",
    "Publisher",
    "TransactionAborted",
]
