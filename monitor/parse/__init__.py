"""Bytes in, Document out: RSS, Atom, RDF and JSON Feed, whatever state they are in."""

from monitor.parse.document import parse
from monitor.parse.pool import ParserPool

__all__ = ["ParserPool", "parse"]
