"""What a site's robots.txt allows (RFC 9309): the longest rule decides, with ``*`` and ``$``. Pure.

Patterns are compared piece by piece and never become regular expressions: a site could write one that
takes for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

SIZE = 512_000  # bytes that are read (RFC 9309 §2.5)
_AGENT = re.compile(r"[a-z_-]+|\*")
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_AS_IT_IS = "".join(chr(each) for each in range(0x21, 0x7F))


class Robots:
    """The rules for one program. Nothing said means that everything is allowed."""

    def __init__(self, text: str, agent: str) -> None:
        groups = list(_groups(text))
        ours = [rules for agents, rules in groups if agent in agents]
        ours = ours or [rules for agents, rules in groups if "*" in agents]
        self._rules = tuple(rule for rules in ours for rule in rules)

    def allows(self, path: str) -> bool:
        """Whether a path with its query may be read; of rules as long as each other the kinder one."""
        path = _comparable(path)
        if path == "/robots.txt":
            return True
        found = ((len(pattern), kind) for kind, pattern in self._rules if _holds(pattern, path))
        return max(found, default=(0, True))[1]


def _groups(text: str) -> Iterator[tuple[set[str], list[tuple[bool, str]]]]:
    """(programs, (True for allow, pattern)…) of each group of lines."""
    agents: set[str] = set()
    rules: list[tuple[bool, str]] = []
    begun = False  # the group's rules have begun: the next User-agent opens another
    for line in text.removeprefix("\ufeff").splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if begun:
                yield agents, rules
                agents, rules, begun = set(), [], False
            if named := _AGENT.match(value.lower()):
                agents.add(named[0])
        elif key in ("allow", "disallow"):
            begun = True
            if value:
                rules.append((key == "allow", _comparable(value)))
    yield agents, rules


def _comparable(path: str) -> str:
    """Percent-encoded where it must be, and nowhere else (RFC 9309 §2.2.2)."""
    return quote(_ENCODED.sub(_least, path), safe=_AS_IT_IS)


def _least(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


def _holds(pattern: str, path: str) -> bool:
    whole = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not others:
        return not whole or len(path) == len(first)
    at, last = len(first), others.pop()
    for each in others:
        at = path.find(each, at)
        if at < 0:
            return False
        at += len(each)
    if whole:
        return path.endswith(last) and len(path) - len(last) >= at
    return path.find(last, at) >= 0
