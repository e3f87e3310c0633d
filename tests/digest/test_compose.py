"""A digest as bytes: sizes, templates, headers, whatever a feed's titles hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from monitor.digest import Attachment, Flood, digest_message
from monitor.digest.compose import MOST_BYTES
from monitor.digest.report import packed


@pytest.fixture
def compose(make, subscription, house):
    def made(known, **more):
        settings = more.pop("settings", {})
        return digest_message(
            known,
            replace(subscription, **settings),
            more.pop("to", "Ana <ana@example.org>"),
            more.pop("house", house),
            now=make.now,
            **more,
        )

    return made


class Tags(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.found if attrs.get(name)]


@pytest.mark.parametrize("number", [0, 1, 25, 500])
def test_every_size_is_small_complete_and_without_requests(make, compose, parsed, number):
    made = compose(make.many(number))
    message = parsed(made.message.body)
    html = message.get_body(("html",)).get_content()
    text = message.get_body(("plain",)).get_content()
    tags = Tags(html)
    assert made.size <= MOST_BYTES
    assert not {"img", "script", "link", "iframe", "object", "form", "svg"} & {
        tag for tag, _ in tags.found
    }
    assert "url(" not in html
    assert all(link.startswith("https://") for link in tags.attributes("href"))
    assert max(len(line) for line in text.splitlines() if "http" not in line) <= 80
    assert "nothing new" in made.message.subject.lower() or number
    for line in made.content.events:
        assert line.title in text.replace("\u2068", "").replace("\u2069", "").replace("\n   ", " ")


def test_no_digest_outgrows_what_mail_programs_show(make, compose):
    hits = [
        make.hit(
            n, text={"title": "Длинный заголовок " * 12, "summary": "текст " * 60, "lang": "ru"}
        )
        for n in range(1, 201)
    ]
    made = compose(make.known(hits), settings={"max_events": 200})
    assert made.size <= MOST_BYTES
    assert len(made.content.events) + sum(line.events for line in made.content.rest) == 200
    assert len(made.content.events) > 20


class TestHeaders:
    def test_the_headers_of_a_digest(self, make, compose, parsed):
        message = parsed(compose(make.many(1)).message.body)
        assert message["From"] == "Monitor <monitor@example.org>"
        assert message["To"] == "Ana <ana@example.org>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["List-Id"] == '"daily" <daily.0123456789ab.example.org>'
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        web, mail = message["List-Unsubscribe"].strip().split(", ")
        assert web.startswith("<https://monitor.example.org/unsubscribe/")
        assert mail == "<mailto:monitor@example.org?subject=unsubscribe%20daily>"
        assert message["In-Reply-To"] == message["References"]
        assert "ana" not in web

    def test_without_a_public_address_there_is_no_one_click(self, make, compose, parsed, away):
        message = parsed(compose(make.many(1), house=away).message.body)
        assert message["List-Unsubscribe"].startswith("<mailto:")
        assert message["List-Unsubscribe-Post"] is None

    def test_plain_http_gets_no_one_click_either(self, make, compose, parsed, house):
        plain = replace(house, public_url="http://monitor.example.org")
        message = parsed(compose(make.many(1), house=plain).message.body)
        assert message["List-Unsubscribe"].strip().startswith("<http://")
        assert message["List-Unsubscribe-Post"] is None

    def test_the_same_slot_is_the_same_message_to_the_byte(self, make, compose):
        first, second = compose(make.many(3)).message, compose(make.many(3)).message
        assert first == second

    def test_another_slot_or_reader_is_another_message_in_the_same_thread(
        self, make, compose, parsed
    ):
        one = parsed(compose(make.many(1)).message.body)
        later = parsed(compose(make.many(1, slot="later")).message.body)
        other = parsed(compose(make.many(1), to="ben@example.org").message.body)
        assert len({each["Message-ID"] for each in (one, later, other)}) == 3
        assert one["References"] == later["References"] != other["References"]

    def test_a_new_name_before_the_address_is_the_same_reader(self, make, compose):
        assert (
            compose(make.many(1)).message.message_id
            == compose(make.many(1), to="Dr Ana <ana@example.org>").message.message_id
        )


HOSTILE = {
    "a header after a line break": "Talks\r\nBcc: evil@example.org\r\n\r\nbody",
    "bare line feeds": "Talks\nX-Injected: yes\n",
    "an encoded word that hides one": "=?utf-8?q?Talks=0ABcc:=20evil@example.org?=",
    "an encoded word in base64": "=?utf-8?b?VGFsa3MKQmNjOiBldmlsQGV4YW1wbGUub3Jn?=",
    "line and paragraph separators": "Talks\u2028Bcc: evil@example.org\u2029x",
    "next line and other C1": "Talks\x85Bcc: evil@example.org\x9b",
    "NUL and escape": "Talks\x00\x1b[31m",
    "a script": "<script>alert(1)</script>",
    "an attribute": '" onmouseover="alert(1)" x="',
    "a template": "{{ 7 * 7 }}{% raw %}",
    "overrides of direction": "\u202eexample.org/evil\u202c \u2066x",
    "a lone surrogate": "Talks \ud800 end",
    "noncharacters": "Talks \ufffe\uffff",
    "nothing at all": "",
    "very long": "word " * 5000,
    "very long without a space": "w" * 5000,
    "all of a font": "".join(map(chr, range(0x20, 0x2FF))),
}


@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_no_title_harms_the_message(make, compose, parsed, title):
    feed = make.feed()
    hostile = {"title": title, "source": title, "summary": title, "link": "javascript:alert(1)"}
    hit = make.hit(1, text=hostile)
    watch = make.watch("A2")
    indicator = make.indicator("A2", title=title)  # it goes into the subject
    known = make.known(
        [hit],
        watches=[replace(watch, indicators=(indicator,))],
        feeds=[feed],
        changes=[make.change("A2", "low", "high", cause=title)],
    )
    made = compose(known)
    message = parsed(made.message.body)
    assert message.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
        *("Auto-Submitted", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
        *("MIME-Version", "Content-Type"),
    ]
    head = made.message.body.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 998
    html = message.get_body(("html",)).get_content()
    text = message.get_body(("plain",)).get_content()
    tags = Tags(html)
    assert "script" not in {tag for tag, _ in tags.found}
    assert not tags.attributes("onmouseover")
    assert "javascript:" not in "".join(tags.attributes("href"))
    assert "49" not in title or "49" not in made.message.subject
    for odd in ("\x00", "\x1b", "\x85", "\u2028", "\u202e", "\ud800", "\ufffe"):
        assert odd not in html + text


class TestWhatCannotBeTold:
    def test_an_item_that_breaks_the_digest_is_left_out_and_counted(self, make, compose, parsed):
        odd = make.hit(2)
        object.__setattr__(odd, "stored_at", None)  # what a damaged row might look like
        made = compose(make.known([make.hit(1), odd, make.hit(3)]))
        text = parsed(made.message.body).get_body(("plain",)).get_content()
        assert "1 of 3 items could not be shown" in " ".join(text.split())
        assert len(made.content.events) == 2
        assert made.message.hits == (1, 2, 3)

    def test_a_broken_assessment_costs_the_levels(self, make, compose, parsed):
        made = compose(make.known([make.hit(1)], assessments={"ri": None}))
        text = parsed(made.message.body).get_body(("plain",)).get_content()
        assert "Levels, coverage and grouping could not be shown" in " ".join(text.split())
        assert len(made.content.events) == 1


class TestReport:
    @pytest.fixture
    def attachment(self):
        return Attachment(name="report-2026-11-25.html", data=b"<!doctype html><p>report</p>")

    def test_without_pages_what_is_left_out_is_in_the_attached_report(
        self, make, compose, parsed, away, attachment
    ):
        made = compose(make.many(30), house=away, report=lambda: attachment)
        message = parsed(made.message.body)
        [part] = message.iter_attachments()
        assert part.get_filename() == "report-2026-11-25.html"
        assert (
            "in the attached report-2026-11-25.html" in message.get_body(("plain",)).get_content()
        )

    @pytest.mark.parametrize("number", [0, 25])
    def test_nothing_is_attached_where_nothing_is_left_out(
        self, make, compose, parsed, away, attachment, number
    ):
        made = compose(make.many(number), house=away, report=lambda: attachment)
        assert list(parsed(made.message.body).iter_attachments()) == []

    def test_nor_where_the_pages_can_be_reached(self, make, compose, parsed, attachment):
        made = compose(make.many(30), report=lambda: attachment)
        assert list(parsed(made.message.body).iter_attachments()) == []

    def test_without_a_report_the_counts_go_out_alone(self, make, compose, away):
        assert compose(make.many(30), house=away, report=lambda: None).content.attached == ""

    def test_a_long_report_is_zipped_and_an_enormous_one_left_out(self, make):
        import random

        words = random.Random(1)
        assert packed("<p>" * 200_000, make.now).name == "report-2026-11-25.zip"
        noise = "".join(chr(words.randrange(0x4E00, 0x9FFF)) for _ in range(700_000))
        assert packed(noise, make.now) is None


class TestOwnTemplates:
    @pytest.fixture
    def own(self, house):
        folder = house.templates[0] / "email"
        folder.mkdir(parents=True)
        return folder

    def test_a_template_of_the_user_is_used(self, make, compose, parsed, own):
        (own / "digest.txt").write_text("Mine: {{ c.sentence }}\n")
        made = compose(make.many(1))
        text = parsed(made.message.body).get_body(("plain",)).get_content()
        assert text.startswith("Mine: Indicator A2 moved")
        assert made.broken is None

    @pytest.mark.parametrize(
        ("file", "mistake", "line"),
        [
            ("digest.html", "<p>\n{{ c.sentence }\n</p>", 2),
            ("digest.txt", "{% for e in c.events %}\n{{ e.no_such_thing }}\n{% endfor %}", 2),
            ("digest.txt", "{{ c.sentence|no_such_filter }}", 1),
            ("style.html", "{% if %}", 1),
        ],
        ids=["syntax", "unknown name", "unknown filter", "in a part of it"],
    )
    def test_a_broken_one_costs_no_digest_and_is_told(
        self, make, compose, parsed, own, file, mistake, line
    ):
        (own / file).write_text(mistake)
        made = compose(make.many(2))
        text = parsed(made.message.body).get_body(("plain",)).get_content()
        assert f"{file}, line {line} cannot be used" in " ".join(text.split())
        assert "2 new events wait for review" in text
        assert made.broken is not None
        assert made.broken.detail.line == line

    def test_even_a_broken_shipped_template_costs_no_digest(
        self, make, compose, parsed, house, tmp_path
    ):
        broken = tmp_path / "shipped"
        (broken / "email").mkdir(parents=True)
        (broken / "email" / "digest.txt").write_text("{{ nothing }}")
        made = compose(make.many(2), house=replace(house, templates=(tmp_path / "no", broken)))
        text = parsed(made.message.body).get_body(("plain",)).get_content()
        assert "2 new events wait for review" in text
        assert made.message.hits == (1, 2)


HELD_BACK = {
    "below the level it waits": ("elevated", {}, set(), ()),
    "when the level has come it is told": ("high", {}, {1}, (1,)),
    "older than what counts for the level, it never will be": (
        "elevated",
        {"stored_at_days": 31},
        set(),
        (1,),
    ),
    "nor when the level has come": ("high", {"stored_at_days": 31}, set(), (1,)),
    "of an indicator that nobody asked for": ("elevated", {"indicator": "B3"}, set(), (1,)),
    "withdrawn": ("elevated", {"withdrawn": True}, set(), (1,)),
}


class TestWhatALeastLevelHoldsBack:
    """Not shown is not told; but when the level rises, nobody gets the year before it."""

    def under(self, make, level, *hits, **more):
        assessments = {"ri": make.assessment(make.level("A2", level))}
        return make.known(hits, assessments=assessments, **more)

    @pytest.mark.parametrize(
        ("level", "hit", "shown", "settled"), HELD_BACK.values(), ids=HELD_BACK
    )
    def test_it(self, make, compose, level, hit, shown, settled):
        more = {"indicator": hit.get("indicator", "A2")}
        more["stored_at"] = make.now - timedelta(days=hit.get("stored_at_days", 1))
        if hit.get("withdrawn"):
            more["withdrawn_at"] = make.now
        settings = {"min_level": "high", "indicators": ("A2",)}
        made = compose(self.under(make, level, make.hit(1, **more)), settings=settings)
        assert {line.number for line in made.content.events} == shown
        assert made.message.hits == settled

    def test_what_a_flooding_feed_threw_in_does_not_wait_to_be_told_one_by_one(self, make, compose):
        hit = make.hit(1)
        flood = Flood(feed="bulletin", name="Bulletin", items=80, at=hit.stored_at)
        made = compose(
            self.under(make, "elevated", hit, floods=[flood]), settings={"min_level": "high"}
        )
        assert made.message.hits == (1,)

    def test_another_language_than_the_reader_s_does_not_wait(self, make, compose):
        settings = {"min_level": "high", "languages": ("ru",)}
        known = self.under(make, "elevated", make.hit(1), make.hit(3))  # fa, ru
        assert compose(known, settings=settings).message.hits == (1,)
