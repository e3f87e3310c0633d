"""Feeds, analysts and addresses that mean harm: on no page, in no export does their text become code."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

from selectolax.lexbor import LexborHTMLParser as Html

from monitor.model import Feed
from monitor.web.exports import harmless

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>{{7*7}}\u202e\x00"
LINKS = (
    "javascript:alert(1)",
    "data:text/html,<script>1</script>",
    'https://x.example/"onclick="y',
)


def _hostile(place: Any) -> int:
    """Evil in every field that comes from outside or from an analyst."""
    from tests.web.conftest import item

    place.store.add_feed(
        Feed(
            id="evil",
            url="https://evil.example/rss",
            name=f"Name {EVIL}",
            reliability="F",
            reliability_reason=EVIL,
            kind=EVIL,
            state=EVIL,
        ),
        now=place.app.at,
    )
    items = [
        item(
            f"evil{number}",
            f"Iran sends drones to Russia {EVIL} {number}",
            f"Russia took drones of Iran {EVIL}",
            feed="evil",
            link=link,
            link_key=f"key{number}",
            source=f"Source {EVIL}",
            lang="en",
        )
        for number, link in enumerate(LINKS)
    ]
    event = place.take_in(*items)
    place.poll("evil", "failed", health="failing", failures=4, cause=f"Cause {EVIL}")
    return int(event)


PAGES = (
    "/",
    "/matrix",
    "/inbox?status=all",
    "/events",
    "/events/{event}",
    "/inbox/detail?open={event}:deals:drones",
    "/search?q=Iran",
    "/feeds",
    "/feeds/evil",
    "/method",
    "/indicators/deals/drones",
    "/second",
    "/account",
    "/report",
)
TYPED = (
    "/inbox?q={evil}",
    "/inbox?since={evil}&until={evil}&lang={evil}&feed={evil}&indicator={evil}&sort={evil}",
    "/search?q={evil}&lang={evil}",
    "/feeds?state={evil}",
    "/evidence?indicator={evil}",
    "/login?next={evil}",
    "/try?run=1&indicator=deals:drones&query={evil}&exclude={evil}&branch={evil}",
    "/inbox?open={evil}",
    "/{evil}",
    "/events/{evil}",
    "/unsubscribe/{evil}",
)


def test_nothing_hostile_becomes_markup_on_any_page(place: Any) -> None:
    from urllib.parse import quote

    event = _hostile(place)
    client = place.client()
    client.send(f"/events/{event}/note", text=f"Note {EVIL}")
    client.send("/reviews", pair=f"{event}:deals:drones:new", status="dismissed", reason=EVIL[:180])
    client.send("/reviews", pair=f"{event}:deals:drones:dismissed", status="second-look", note=EVIL)
    client.send("/levels", indicator="deals:drones", level="high", reason=f"Level {EVIL}")
    for path in PAGES:
        _harmless(client.get(path.format(event=event)).text, path)
    for path in TYPED:
        _harmless(client.get(path.format(evil=quote(EVIL, safe=""))).text, path)
    answer = client.send("/evidence", title=EVIL, text=EVIL, link="javascript:1", source=EVIL)
    _harmless(answer.text, "the form that is shown again")


def _harmless(text: str, path: str) -> None:
    tree = Html(text)
    for script in tree.css("script"):
        assert (script.attributes.get("src") or "").startswith("/static/monitor.js"), path
        assert not script.text(), path
    assert not tree.css("img, iframe, object, embed"), path
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            assert not name.startswith("on"), (path, node.html)
            if name in ("href", "src", "action", "data-source"):
                scheme = (value or "").strip().split(":")[0].lower()
                assert scheme not in ("javascript", "data", "vbscript"), (path, value)
    assert "\u202e" not in tree.css_first("main, body").text(), path
    assert "\x00" not in text, path
    assert "49" not in tree.css_first("title").text() if tree.css("title") else True


def test_links_that_are_no_web_addresses_are_plain_text(place: Any) -> None:
    event = _hostile(place)
    page = Html(place.client().get(f"/events/{event}").text)
    assert not page.css(".timeline h3 a")


def test_links_that_are_open_without_telling_where_from(place: Any) -> None:
    place.fill(1)
    link = Html(place.client().get("/events/1").text).css_first(".timeline h3 a")
    assert link.attributes["rel"] == "noreferrer noopener"


# ── Exports ──────────────────────────────────────────────────────────────────────────────────────

CELLS = {
    "a formula": ("=1+1", "'=1+1"),
    "a formula behind spaces": ("  =1", "'  =1"),
    "plus": ("+1", "'+1"),
    "minus": ("-1", "'-1"),
    "at": ("@SUM(A1)", "'@SUM(A1)"),
    "behind a tab": ("\t=1", "' =1"),
    "behind a line feed": ("\n=1", "' =1"),
    "full-width equals": ("\uff1d1", "'\uff1d1"),
    "a word": ("Iran = x", "Iran = x"),
    "a number": (-1, -1),
    "nothing": (None, ""),
}


def test_cells_of_the_csv_are_no_formulas() -> None:
    for name, (value, shown) in CELLS.items():
        assert harmless(value) == shown, name


def test_csv_and_json_have_every_hit(place: Any) -> None:
    _hostile(place)
    place.fill(2)
    client = place.client()
    rows = list(csv.DictReader(io.StringIO(client.get("/export.csv").text)))
    assert len(rows) == len(client.get("/export.json").json()) == 5
    assert {row["indicator"] for row in rows} == {"drones"}
    assert all("\x00" not in value and "\n" not in value for row in rows for value in row.values())
    assert len(client.get("/export.json?status=confirmed").json()) == 0


def test_atom_is_well_formed_and_leaves_dismissed_hits_out(place: Any) -> None:
    event = _hostile(place)
    place.fill(1)
    client = place.client()
    atom = "{http://www.w3.org/2005/Atom}"
    tree = ElementTree.fromstring(client.get("/hits.atom").content)
    entries = tree.findall(f"{atom}entry")
    assert len(entries) == 4
    links = [link.get("href") for entry in entries for link in entry.findall(f"{atom}link")]
    assert links == ["https://wire.example/kazan"]
    assert EVIL.split("{{")[0] in (entries[1].findtext(f"{atom}title") or "")
    client.send("/reviews", pair=f"{event}:deals:drones:new", status="dismissed", reason="other")
    tree = ElementTree.fromstring(client.get("/hits.atom").content)
    assert len(tree.findall(f"{atom}entry")) == 1


def test_opml_is_well_formed(place: Any) -> None:
    _hostile(place)
    tree = ElementTree.fromstring(place.client().get("/feeds.opml").content)
    assert len(tree.findall(".//outline")) == 5


def test_stix_is_what_the_library_reads_back(place: Any) -> None:
    import stix2

    _hostile(place)
    place.fill(1)
    client = place.client()
    client.send("/events/2/grade", grade="B2", expected="")
    text = client.get("/export.stix.json").text
    bundle = stix2.parse(text, allow_custom=False)
    kinds = sorted(each.type for each in bundle.objects)
    assert kinds.count("report") == 2 and kinds.count("grouping") == 1
    report = next(e for e in bundle.objects if e.type == "report" and "Kazan" in e.name)
    assert report.confidence == 70 and "indicator:drones" in report.labels
    ids = {each["id"] for each in json.loads(text)["objects"]}
    assert ids == {each["id"] for each in client.get("/export.stix.json").json()["objects"]}


def test_the_api_keeps_its_documented_shapes(place: Any) -> None:
    from monitor.web import api

    place.fill(2)
    client = place.client()
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"/api/board", "/api/hits", "/api/events/{id}", "/api/reviews"} <= set(paths)
    assert all(path.startswith("/api/") for path in paths)
    for row in client.get("/api/hits").json():
        api.HitShape.model_validate(row, strict=True)
    for row in client.get("/api/events").json():
        api.EventShape.model_validate(row, strict=True)
    api.BoardShape.model_validate(client.get("/api/board").json(), strict=True)
    assert client.get("/api/board?as_of=2026-11-20").json()["as_of"] == "2026-11-20T00:00:00Z"
    assert client.get("/api/board?as_of=then").status_code == 400
    event = client.get("/api/events/1").json()
    assert event["history"][-1]["action"] == "created" and event["hits"]
    api.InboxShape.model_validate(client.get("/api/inbox?limit=1").json(), strict=True)
    assert client.get("/api/facets").json()["total"] == 2
    assert len(client.get("/api/search?q=Kazan").json()["items"]) == 1
    assert {each["id"] for each in client.get("/api/feeds").json()} >= {"wire", "blog"}
    assert client.get("/api/status").json()["ok"] is True
    assert client.get("/api/events?limit=0").status_code == 422
    client.get("/inbox")
    done = client.post(
        "/api/reviews", json={"pairs": ["1:deals:drones:new"], "status": "confirmed"}
    )
    assert done.status_code == 403  # this client has a session: it must show its token
    token = {"X-CSRF-Token": client.get("/api/me").json()["csrf"], "Origin": client.origin}
    body = {"pairs": ["1:deals:drones:new"], "status": "confirmed"}
    undo = client.post("/api/reviews", json=body, headers=token).json()["undo"]
    again = client.post("/api/reviews", json=body, headers=token)
    assert again.status_code == 409
    client.post("/api/reviews/undo", json={"undo": undo}, headers=token)
    assert client.get("/api/events/1").json()["status"] == "new"
