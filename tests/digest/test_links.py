"""Links that end a subscription or stop an alert, and the check of the user's templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.digest.links import (
    acknowledge_token,
    acknowledged_key,
    unsubscribe_link,
    unsubscribe_token,
    verify,
)
from monitor.digest.sample import check

SHIPPED = Path(__file__).parents[2] / "templates"
KNOWN = [("daily", "ana@example.org"), ("daily", "ben@example.org"), ("weekly", "ana@example.org")]


@pytest.mark.parametrize("who", KNOWN, ids=["/".join(each) for each in KNOWN])
def test_a_token_is_for_one_reader_of_one_subscription(who):
    assert verify(unsubscribe_token("secret", *who), "secret", KNOWN) == who


def test_a_token_says_nothing_and_letters_of_an_address_do_not_matter():
    token = unsubscribe_token("secret", "daily", "Ana@Example.org")
    assert token == unsubscribe_token("secret", "daily", "ana@example.org")
    assert len(token) == 24
    assert unsubscribe_link("https://m.example/", token) == f"https://m.example/unsubscribe/{token}"
    assert unsubscribe_link("", token) == ""


@pytest.mark.parametrize("token", ["", "x", "Zm9v", "é", "\x00", "a.b.c", "." * 999])
def test_what_is_none_of_ours_opens_nothing(token):
    assert verify(token, "secret", KNOWN) is None
    assert acknowledged_key(token, "secret") is None


def test_another_secret_opens_nothing():
    assert verify(unsubscribe_token("old", *KNOWN[0]), "new", KNOWN) is None
    assert acknowledged_key(acknowledge_token("old", "key"), "new") is None


class TestCheck:
    @pytest.fixture
    def own(self, tmp_path):
        (tmp_path / "email").mkdir()
        return tmp_path

    def test_the_shipped_templates_are_right(self):
        assert list(check(SHIPPED, SHIPPED)) == []

    def test_no_folder_no_problem(self, tmp_path):
        assert list(check(tmp_path, SHIPPED)) == []

    @pytest.mark.parametrize(
        ("name", "text", "line", "column", "words"),
        [
            ("digest.txt", "a\n{% if %}", 2, 1, "Expected an expression"),
            ("digest.html", "{{ c.sentence }}\n  {{ c.sentense }}", 2, 8, "sentense"),
            ("alert.html", "{{ c.lines[0].cause|uper }}", 1, 21, "uper"),
            ("notice.txt", "{% for x in c.new %}\n{{ x.word }}\n{% endfor %}", 2, 6, "word"),
            ("digest.txt", '{% include "email/missing.txt" %}', 1, 13, "missing.txt"),
        ],
        ids=["syntax", "misspelt name", "unknown filter", "in a loop", "missing part"],
    )
    def test_a_mistake_is_named_with_line_and_column(self, own, name, text, line, column, words):
        (own / "email" / name).write_text(text)
        [problem] = check(own, SHIPPED)
        assert problem.path == str(own / "email" / name)
        assert (problem.line, problem.severity) == (line, "error")
        assert words in problem.message
        assert problem.column == column

    def test_a_mistake_where_a_digest_is_empty_is_found_too(self, own):
        (own / "email" / "digest.txt").write_text("{% if c.empty %}{{ oops }}{% endif %}")
        [problem] = check(own, SHIPPED)
        assert "oops" in problem.message

    def test_a_file_that_no_message_uses_is_told(self, own):
        (own / "email" / "digset.html").write_text("x")
        [problem] = check(own, SHIPPED)
        assert problem.severity == "warning"
