"""Templates: where they are found, and what keeps a feed's text harmless in a page or a mail.

One Jinja environment for mail, report and pages. A user's templates come first, the shipped ones
after them. Everything is escaped except in ``.txt`` templates, an unknown name is an error, and no
control character of a feed ever gets through. ``safe_link`` is the one choke point for links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
from jinja2 import meta
from markupsafe import Markup, escape

from monitor.errors import Problem, TemplateError

# C0 (save tab and line feed), DEL, C1, line and paragraph separators, noncharacters, surrogates
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
# embeddings, overrides and isolates: what could turn the text around it (the marks may stay)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_IN_QUOTES = re.compile(r"'([^']+)'")


class BrokenTemplateError(TemplateError):
    """A template that cannot be used; ``detail`` has its place."""

    def __init__(self, detail: Problem) -> None:
        self.detail = detail
        super().__init__(str(detail), remedy="Mend that line, or delete the file to use ours.")


# ── The environment ──────────────────────────────────────────────────────────────────────────────


def environment(*folders: Path) -> jinja2.Environment:
    """Templates of ``folders``, the first that has a name wins; a missing folder is no error."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(folder) for folder in folders]),
        autoescape=_escaped,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=200,
        auto_reload=True,
    )
    env.filters.update(safe_link=safe_link, isolate=isolate, bdi=bdi, plain=plain)
    return env


def render(env: jinja2.Environment, name: str, values: Mapping[str, Any]) -> str:
    """The template's text. Raises BrokenTemplateError with the place of the mistake."""
    try:
        return env.get_template(name).render(values)
    except Exception as error:
        raise broken(env, name, error) from error


def mistakes(env: jinja2.Environment, name: str) -> Iterator[Problem]:
    """What is wrong with a template before it is given any values: syntax, and what it includes."""
    try:
        env.get_template(name)
        source = env.loader.get_source(env, name)[0] if env.loader else ""
        for needed in meta.find_referenced_templates(env.parse(source, name)):
            if needed is not None:
                env.get_template(needed)
    except jinja2.TemplateError as error:
        yield broken(env, name, error).detail


def broken(env: jinja2.Environment, name: str, error: Exception) -> BrokenTemplateError:
    """What went wrong while ``name`` was loaded or rendered, with file, line and column."""
    if isinstance(error, jinja2.TemplateNotFound):
        return BrokenTemplateError(_not_found(env, name, error))
    path, line = _place(env, name, error)
    source = _line(path, line)
    message = f"{error}" if isinstance(error, jinja2.TemplateError) else _foreign(error)
    column, width = _column(source, message)
    return BrokenTemplateError(
        Problem(path=path, line=line, column=column, message=message, source=source, width=width)
    )


def _escaped(name: str | None) -> bool:
    return not (name or "").endswith(".txt")


def _harmless(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    return plain(value) if isinstance(value, str) else value


# ── Filters ──────────────────────────────────────────────────────────────────────────────────────


def plain(text: str) -> str:
    """``text`` without control characters, lone surrogates and line separators."""
    return _CONTROL.sub("", text)


def safe_link(link: str | None) -> str:
    """``link`` if it is absolute http or https with a host, else the empty string."""
    if not link or _CONTROL.search(link) or any(c.isspace() for c in link) or "\\" in link:
        return ""
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return ""
    return link if parts.scheme.lower() in ("http", "https") and host else ""


def isolate(text: str) -> str:
    """For plain text: ``text`` between isolates, so that its direction stays its own."""
    inner = _BIDI.sub("", plain(text))
    return f"{_FIRST_STRONG_ISOLATE}{inner}{_POP_ISOLATE}" if inner else ""


def bdi(text: str) -> Markup:
    """For HTML: ``text`` in an element that isolates its direction."""
    return Markup("<bdi>{}</bdi>").format(escape(_BIDI.sub("", plain(text))))


# ── Where a mistake is ───────────────────────────────────────────────────────────────────────────


def _not_found(env: jinja2.Environment, name: str, error: jinja2.TemplateNotFound) -> Problem:
    missing = str(error.name or name)
    folders = getattr(env.loader, "searchpath", [])
    if missing != name:  # another one includes or extends it
        path, line = _place(env, name, error)
        source = _line(path, line)
        column, width = _column(source, f"'{missing}'")
        message = f"there is no template '{missing}'"
        return Problem(
            path=path, line=line, column=column, message=message, source=source, width=width
        )
    return Problem(
        path=missing, line=0, column=0, message=f"not found in {', '.join(folders) or 'no folder'}"
    )


def _place(env: jinja2.Environment, name: str, error: Exception) -> tuple[str, int]:
    """File and line: from a syntax error itself, else from the deepest frame in a template."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.filename or error.name or name, error.lineno
    folders = tuple(str(folder) for folder in getattr(env.loader, "searchpath", []))
    found, trace = (_file_of(env, name), 0), error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(folders) and not file.endswith(".py") and folders:
            found = (file, trace.tb_lineno)
        trace = trace.tb_next
    return found


def _file_of(env: jinja2.Environment, name: str) -> str:
    for folder in getattr(env.loader, "searchpath", []):
        if (Path(folder) / name).is_file():
            return str(Path(folder) / name)
    return name


def _line(path: str, line: int) -> str:
    if not line:
        return ""
    try:
        rows = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return rows[line - 1] if line <= len(rows) else ""


def _column(source: str, message: str) -> tuple[int, int]:
    """Column and width of what the message names; Jinja itself gives lines only."""
    for word in _IN_QUOTES.findall(message)[::-1]:
        for part in (word, word.rpartition(" ")[2]):
            found = re.search(rf"(?<!\w){re.escape(part)}(?!\w)", source)
            if found:
                return found.start() + 1, len(part)
    opening = re.search(r"\{[{%#]", source)
    return (opening.start() + 1, 2) if opening else (0, 1)


def _foreign(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
