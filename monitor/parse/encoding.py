"""Bytes to text: what the bytes themselves say goes before what is said about them. Pure."""

from __future__ import annotations

import re

from w3lib.encoding import (
    html_body_declared_encoding,
    http_content_type_encoding,
    read_bom,
    resolve_encoding,
)

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CONTROLS = bytes({*range(0x20)} - {9, 10, 13})
_UNSAFE = frozenset(
    {"utf-7", "utf7", "hz", "unicode-escape", "raw-unicode-escape", "idna", "punycode"}
)
_FEW = 0.02  # share of damaged characters up to which a text is UTF-8 all the same


def decode(body: bytes, content_type: str) -> tuple[str, str]:
    """(text without characters that XML forbids, what had to be repaired or "")."""
    plain = _plain(body)
    if plain is not None:
        return plain, ""
    text, repaired = _decode(body, content_type)
    clean = _NOT_XML.sub("", text)
    if len(clean) != len(text):
        repaired = repaired or "it holds control characters"
    return clean, repaired


def decode_page(body: bytes, content_type: str) -> str:
    """The text of a web page: its mark, else UTF-8 if it is valid, else what header or page declare."""
    encoding, mark = read_bom(body)
    if encoding is not None and mark is not None:
        return body[len(mark) :].decode(encoding, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    labels = (http_content_type_encoding(content_type), html_body_declared_encoding(body[:4_096]))
    known = [name for name in map(_known, labels) if name]
    lossy = body.decode("utf-8", "replace")
    if _damage(lossy) <= _FEW and (not known or "utf-8" in known):
        return lossy
    other = next((name for name in known if name != "utf-8"), None) or _plausible(body)
    return body.decode(other, "replace")


def _plain(body: bytes) -> str | None:
    """The text of UTF-8 that holds nothing which XML forbids, as nearly all is: bytes are looked
    through a good deal faster than text."""
    if body.startswith(b"\xef\xbb\xbf") or len(body.translate(None, _CONTROLS)) != len(body):
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\ufffe" in text or "\uffff" in text else text


def _decode(body: bytes, content_type: str) -> tuple[str, str]:
    """A byte order mark, else UTF-8 if it is valid, else what is declared, else what is plausible.

    Text in another encoding is hardly ever valid UTF-8 by chance, so validity outweighs every label;
    labels are wrong more often (a server's default charset, a prolog kept after a conversion).
    """
    encoding, mark = read_bom(body)
    if encoding is not None and mark is not None:
        return body[len(mark) :].decode(encoding, "replace"), ""
    if body[:2] in (b"<\0", b"{\0"):
        return body.decode("utf-16-le", "replace"), "it is UTF-16 without saying so"
    if body[:2] in (b"\0<", b"\0{"):
        return body.decode("utf-16-be", "replace"), "it is UTF-16 without saying so"
    try:
        return body.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    declared = _DECLARED.search(body[:1_024])
    labels = [
        declared[1].decode("ascii") if declared else None,
        http_content_type_encoding(content_type),
    ]
    known = [name for name in map(_known, labels) if name]
    lossy = body.decode("utf-8", "replace")
    if _damage(lossy) <= _FEW and (not known or "utf-8" in known):
        return lossy, "it holds damaged characters"
    for name in known:
        if name == "utf-8":
            continue
        try:
            return body.decode(name), ""
        except (UnicodeDecodeError, LookupError):
            continue
    other = next((name for name in known if name != "utf-8"), None)
    if other is not None:
        return body.decode(other, "replace"), "it holds damaged characters"
    if _damage(lossy) <= _FEW:
        return lossy, "it holds damaged characters"
    return body.decode(_plausible(body), "replace"), "it does not say its encoding"


def _known(label: str | None) -> str | None:
    """The codec that a label means on the web (ISO 8859-1 is read as windows-1252)."""
    name = resolve_encoding(label) if label else None
    if name is None or name.replace("_", "-") in _UNSAFE:
        return None
    try:
        b"x".decode(name)
    except LookupError:  # one of Python's codecs that is none for text
        return None
    except UnicodeError:
        pass
    return name


def _damage(text: str) -> float:
    """Share of what is not ASCII that could not be decoded."""
    beyond = sum(1 for each in text if each > "\x7f")
    return text.count("\ufffd") / beyond if beyond else 0.0


def _plausible(body: bytes) -> str:
    """Windows-1251 where the bytes beyond ASCII are mostly its letters, else windows-1252."""
    high = [each for each in body if each > 0x7F]
    cyrillic = sum(1 for each in high if each >= 0xC0)
    dense = len(high) > len(body) * 0.15
    return "cp1251" if dense and cyrillic > len(high) * 0.8 else "cp1252"
