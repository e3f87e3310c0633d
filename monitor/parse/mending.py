"""What is done to a document's text before any parser sees it. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5

from monitor.errors import ParseError

_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?(rss|feed|RDF|channel)(?=[\s>/])", re.I)
_ENTRY_START = re.compile(r"<((?:[A-Za-z_][\w.-]*:)?(?:item|entry))(?=[\s>])", re.I)
_DOCTYPE = re.compile(r"<!DOCTYPE\b[^>\[]*(?:\[(?P<subset>.*?)\]\s*)?>", re.I | re.S)
_ENTITY = re.compile(
    r"""<!ENTITY\s+([A-Za-z_][\w.-]{0,63})\s+(?:"([^"<&%]{0,64})"|'([^'<&%]{0,64})')\s*>"""
)
_CHARACTER = re.compile(
    r"""<!ENTITY\s+([A-Za-z_][\w.-]{0,63})\s+["']&(?:amp;|\#38;)?(\#(?:\d{1,7}|[xX][0-9A-Fa-f]{1,6}));["']\s*>"""
)
_REFERENCE = re.compile(
    r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|&(#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z_][\w.-]{0,63})?(;?)",
    re.S,
)
_QUOTES = {"<![CDATA[": "]]>", "<!--": "-->"}
_TO_RESOLVE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)")
_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_ENTITIES = 500  # of an internal subset that are heeded
_SUBSET = 65_536
_LAST = 200  # characters in which a feed ends
_GROWTH = 1_000_000  # characters that declared entities may add to a document


def mend(text: str) -> tuple[str, str]:
    """(the document from its root element on, what was wrong or ""). Raises ParseError.

    Entity declarations are never given to a parser: those that stand for a few characters are put in
    by hand, all others are shown as they are written; so nothing can grow or reach outside.
    """
    root = root_of(text)
    if root is None:
        raise ParseError(
            "it is no feed that is known (RSS, Atom, RDF or JSON Feed)",
            kind="not-a-feed",
            remedy="Open the address in a browser to see what it is.",
        )
    name, start = root
    _refuse_if_cut(text, name, start)
    head = text[:start]
    repaired = ""
    if re.sub(r"<\?xml[^>]*\?>|<\?[^>]*\?>|<!--.*?-->|<!DOCTYPE.*", "", head, flags=re.S).strip():
        repaired = "there is something before the feed begins"
    declared = _declared(head)
    body = text[start:]
    if declared is not None or _TO_RESOLVE.search(body):
        body, changed = _resolve(body, declared or {})
        if changed and not repaired:
            repaired = "it uses characters that must be written as entities"
    return '<?xml version="1.0" encoding="utf-8"?>\n' + body, repaired


def root_of(text: str) -> tuple[str, int] | None:
    """(name with its prefix, where it begins) of a feed's root element."""
    found = _ROOT.search(text)
    if found is None:
        return None
    return found[0][1:], found.start()


def _refuse_if_cut(text: str, name: str, start: int) -> None:
    """A feed that does not end has lost its end on the way: none of it is used.

    Its end stands after all entries, and in no quotation: one feed may well tell of another. Where all
    that comes last is the end of a feed, a quotation was opened by mistake.
    """
    inner = "channel" if name.lower().endswith("rss") else "(?:item|entry|textinput|channel)"
    if re.search(rf"</(?:[\w.-]+:)?{inner}>\s*</{re.escape(name)}\s*>\s*$", text[-_LAST:], re.I):
        return
    if _ends(text, name, start):
        return
    opened = text.find(">", start)
    if opened > 0 and text[opened - 1] == "/":
        return
    raise ParseError(
        "the feed breaks off in the middle",
        kind="truncated",
        remedy="It is asked again; if it stays so, the server cuts it.",
    )


def _ends(text: str, name: str, start: int) -> bool:
    """Whether the root's end stands outside CDATA and comments, and no entry begins after it."""
    parts = rf"<!\[CDATA\[|\]\]>|<!--|-->|</{re.escape(name)}(?=[\s>])|{_ENTRY_START.pattern}"
    ended, quoted_until = False, ""
    for found in re.compile(parts, re.I).finditer(text, start):
        part = found[0]
        if quoted_until:
            quoted_until = "" if part == quoted_until else quoted_until
        elif part in _QUOTES:
            quoted_until = _QUOTES[part]
        elif part not in ("]]>", "-->"):
            ended = part.startswith("</")
    return ended


def _declared(head: str) -> dict[str, str] | None:
    found = _DOCTYPE.search(head)
    if found is None or not found["subset"]:
        return None
    subset = found["subset"][:_SUBSET]
    values = {each[1]: f"&{each[2]};" for each in _CHARACTER.finditer(subset)}
    for each in _ENTITY.finditer(subset):
        values[each[1]] = each[2] if each[2] is not None else each[3]
        if len(values) >= _ENTITIES:
            break
    return values


def _resolve(text: str, declared: dict[str, str]) -> tuple[str, bool]:
    """References that XML knows without a declaration; what is none becomes a plain ampersand."""
    changed = False
    left = _GROWTH

    def one(found: re.Match[str]) -> str:
        nonlocal changed, left
        whole, name, end = found[0], found[1], found[2]
        if whole[0] == "<":
            return whole
        if name and end and (name[0] == "#" or name in _XML):
            return whole if name[0] != "#" else _character(name, whole)
        changed = True
        if name and end and name in declared and left > 0:
            left -= len(declared[name])
            return declared[name]
        known = html5.get(f"{name};") if name and end else None
        if known is not None:
            return "".join(f"&#{ord(each)};" for each in known)
        return "&amp;" + whole[1:]

    return _REFERENCE.sub(one, text), changed


def _character(name: str, whole: str) -> str:
    """A numeric reference, unless XML forbids its character."""
    number = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    if 0x80 <= number <= 0x9F:  # windows-1252, as browsers read it
        try:
            return bytes([number]).decode("cp1252")
        except UnicodeDecodeError:
            return ""
    allowed = number in (9, 10, 13) or 0x20 <= number <= 0xD7FF
    allowed = allowed or 0xE000 <= number <= 0xFFFD or 0x10000 <= number <= 0x10FFFF
    return whole if allowed else ""


# ── Too many entries ─────────────────────────────────────────────────────────────────────────────

_DATE = re.compile(r"<(?:\w+:)?(?:pubDate|date|updated|published)>\s*([^<]{6,60})<", re.I)


def cut_to_newest(text: str, *, most: int) -> tuple[str, int]:
    """(the document with ``most`` entries, how many were cut): the newest, by where they stand."""
    if text.count("<item") + text.count("<entry") + text.count(":item") <= most:
        return text, 0
    starts = [found.start() for found in _ENTRY_START.finditer(text)]
    if len(starts) <= most:
        return text, 0
    closing = max(text.rfind("</item>"), text.rfind("</entry>"), text.rfind(":item>"))
    end = text.find(">", closing) + 1 if closing > 0 else len(text)
    if _ascending(text[starts[0] : starts[1]], text[starts[-1] : end]):
        return text[: starts[0]] + text[starts[-most] :], len(starts) - most
    return text[: starts[most]] + text[end:], len(starts) - most


def _ascending(first: str, last: str) -> bool:
    """True where the last entry is dated after the first."""
    dates = [_DATE.search(first), _DATE.search(last)]
    try:
        early, late = (_comparable(each[1].strip()) for each in dates if each)
    except ValueError:
        return False
    return early < late


def _comparable(text: str) -> str:
    from email.utils import parsedate_to_datetime  # when needed: every parser would pay for it

    try:
        return parsedate_to_datetime(text).replace(tzinfo=None).isoformat()
    except (ValueError, TypeError, IndexError):
        return text


# ── Documents that are broken in the middle ──────────────────────────────────────────────────────


def entries_in(text: str) -> int:
    """How many entries begin in a document."""
    return sum(1 for _ in _ENTRY_START.finditer(text))


def entries_apart(text: str, *, most: int) -> Iterator[str]:
    """A document for each entry, with the head that all of them share."""
    found = list(_ENTRY_START.finditer(text))
    if not found:
        return
    head = text[: found[0].start()]
    end = max(text.rfind(f"</{found[-1][1]}>"), found[-1].start())
    tail = text[text.find(">", end) + 1 :]
    starts = [each.start() for each in found]
    for start, after in zip(starts[:most], [*starts[1:], len(text) - len(tail)], strict=False):
        yield f"{head}{text[start:after]}{tail}"
