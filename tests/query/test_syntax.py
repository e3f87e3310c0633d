"""The syntax of queries: what each form means, and what is said of each mistake."""

from __future__ import annotations

import pytest

from monitor.errors import Problem, QueryError
from monitor.query import parse
from monitor.query.nodes import And, Fact, Frame, Near, Node, Not, Or, Ref, Term, Title

NAMES = ("iran", "russia", "drone", "supply", "sanction-step")


def shown(node: Node) -> str:
    """The tree of a query with every parenthesis written."""
    match node:
        case Term(text):
            return text if " " not in text else f'"{text}"'
        case Ref(name):
            return f"@{name}"
        case Fact(kind, value):
            return f"{kind}:{value}"
        case Title(operand):
            return f"title:{shown(operand)}"
        case Not(operand):
            return f"(NOT {shown(operand)})"
        case And(operands):
            return f"({' AND '.join(map(shown, operands))})"
        case Or(operands):
            return f"({' OR '.join(map(shown, operands))})"
        case Near(left, right, within, ordered):
            return f"({shown(left)} {'O' * ordered}NEAR/{within} {shown(right)})"
        case Frame(action, roles):
            return f"@{action.name}({', '.join(f'{r}: {shown(o)}' for r, o in roles)})"


TREES = [
    ("a word", "drone", "drone"),
    ("adjacent words", '"Security Council"', '"Security Council"'),
    ("a beginning", "sanction*", "sanction*"),
    ("a lemma", "~deliver", "~deliver"),
    ("a concept", "@iran", "@iran"),
    ("a concept with a hyphen", "@sanction-step", "@sanction-step"),
    ("and binds more tightly than or", "a OR b AND c", "(a OR (b AND c))"),
    ("not between two means and not", "a OR b NOT c", "(a OR (b AND (NOT c)))"),
    ("and not", "a AND NOT b", "(a AND (NOT b))"),
    ("several nots", "a NOT b NOT c", "(a AND (NOT b) AND (NOT c))"),
    ("near binds more tightly than not", "a NOT b NEAR/3 c", "(a AND (NOT (b NEAR/3 c)))"),
    ("near chains from the left", "a NEAR/3 b NEAR/4 c", "((a NEAR/3 b) NEAR/4 c)"),
    ("in order", "a ONEAR/0 b", "(a ONEAR/0 b)"),
    ("in a sentence", "a NEAR/sentence b", "(a NEAR/sentence b)"),
    ("in a clause, in order", "a ONEAR/clause b", "(a ONEAR/clause b)"),
    ("parentheses", "(a OR b) AND c", "((a OR b) AND c)"),
    ("the title alone", "title: a AND b", "(title:a AND b)"),
    ("the title alone, of more", "title: (a AND b)", "title:(a AND b)"),
    ("facts", "a AND lang:fa AND stage:denied NOT genre:opinion",
     "(a AND lang:fa AND stage:denied AND (NOT genre:opinion))"),
    ("a frame", "@supply(by: @iran, of: @drone OR missile*, to: @russia)",
     "@supply(by: @iran, of: (@drone OR missile*), to: @russia)"),
    ("a frame within", "a AND @supply(by: @iran) NOT b", "(a AND @supply(by: @iran) AND (NOT b))"),
    ("a concept before a parenthesis of its own", "@supply (a)", None),
    ("an operator in small letters in quotes is a word", '"and"', "and"),
    ("hyphens", "Su-35", "Su-35"),
    ("lines and spaces", "a\n  AND\tb", "(a AND b)"),
    ("words of every script", "пуск* OR پرتاب* OR إطلاق", "(пуск* OR پرتاب* OR إطلاق)"),
]  # fmt: skip


@pytest.mark.parametrize("case", TREES, ids=[case[0] for case in TREES])
def test_a_query_means(case: tuple[str, str, str | None]) -> None:
    _, text, tree = case
    if tree is None:
        with pytest.raises(QueryError):
            parse(text, names=NAMES)
        return
    assert shown(parse(text, names=NAMES)) == tree


MISTAKES = [
    # What is written, what is said, what the caret underlines, what is suggested.
    ("", "the query is empty", "", "at least one word"),
    ("   ", "the query is empty", " ", "at least one word"),
    ("@irann AND a", "there is no concept “@irann”", "@irann", "did you mean “@iran”?"),
    ("@zzz", "there is no concept “@zzz”", "@zzz", "add it to the gazetteer"),
    ("@ a", "“@” without a name", "@", "@iran"),
    ("a and b", "“and” is read as a word here", "and", "capitals: AND"),
    ("a or b", "“or” is read as a word here", "or", "capitals: OR"),
    ("a near/3 b", "“near/3” is read as a word here", "near/3", "capitals: NEAR/3"),
    ("a b", "an operator is missing before this", "b", '"a b"'),
    ("a (b)", "an operator is missing before this", "(", "AND, OR, NOT or NEAR/n"),
    ("a AND", "something must follow “AND”", "AND", "write a word"),
    ("AND a", "a word or @name is expected, not “AND”", "AND", ""),
    ("a OR OR b", "a word or @name is expected, not “OR”", "OR", ""),
    ("(a OR b", "“(” at 1 is not closed", "(", "add “)”"),
    ("a OR b)", "“)” without “(”", ")", "remove it"),
    ('a AND "b', "a quotation mark is not closed", '"b', 'add "'),
    ("a NEAR/x b", "NEAR/ needs a number of words", "NEAR/x", "NEAR/8"),
    ("a NEAR/ b", "NEAR/ needs a number of words", "NEAR/", "NEAR/8"),
    ("a NEAR/501 b", "at most 500 words between", "NEAR/501", "AND instead"),
    ("a ONEAR/-1 b", "ONEAR/ needs a number", "ONEAR/-1", "ONEAR/8"),
    ("(NOT a) NEAR/3 (NOT b)", "NEAR/3 measures between words", "NOT a", "outside: a NEAR/8 b NOT c"),
    ("a ONEAR/3 (b OR NOT c)", "this can hold without any", "b OR NOT c", "outside"),
    ("a NEAR/3 lang:en", "this can hold without any", "lang:en", "outside"),
    ("*", "“*” needs the beginning of a word", "*", "matches everything"),
    ("a AND *b", "“*” needs the beginning of a word", "*b", "matches everything"),
    ("dro*ne", "“*” can stand only at the end of a word", "dro*ne", "two terms"),
    ('"!?"', "there is no letter or digit in this term", '"!?"', "leave it out"),
    ("NOT a", "this query matches everything", "NOT a", "add a word"),
    ("a OR NOT b", "this query matches everything", "a OR NOT b", "add a word"),
    ("lang:en", "this query matches everything", "lang:en", "add a word"),
    ("a AND lang:english", "lang: needs a language code", "lang:english", "lang:fa"),
    ("a AND stage:denyed", "“denyed” is not a stage", "stage:denyed", "did you mean “denied”?"),
    ("a AND genre:blog", "“blog” is not a genre", "genre:blog", ""),
    ("by: a", "“by:” is a role", "by:", "@action(by: …)"),
    ("@supply(@iran)", "a role is expected here", "@iran", "by:"),
    ("@supply(by: @iran, by: @russia)", "“by:” is given twice", "by:", "AND or OR"),
    ("@supply(by: NOT @iran)", "a role takes words", "NOT @iran", "out of the parentheses"),
    ("@supply(by: @supply(by: @iran))", "a role takes words", "@supply(by: @iran)", "move this out"),
    ("@supply(by: @iran", "“(” at 8 is not closed", "(", "add “)”"),
    ("@suply(by: @iran)", "there is no concept “@suply”", "@suply", "did you mean “@supply”?"),
    ("a, b", "a comma parts the roles of a frame", ",", "AND or OR"),
    ("title:", "something must follow “title:”", "title:", "write a word"),
]  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES, ids=[case[0] or "nothing" for case in MISTAKES])
def test_a_mistake_is_named_where_it_stands_and_a_way_out_is_offered(
    case: tuple[str, str, str, str],
) -> None:
    text, problem, underlined, remedy = case
    with pytest.raises(QueryError) as caught:
        parse(text, names=NAMES)
    error = caught.value
    assert problem in error.problem
    assert text[error.start : error.end] == underlined
    assert remedy in error.remedy


LIMITS = [
    ("too long", "a" * 20_001, "longer than 20000 characters"),
    ("too deep", "(" * 61 + "a" + ")" * 61, "60 parentheses"),
    ("too many NOT", "a AND " + "NOT " * 61 + "b", "too many NOT"),
    ("too many terms", " OR ".join(f"a{n}" for n in range(401)), "more than 400 terms"),
    ("too many NEAR", " OR ".join(f"a{n} NEAR/2 b" for n in range(61)), "more than 60 NEAR"),
    ("too many title:", "title: " * 61 + "a", "too many title:"),
]


@pytest.mark.parametrize("case", LIMITS, ids=[case[0] for case in LIMITS])
def test_a_query_has_limits(case: tuple[str, str, str]) -> None:
    with pytest.raises(QueryError, match=case[2]):
        parse(case[1])


def test_every_node_knows_where_it_stands() -> None:
    text = "@iran AND (drone NEAR/3 sold)"
    node = parse(text)
    assert isinstance(node, And)
    assert [text[each.start : each.end] for each in node.operands] == ["@iran", "drone NEAR/3 sold"]


def test_a_problem_shows_its_line_and_a_caret_under_the_mistake() -> None:
    with pytest.raises(QueryError) as caught:
        parse("@iran AND\n@droone", names=NAMES)
    error = caught.value
    line = error.text[: error.start].count("\n") + 1
    column = error.start - error.text.rfind("\n", 0, error.start)
    problem = Problem(
        path="arms.yaml", line=line, column=column, message=error.problem, hint=error.remedy,
        source=error.text.splitlines()[line - 1], width=error.end - error.start,
    )  # fmt: skip
    assert str(problem).splitlines() == [
        "arms.yaml:2:1: error: there is no concept “@droone”",
        "  @droone",
        "  ^^^^^^^",
        "  did you mean “@drone”?",
    ]


def test_names_are_not_looked_up_where_none_are_given() -> None:
    assert shown(parse("@anything")) == "@anything"
