"""Sign-in with OAuth tokens, at a broker that asks for them."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from conftest import apply_topics
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.dev.kafka_local import LocalKafka
from plaudit.dev.kafka_probe import free_ports
from plaudit.kafka.admin.client import Admin
from plaudit.kafka.errors import KafkaFailure, KafkaUnavailable, SettingsError
from plaudit.kafka.read.lag import LagReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.token_provider import token_provider
from plaudit.kafka.write.producer import Producer
from waiting import PROMPTLY_S, until_equal

LISTENER: Final = {
    "listener.security.protocol.map": (
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TOKENS:SASL_PLAINTEXT"
    ),
    "listener.name.tokens.sasl.enabled.mechanisms": "OAUTHBEARER",
    "listener.name.tokens.oauthbearer.sasl.jaas.config": (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
    ),
}
PLAIN: Final = {"security.protocol": SecretStr("SASL_PLAINTEXT")}


@pytest.fixture(scope="module")
def tokens_bootstrap() -> Iterator[str]:
    """The address of a broker that takes tokens."""
    try:
        broker = LocalKafka(overrides=LISTENER)
    except KafkaNotFound as error:
        pytest.skip(f"no local Kafka: {error}")
    [node], [port] = broker.nodes, free_ports(1)
    address = f"127.0.0.1:{port}"
    broker._overrides["listeners"] = (  # noqa: SLF001 - the node's ports are known only now
        f"PLAINTEXT://{node.address.bootstrap},TOKENS://{address},"
        f"CONTROLLER://127.0.0.1:{node.address.controller_port}"
    )
    with broker:
        yield address


def given(bootstrap: str, provider: str) -> KafkaSettings:
    """Return settings with a provider of tokens, without TLS."""
    return KafkaSettings(
        bootstrap_servers=bootstrap, token_provider=f"tokens:{provider}", properties=PLAIN
    )


@pytest.mark.broker
def test_every_kind_of_client_signs_in_with_a_token(tokens_bootstrap: str) -> None:
    settings = given(tokens_bootstrap, "unsecured")
    apply_topics(settings)
    topic = settings.names.event_topics[0]
    with Producer(settings) as producer:
        ack = producer.publish(topic, b"x", partition=0).result(PROMPTLY_S)
    reader = LagReader(settings, settings.names.events_group)
    until_equal(lambda: end_of(reader, topic), ack.offset + 1)
    reader.close()


def end_of(reader: LagReader, topic: str) -> int:
    """Return the end of the topic's longest partition; 0 while a new broker elects."""
    try:
        return max(each.end for each in reader.read([topic]))
    except KafkaUnavailable:
        return 0


@pytest.mark.broker
@pytest.mark.parametrize("provider", ["expired", "failing"])
def test_a_token_that_is_refused_is_an_error_in_one_line(
    tokens_bootstrap: str, provider: str
) -> None:
    with pytest.raises(KafkaFailure) as caught:
        Admin(given(tokens_bootstrap, provider), 5.0).topic_names()
    assert "\n" not in str(caught.value)


def test_a_provider_turns_on_tls_and_tokens_unless_set_otherwise() -> None:
    found = KafkaSettings(bootstrap_servers="b:1", token_provider="tokens:unsecured")
    config = found.client_config()
    assert (config["security.protocol"], config["sasl.mechanisms"]) == ("SASL_SSL", "OAUTHBEARER")
    assert given("b:1", "unsecured").client_config()["security.protocol"] == "SASL_PLAINTEXT"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "neither msk-iam nor package.module:function"),
        ("no.such.module:provide", "can't be loaded"),
        ("tokens:missing", "can't be loaded"),
        ("tokens:USER", "is not a function"),
        ("msk-iam", "AWS_REGION"),
    ],
)
def test_a_provider_that_cannot_be_loaded_is_refused_by_the_name_of_its_setting(
    text: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        token_provider(text, {})
    assert "PLAUDIT_TOKEN_PROVIDER" in str(caught.value)


def test_msk_is_given_a_signed_token_and_its_expiry_in_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signer = ModuleType("MSKAuthTokenProvider")
    monkeypatch.setattr(
        signer, "generate_auth_token", lambda region: (f"of {region}", 5_000), raising=False
    )
    name = "aws_msk_iam_sasl_signer"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, f"{name}.MSKAuthTokenProvider", signer)
    assert token_provider("msk-iam", {"AWS_REGION": "eu-west-1"})() == ("of eu-west-1", 5.0)


def test_the_real_signer_of_msk_makes_a_token_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aws_msk_iam_sasl_signer", reason="the extra msk is not installed")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    made, expires = token_provider("msk-iam", {"AWS_REGION": "eu-west-1"})()
    url = urlsplit(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)).decode())
    assert url.netloc == "kafka.eu-west-1.amazonaws.com"
    assert parse_qs(url.query)["Action"] == ["kafka-cluster:Connect"]
    assert expires > 1_700_000_000
