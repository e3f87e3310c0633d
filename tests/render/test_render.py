"""A feed's text is harmless whatever it holds, and a template's mistake is shown where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.render import BrokenTemplateError, bdi, environment, isolate, plain, render, safe_link


def folder(root: Path, name: str, **files: str) -> Path:
    for file, text in files.items():
        path = (
            root / name / file.replace("__", "/").replace("_html", ".html").replace("_txt", ".txt")
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / name


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.org/a?b=c#d", True),
        ("http://example.org", True),
        ("HTTPS://EXAMPLE.ORG/", True),
        ("https://пример.рф/новости", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        (" javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
        ("//example.org/without-scheme", False),
        ("/relative", False),
        ("https:///no-host", False),
        ("https://[broken", False),
        ("https://example.org/a b", False),
        ("https://example.org\\@evil.example", False),
        ("https://example.org/\x00", False),
        ("https://example.org/\u2028", False),
        ("", False),
        (None, False),
    ],
)
def test_only_absolute_http_links_are_links(link: str | None, kept: bool) -> None:
    assert safe_link(link) == (link if kept else "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x07c\x1bd", "abcd"),
        ("it\x92s", "its"),  # a Windows apostrophe read as Latin-1: clips a mail in Gmail
        ("one\u2028two\u2029", "onetwo"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("tab\tand\nline stay", "tab\tand\nline stay"),
        ("نفتکش‌ها", "نفتکش‌ها"),  # the joiner that Persian needs stays
    ],
)
def test_control_characters_are_taken_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_text_of_another_direction_is_isolated() -> None:
    assert isolate("\u202eevil\u2069") == "\u2068evil\u2069"
    assert isolate("") == ""
    assert str(bdi("\u202e<b>")) == "<bdi>&lt;b&gt;</bdi>"


def test_html_is_escaped_and_text_is_not(tmp_path: Path) -> None:
    shipped = folder(tmp_path, "shipped", a_html="<p>{{ x }}</p>", a_txt="{{ x }}\n")
    env = environment(shipped)
    assert render(env, "a.html", {"x": "<i>&\x1b"}) == "<p>&lt;i&gt;&amp;</p>"
    assert render(env, "a.txt", {"x": "<i>&\x1b"}) == "<i>&\n"


def test_the_users_template_comes_first_and_a_missing_folder_is_no_error(tmp_path: Path) -> None:
    shipped = folder(tmp_path, "shipped", a_html="shipped", b_html="{% include 'a.html' %}")
    user = folder(tmp_path, "user", a_html="mine")
    assert render(environment(user, shipped), "b.html", {}) == "mine"
    assert render(environment(tmp_path / "nowhere", shipped), "b.html", {}) == "shipped"


@pytest.mark.parametrize(
    ("case", "text", "line", "column", "says"),
    [
        ("a misspelt name", "one\n  {{ nam }}\n", 2, 6, "'nam' is undefined"),
        ("a misspelt attribute", "{{ name.frist }}", 1, 9, "frist"),
        ("an unknown tag", "\n{% fro x in y %}", 2, 4, "'fro'"),
        ("an unknown filter", "{{ name|uper }}", 1, 9, "uper"),
        ("an open block", "{% if name %}\nx", 2, 0, "if"),
        ("a missing include", "\n{% include 'gone.html' %}", 2, 13, "gone.html"),
        ("a broken include", "{% include 'inner.html' %}", 2, 4, "'bad' is undefined"),
        ("an error of its own", "{{ name }}\n{{ 1 // zero }}", 2, 1, "ZeroDivisionError"),
    ],
)
def test_a_mistake_is_shown_with_file_line_and_column(
    tmp_path: Path, case: str, text: str, line: int, column: int, says: str
) -> None:
    user = folder(tmp_path, "user", a_html=text, inner_html="ok\n{{ bad }}")
    with pytest.raises(BrokenTemplateError) as caught:
        render(environment(user), "a.html", {"name": "x", "zero": 0})
    found = caught.value.detail
    assert (found.line, found.column) == (line, column), found
    assert says in found.message
    assert found.path.startswith(str(user))


def test_a_template_that_is_nowhere_says_where_it_was_sought(tmp_path: Path) -> None:
    with pytest.raises(BrokenTemplateError, match="not found in"):
        render(environment(tmp_path), "gone.html", {})
