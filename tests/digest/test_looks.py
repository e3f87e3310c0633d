"""Mail as Chromium shows it: narrow and wide, light and dark, of nothing and of much."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from monitor.digest import digest_message
from monitor.digest.alerts import AlertRule, alert_letter, rises
from monitor.digest.compose import MOST_BYTES
from monitor.digest.forms import right_to_left
from monitor.model import Subscription

CONTRAST = 4.5  # WCAG 2.2, 1.4.3

# Of every text that is shown: its words, size, contrast with what is behind it, and its sides.
LOOK = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = rgb(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), style = getComputedStyle(element);
    const [a, b] = [light(rgb(style.color)), light(behind(element))];
    found.push({
      words: node.data.trim(), size: parseFloat(style.fontSize), left: box.left, right: box.right,
      contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
    });
  }
  return found;
}"""
WIDEST = """() => Math.max(...[document.documentElement, ...document.body.querySelectorAll('*')]
  .map(each => Math.max(each.getBoundingClientRect().right, each === document.documentElement
    ? each.scrollWidth : 0)))"""
TO_THE_LEFT = """() => [...document.body.querySelectorAll('*')]
  .filter(each => getComputedStyle(each).direction === 'rtl' && each.matches('[dir], bdi'))
  .map(each => each.textContent.trim())"""
TITLES = "() => [...document.querySelectorAll('.tt')].map(each => [each.textContent.trim(), getComputedStyle(each).direction])"  # noqa: E501

SEEN = {
    f"{width} px, {scheme}": (width, scheme) for width in (640, 390) for scheme in ("light", "dark")
}


@pytest.fixture
def show(browser: Any) -> Iterator[Any]:
    """``show(html, width, scheme)``: a page of it, which asks for nothing."""
    contexts: list[Any] = []
    asked: list[str] = []

    def open_page(html: str, width: int = 640, scheme: str = "light") -> Any:
        contexts.append(
            browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        )
        page = contexts[-1].new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.set_content(html)
        return page

    yield open_page
    for context in contexts:
        with closing(context):
            pass
    assert asked == []


def assert_readable(page: Any, width: int) -> None:
    seen = page.evaluate(LOOK)
    assert seen
    assert page.evaluate(WIDEST) <= width
    for text in seen:
        assert text["left"] >= 0 and text["right"] <= width, text
        assert text["contrast"] >= CONTRAST, text
        assert text["size"] >= 12, text


@pytest.fixture(scope="module")
def made() -> dict[int, Any]:
    """Digests by their number of events, composed once."""
    return {}


@pytest.fixture
def digest(make: Any, subscription: Any, house: Any, made: dict[int, Any], parsed: Any) -> Any:
    def of(number: int) -> tuple[Any, str]:
        if number not in made:
            made[number] = digest_message(
                make.many(number), subscription, "ana@example.org", house, now=make.now
            )
        body = parsed(made[number].message.body)
        return made[number], body.get_body(("html",)).get_content()

    return of


@pytest.mark.parametrize(("width", "scheme"), SEEN.values(), ids=SEEN)
@pytest.mark.parametrize("number", [0, 1, 25, 500])
def test_a_digest_is_readable(show: Any, digest: Any, number: int, width: int, scheme: str) -> None:
    composed, html = digest(number)
    page = show(html, width, scheme)
    assert_readable(page, width)
    assert composed.size <= MOST_BYTES
    titles = [line.title for line in composed.content.events]
    assert page.evaluate(TITLES) == [
        [title, "rtl" if right_to_left(title) else "ltr"] for title in titles
    ]
    assert all(right_to_left(text) for text in page.evaluate(TO_THE_LEFT))
    assert page.locator("img, script, link, iframe, object, form, svg").count() == 0


@pytest.mark.parametrize("number", [0, 25])
@pytest.mark.parametrize("width", [640, 390])
def test_it_stays_readable_where_a_mail_program_drops_its_style_element(
    show: Any, digest: Any, number: int, width: int
) -> None:
    _, html = digest(number)
    page = show(html, width)
    page.evaluate("() => document.querySelectorAll('style').forEach(each => each.remove())")
    assert_readable(page, width)


def test_nothing_new_is_a_line_and_a_short_footer(show: Any, digest: Any, parsed: Any) -> None:
    composed, html = digest(0)
    lines = show(html).locator("body").inner_text().split("\n")
    lines = [line for line in lines if line.strip()]
    assert lines == [
        "Nothing new since Tue 24 Nov 2026 07:00 Europe/Brussels.",
        "Data as of Wed 25 Nov 2026 07:00 Europe/Brussels. "
        "Next digest Thu 26 Nov 2026 07:00 Europe/Brussels.",
        "Sent to ana@example.org: subscription “daily”. Unsubscribe",
    ]
    text = parsed(composed.message.body).get_body(("plain",)).get_content()
    assert text.splitlines()[:3] == [lines[0], "", "-- "]
    assert len(text.splitlines()) <= 7


@pytest.mark.parametrize(("width", "scheme"), SEEN.values(), ids=SEEN)
def test_an_alert_is_readable(show: Any, make: Any, house: Any, width: int, scheme: str) -> None:
    rule = AlertRule(
        name="alert",
        recipients=("duty@example.org",),
        scope=Subscription(name="alert", to=(), schedule="", timezone="UTC"),
        min_level="high",
    )
    hits = [make.hit(number) for number in (1, 2, 4)]
    events = {hit.event: make.event(hit) for hit in hits}
    change = make.change("A2", "elevated", "high", event_ids=tuple(events))
    triggers = rises(rule, [make.watch()], [change], events)
    letter, _ = alert_letter(triggers, rule, "duty@example.org", house)
    page = show(letter.html, width, scheme)
    assert_readable(page, width)
    assert page.evaluate(TITLES) == [
        [event.title, "rtl" if right_to_left(event.title) else "ltr"] for event in events.values()
    ]


DIRECTIONS = {
    "Persian": ("ایران و روسیه", True),
    "Persian after a number": ("۱۲ نفتکش", True),
    "Arabic in quotation marks": ("«مصافي» النفط", True),
    "English with a Persian name": ("Minister ظریف in Moscow", False),
    "a Persian title with an English name": ("دیدار Lavrov در تهران", True),
    "Russian": ("Россия и Иран", False),
    "no letter at all": ("2026: 12 %", False),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("text", "to_the_left"), DIRECTIONS.values(), ids=DIRECTIONS)
def test_the_first_letter_decides_the_direction(text: str, to_the_left: bool) -> None:
    assert right_to_left(text) is to_the_left
