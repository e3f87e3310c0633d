"""Bytes in, Document out: RSS, Atom, RDF and JSON Feed, whatever state they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.parse.document import parse

if TYPE_CHECKING:
    from monitor.parse.pool import ParserPool

__all__ = ["ParserPool", "parse"]


def __getattr__(name: str) -> Any:
    """The pool is imported when it is asked for: its processes, which start often, do without."""
    if name == "ParserPool":
        from monitor.parse.pool import ParserPool

        return ParserPool
    raise AttributeError(name)
