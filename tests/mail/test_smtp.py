"""SMTP against a real server that accepts, refuses, stalls and hangs up."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from monitor.errors import MailError, StoreError
from monitor.mail import LostReplyError, SmtpMailer, SmtpSettings
from monitor.mail.smtp import envelope


def mailer(office, **more):
    known = {
        "host": "127.0.0.1",
        "port": office.port,
        "sender": "monitor@example.org",
        "timeout": 5,
    }
    return SmtpMailer(SmtpSettings(**known | more))


def send(office, message, **more):
    asyncio.run(mailer(office, **more).send(message))


class TestAccepted:
    def test_the_frozen_bytes_arrive_as_they_are(self, serve, message):
        office = serve()
        send(office, message())
        assert [each.raw for each in office.accepted] == [message().body]
        assert office.accepted[0].recipient == "ana@example.org"

    def test_dots_and_long_or_missing_line_ends_survive(self, serve, message):
        office = serve()
        body = b"Subject: x\r\n\r\n.\r\n..\r\n.x\nbare\rend"
        send(office, message(body=body))
        assert office.accepted[0].raw == b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\nbare\r\nend\r\n"

    def test_a_large_message_arrives_whole(self, serve, message):
        office = serve()
        body = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 50_000
        send(office, message(body=body))
        assert office.accepted[0].raw == body

    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ("Ana <ana@example.org>", "ana@example.org"),
            ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ],
        ids=["the name is no part of the address", "a domain beyond ASCII"],
    )
    def test_the_envelope_has_the_bare_address(self, given, sent):
        assert envelope(given) == sent


OUTCOMES = {
    "a refused recipient is final": ("refuse", MailError, True),
    "a deferred message is tried again": ("defer", MailError, False),
    "a connection cut before the message is tried again": ("drop-before", MailError, False),
    "cut within a message that was sent whole, unknown": ("drop-middle", LostReplyError, False),
    "a reply lost after the final dot is unknown": ("drop-after", LostReplyError, False),
    "unknown too where it was not accepted": ("drop-unread", LostReplyError, False),
}


class TestTrouble:
    @pytest.mark.parametrize(("behaviour", "kind", "permanent"), OUTCOMES.values(), ids=OUTCOMES)
    def test_what_went_wrong_is_told_apart(self, serve, message, behaviour, kind, permanent):
        office = serve(behaviour)
        with pytest.raises(MailError) as caught:
            send(office, message())
        assert type(caught.value) is kind
        assert caught.value.permanent is permanent
        assert office.seen == [behaviour]  # once: no second try of its own

    def test_cut_within_a_message_too_long_to_be_under_way_whole(self, serve, message):
        office = serve("drop-middle")
        body = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 1_000_000
        with pytest.raises(MailError) as caught:
            send(office, message(body=body), timeout=30)
        assert type(caught.value) is MailError

    def test_a_stall_ends_with_the_time_allowed_and_is_unknown(self, serve, message):
        office = serve("stall")
        began = time.monotonic()
        with pytest.raises(LostReplyError, match="no answer within 1 s"):
            send(office, message(), timeout=1.0)
        assert time.monotonic() - began < 30  # the library's own default is a minute a step

    def test_a_server_that_never_greets_costs_the_time_allowed_and_no_more(self, message):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            settings = SmtpSettings(
                host="127.0.0.1", port=deaf.getsockname()[1], sender="m@example.org", timeout=0.5
            )
            with pytest.raises(MailError) as caught:
                asyncio.run(SmtpMailer(settings).send(message()))
        assert type(caught.value) is MailError
        assert not caught.value.permanent

    def test_nobody_listens(self, message):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = SmtpSettings(host="127.0.0.1", port=port, sender="m@example.org")
        with pytest.raises(MailError, match=f"127.0.0.1:{port}: connecting") as caught:
            asyncio.run(SmtpMailer(settings).send(message()))
        assert not caught.value.permanent

    def test_the_password_is_in_no_error_and_no_repr(self, serve, message):
        office = serve(login=True)
        with pytest.raises(MailError) as caught:
            send(office, message(), user="user", password="s3cret")
        assert "s3cret" not in str(caught.value) + repr(mailer(office, password="s3cret").settings)


class TestEncryption:
    def test_a_login_needs_starttls_and_nothing_is_sent_in_the_clear(self, serve, message):
        office = serve(login=True)
        with pytest.raises(MailError, match="no STARTTLS") as caught:
            send(office, message(), user="user", password="right")
        assert not caught.value.permanent
        assert (office.logins, office.accepted) == ([], [])

    def test_a_login_over_starttls(self, serve, message, certificate):
        server, client = certificate
        office = serve(login=True, tls=server)
        send(office, message(), user="user", password="right", tls=client)
        assert (office.logins, office.secured) == ([("user", "right")], [True])

    def test_a_wrong_password_waits_for_a_right_one(self, serve, message, certificate):
        server, client = certificate
        office = serve(login=True, tls=server)
        with pytest.raises(MailError, match="logging in") as caught:
            send(office, message(), user="user", password="wrong", tls=client)
        assert not caught.value.permanent  # the message is fine
        assert office.accepted == []

    def test_with_a_login_the_certificate_must_be_right(self, serve, message, certificate):
        office = serve(login=True, tls=certificate[0])
        with pytest.raises(MailError, match="STARTTLS"):
            send(office, message(), user="user", password="right")
        assert (office.logins, office.accepted) == ([], [])

    def test_without_a_login_an_odd_certificate_still_encrypts(self, serve, message, certificate):
        office = serve(tls=certificate[0])
        send(office, message())
        assert office.secured == [True]

    def test_without_starttls_and_login_a_relay_on_the_spot_does(self, serve, message):
        office = serve()
        send(office, message())
        assert office.secured == [False]

    def test_smtps(self, serve, message, certificate):
        server, client = certificate
        office = serve(login=True, tls=server, smtps=True)
        send(office, message(), user="user", password="right", tls=client, implicit_tls=True)
        assert len(office.accepted) == 1


HANDED_OVER = {
    "accepted": ("accept", 1),
    "its reply lost": ("drop-after", 1),
    "refused before its text": ("refuse", 0),
    "cut before its text": ("drop-before", 0),
}


class TestHandingOver:
    """Right before the final dot somebody is told: from then on it may have been accepted."""

    @pytest.mark.parametrize(("behaviour", "times"), HANDED_OVER.values(), ids=HANDED_OVER)
    def test_it_is_told_once_and_only_if_it_comes_so_far(self, serve, message, behaviour, times):
        office, told = serve(behaviour), []

        async def telling():
            told.append(list(office.accepted))

        with suppress(MailError):
            asyncio.run(mailer(office).send(message(), handing_over=telling))
        assert told == [[]] * times

    def test_who_may_not_hand_it_over_any_more_does_not(self, serve, message):
        office = serve()

        async def another_has_it():
            raise StoreError("it is another's now")

        with pytest.raises(StoreError):
            asyncio.run(mailer(office).send(message(), handing_over=another_has_it))
        assert office.idle.wait(20)
        assert office.accepted == []


URLS = {
    "smtp://mail.example.org": ("mail.example.org", 25, "", False),
    "smtp://user@mail.example.org": ("mail.example.org", 587, "user", False),
    "smtp://us%40er@mail.example.org:2525": ("mail.example.org", 2525, "us@er", False),
    "smtps://user@mail.example.org": ("mail.example.org", 465, "user", True),
}


@pytest.mark.parametrize(("url", "told"), URLS.items(), ids=URLS)
def test_what_a_url_says(url, told, message):
    from datetime import timedelta

    found = SmtpSettings.from_url(
        url, password="p", sender="Monitor <m@example.org>", timeout=timedelta(seconds=9)
    )
    assert (found.host, found.port, found.user, found.implicit_tls) == told
    assert (found.sender, found.timeout) == ("m@example.org", 9)
    assert replace(found, password="").password == ""
