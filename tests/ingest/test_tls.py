"""HTTPS: who cannot prove to be the site that was asked for is refused, and the reason is told.

The certificates in ``certificates/`` are of an authority made for these tests: one for outlet.example,
one for it that ran out in 2021, and one for it that nobody signed.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.conftest import SETTINGS
from tests.ingest.hostile import Hostile, Peer

CERTIFICATES = Path(__file__).parent / "certificates"
TRUSTED = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")


def server(name: str) -> Hostile:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return Hostile(tls=context)


async def here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def test_a_site_that_proves_who_it_is_is_read(read: Any) -> None:
    with server("good") as site:
        url = f"https://outlet.example:{site.port}/rss-2"
        outcome = read(url, resolve=here, tls=TRUSTED)
    assert (outcome.kind, len(outcome.items)) == ("ok", 3)


@pytest.mark.parametrize(
    ("certificate", "host", "words"),
    [
        ("good", "other.example", "is not valid for 'other.example'"),
        ("expired", "outlet.example", "has expired"),
        ("self-signed", "outlet.example", "self-signed certificate"),
    ],
)
def test_one_that_does_not_is_refused_before_it_is_asked(
    certificate: str, host: str, words: str, read: Any
) -> None:
    with server(certificate) as site:
        outcome = read(f"https://{host}:{site.port}/rss-2", resolve=here, tls=TRUSTED)
        assert not site.asked
    assert outcome.kind == "tls"
    assert f"{host} offers no valid certificate" in outcome.error.problem
    assert words in outcome.error.problem


def test_an_authority_that_this_machine_does_not_know_is_not_believed(read: Any) -> None:
    with server("good") as site:
        outcome = read(f"https://outlet.example:{site.port}/rss-2", resolve=here)
    assert outcome.kind == "tls"
    assert "unable to get local issuer certificate" in outcome.error.problem


def test_a_redirect_to_http_is_followed_without_the_login(hostile: Hostile, read: Any) -> None:
    async def down(peer: Peer) -> None:
        target = f"http://127.0.0.1:{hostile.port}/rss-2"
        await peer.reply(b"", "302 Found", Location=target)

    with server("good") as site:
        site.routes["down"] = down
        outcome = read(
            f"https://user:secret@outlet.example:{site.port}/down",
            resolve=here,
            tls=TRUSTED,
            headers={"X-Key": "secret"},
        )
        (_, asked) = site.seen[-1]
    assert outcome.kind == "ok"
    assert asked["authorization"] and asked["x-key"] == "secret"
    _, after = hostile.seen[-1]
    assert "authorization" not in after and "x-key" not in after


def test_a_redirect_from_https_into_a_private_network_is_refused(read: Any) -> None:
    async def inside(peer: Peer) -> None:
        await peer.reply(b"", "302 Found", Location="http://10.0.0.1/")

    settings = replace(SETTINGS, allow_networks=("127.0.0.1/32",))
    with server("good") as site:
        site.routes["inside"] = inside
        url = f"https://outlet.example:{site.port}/inside"
        outcome = read(url, resolve=here_or_there, tls=TRUSTED, settings=settings)
    assert outcome.kind == "forbidden-address"


async def here_or_there(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"] if host == "outlet.example" else [host]
