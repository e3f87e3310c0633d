"""Alerts, the operator's notices and the heartbeat of an installation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from monitor.digest.links import acknowledge_token
from monitor.errors import StoreError
from monitor.model import FeedState, LevelChange, Outgoing, Review

AT = datetime(2026, 11, 25, 7, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RULE = {"name": "duty", "to": ["duty@example.org"], "min_level": "elevated"}


@pytest.fixture
def alerted(installation):
    """``alerted(names, …)``: an app whose level has just been assessed after this news."""

    def made(*names, rule=None, at=AT, web=None, **more):
        app = installation.app(
            at, alerts=[RULE | (rule or {})], web=web or {}, digests=[], operator={}
        )
        app.reassess(at - 3 * HOUR)
        for name in names:
            installation.news(app, name, at=at - MINUTE, **more)
        app.reassess(at)
        return app

    return made


def alerts(app):
    return app.store.outgoing(kind="alert")


class TestAlerts:
    def test_a_level_that_rises_by_news_alerts_at_once_and_once(self, alerted, installation):
        app = alerted("a", "b")
        assert app.send_alerts(now=AT).sent == 1
        for minutes in (1, 5, 60):
            assert app.freeze_alerts(AT + minutes * MINUTE) == 0
        [path] = installation.outbox
        message = message_from_bytes(path.read_bytes(), policy=default)
        assert "rose to Elevated" in message["Subject"]
        assert "lot a" in message.get_body(("plain",)).get_content()

    @pytest.mark.parametrize(
        "how",
        [{"warm_up": True}, {"how": "import"}, {"how": "rematch"}],
        ids=["a first poll", "an import", "a rematch"],
    )
    def test_never_by(self, alerted, how):
        app = alerted("a", "b", **how)
        assert [each.after for each in app.store.level_changes()][-1] != "none"
        assert app.freeze_alerts(AT) == 0

    def test_below_the_chosen_level_it_is_silent(self, alerted):
        assert alerted("a", "b", rule={"min_level": "very-high"}).freeze_alerts(AT) == 0

    def test_quiet_hours_hold_it_until_the_morning(self, alerted):
        app = alerted("a", "b", rule={"quiet_hours": "22:00-08:00"})
        assert app.freeze_alerts(AT) == 0
        assert app.freeze_alerts(AT + HOUR) == 1

    def test_what_waited_for_two_days_is_left_to_the_digest(self, alerted):
        app = alerted("a", "b")
        assert app.freeze_alerts(AT + 49 * HOUR) == 0

    def test_it_is_repeated_until_acknowledged(self, alerted):
        web = {"public_url": "https://monitor.example.org"}
        app = alerted("a", "b", web=web, rule={"repeat": "4h"})
        assert app.freeze_alerts(AT) == 1
        assert app.freeze_alerts(AT + 4 * HOUR) == 1
        key = alerts(app)[0].slot
        token = acknowledge_token(app.house.secret, key)
        assert app.alert_of(token) == key
        assert app.acknowledge(token, by="duty", now=AT + 5 * HOUR) == key
        assert app.freeze_alerts(AT + 9 * HOUR) == 0
        assert app.acknowledge("made-up", by="duty", now=AT) is None

    def test_where_nobody_can_acknowledge_nothing_is_repeated(self, alerted):
        app = alerted("a", "b", rule={"repeat": "4h"})
        assert app.freeze_alerts(AT) == 1
        assert app.freeze_alerts(AT + 5 * HOUR) == 0

    def test_a_watched_event_with_a_second_origin(self, alerted, installation):
        app = alerted(rule={"min_level": "very-high"})
        event = installation.news(app, "a", at=AT - 5 * HOUR)
        app.store.add_review(
            Review(
                event=event,
                watch="deals",
                indicator="drones",
                status="second-look",
                by="ana",
                at=AT - 4 * HOUR,
            )
        )
        assert app.freeze_alerts(AT) == 0
        installation.news(app, "b", at=AT, event=event, role="independent", feed="gulf")
        assert app.freeze_alerts(AT) == 1
        assert "second independent origin" in alerts(app)[0].subject
        assert app.freeze_alerts(AT + HOUR) == 0

    def test_a_hit_in_an_alert_is_still_in_the_digest(self, alerted):
        app = alerted("a", "b")
        app.freeze_alerts(AT)
        assert len(app.store.unsent_hits("daily", "ana@example.org")) == 2


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise looks whether it is there
class TestChat:
    def test_the_same_to_a_webhook_with_its_secret_in_no_outbox(self, alerted, loopback):
        loopback.give("/hook/s3cret", "")
        hook = loopback.url.replace("http://", "json://") + "/hook/s3cret"
        app = alerted("a", "b", rule={"to": [], "notify": [hook]})
        assert app.send_alerts(now=AT).sent == 1
        [(method, path, _)] = loopback.requests
        assert (method, path) == ("POST", "/hook/s3cret")
        [message] = alerts(app)
        assert message.recipient.startswith("chat:json:")
        assert "s3cret" not in message.recipient + message.error + str(message.body)

    def test_a_webhook_that_is_down_is_tried_again(self, alerted, loopback):
        hook = loopback.url.replace("http://", "json://") + "/missing"
        app = alerted("a", "b", rule={"to": [], "notify": [hook]})
        assert app.send_alerts(now=AT).waiting == 1
        loopback.give("/missing", "")
        assert app.deliver(AT + 2 * MINUTE).sent == 1


class TestNotices:
    @pytest.fixture
    def app(self, installation):
        app = installation.app(AT, operator={"to": ["ops@example.org"]})
        installation.news(app, "a", at=AT - MINUTE)
        installation.news(app, "b", at=AT - MINUTE, feed="gulf")
        app.freeze_notices(AT)
        return app

    def fail(self, app, feed="gulf", health="failing", since=AT - 25 * HOUR):
        state = FeedState(
            health=health, cause="it answers 404", since_at=since, polls=5, last_polled_at=AT
        )
        app.store.set_feed_state(feed, state)

    def subjects(self, app):
        return [each.subject for each in app.store.outgoing(kind="operator")]

    def test_all_is_well_and_nobody_is_told(self, app):
        assert self.subjects(app) == []

    def test_a_dead_feed_once_and_again_when_it_is_mended(self, app):
        self.fail(app)
        for minutes in range(5):
            app.freeze_notices(AT + minutes * MINUTE)
        self.fail(app, health="ok")
        for minutes in range(5, 10):
            app.freeze_notices(AT + minutes * MINUTE)
        assert self.subjects(app) == [
            "Monitor operator: Feed Gulf fails: it answers 404",
            "Monitor operator: mended: Feed Gulf fails: it answers 404",
        ]

    def test_a_feed_that_has_failed_for_an_hour_is_no_business_of_the_operator(self, app):
        self.fail(app, since=AT)
        app.freeze_notices(AT + HOUR)
        assert self.subjects(app) == []
        app.freeze_notices(AT + 24 * HOUR)
        assert self.subjects(app) == ["Monitor operator: Feed Gulf fails: it answers 404"]

    def test_undeliverable_mail(self, app, installation, serve):
        office = serve("refuse")
        office.refuse["ana@example.org"] = "550 no"
        mailing = installation.app(
            AT, mail={"url": office.url}, operator={"to": ["ops@example.org"]}
        )
        mailing.send_digests(now=AT)
        mailing.freeze_notices(AT)
        [subject] = self.subjects(mailing)
        assert "could not be delivered" in mailing.store.outgoing(kind="operator")[0].body.decode()
        assert subject.startswith("Monitor operator: The digest")

    def many(self, app, state, *, at, minutes=0):
        """So many messages to readers that not each can be told."""
        for number in range(40):
            message = Outgoing(
                kind="digest",
                subscription="daily",
                recipient=f"{state}-{minutes}-{number}@example.org",
                slot=f"{at:%Y-%m-%dT%H:%M} UTC",
                message_id=f"<{state}-{minutes}-{number}@example.org>",
                subject="Daily",
                body=b"",
                created_at=at,
                state=state,
                attempts=1,
                next_try_at=at + 10 * HOUR if state == "waiting" else None,
                error="deferred",
            )
            assert app.store.freeze(message) is not None

    def test_mail_that_waits_is_not_mended_by_newer_mail_that_waits_too(self, app):
        self.many(app, "waiting", at=AT - 3 * HOUR)
        app.freeze_notices(AT)
        self.many(app, "waiting", at=AT, minutes=1)
        app.freeze_notices(AT + MINUTE)
        [subject] = self.subjects(app)
        assert subject.startswith("Monitor operator: Mail has been waiting")

    def test_a_failed_message_is_not_mended_by_many_that_failed_after_it(
        self, app, installation, serve
    ):
        self.test_undeliverable_mail(app, installation, serve)
        self.many(app, "failed", at=AT)
        for minutes in range(3):
            app.freeze_notices(AT + minutes * MINUTE)
        _, second = self.subjects(app)
        assert second.startswith("Monitor operator: More than 30 digests and alerts")
        bodies = [each.body.decode() for each in app.store.outgoing(kind="operator")]
        assert not any("MENDED" in body for body in bodies)

    def test_coverage_that_stays_lost(self, app):
        lost = LevelChange(
            watch="deals",
            indicator="drones",
            at=AT,
            before="none",
            after="no-coverage",
            cause="no feed that could carry it was read since 1 November 2026",
            rules="r",
        )
        app.store.add_level_changes([lost])
        app.freeze_notices(AT + 10 * MINUTE)
        assert self.subjects(app) == []
        for minutes in (40, 50):
            app.freeze_notices(AT + minutes * MINUTE)
        again = replace(lost, at=AT + HOUR, before="no-coverage", after="none")
        app.store.add_level_changes([again])
        app.freeze_notices(AT + HOUR)
        told = "Indicator drones has no coverage"
        assert [
            subject.startswith(f"Monitor operator: {told}") for subject in self.subjects(app)
        ] == [
            True,
            False,
        ]
        assert "mended" in self.subjects(app)[1]

    def test_nobody_polls(self, app):
        state = FeedState(polls=5, last_polled_at=AT, next_due_at=AT + HOUR)
        app.store.set_feed_state("gulf", state)
        app.freeze_notices(AT + HOUR + 59 * MINUTE)
        assert self.subjects(app) == []
        app.freeze_notices(AT + 3 * HOUR)
        assert self.subjects(app) == ["Monitor operator: No feed is polled any more"]

    def test_a_store_in_trouble_is_told_past_the_outbox_once_and_when_mended(
        self, app, installation, monkeypatch
    ):
        before = len(installation.outbox)
        with monkeypatch.context() as broken:

            def refuse(*_, **__):
                raise StoreError("the disk is full", subject="monitor.db")

            broken.setattr(app.store, "feeds", refuse)
            for _ in range(3):
                with pytest.raises(StoreError):
                    app.freeze_notices(AT)
        told = [path.read_bytes() for path in installation.outbox[before:]]
        assert len(told) == 1
        assert b"the disk is full" in told[0]
        app.freeze_notices(AT + MINUTE)
        app.freeze_notices(AT + 2 * MINUTE)
        assert len(installation.outbox) == before + 2

    def test_a_store_that_can_be_read_but_not_written_is_told_once(
        self, app, installation, monkeypatch
    ):
        """A full disk: what is read says nothing of what can be written."""
        before = len(installation.outbox)
        self.fail(app)

        def refuse(*_, **__):
            raise StoreError("the disk is full", subject="monitor.db")

        with monkeypatch.context() as broken:
            broken.setattr(app.store, "freeze", refuse)
            broken.setattr(app.store, "set_meta", refuse)
            for minute in range(4):
                with pytest.raises(StoreError):
                    app.freeze_notices(AT + minute * MINUTE)
        assert len(installation.outbox) == before + 1
        app.freeze_notices(AT + 9 * MINUTE)
        assert len(installation.outbox) == before + 2

    def test_a_digest_that_cannot_be_made_is_told_and_when_it_could_be(self, app, monkeypatch):
        def break_down(*_, **__):
            raise ValueError("a bug")

        with monkeypatch.context() as broken:
            broken.setattr(app, "_due", break_down)
            app.freeze_due(AT)
        app.freeze_notices(AT)
        told = [each for each in self.subjects(app) if "The digest daily" in each]
        assert len(told) == 1
        assert app.unmade_digests
        app.freeze_due(AT + MINUTE)
        assert not app.unmade_digests

    def test_without_an_operator_nothing_is_frozen(self, installation):
        app = installation.app(AT)
        self.fail(app)
        assert app.freeze_notices(AT) == 0


class TestHeartbeat:
    def test_one_call_for_each_good_cycle(self, installation, loopback):
        url = loopback.give("/beat", "ok")
        app = installation.app(AT, operator={"heartbeat_url": url})
        for minutes, good in ((0, None), (15, 15), (16, 15), (30, 30)):
            if good is not None:
                state = FeedState(last_good_at=AT + good * MINUTE, polls=1)
                app.store.set_feed_state("gulf", state)
            asyncio.run(app.heartbeat_due(AT + minutes * MINUTE))
        assert [path for _, path, _ in loopback.requests] == ["/beat", "/beat"]

    def test_a_watchdog_that_does_not_answer_is_an_error_of_the_job(self, installation):
        from monitor.errors import MailError

        app = installation.app(AT, operator={"heartbeat_url": "http://127.0.0.1:9/beat"})
        app.store.set_feed_state("gulf", FeedState(last_good_at=AT, polls=1))
        with pytest.raises(MailError, match="heartbeat"):
            asyncio.run(app.heartbeat_due(AT))
