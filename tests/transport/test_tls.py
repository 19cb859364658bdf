"""TLS of the engine: sessions are resumed, certificates are shown."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import trustme

from plaudit.transport import errors
from plaudit.transport.net.tls import ClientCertificate
from transport.conftest import MakeEngine
from transport.senders import (
    OK,
    post,
    serving_tls,
    trusting,
)
from transport.server import answering, serving


async def test_the_next_connection_resumes_the_tls_session(
    engine: MakeEngine, authority: trustme.CA
) -> None:
    context = serving_tls(authority, "127.0.0.1")
    async with serving(answering(OK, close=True), context) as server:
        made = engine(tls=trusting(authority))
        for _ in range(3):
            await post(made, f"https://127.0.0.1:{server.port}/")
        assert server.connections == 3
    assert context.session_stats()["hits"] == 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_sent_to_servers_that_request_one(
    engine: MakeEngine, authority: trustme.CA, tmp_path: Any, version: ssl.TLSVersion
) -> None:
    context = serving_tls(authority, "127.0.0.1")
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    issued, chain = authority.issue_cert("client.example"), tmp_path / "client.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(chain)
    ours = trusting(authority)
    async with serving(answering(OK), context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        with pytest.raises((errors.TlsFailed, errors.ConnectionLost)):
            await post(engine(tls=ours), url)
        ClientCertificate(chain).load_into(ours)
        assert (await post(engine(tls=ours), url)).status == 200
