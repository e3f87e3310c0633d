"""From the outbox to a server that refuses, stalls and hangs up: each message once, or shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.app.mailing import BACK_OFF, GIVE_UP, TWICE, perhaps_accepted, verdict
from monitor.errors import ConfigError, MailError
from monitor.mail import LostReplyError
from monitor.model import Outgoing
from monitor.store.outbox import CUT_OFF

SLOT = datetime(2026, 11, 25, 7, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def ready(installation, serve):
    """``ready(behaviour, to=…)``: (app, post office) with news for these readers."""

    def made(behaviour="accept", *, to=("ana@example.org",), timeout="10s"):
        office = serve(behaviour)
        digest = {"name": "daily", "to": list(to), "schedule": "0 7 * * *"}
        app = installation.app(
            SLOT,
            digests=[digest],
            mail={"url": office.url, "sender": "Monitor <monitor@example.org>", "timeout": timeout},
        )
        installation.news(app, "a", at=SLOT - HOUR)
        return app, office

    return made


def states(app):
    return [each.state for each in app.store.outgoing()]


class TestOutcomes:
    def test_accepted_is_sent(self, ready):
        app, office = ready()
        assert app.send_digests(now=SLOT).sent == 1
        [message] = app.store.outgoing()
        assert (message.state, message.attempts, message.error) == ("sent", 1, "")
        assert [each.raw for each in office.accepted] == [message.body]

    def test_one_refused_recipient_blocks_nobody(self, ready):
        app, office = ready(to=["no@example.org", "ana@example.org", "ben@example.org"])
        office.refuse["no@example.org"] = "550 5.1.1 no such mailbox"
        done = app.send_digests(now=SLOT)
        assert (done.sent, done.failed) == (2, 1)
        assert "no such mailbox" in done.errors[0]
        assert {each.recipient for each in office.accepted} == {
            "ana@example.org",
            "ben@example.org",
        }

    def test_deferred_waits_and_backs_off_with_the_same_bytes(self, ready):
        behaviours = iter(["defer", "defer", "accept"])
        app, office = ready(lambda: next(behaviours))
        assert app.send_digests(now=SLOT).waiting == 1
        assert app.deliver(SLOT + MINUTE - timedelta(seconds=1)).as_text() == "nothing is due"
        assert app.deliver(SLOT + MINUTE + timedelta(seconds=5)).waiting == 1
        assert app.deliver(SLOT + 5 * MINUTE).as_text() == "nothing is due"
        assert app.deliver(SLOT + 7 * MINUTE).sent == 1
        [message] = app.store.outgoing()
        assert (message.attempts, message.error) == (3, "")  # a deferral is no second copy
        assert [each.raw for each in office.accepted] == [message.body]

    @pytest.mark.parametrize("behaviour", ["drop-after", "drop-unread"])
    def test_a_lost_reply_is_shown_and_not_repeated_at_once(self, ready, behaviour):
        behaviours = iter([behaviour, "accept"])
        app, office = ready(lambda: next(behaviours))
        done = app.send_digests(now=SLOT)
        assert states(app) == ["possibly-sent"]
        assert TWICE in done.errors[0]
        assert app.deliver(SLOT + 29 * MINUTE).as_text() == "nothing is due"
        assert app.deliver(SLOT + 31 * MINUTE).sent == 1
        [message] = app.store.outgoing()
        assert message.state == "sent"
        assert message.error.startswith(TWICE)
        assert len({each.raw for each in office.accepted}) == 1

    def test_a_stalling_server_costs_the_time_allowed(self, ready):
        app, _ = ready("stall", timeout="1s")
        app.send_digests(now=SLOT)
        assert states(app) == ["possibly-sent"]

    def test_nobody_listening_waits(self, installation):
        app = installation.app(SLOT, mail={"url": "smtp://127.0.0.1:9", "timeout": "5s"})
        assert app.send_digests(now=SLOT).waiting == 1

    def test_a_bug_in_the_mailer_loses_nothing(self, ready, monkeypatch):
        app, _ = ready()

        async def broken(*_, **__):
            raise ZeroDivisionError

        monkeypatch.setattr(app.mailer, "send", broken)
        assert app.send_digests(now=SLOT).waiting == 1
        assert "ZeroDivisionError" in app.store.outgoing()[0].error


class TestByHand:
    def test_a_failed_message_is_tried_again_by_hand(self, ready):
        app, office = ready("refuse")
        app.send_digests(now=SLOT)
        [message] = app.store.outgoing(state="failed")
        office.behave = lambda: "accept"
        assert app.retry(message.number, now=SLOT + HOUR).sent == 1
        assert office.accepted[0].id == message.message_id

    def test_a_number_that_is_none(self, ready):
        app, _ = ready()
        with pytest.raises(ConfigError, match="message 99"):
            app.outgoing(99)

    def test_a_test_message(self, ready):
        app, office = ready()
        assert "accepted by 127.0.0.1" in app.mail_test("ops@example.org", now=SLOT)
        assert office.accepted[0].recipient == "ops@example.org"
        assert app.store.outgoing() == []

    def test_a_test_message_that_is_refused_says_so(self, ready):
        app, _ = ready("refuse")
        with pytest.raises(MailError, match="550"):
            app.mail_test("ops@example.org", now=SLOT)


# ── What an attempt's end means ──────────────────────────────────────────────────────────────────


def message(**more):
    known = {
        "number": 1,
        "kind": "digest",
        "subscription": "daily",
        "recipient": "ana@example.org",
        "slot": "s",
        "message_id": "<1@example.org>",
        "subject": "Digest",
        "body": b"",
        "created_at": SLOT,
        "attempts": 1,
    }
    return Outgoing(**known | more)


REFUSED = MailError("550", permanent=True)
DEFERRED = MailError("451")
LOST = LostReplyError("the reply was lost")

VERDICTS = {
    "accepted": (message(), None, "sent", None),
    "refused": (message(), REFUSED, "failed", None),
    "deferred first": (message(), DEFERRED, "waiting", BACK_OFF[0]),
    "deferred for the third time": (
        message(attempts=3, error="451"),
        DEFERRED,
        "waiting",
        BACK_OFF[2],
    ),
    "deferred for the tenth": (
        message(attempts=10, error="451"),
        DEFERRED,
        "waiting",
        BACK_OFF[-1],
    ),
    "the reply lost": (message(), LOST, "possibly-sent", 30 * MINUTE),
    "lost again": (message(attempts=2, error=TWICE), LOST, "possibly-sent", HOUR),
    "lost again and again": (message(attempts=9, error=TWICE), LOST, "possibly-sent", 24 * HOUR),
    "deferred after a loss": (
        message(attempts=2, error=TWICE),
        DEFERRED,
        "possibly-sent",
        BACK_OFF[1],
    ),
    "a bug": (message(), ZeroDivisionError(), "waiting", BACK_OFF[0]),
}


@pytest.mark.parametrize(("tried", "problem", "state", "wait"), VERDICTS.values(), ids=VERDICTS)
def test_an_attempt_and_its_end(tried, problem, state, wait):
    found, words, again = verdict(tried, problem, SLOT)
    assert found == state
    assert again == (None if wait is None else SLOT + wait)
    assert bool(words) is (problem is not None)


LATE = {
    "deferred": (message(attempts=30, error="451"), DEFERRED, "failed", None),
    "the reply lost again": (message(attempts=9, error=TWICE), LOST, "possibly-sent", None),
    "lost for the first time": (message(attempts=1), LOST, "possibly-sent", 30 * MINUTE),
}


@pytest.mark.parametrize(("tried", "problem", "state", "wait"), LATE.values(), ids=LATE)
def test_after_five_days_it_is_given_up_and_shown(tried, problem, state, wait):
    late = SLOT + GIVE_UP - MINUTE
    found, _, again = verdict(tried, problem, late)
    assert (found, again) == (state, None if wait is None else late + wait)


CUT_OFF = {
    "a first attempt": (message(attempts=1), False),
    "after one that was deferred": (message(attempts=2, error="451"), False),
    "after one whose reply was lost": (message(attempts=2, error=f"{TWICE} if…"), True),
    "after one whose process died": (message(attempts=2, error=CUT_OFF), True),
}


@pytest.mark.parametrize(("tried", "twice"), CUT_OFF.values(), ids=CUT_OFF)
def test_what_was_perhaps_accepted_is_said_so_when_it_is_sent(tried, twice):
    assert perhaps_accepted(tried) is twice
    _, words, _ = verdict(tried, None, SLOT)
    assert words.startswith(TWICE) is twice


def test_the_schedule_of_deferrals_is_1_5_15_60_minutes_then_hourly_for_five_days():
    at, tried, gaps = SLOT, message(attempts=0), []
    while True:
        tried = replace(tried, attempts=tried.attempts + 1, error="451")
        state, _, again = verdict(tried, DEFERRED, at)
        if again is None:
            break
        gaps.append((again - at) / MINUTE)
        at = again
    assert gaps[:5] == [1, 5, 15, 60, 60]
    assert set(gaps[4:]) == {60}
    assert state == "failed"
    assert timedelta(days=4, hours=22) < at - SLOT < GIVE_UP


class TestStopping:
    """SIGTERM while a message is under way."""

    async def stop_when_it_arrives(self, app, office):
        app.freeze_due(SLOT, at_once=True)
        task = asyncio.ensure_future(app.deliver_due(SLOT))
        await asyncio.to_thread(office.arrived.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def test_what_is_nearly_done_gets_done(self, ready):
        app, office = ready()
        office.delay = lambda: 0.5
        asyncio.run(self.stop_when_it_arrives(app, office))
        assert states(app) == ["sent"]
        assert len(office.accepted) == 1

    def test_what_stalls_stays_claimed_and_is_taken_up_again_as_possibly_twice(
        self, ready, monkeypatch
    ):
        monkeypatch.setattr("monitor.app.mailing.LAST_WORD", 0.2)
        behaviours = iter(["stall", "accept"])
        app, office = ready(lambda: next(behaviours), timeout="60s")
        asyncio.run(self.stop_when_it_arrives(app, office))
        assert states(app) == ["sending"]
        assert app.deliver(SLOT + 6 * MINUTE).as_text() == "nothing is due"
        assert states(app) == ["possibly-sent"]
        assert app.deliver(SLOT + 34 * MINUTE).as_text() == "nothing is due"
        assert app.deliver(SLOT + 36 * MINUTE).sent == 1
        assert app.store.outgoing()[0].error.startswith(TWICE)
