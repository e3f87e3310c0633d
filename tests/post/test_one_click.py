"""The button of a mail program that ends a digest (RFC 8058), from its header to the pages and back."""

from __future__ import annotations

import asyncio
import email
import re
from datetime import UTC, datetime, timedelta
from email.policy import default

import httpx
import pytest

from monitor.web.application import create_app
from monitor.web.installation import WebSettings

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SLOT = datetime(2026, 11, 25, 7, tzinfo=UTC)
URL = "https://monitor.example.org"
ANA, BEN = "ana@example.org", "ben@example.org"
SETTINGS = {
    "web": {"public_url": URL},
    "digests": [{"name": "daily", "to": [ANA, BEN], "schedule": "0 7 * * *"}],
}


@pytest.fixture
def app(installation):
    """An App that has sent the first digest to two readers."""
    app = installation.app(SLOT, **SETTINGS)
    installation.news(app, "first", at=SLOT - HOUR)
    assert app.send_digests(now=SLOT).sent == 2
    return app


@pytest.fixture
def mails(installation):
    """``mails(reader)``: what was sent to this reader, in order of time."""

    def of(reader):
        found = [
            email.message_from_bytes(path.read_bytes(), policy=default)
            for path in installation.outbox
            if reader in path.name
        ]
        return sorted(found, key=lambda mail: mail["Date"].datetime)

    return of


@pytest.fixture
def one_click(mails):
    """The address in the header of Ana's digest."""
    mail = mails(ANA)[0]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return re.search(r"<(https://[^>]+)>", mail["List-Unsubscribe"])[1]


def ask(app, method, address, **more):
    """The status of a request as a mail program makes it: no cookie, no Origin, no token of a form."""

    async def asking():
        transport = httpx.ASGITransport(create_app(app, WebSettings(public_url=URL)))
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.request(method, address, **more)).status_code

    return asyncio.run(asking())


def press(app, address):
    return ask(app, "POST", address, data={"List-Unsubscribe": "One-Click"})


def told(mail):
    return set(re.findall(r"lot (\w+)", mail.get_body(("plain",)).get_content()))


def test_the_button_ends_the_digest_of_this_reader_alone(app, installation, mails, one_click):
    assert [press(app, one_click) for _ in range(2)] == [200, 200]
    installation.news(app, "second", at=SLOT + HOUR)
    assert app.send_digests(now=SLOT + DAY).sent == 1
    assert [told(mail) for mail in mails(ANA)] == [{"first"}]
    assert [told(mail) for mail in mails(BEN)] == [{"first"}, {"second"}]


LOOKED_AT = {
    "a link that is opened": ("GET", 200, ""),
    "a scanner that asks for the head": ("HEAD", None, ""),
    "another token": ("POST", 404, "x"),
}


@pytest.mark.parametrize(("method", "status", "more"), LOOKED_AT.values(), ids=LOOKED_AT)
def test_nothing_else_ends_it(app, one_click, method, status, more):
    found = ask(app, method, one_click + more)
    assert found == status or (status is None and found in (200, 405))
    assert app.store.stopped_subscriptions() == []
    assert app.send_digests(now=SLOT + DAY).sent == 2


def test_who_comes_back_gets_what_comes_from_then_on(app, installation, mails, one_click):
    press(app, one_click)
    for day in range(30):
        installation.news(app, f"missed{day}", at=SLOT + day * DAY + HOUR)
    back = SLOT + 30 * DAY + 2 * HOUR
    app.resume_reader("daily", ANA, now=back)
    assert app.send_digests(now=back).sent == 1  # Ben's; hers waits for the next slot
    installation.news(app, "fresh", at=back + HOUR)
    assert app.send_digests(now=SLOT + 31 * DAY).sent == 2
    first, mail = mails(ANA)
    assert told(mail) == told(mails(BEN)[-1]) == {"fresh"}
    assert "25–26 Dec: " in mail["Subject"]
    assert (mail["In-Reply-To"], mail["List-Id"]) == (first["In-Reply-To"], first["List-Id"])


def test_who_comes_back_to_nothing_new_hears_of_the_days_since(app, mails, one_click):
    press(app, one_click)
    app.resume_reader("daily", ANA, now=SLOT + 30 * DAY + 2 * HOUR)
    app.send_digests(now=SLOT + 31 * DAY)
    text = mails(ANA)[-1].get_body(("plain",)).get_content()
    assert "Nothing new since Fri 25 Dec 2026 09:00 UTC" in text
