"""Chromium: every key, the flows with and without script, wide and narrow, and axe on every page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def open_page(browser: Any, serve: Callable[[Any], str]) -> Iterator[Callable[..., Any]]:
    """A tab on a place; whatever it says on the console, or asks of others, fails the test."""
    contexts: list[Any] = []
    said: list[str] = []

    def make(place: Any, path: str = "/inbox", *, at: dict[str, int] = WIDE, **more: Any) -> Any:
        url = serve(place)
        context = browser.new_context(viewport=at, base_url=url, **more)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda r: said.append(r.url) if not r.url.startswith(url) else None)
        page.goto(path)
        return page

    yield make
    for context in contexts:
        context.close()
    # a conflict is an answer, not a fault; the console tells it all the same
    assert [each for each in said if "status of 409" not in each] == []


def chosen(page: Any) -> int:
    """The event of the current row."""
    return int(page.locator("#rows .row.current").get_attribute("data-pair").split(":")[0])


def order(page: Any) -> list[int]:
    rows = page.locator("#rows .row")
    return [int(rows.nth(n).get_attribute("data-pair").split(":")[0]) for n in range(rows.count())]


def statuses(place: Any) -> dict[int, str]:
    return {event.id: event.status for event in place.store.events()}


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_keys_move_choose_decide_and_undo(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(5)
    page = open_page(place)
    events = order(page)
    live = page.locator("#live")
    assert chosen(page) == events[0]
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert chosen(page) == events[2]
    expect(page.locator("#detail")).to_contain_text(f"event {events[2]}")
    page.keyboard.press("k")
    assert chosen(page) == events[1]
    for _ in range(9):
        page.keyboard.press("j")
    assert chosen(page) == events[4]  # the last one stays
    for _ in range(9):
        page.keyboard.press("k")

    page.keyboard.press("c")
    expect(live).to_contain_text("Confirmed: 1 event")
    assert chosen(page) == events[1]  # on to the next
    expect(page.locator(".main-nav .count").first).to_contain_text("4")
    page.keyboard.press("d")
    page.keyboard.press("1")  # the first reason
    expect(live).to_contain_text("Dismissed: 1 event")
    page.keyboard.press("s")
    expect(live).to_contain_text("Second look: 1 event")
    found = statuses(place)
    assert [found[e] for e in events[:4]] == ["confirmed", "dismissed", "second-look", "new"]
    reasons = {review.status: review.reason for review in place.store.reviews()}
    assert reasons["dismissed"] == "not this indicator" and reasons["confirmed"] == ""

    for left in ("second-look", "dismissed", "confirmed"):
        page.keyboard.press("u")
        expect(live).to_contain_text("Undone")
        expect(page.locator(f"#rows .row.done .state.{left}")).to_have_count(0)
    assert set(statuses(place).values()) == {"new"}
    page.keyboard.press("u")
    expect(live).to_contain_text("nothing to undo")


def test_keys_act_on_what_is_selected(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(5)
    page = open_page(place)
    events = order(page)
    bulk = page.locator("#verdicts")
    expect(bulk).to_be_hidden()
    page.keyboard.press("x")
    expect(bulk).to_be_visible()
    expect(page.locator("#selected")).to_have_text("1 selected")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")  # all above
    expect(page.locator("#selected")).to_have_text("3 selected")
    page.keyboard.press("c")
    expect(page.locator("#live")).to_contain_text("Confirmed: 3 events")
    expect(bulk).to_be_hidden()
    assert [statuses(place)[e] for e in events] == ["confirmed"] * 3 + ["new"] * 2
    page.keyboard.press("u")
    expect(page.locator("#live")).to_contain_text("Undone: 3 verdicts")
    assert set(statuses(place).values()) == {"new"}


def test_note_search_help_source_and_event_by_key(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(2)
    page = open_page(place)
    first = chosen(page)
    page.keyboard.press("n")
    page.keyboard.type("Look again: jkcdsu")  # letters in a field are letters
    page.locator("#note-box button[value=save]").click()
    expect(page.locator("#live")).to_have_text("Noted.")
    assert place.store.audit(first)[0].detail == "Look again: jkcdsu"
    assert set(statuses(place).values()) == {"new"}

    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("c")  # a dialog is open: nothing is decided
    page.keyboard.press("Escape")
    expect(page.locator("#keys-help")).to_be_hidden()

    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("c d")
    page.keyboard.press("Escape")
    expect(page.locator("#q")).not_to_be_focused()
    page.keyboard.press("Control+c")  # modifiers are the browser's
    assert set(statuses(place).values()) == {"new"}

    page.evaluate("window.open = (url) => { window.opened = url; return null; }")
    page.keyboard.press("o")
    assert page.evaluate("window.opened").startswith("https://wire.example/")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/events/{first}$"))
    page.keyboard.press("n")
    expect(page.locator("#note-field")).to_be_focused()


def test_the_page_of_an_event_is_decided_by_keys_too(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    (event,) = place.fill(1)
    page = open_page(place, f"/events/{event}")
    verdict = page.locator("[aria-labelledby=verdicts-h] .verdict-of")
    page.keyboard.press("c")
    expect(verdict.locator(".state")).to_have_text("Confirmed")
    expect(verdict).to_contain_text("by local, 06:00")
    page.keyboard.press("u")
    expect(page.locator(".notice")).to_contain_text("1 verdict undone")
    assert statuses(place) == {event: "new"}
    page.keyboard.press("d")
    page.keyboard.press("Escape")  # no reason, no dismissal
    expect(page.locator("#reasons")).to_be_hidden()
    assert statuses(place) == {event: "new"}
    page.keyboard.press("d")
    page.keyboard.press("3")
    expect(verdict.locator(".state")).to_have_text("Dismissed")
    assert place.store.reviews()[-1].reason == "old news"
    page.keyboard.press("s")
    expect(verdict.locator(".state")).to_have_text("Second look")
    page.evaluate("window.open = (url) => { window.opened = url; return null; }")
    page.keyboard.press("o")
    assert page.evaluate("window.opened").startswith("https://wire.example/")


def test_help_and_search_are_a_key_away_on_every_page(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(2)
    page = open_page(place, "/")
    for path in ("/", "/matrix", "/feeds", "/method", "/events/1", "/search?q=drones"):
        page.goto(path)
        page.keyboard.press("?")
        expect(page.locator("#keys-help")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        expect(page.locator("#q")).to_be_focused()
        page.keyboard.press("Escape")
    page.keyboard.press("j")  # the last of them lists what was found
    expect(page.locator("#rows .row").nth(1)).to_have_class(re.compile("current"))
    page.keyboard.press("c")  # an item is no event: nothing to decide
    assert set(statuses(place).values()) == {"new"}
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/events/\d+$"))


def test_when_all_of_a_page_is_decided_it_says_where_to_go_on(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(2)
    page = open_page(place)
    done = page.locator("#all-done")
    page.keyboard.press("c")
    expect(page.locator("#live")).to_contain_text("Confirmed")
    expect(done).to_be_hidden()
    page.keyboard.press("c")
    expect(done).to_be_visible()
    page.keyboard.press("u")
    expect(done).to_be_hidden()
    page.keyboard.press("c")
    done.locator("a").click()
    expect(page.locator(".empty").first).to_have_text("Nothing waits for a verdict.")


def test_two_tabs_of_one_person_do_not_overwrite_each_other(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(2)
    one = open_page(place)
    two = one.context.new_page()
    two.goto("/inbox")
    one.keyboard.press("c")
    expect(one.locator("#live")).to_contain_text("Confirmed: 1 event")
    two.keyboard.press("s")
    expect(two.locator(".trouble")).to_contain_text("Not changed")
    assert sorted(statuses(place).values()) == ["confirmed", "new"]
    one.keyboard.press("u")
    expect(one.locator("#live")).to_contain_text("Undone: 1 verdict")
    assert set(statuses(place).values()) == {"new"}


def test_coming_back_from_an_event_finds_the_same_row(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(4)
    page = open_page(place)
    page.keyboard.press("j")
    page.keyboard.press("j")
    at = chosen(page)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/events/{at}$"))
    page.go_back()
    expect(page.locator("#rows .row.current")).to_have_attribute("data-pair", re.compile(f"^{at}:"))
    expect(page.locator("#detail")).to_contain_text(f"event {at}")


def test_the_current_row_is_never_below_what_sticks_to_the_top(place: Any, open_page: Any) -> None:
    place.fill(20)
    page = open_page(place)
    page.keyboard.press("x")  # the bar of what is selected sticks too
    for key in "j" * 14 + "k" * 12:
        page.keyboard.press(key)
    row = page.locator("#rows .row.current").bounding_box()
    bar = page.locator("#verdicts").bounding_box()
    assert row["y"] >= bar["y"] + bar["height"] - 1
    assert bar["height"] < 60  # one line


def test_caps_lock_is_no_shift_and_a_note_is_saved_from_its_field(
    place: Any, open_page: Any
) -> None:
    from playwright.sync_api import expect

    place.fill(3)
    page = open_page(place)
    events = order(page)
    page.evaluate(
        "key => document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))",
        "J",
    )
    assert chosen(page) == events[1]
    page.keyboard.press("n")
    page.keyboard.type("Ask Kazan")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#live")).to_have_text("Noted.")
    assert place.store.audit(events[1])[0].detail == "Ask Kazan"


def test_single_keys_can_be_turned_off_and_stay_off(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(2)
    page = open_page(place)
    page.locator("#keys-switch").click()
    expect(page.locator("#keys-switch")).to_have_text("turn single keys on")
    before = chosen(page)
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("c")
    assert chosen(page) == before
    assert set(statuses(place).values()) == {"new"}
    page.locator("#keys-switch").click()
    page.locator("body").click(position={"x": 2, "y": 300})
    page.keyboard.press("j")
    assert chosen(page) != before


def test_what_another_decided_meanwhile_is_shown_and_left(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    from monitor.model import Review

    events = place.fill(2)
    page = open_page(place)
    first = chosen(page)
    place.store.add_review(
        Review(
            event=first, watch="deals", indicator="drones", status="dismissed", by="ben",
            at=place.app.at, reason="old news",
        )
    )  # fmt: skip
    page.keyboard.press("c")
    expect(page.locator(".trouble")).to_contain_text("ben has decided")
    assert statuses(place)[first] == "dismissed"
    assert chosen(page) == first and len(events) == 2
    page.keyboard.press("c")  # looked at again: now it is meant
    expect(page.locator("#live")).to_contain_text("Confirmed: 1 event")
    assert statuses(place)[first] == "confirmed"


def test_more_than_twenty_at_once_are_asked_for(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(22)
    page = open_page(place)
    for _ in range(21):
        page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    page.keyboard.press("c")
    expect(page.locator("#sure-words")).to_contain_text("22 events at once")
    page.keyboard.press("Escape")
    assert set(statuses(place).values()) == {"new"}
    page.keyboard.press("c")
    page.locator("#sure button[value=yes]").click()
    expect(page.locator("#live")).to_contain_text("Confirmed: 22 events")
    assert set(statuses(place).values()) == {"confirmed"}


def test_a_second_opinion_by_keys(guarded: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    from monitor.model import Review

    (event,) = guarded.fill(1)
    guarded.store.add_review(
        Review(
            event=event, watch="deals", indicator="drones", status="confirmed", by="ana",
            at=guarded.app.at,
        )
    )  # fmt: skip
    page = open_page(guarded, "/login")
    page.get_by_label("Name").fill("ben")
    page.get_by_label("Password").fill("correct horse battery")
    page.locator("main button").click()
    page.wait_for_url(re.compile("/$"))
    page.goto("/second")
    page.keyboard.press("d")
    page.keyboard.press("7")
    expect(page.locator("#rows .verdict")).to_have_text("Judged")
    assert statuses(guarded) == {event: "second-look"}


# ── Without script, and narrow ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("at", [WIDE, NARROW], ids=["1280", "390"])
def test_the_whole_flow_without_script(place: Any, open_page: Any, at: dict[str, int]) -> None:
    place.fill(4)
    page = open_page(place, "/", at=at, java_script_enabled=False)
    page.locator(".heat .new a").first.click()
    page.wait_for_url(re.compile("/inbox"))
    boxes = page.locator("#rows input[name=pair]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.locator("#verdicts button[value=second-look]").click()
    assert "2 events" in page.locator(".notice").inner_text()
    page.locator(".notice button").click()
    assert set(statuses(place).values()) == {"new"}

    page.locator("#rows h3 a").first.click()
    page.wait_for_url(re.compile(r"/events/\d+$"))
    event = int(page.url.rsplit("/", 1)[1])
    page.locator("[aria-labelledby=verdicts-h] select").select_option("old news")
    page.locator("[aria-labelledby=verdicts-h] button[value=dismissed]").click()
    assert statuses(place)[event] == "dismissed"
    page.locator("#note summary").click()
    page.locator("#note-field").fill("Seen")
    page.locator("#note button").click()
    assert "Seen" in page.locator("section[aria-labelledby=history-h]").inner_text()

    if at is NARROW:
        page.goto("/inbox")
        page.locator("#filters > summary").click()  # closes it
        page.locator("#filters > summary").click()
    page.locator("#q").fill("Kazan")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/search"))
    assert page.locator(".row").count() == 1
    page.goto("/evidence")
    page.get_by_label("Title").fill("Iran sends drones to Russia by hand")
    page.locator("main button").click()
    page.wait_for_url(re.compile(r"/events/\d+$"))
    assert "Filed under drones" in page.locator(".notice").inner_text()


def test_a_thumb_decides_too(place: Any, open_page: Any) -> None:
    from playwright.sync_api import expect

    place.fill(3)
    page = open_page(place, at=NARROW, has_touch=True)
    assert page.locator("#detail").is_hidden()
    page.locator("#rows .pick").first.tap()
    expect(page.locator("#selected")).to_have_text("1 selected")
    page.locator("#verdicts button[value=confirmed]").tap()
    expect(page.locator("#live")).to_contain_text("Confirmed: 1 event")
    page.locator("#rows h3 a").nth(1).tap()
    page.wait_for_url(re.compile(r"/events/\d+$"))


# ── Every page, light and dark, wide and narrow ──────────────────────────────────────────────────

PAGES = (
    "/", "/matrix", "/inbox", "/events", "/events/1", "/second", "/search?q=Iran", "/evidence",
    "/feeds", "/feeds/wire", "/method", "/indicators/deals/drones",
    "/try?run=1&indicator=deals:drones&query=(iran", "/exports", "/account", "/login", "/none",
    "/report",
)  # fmt: skip


# Dots that end a line though the text goes on in the next one.
HANGING = """() => {
  const chars = [], found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (!node.parentElement.checkVisibility()) continue;
    for (let i = 0; i < node.length; i++) if (node.data[i].trim()) chars.push([node, i]);
  }
  const box = ([node, i]) => {
    const range = document.createRange();
    range.setStart(node, i);
    range.setEnd(node, i + 1);
    return range.getBoundingClientRect();
  };
  chars.slice(0, -1).forEach(([node, i], k) => {
    if (node.data[i] !== "·") return;
    const [dot, next] = [box([node, i]), box(chars[k + 1])];
    if (dot.width && Math.abs(dot.top - next.top) > dot.height) found.push(node.data.trim());
  });
  return found;
}"""


# What the colours decide; all else is the same in light and dark.
OF_COLOUR = ["color-contrast", "link-in-text-block"]


@pytest.mark.parametrize("at", [WIDE, NARROW], ids=["1280", "390"])
def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(
    place: Any, browser: Any, serve: Any, at: dict[str, int]
) -> None:
    from axe_playwright_python.base import AXE_SCRIPT, AxeResults

    place.fill(3)
    place.poll("wire")
    place.poll("blog", "failed", health="failing", failures=4, cause="HTTP 403 Forbidden.")
    url = serve(place)
    faults: list[str] = []
    still = {"reduced_motion": "reduce"}  # no colour is caught on its way to another
    with closing(browser.new_context(viewport=at, bypass_csp=True, **still)) as context:
        page = context.new_page()
        for path in PAGES:
            page.emulate_media(color_scheme="light")
            page.goto(url + path)
            page.evaluate(AXE_SCRIPT)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"{path}: wider than the screen")
            faults += [f"{path}: a dot hangs at “{text}”" for text in page.evaluate(HANGING)]
            for scheme, only in (("light", None), ("dark", OF_COLOUR)):
                page.emulate_media(color_scheme=scheme)
                options = {"resultTypes": ["violations"]} | ({"runOnly": only} if only else {})
                found = AxeResults(page.evaluate("given => axe.run(given)", options))
                if found.violations_count:
                    faults.append(f"{path}, {scheme}: {found.generate_report()}")
    assert faults == []


def test_axe_sees_colours_that_cannot_be_told_apart_in_the_dark(browser: Any) -> None:
    from axe_playwright_python.base import AXE_SCRIPT

    style = "@media (prefers-color-scheme: dark) { body { background: #333; color: #444 } }"
    with closing(browser.new_context(color_scheme="light")) as context:
        page = context.new_page()
        page.set_content(f"<style>{style}</style><p>Hello</p>")
        page.evaluate(AXE_SCRIPT)
        counts = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate("given => axe.run(given)", {"runOnly": OF_COLOUR})
            counts.append(len(found["violations"]))
    assert counts == [0, 1]
