"""Feeds in, hits stored, digest mailed, report written: through real loopback HTTP and SMTP servers."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest

NEWS = (
    ("1", "Iran sends drones to Russia", "Two hundred of them, officials say."),
    ("2", "Иран передал России беспилотники", "Источник."),
    ("3", "Iran shows a drone in a museum", "Nothing else."),
    ("4", "Weather in Oslo", "Rain."),
)


def _state(installation: Any, now: datetime) -> dict[str, Any]:
    hits = installation.run("hits", "--json", now=now).json
    events = installation.run("events", "--json", now=now).json
    return {
        "hits": sorted((hit["item"], hit["indicator"], hit["score"]) for hit in hits),
        "events": sorted((event["id"], *event["items"]) for event in events),
    }


@pytest.fixture
def polled(installation: Any, loopback: Any, rss: Any, now: datetime) -> Any:
    installation.feeds = [loopback.give("/a.xml", rss(*NEWS), ETag='"1"')]
    installation.write()
    done = installation.run("poll", "--json", now=now)
    assert done.code == 0, done.err
    installation.first = done.json
    return installation


def test_a_poll_brings_items_and_hits(polled: Any, now: datetime) -> None:
    assert polled.first["feeds"] == {"polled": 1, "not_modified": 0, "failed": 0}
    assert polled.first["items"] == {"new": 4, "updated": 0, "duplicate": 0, "dropped": 0}
    assert polled.first["hits"] == 2
    hits = polled.run("hits", "--json", now=now).json
    english = next(hit for hit in hits if hit["lang"] == "en")
    assert english["indicator"] == "drones"
    words = [english[span["field"]][span["start"] : span["end"]] for span in english["spans"]]
    assert {"Iran", "drones", "Russia"} <= set(words)


def test_polling_again_changes_nothing(polled: Any, now: datetime) -> None:
    before = _state(polled, now)
    again = polled.run("poll", "--all", "--json", now=now + timedelta(hours=1)).json
    assert again["feeds"] == {"polled": 1, "not_modified": 1, "failed": 0}
    assert again["items"]["new"] == 0
    assert _state(polled, now) == before


def test_a_feed_that_is_not_due_is_not_asked(polled: Any, loopback: Any, now: datetime) -> None:
    asked = len(loopback.requests)
    assert polled.run("poll", "--json", now=now + timedelta(seconds=5)).json["feeds"]["polled"] == 0
    assert len(loopback.requests) == asked


def test_an_edited_item_updates_and_never_returns_as_new(
    polled: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    edited = (("1", "Iran sends drones to Russia: 300 of them", "Corrected."), *NEWS[1:])
    loopback.give("/a.xml", rss(*edited), ETag='"2"')
    again = polled.run("poll", "--all", "--json", now=now + timedelta(hours=1)).json
    assert again["items"] == {"new": 0, "updated": 1, "duplicate": 3, "dropped": 0}
    assert len(polled.run("hits", "--json", now=now).json) == 2


def test_a_hit_that_an_edit_made_untrue_is_withdrawn(
    polled: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    edited = (("1", "Oman denies everything", "Corrected."), *NEWS[1:])
    loopback.give("/a.xml", rss(*edited), ETag='"2"')
    polled.run("poll", "--all", now=now + timedelta(hours=1))
    assert [hit["lang"] for hit in polled.run("hits", "--json", now=now).json] == ["ru"]


def test_an_archive_that_a_feed_shows_again_is_kept_and_is_no_news(
    polled: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    polled.more = '\n[[alerts]]\nname = "duty"\nto = ["duty@example.org"]\nmin_level = "low"\n'
    polled.write()
    later = now + timedelta(days=400)
    polled.run("poll", "--all", now=later - timedelta(minutes=15))
    sites = ("Tabriz", "Oryol", "Kazan", "Tula", "Samara", "Omsk", "Perm", "Ufa", "Tver", "Pskov")
    archive = [
        (f"old{n}", f"Iran sends drones to Russia via {site}", "") for n, site in enumerate(sites)
    ]
    loopback.give("/a.xml", rss(*archive), ETag='"2"')
    brought = polled.run("poll", "--all", "--json", now=later).json
    assert (brought["items"]["new"], brought["hits"]) == (10, 10)
    assert len(polled.run("hits", "--json", now=later).json) == 12
    (watch,) = polled.run("board", "--json", now=later).json["watches"]
    assert {each["id"]: each["level"] for each in watch["indicators"]}["drones"] == "none"
    assert not list(polled.folder.glob("outbox/*duty*"))
    preview = polled.run("digest", "--dry-run", now=later + timedelta(days=1)).out.strip()
    mail = message_from_bytes(Path(preview).read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    text = mail.get_body(("plain",)).get_content()
    assert "all new at once, so stored but not listed: Outlet 0 (10 items)" in " ".join(
        text.split()
    )


def test_one_bad_feed_never_stops_a_cycle(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    installation.feeds = [
        loopback.give("/bad.xml", "<html><body>Sign in</body></html>", Content_Type="text/html"),
        loopback.url + "/missing.xml",
        loopback.give("/a.xml", rss(*NEWS)),
        "http://127.0.0.1:1/refused.xml",
    ]
    installation.write()
    done = installation.run("poll", "--json", now=now)
    assert done.code == 3
    assert done.json["feeds"] == {"polled": 4, "not_modified": 0, "failed": 3}
    assert done.json["hits"] == 2
    feeds = {feed["id"]: feed for feed in installation.run("feeds", "list", "--json", now=now).json}
    assert feeds["feed2"]["health"] == "ok"
    for id in ("feed0", "feed1", "feed3"):
        assert feeds[id]["cause"]
        assert feeds[id]["failures"] == 1


def test_validators_are_stored_only_with_the_items_they_came_with(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    """An answer that could not be read must be asked for again in full."""
    installation.feeds = [loopback.give("/a.xml", "<rss", ETag='"1"')]
    installation.write()
    installation.run("poll", now=now)
    loopback.give("/a.xml", rss(*NEWS), ETag='"1"')
    again = installation.run("poll", "--all", "--json", now=now + timedelta(hours=1)).json
    assert again["items"]["new"] == 4


def test_the_same_link_in_two_feeds_is_one_item(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    installation.feeds = [
        loopback.give("/a.xml", rss(*NEWS)),
        loopback.give("/b.xml", rss(*NEWS)),
    ]
    installation.write()
    done = installation.run("poll", "--json", now=now).json
    assert (done["items"]["new"], done["items"]["duplicate"]) == (4, 4)
    assert done["hits"] == 2


@pytest.mark.parametrize("polled", [0, 1], ids=["at the first poll", "later"])
def test_hits_are_of_their_item_where_a_feed_gives_one_guid_to_all(
    installation: Any, loopback: Any, rss: Any, now: datetime, polled: int
) -> None:
    old = rss(("old", "Weather", "It rains"))
    both = rss(("one", *NEWS[0][1:]), ("two", "Weather in Oslo", "It rains"))
    for guid in ("one", "two"):
        both = both.replace(f"'>{guid}</guid>", "'>same</guid>")
    installation.feeds = [loopback.give("/a.xml", old if polled else both)]
    installation.write()
    for hour in range(polled + 1):
        done = installation.run("poll", "--all", "--json", now=now + timedelta(hours=hour)).json
        loopback.give("/a.xml", both)
    assert (done["items"]["new"], done["hits"]) == (2, 1)
    (hit,) = installation.run("hits", "--json").json
    assert hit["title"] == NEWS[0][1]


# ── Digests ──────────────────────────────────────────────────────────────────────────────────────


def _text(message: Message) -> str:
    parts = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    payload = parts[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


@pytest.fixture
def mailing(installation: Any, loopback: Any, rss: Any, smtp_server: Any, now: datetime) -> Any:
    installation.mail = smtp_server.url
    installation.feeds = [loopback.give("/a.xml", rss(*NEWS), ETag='"1"')]
    installation.write()
    installation.run("poll", now=now - timedelta(hours=2))
    installation.run("digest", now=now - timedelta(hours=2))
    smtp_server.messages.clear()
    return installation


def test_a_digest_is_mailed_when_it_is_due_and_once(
    mailing: Any, smtp_server: Any, now: datetime
) -> None:
    assert mailing.run("digest", now=now).code == 0
    (message,) = smtp_server.messages
    assert message["To"] == "analyst@example.org"
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}
    assert "Iran sends drones to Russia" in _text(message)
    mailing.run("digest", now=now + timedelta(minutes=5))
    assert len(smtp_server.messages) == 1


def test_the_next_digest_covers_only_what_came_since(
    mailing: Any, smtp_server: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    mailing.run("digest", now=now)
    fresh = ("9", "Minister of Iran visits Russia", "In Moscow.")
    loopback.give("/a.xml", rss(fresh, *NEWS), ETag='"2"')
    later = now + timedelta(days=1)
    mailing.run("poll", "--all", now=later - timedelta(hours=1))
    mailing.run("digest", now=later)
    _, second = smtp_server.messages
    assert "Minister of Iran visits Russia" in _text(second)
    assert "Iran sends drones to Russia" not in _text(second)


def test_a_refused_digest_waits_and_goes_out_as_the_same_bytes(
    mailing: Any, smtp_server: Any, now: datetime
) -> None:
    smtp_server.reply = "451 come back later"
    first = mailing.run("digest", "--json", now=now)
    assert first.code == 3 or first.json["waiting"] == 1
    (waiting,) = [
        each
        for each in mailing.run("outbox", "list", "--json", now=now).json
        if each["state"] == "waiting"
    ]
    smtp_server.reply = "250 accepted"
    mailing.run("digest", now=now + timedelta(hours=1))
    (message,) = smtp_server.messages
    assert message["Message-ID"] == waiting["message_id"]


def test_a_dry_run_writes_files_and_changes_nothing(
    mailing: Any, smtp_server: Any, now: datetime
) -> None:
    done = mailing.run("digest", "--dry-run", now=now)
    assert done.code == 0
    assert all(path.endswith(".eml") for path in done.out.split())
    assert smtp_server.messages == []
    mailing.run("digest", now=now)
    assert len(smtp_server.messages) == 1


def test_without_a_server_digests_are_files(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    installation.feeds = [loopback.give("/a.xml", rss(*NEWS))]
    installation.write()
    installation.run("poll", now=now - timedelta(hours=2))
    installation.run("digest", now=now - timedelta(hours=2))
    done = installation.run("digest", "--json", now=now)
    (path,) = done.json["files"]
    assert path.endswith(".eml")
    assert list((installation.folder / "outbox").glob("*.eml"))


# ── Report, board, import, match ─────────────────────────────────────────────────────────────────


def test_the_report_is_one_file_with_marked_evidence(polled: Any, now: datetime) -> None:
    done = polled.run("report", "-o", "out.html", now=now)
    assert done.code == 0, done.err
    page = (polled.folder / "out.html").read_text(encoding="utf-8")
    assert "<mark>drones</mark>" in page or ">drones</mark>" in page
    assert "https://outlet.example/1" in page
    for outside in ("<script", "<link ", "src=", "@import"):
        assert outside not in page
    assert not re.findall(r"url\((?!#)", page), "a style may point into the page only"


def test_a_hostile_title_is_harmless_in_the_report(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    title = "Iran sends drones to Russia <script>alert(1)</script>\" onmouseover='x'"
    installation.feeds = [
        loopback.give("/a.xml", rss(("javascript:x", title, "<img src=x onerror=y>")))
    ]
    installation.write()
    installation.run("poll", now=now)
    installation.run("report", "-o", "out.html", now=now)
    page = (installation.folder / "out.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "onerror" not in page
    assert "Content-Security-Policy" in page


def test_the_board_has_levels_and_evidence(polled: Any, now: datetime) -> None:
    (watch,) = polled.run("board", "--json", now=now).json["watches"]
    drones = next(each for each in watch["indicators"] if each["id"] == "drones")
    assert drones["events"] >= 1
    assert drones["level"] in ("low", "elevated", "high")
    assert {each["id"] for each in watch["hypotheses"]} == {"H1", "H2"}


def test_an_import_is_idempotent_and_counts_what_is_no_item(
    installation: Any, now: datetime
) -> None:
    lines = [
        {"id": "a", "title": "Iran sends drones to Russia", "published_at": "2026-11-20T10:00:00Z"},
        {"id": "b", "title": "Weather", "summary": "<p>Rain &amp; wind</p>"},
    ]
    file = installation.folder / "items.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\nnonsense\n", encoding="utf-8")
    first = installation.run("import", str(file), "--json", now=now)
    assert first.code == 3
    assert first.json["items"] == {"new": 2, "updated": 0, "duplicate": 0, "dropped": 1}
    assert "items.jsonl:3" in first.err
    again = installation.run("import", str(file), "--json", now=now).json
    assert again["items"]["new"] == 0
    assert len(installation.run("hits", "--json", now=now).json) == 1


def test_an_archive_is_first_seen_when_it_was_published(installation: Any, now: datetime) -> None:
    file = installation.folder / "items.jsonl"
    file.write_text(
        json.dumps(
            {
                "id": "a",
                "title": "Iran sends drones to Russia",
                "published_at": "2022-10-20T10:00:00Z",
            }
        )
    )
    installation.run("import", str(file), "--seen-at", "published", now=now)
    (event,) = installation.run("events", "--json", now=now).json
    assert event["first_seen_at"] == "2022-10-20T10:00:00Z"


def test_match_needs_no_database(installation: Any, now: datetime) -> None:
    file = installation.folder / "items.jsonl"
    file.write_text(json.dumps({"id": "a", "title": "<b>Iran</b> sends drones to Russia"}) + "\n")
    done = installation.run("match", str(file), now=now)
    row = json.loads(done.out)
    assert row["title"] == "Iran sends drones to Russia"
    (hit,) = row["hits"]
    assert {"indicator", "watch", "item", "rules", "score", "stage", "spans", "query"} <= set(hit)
    assert not (installation.folder / "db").exists()


def test_a_bad_line_is_told_by_its_number_and_the_others_go_on(
    installation: Any, now: datetime
) -> None:
    good = json.dumps({"id": "a", "title": "Iran sends drones to Russia"}).encode()
    lines = [good] * 300 + [b"[" * 100_000, b'{"title": "\xff"}', b"nonsense", good]
    file = installation.folder / "items.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    for jobs in ("1", "2"):
        done = installation.run("match", str(file), "--jobs", jobs, now=now)
        assert done.code == 3
        assert len(done.out.splitlines()) == 302
        assert "items.jsonl:301" in done.err
        assert "items.jsonl:303" in done.err


def test_a_file_that_is_no_feed_does_not_keep_the_others_out(
    installation: Any, now: datetime
) -> None:
    (installation.folder / "bad.xml").write_text("<html><body>no</body></html>")
    (installation.folder / "ok.jsonl").write_text('{"id": "a", "title": "Iran, drones, Russia"}')
    done = installation.run("import", "bad.xml", "ok.jsonl", "--json", now=now)
    assert done.code == 3
    assert done.json["items"]["new"] == 1
    assert "bad.xml" in done.err


def test_explain_says_which_clause_failed(installation: Any, now: datetime) -> None:
    file = installation.folder / "items.jsonl"
    file.write_text('{"id": "a", "title": "Iran shows a drone in a museum"}\nnonsense\n')
    done = installation.run("explain", str(file), "--indicator", "drones", now=now)
    assert "@russia" in done.out
    assert "items.jsonl:2" in done.err


def test_explain_takes_the_id_of_a_stored_item(polled: Any, now: datetime) -> None:
    hit = polled.run("hits", "--json", now=now).json[0]
    done = polled.run("explain", hit["item"], "--indicator", "visits", now=now)
    assert done.code == 0
    assert hit["title"] in done.out
    assert "visit*" in done.out
    lost = polled.run("explain", "no-such-thing", "--indicator", "visits", now=now)
    assert lost.code == 2
    assert "neither a file nor the id of a stored item" in lost.err


@pytest.mark.parametrize(
    "command",
    ["hits", "events", "board", "status", "check", "doctor", "feeds list", "feeds check", "outbox list",
     "user list", "db check", "poll", "digest", "digest --dry-run", "rematch --dry-run"],
)  # fmt: skip
def test_with_json_stdout_is_one_document(command: str, polled: Any, now: datetime) -> None:
    done = polled.run(*command.split(), "--json", now=now)
    assert isinstance(json.loads(done.out), dict | list), done.out


def test_the_clock_can_be_given_by_the_environment(
    installation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_NOW", "2022-10-01T06:00:00Z")
    assert installation.run("board", "--json").json["as_of"] == "2022-10-01T06:00:00Z"


# ── Rules that change ────────────────────────────────────────────────────────────────────────────


def test_a_rematch_shows_first_what_it_would_change(polled: Any, now: datetime) -> None:
    arms = polled.folder / "watch" / "arms.yaml"
    arms.write_text(
        arms.read_text(encoding="utf-8").replace(
            "@iran AND @russia AND @drone", "@iran AND museum"
        ),
        encoding="utf-8",
    )
    dry = polled.run("rematch", "--dry-run", "--json", now=now).json
    assert (dry["gained"], dry["lost"]) == (1, 2)
    listed = polled.run("rematch", "--dry-run", now=now).out.splitlines()
    assert [line[0] for line in listed] == ["+", "−", "−"]
    assert "museum" in listed[0]
    assert len(polled.run("hits", "--json", now=now).json) == 2
    polled.run("rematch", now=now)
    (hit,) = polled.run("hits", "--json", now=now).json
    assert "museum" in hit["title"]
