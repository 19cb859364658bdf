"""The pipeline as an AsyncAPI 3 document: docs/asyncapi.json, written from the catalogue.

`plaudit schemas docs --asyncapi --file docs/asyncapi.json`
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from plaudit.cli.docs.asyncapi_records import RECORD_TOPICS, record_messages, record_operations
from plaudit.cli.docs.asyncapi_shared import AVRO, SharedAvro
from plaudit.events.catalogue import CATALOGUE, EventType
from plaudit.events.cloudevents import CONTENT_TYPE
from plaudit.events.decoding import EventDecoder
from plaudit.events.docs.json_schema import JsonSchema, webhook_schema
from plaudit.events.encoding import encode
from plaudit.events.entity import Entity
from plaudit.events.examples import example, example_json
from plaudit.events.rendering import render
from plaudit.kafka.admin.topic_specs import TopicSpec, declared
from plaudit.kafka.settings import KafkaSettings

SPEC: Final = "3.1.0"
KAFKA_BINDING: Final = "0.5.0"
HTTP_BINDING: Final = "0.3.0"
WEBHOOK: Final = "webhook"
_DESCRIPTION: Final = (
    "Upstream services publish what happens to testimonials to Kafka as Avro events; Plaudit POSTs "
    "them, signed, to the endpoints that customers registered. Generated from the schemas by "
    "`plaudit schemas docs --asyncapi`; do not edit it."
)
_CLOUD_EVENT: Final = {
    "ce_specversion": "1.0",
    "ce_id": "The event's id, the same over retries: drop duplicates by it.",
    "ce_type": "The event type.",
    "ce_source": "The service that published it, as a URI reference.",
    "ce_time": "When it happened, RFC 3339.",
    "ce_subject": "The record's key.",
}
_SIGNED: Final = {
    "webhook-id": "The event's id, the same over retries and replays: drop duplicates by it.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": "Standard Webhooks: space-separated, `v1,` and HMAC-SHA256 in base64.",
}


def asyncapi() -> str:
    """Return the document, as JSON."""
    return json.dumps(_document(), indent=1, ensure_ascii=False) + "\n"


def _document() -> dict[str, Any]:
    avro = SharedAvro(each.schema for each in CATALOGUE.values())
    events = {_name(each): _event(each, avro) for each in CATALOGUE.values()}
    schemas: dict[str, JsonSchema] = {}
    webhooks = {f"{_name(each)}Webhook": _webhook(each, schemas) for each in CATALOGUE.values()}
    return {
        "asyncapi": SPEC,
        "info": {
            "title": "Plaudit",
            "version": version("plaudit"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "servers": _servers(),
        "channels": {
            **_topics(),
            WEBHOOK: {
                "address": None,
                "description": "An endpoint's URL, as it was registered.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in webhooks},
            },
        },
        "operations": _operations(),
        "components": {
            "schemas": dict(sorted((schemas | avro.components).items())),
            "messages": events | webhooks | record_messages(),
            "messageTraits": {
                "cloudEvent": {"headers": _headers(_CLOUD_EVENT, required=list(_CLOUD_EVENT))},
                "signed": {"headers": _headers(_SIGNED, required=list(_SIGNED))},
            },
        },
    }


def _name(event_type: EventType) -> str:
    return event_type.record.rpartition(".")[2]


def _servers() -> dict[str, Any]:
    return {
        "kafka": {
            "host": "{bootstrap}",
            "protocol": "kafka",
            "description": "The brokers in `KAFKA_BOOTSTRAP_SERVERS`.",
            "variables": {"bootstrap": {"default": "localhost:9092"}},
        }
    }


def _topics() -> dict[str, Any]:
    """Return a channel for each topic that others write or read, as the declaration has it."""
    settings = KafkaSettings.model_construct(
        topic_prefix="plaudit.", retry_schedule=None, retry_tiers=None, topics_file=None
    )
    specs = {spec.name: spec for spec in declared(settings)}
    found = {}
    for entity in Entity:
        spec = specs[settings.names.event_topic(entity)]
        types = [each for each in CATALOGUE.values() if each.entity is entity]
        keys = " or ".join(sorted({each.key_path[-1] for each in types}))
        found[str(entity)] = _channel(spec, f"Events, keyed by {keys}.", map(_name, types))
    for name, topic in RECORD_TOPICS.items():
        spec = specs[f"{settings.topic_prefix}{name}"]
        found[name] = _channel(spec, topic.description, [topic.message])
    return found


def _channel(spec: TopicSpec, description: str, messages: Iterable[str]) -> dict[str, Any]:
    numbers = {
        name: int(spec.config[name])
        for name in ("retention.ms", "max.message.bytes")
        if name in spec.config
    }
    return {
        "address": spec.name,
        "description": description,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in messages},
        "bindings": {
            "kafka": {
                "topic": spec.name,
                "partitions": spec.partitions,
                "replicas": spec.replication,
                "topicConfiguration": {
                    "cleanup.policy": spec.config["cleanup.policy"].split(","),
                    **numbers,
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operations() -> dict[str, Any]:
    received = {
        f"receive{str(entity).capitalize()}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{entity}"},
            "summary": f"Plaudit reads {entity} and delivers them to their subscribers.",
        }
        for entity in Entity
    }
    sent = {
        "action": "send",
        "channel": {"$ref": f"#/channels/{WEBHOOK}"},
        "summary": "Plaudit POSTs events to every endpoint that wants them, until it answers 2xx.",
        "bindings": {"http": {"method": "POST", "bindingVersion": HTTP_BINDING}},
    }
    return {**received, "deliver": sent, **record_operations()}


def _event(event_type: EventType, avro: SharedAvro) -> dict[str, Any]:
    key = {"type": "string", "format": "uuid", "description": ".".join(event_type.key_path)}
    return {
        "name": event_type.name,
        "title": _name(event_type),
        "summary": str(event_type.schema["doc"]).partition("\n")[0],
        "contentType": CONTENT_TYPE.decode(),
        "payload": {"schemaFormat": AVRO, "schema": avro.refer(event_type.schema)},
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING}},
        "examples": [
            {
                "summary": "As JSON, for `plaudit publish` and POST /v1/events.",
                "payload": json.loads(example_json(event_type.name)),
            }
        ],
    }


def _webhook(event_type: EventType, schemas: dict[str, JsonSchema]) -> dict[str, Any]:
    body = render(EventDecoder().decode(encode(example(event_type.name))))
    return {
        "name": event_type.name,
        "title": f"{_name(event_type)}, as it is delivered",
        "contentType": "application/json",
        "payload": webhook_schema(event_type, schemas),
        "traits": [{"$ref": "#/components/messageTraits/signed"}],
        "examples": [{"payload": json.loads(body)}],
    }


def _headers(meanings: dict[str, str], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": {
            name: {"type": "string", "description": meaning} for name, meaning in meanings.items()
        },
    }
