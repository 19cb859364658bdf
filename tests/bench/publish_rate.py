"""How many typed events one core publishes: `python tests/bench/publish_rate.py [EVENTS]`.

Needs topics: `plaudit topics apply --single-node`. Prints two lines of JSON: for events that exist
already, and for events that are made from JSON first, as `plaudit publish` does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable

from plaudit.events.catalogue import lookup
from plaudit.events.examples import example, example_json
from plaudit.events.models.event import EventModel
from plaudit.publish import Publisher

TYPE = "testimonial.approved"


def measure(what: str, events: Iterable[EventModel]) -> None:
    """Publish events and print how long it took until the brokers had all of them."""
    with Publisher() as publisher:
        for event in (example(TYPE),) * 100:  # connections and code are warm
            publisher.publish(event)
        publisher.flush()
        count, wall_s, cpu_s = 0, time.perf_counter(), time.process_time()
        for event in events:
            publisher.publish(event)
            count += 1
        missing = publisher.flush()
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    result = {
        "what": what,
        "events": count,
        "not_acknowledged": missing,
        "events_per_s": round(count / wall_s),
        "events_per_core_s": round(count / cpu_s),
        "cpu_us_per_event": round(cpu_s / count * 1e6, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


def main() -> None:
    """Measure both."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    model, line = lookup(TYPE).model, example_json(TYPE)
    measure("typed events", (example(TYPE),) * count)
    measure("from JSON", (model.model_validate_json(line) for _ in range(count)))


if __name__ == "__main__":
    main()
