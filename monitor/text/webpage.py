"""Whether a document is a web page, told by how it begins. Linear in its length."""

from __future__ import annotations

import re

_BLANK = "\ufeff \t\r\n\f"
_OPENING = re.compile(r"<(?:!doctype\s+html|html|head|body)", re.I)


def is_web_page(start: str) -> bool:
    """True where the first thing after prolog, instructions and comments opens an HTML document."""
    at = _past_blank(start, 0)
    while True:
        if start.startswith("<?", at):
            end = start.find(">", at)
        elif start.startswith("<!--", at):
            end = start.find("-->", at + 4)
            end = end + 2 if end >= 0 else -1
        else:
            return _OPENING.match(start, at) is not None
        if end < 0:
            return False
        at = _past_blank(start, end + 1)


def _past_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at
