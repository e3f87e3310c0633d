"""HTML of titles and summaries as plain text. Pure."""

from __future__ import annotations

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser

_UNSEEN = "script,style,noscript,template,iframe,object,svg,math"
_BLOCK = re.compile(
    r"<(?=/?(?:p|div|br|li|ul|ol|tr|td|th|h[1-6]|blockquote|section|article|figure|figcaption|hr|"
    r"table|dd|dt|pre)\b)",
    re.I,
)
_MARKUP = re.compile(r"<[A-Za-z/!?]")
_TAG = re.compile(
    r"</?(?:a|abbr|article|aside|b|big|blockquote|body|br|center|cite|code|dd|del|div|dl|dt|em|embed|"
    r"figcaption|figure|font|footer|form|h[1-6]|header|hr|html|i|iframe|img|input|ins|li|link|main|"
    r"mark|meta|nav|noscript|object|ol|p|picture|pre|q|s|script|section|small|source|span|strike|"
    r"strong|style|sub|sup|svg|table|tbody|td|th|thead|tr|tt|u|ul|video)(?:\s[^<>]*)?/?>",
    re.I,
)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "big",
        "cite",
        "code",
        "em",
        "font",
        "i",
        "img",
        "q",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "u",
    ]
)
_SIMPLE = _INLINE | {"p", "div", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "blockquote", "hr"}
_SIMPLE_TAG = re.compile(
    r"""/?([A-Za-z][A-Za-z0-9]*)(?:\s+[A-Za-z][\w:.-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=`>]+))?)*\s*/?>"""
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff\ufdd0-\ufdef]"
)
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u00ad]")


def to_text(html: str, *, most: int) -> str:
    """One line of text, ``most`` characters at most: no markup, control or direction characters.

    ZWNJ and ZWJ stay: Persian needs them. Text that was escaped twice is unescaped twice.
    """
    html = html[: 4 * most]
    text = _stripped(html) if "<" in html and _MARKUP.search(html) else _unescaped(html)
    if "&" in text and _ENTITY.search(text):
        text = _unescaped(text)
    if "<" in text and _TAG.search(text):  # it was escaped once more than it should be
        text = _stripped(text)
    if text.isprintable():  # then spaces are all the whitespace there is
        text = text.strip() if "  " not in text else " ".join(text.split())
    else:
        text = " ".join(text.split())
        if not text.isprintable():
            text = " ".join(_DIRECTION.sub("", _FORBIDDEN.sub(" ", text)).split())
    return text if len(text) <= most else text[:most].rstrip()


def _unescaped(text: str) -> str:
    return unescape(text) if "&" in text else text


def _stripped(html: str) -> str:
    """Text of HTML; blocks are parted by a space, what is never shown is left out."""
    simple = _stripped_simple(html)
    return simple if simple is not None else _stripped_by_parser(html)


def _stripped_simple(html: str) -> str | None:
    """The same for plain running text, which most summaries are; None where a parser must look."""
    first, *rest = html.split("<")
    pieces = [first]
    for part in rest:
        tag = _SIMPLE_TAG.match(part)
        if tag is None or (name := tag[1].lower()) not in _SIMPLE:
            return None
        pieces.append(" " if name not in _INLINE else "")
        pieces.append(part[tag.end() :])
    return _unescaped("".join(pieces))


def _stripped_by_parser(html: str) -> str:
    tree = LexborHTMLParser("<body>" + _BLOCK.sub(" <", html.replace("\0", "")))
    for node in tree.css(_UNSEEN):
        node.decompose()
    body = tree.body
    return body.text(deep=True) if body is not None else ""
