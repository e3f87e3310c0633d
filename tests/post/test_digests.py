"""Digests of an installation: due, frozen, sent, each hit once, whatever fails on the way."""

from __future__ import annotations

import email
from datetime import timedelta
from email.policy import default

import pytest

from monitor.errors import ConfigError

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def text_of(raw):
    message = email.message_from_bytes(raw, policy=default)
    return message.get_body(("plain",)).get_content()


@pytest.fixture
def slot(installation):
    """07:00 UTC of today, when the digest is due."""
    from datetime import UTC, datetime

    return datetime(2026, 11, 25, 7, tzinfo=UTC)


class TestDue:
    def test_a_digest_goes_out_in_its_slot_with_all_that_is_new(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", "b", at=slot - 3 * HOUR)
        done = app.send_digests(now=slot)
        assert (done.frozen, done.sent, done.failed, done.waiting) == (1, 1, 0, 0)
        [path] = installation.outbox
        assert done.files == [path]
        assert "1 new event waits for review" in text_of(path.read_bytes())

    def test_once_and_not_again_in_the_same_slot(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - HOUR)
        app.send_digests(now=slot)
        installation.news(app, "b", at=slot + MINUTE)
        again = app.send_digests(now=slot + HOUR)
        assert (again.frozen, again.sent) == (0, 0)
        assert len(installation.outbox) == 1

    def test_the_next_one_covers_exactly_what_came_since(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - HOUR)
        app.send_digests(now=slot)
        installation.news(app, "b", at=slot + MINUTE)
        app.send_digests(now=slot + DAY)
        first, second = (text_of(path.read_bytes()) for path in installation.outbox)
        assert "lot a" in first and "lot b" not in first
        assert "lot b" in second and "lot a" not in second

    def test_what_grew_is_an_update(self, installation, slot):
        app = installation.app(slot)
        event = installation.news(app, "a", at=slot - HOUR)
        app.send_digests(now=slot)
        installation.news(app, "b", at=slot + HOUR, event=event, role="independent", feed="gulf")
        app.send_digests(now=slot + DAY)
        assert "UPDATE, 1 item more" in text_of(installation.outbox[-1].read_bytes())

    def test_a_week_of_downtime_is_one_catch_up(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - HOUR)
        app.send_digests(now=slot)
        for day in range(1, 8):
            installation.news(app, f"b{day}", at=slot + day * DAY - HOUR)
        done = app.send_digests(now=slot + 7 * DAY + 5 * HOUR)
        assert done.sent == 1
        assert "7 new events" in text_of(installation.outbox[-1].read_bytes())
        assert app.send_digests(now=slot + 7 * DAY + 6 * HOUR).frozen == 0

    def test_before_its_first_slot_nothing_is_due(self, installation, slot):
        app = installation.app(slot - 3 * DAY)  # before this installation began
        assert app.send_digests(now=slot - 3 * DAY).as_text() == "nothing is due"

    def test_the_service_lets_a_new_subscription_wait_for_its_slot(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - HOUR)
        assert app.freeze_due(slot + HOUR) == 0
        assert app.freeze_due(slot + DAY - MINUTE) == 0
        assert app.freeze_due(slot + DAY) == 1

    def test_only_the_named_one(self, installation, slot):
        two = [
            {"name": name, "to": ["ana@example.org"], "schedule": "0 7 * * *"}
            for name in ("daily", "other")
        ]
        app = installation.app(slot, digests=two)
        assert app.send_digests(now=slot, name="other").sent == 1
        assert "-other-" in installation.outbox[0].name

    def test_a_name_that_is_none_says_which_there_are(self, installation, slot):
        with pytest.raises(ConfigError, match="daily"):
            installation.app(slot).send_digests(now=slot, name="dialy")


EMPTY = {
    "sent in one line": ("send", 1),
    "skipped where so chosen": ("skip", 0),
}


@pytest.mark.parametrize(("choice", "sent"), EMPTY.values(), ids=EMPTY)
def test_nothing_new(installation, slot, choice, sent):
    digest = {"name": "daily", "to": ["ana@example.org"], "schedule": "0 7 * * *"}
    app = installation.app(slot, digests=[digest | {"when_empty": choice}])
    assert app.send_digests(now=slot).sent == sent
    assert app.send_digests(now=slot + HOUR).sent == 0
    if sent:
        assert "Nothing found yet." in text_of(installation.outbox[0].read_bytes())
    installation.news(app, "a", at=slot + HOUR)
    assert app.send_digests(now=slot + DAY).sent == 1


@pytest.mark.parametrize("when_empty", ["send", "skip"])
def test_what_a_least_level_held_back_is_told_when_the_level_comes(installation, slot, when_empty):
    digest = {"name": "daily", "to": ["ana@example.org"], "schedule": "0 7 * * *"}
    digests = [digest | {"min_level": "elevated", "when_empty": when_empty}]
    app = installation.app(slot, digests=digests)
    installation.news(app, "old", at=slot - 40 * DAY)
    installation.news(app, "a", at=slot - HOUR)  # one event: low
    app.send_digests(now=slot)
    for number in range(3):
        installation.news(app, f"b{number}", at=slot + (5 + number) * HOUR)
    later = installation.app(slot + DAY, digests=digests)
    later.send_digests(now=slot + DAY)
    text = text_of(installation.outbox[-1].read_bytes())
    assert {lot for lot in ("old", "a", "b0", "b1", "b2") if f"lot {lot}" in text} == {
        "a",
        "b0",
        "b1",
        "b2",
    }
    later.send_digests(now=slot + 2 * DAY)
    told = [path for path in installation.outbox if "lot a" in text_of(path.read_bytes())]
    assert len(told) == 1


class TestManyReaders:
    def test_one_collection_many_digests(self, installation, slot):
        digests = [
            {"name": "all", "to": ["ana@example.org", "ben@example.org"], "schedule": "0 7 * * *"},
            {
                "name": "none",
                "to": ["cem@example.org"],
                "schedule": "0 7 * * *",
                "languages": ["fa"],
                "timezone": "Asia/Tehran",  # 03:30 UTC
            },
        ]
        app = installation.app(slot, digests=digests)
        installation.news(app, "a", at=slot - 5 * HOUR)
        assert app.send_digests(now=slot).sent == 3
        told = {path.name.split("-")[4]: text_of(path.read_bytes()) for path in installation.outbox}
        assert "lot a" in told["ana@example.org"] and "lot a" in told["ben@example.org"]
        assert "lot a" not in told["cem@example.org"]
        assert "Asia/Tehran" in told["cem@example.org"]

    def test_who_unsubscribed_gets_no_more_and_the_others_do(self, installation, slot):
        from monitor.digest import unsubscribe_token

        to = ["Ana <ana@example.org>", "ben@example.org"]
        app = installation.app(slot, digests=[{"name": "daily", "to": to, "schedule": "0 7 * * *"}])
        token = unsubscribe_token(app.house.secret, "daily", "ana@example.org")
        assert app.subscription_of(token) == ("daily", "ana@example.org")
        for _ in range(2):
            assert app.unsubscribe(token, now=slot) == ("daily", "ana@example.org")
        assert app.unsubscribe("made-up", now=slot) is None
        assert app.send_digests(now=slot).sent == 1
        assert "ben@" in installation.outbox[0].name


class TestWhateverFails:
    def test_an_assessment_that_fails_costs_the_levels_and_not_the_digest(
        self, installation, slot, monkeypatch
    ):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - HOUR)

        def broken(**_):
            raise ZeroDivisionError

        monkeypatch.setattr(app, "assessments", broken)
        assert app.send_digests(now=slot).sent == 1
        text = text_of(installation.outbox[0].read_bytes())
        assert "lot a" in text
        assert "Levels and evidence could not be worked out" in text

    def test_a_broken_template_costs_its_looks_and_not_the_digest(self, installation, slot):
        own = installation.folder / "templates" / "email"
        own.mkdir(parents=True)
        (own / "digest.html").write_text("{{ c.no_such_thing }}")
        app = installation.app(slot, operator={"to": ["ops@example.org"]})
        installation.news(app, "a", at=slot - HOUR)
        done = app.send_digests(now=slot)
        assert (done.frozen, done.sent) == (1, 2)  # the digest, and word of it to the operator
        digest = next(path for path in installation.outbox if "-ana@" in path.name)
        text = " ".join(text_of(digest.read_bytes()).split())
        assert "digest.html, line 1 cannot be used" in text
        notice = next(path for path in installation.outbox if "-ops@" in path.name)
        assert "no_such_thing" in notice.read_bytes().decode()

    def test_the_report_goes_with_what_is_left_out(self, installation, slot):
        digest = {"name": "daily", "to": ["ana@example.org"], "schedule": "0 7 * * *"}
        app = installation.app(slot, digests=[digest | {"max_events": 2}])
        for number in range(4):
            installation.news(app, f"a{number}", at=slot - HOUR)
        app.send_digests(now=slot)
        message = email.message_from_bytes(installation.outbox[0].read_bytes(), policy=default)
        [part] = message.iter_attachments()
        assert part.get_filename().startswith("report-2026-11-25.")


class TestPreview:
    def test_a_dry_run_writes_what_would_go_out_and_changes_nothing(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - HOUR)
        [path] = app.preview_digests(as_of=slot)
        assert "lot a" in text_of(path.read_bytes())
        assert installation.outbox == []
        assert app.store.outgoing() == []
        sent = app.send_digests(now=slot)
        assert sent.files[0].read_bytes() == path.read_bytes()

    def test_as_of_a_past_time_it_knows_nothing_later(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - 5 * HOUR)
        installation.news(app, "b", at=slot - HOUR)
        text = text_of(app.preview_digests(as_of=slot - 2 * HOUR)[0].read_bytes())
        assert "lot a" in text and "lot b" not in text

    def test_as_of_a_slot_that_was_sent_it_is_what_was_sent(self, installation, slot):
        app = installation.app(slot)
        installation.news(app, "a", at=slot - HOUR)
        app.send_digests(now=slot)
        installation.news(app, "b", at=slot + HOUR)
        app.send_digests(now=slot + DAY)
        [path] = app.preview_digests(as_of=slot)
        assert path.read_bytes() == installation.outbox[0].read_bytes()


def test_a_replay_marks_digests_as_sent_and_mails_none(installation, slot):
    app = installation.app(slot)
    app.note_digests(now=slot - 2 * DAY)
    installation.news(app, "a", at=slot - HOUR)
    app.note_digests(now=slot)
    installation.news(app, "b", at=slot + HOUR)
    app.send_digests(now=slot + DAY)
    [path] = installation.outbox
    text = text_of(path.read_bytes())
    assert "lot b" in text and "lot a" not in text
    assert "25–26 November" in text


def test_it_says_how_far_the_collection_had_come_and_by_which_rules(installation, slot):
    app = installation.app(slot)
    installation.news(app, "a", at=slot - HOUR)
    app.send_digests(now=slot)
    text = text_of(installation.outbox[0].read_bytes())
    assert "Data as of Wed 25 Nov 2026 07:00 UTC, poll 1." in text
    assert f"Rules of deals: {app.watches[0].rules[:12]}" in text


def test_every_job_of_the_service_runs(installation, slot):
    import asyncio

    app = installation.app(slot + DAY)
    installation.news(app, "a", at=slot - HOUR)
    app.freeze_due(slot)
    for job in app.mail_jobs():
        if asyncio.iscoroutinefunction(job.run):
            asyncio.run(job.run(slot + DAY))
        else:
            job.run(slot + DAY)
    assert [path.name[:10] for path in installation.outbox] == ["2026-11-25", "2026-11-26"]
