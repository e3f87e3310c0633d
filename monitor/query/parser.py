"""The query language: one parser, which is also the validator.

    query  = and { "OR" and }
    and    = not { ( "AND" | before "NOT": nothing ) not }
    not    = "NOT" not | near
    near   = atom { ( "NEAR/" | "ONEAR/" ) ( number | "sentence" | "clause" ) atom }
    atom   = "(" query ")" | "title:" atom | fact | frame | "@" name | phrase | word
    fact   = ( "lang:" | "stage:" | "genre:" ) word
    frame  = "@" name "(" role ":" query { "," role ":" query } ")"
    phrase = '"' anything but '"' '"'
    word   = ["~"] letters ["*"]

Tightest first: parentheses; title:, facts, frames; NEAR and ONEAR from left to right; NOT; AND; OR. So
``a OR b NOT c`` is ``a OR (b AND (NOT c))``. Operators are written in capitals.

Recursive descent, one function a rule, each looking one token ahead: time is linear in the text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NoReturn, cast

from monitor.errors import QueryError
from monitor.query.nodes import (
    MAX_NEAR,
    ROLES,
    And,
    Fact,
    Frame,
    Near,
    Node,
    Not,
    Or,
    Ref,
    Term,
    Title,
    Within,
    walk,
)
from monitor.text import split_words

MAX_LENGTH = 20_000
MAX_DEPTH = 60
MAX_TERMS = 400
MAX_PROXIMITIES = 60

FACTS = {
    "stage": ("act", "decision", "official-claim", "talks", "threat", "denied"),
    "genre": ("news", "opinion", "explainer", "retrospective", "live-blog", "quiz", "digest"),
}

_token = re.compile(
    r"""\s*(?:
      (?P<open>\() | (?P<close>\)) | (?P<comma>,)
    | (?P<near>O?NEAR/[^\s()]*) | (?P<and>AND\b) | (?P<or>OR\b) | (?P<not>NOT\b)
    | (?P<title>title:) | (?P<fact>(?:lang|stage|genre):[\w-]*)
    | (?P<phrase>"[^"]*") | (?P<unclosed>"[^"]*$)
    | (?P<name>@[\w-]*) | (?P<role>(?:by|on|of|to|from|in|with):)
    | (?P<word>[^\s(),"][^\s(),]*)
    | (?P<end>$)
    )""",
    re.X,
)
_lower_operator = re.compile(r"(?:and|or|not|o?near/\w+|title)$", re.I)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


def parse(text: str, *, names: Collection[str] | None = None) -> Node:
    """The tree of a query. ``names`` are the concepts there are; None leaves them unchecked.

    Raises QueryError with the offset of what is wrong and, where it can be told, what was meant.
    """
    return _Parser(text, names).query()


class _Parser:
    def __init__(self, text: str, names: Collection[str] | None) -> None:
        self.text = text
        self.names = names
        self.depth = 0
        if len(text) > MAX_LENGTH:
            self.fail(f"the query is longer than {MAX_LENGTH} characters", MAX_LENGTH, len(text))
        self.tokens = _tokens(text)
        self.at = 0
        self.in_frame = False

    # ── The rules ────────────────────────────────────────────────────────────────────────────────

    def query(self) -> Node:
        if self.peek.kind == "end":
            self.fail("the query is empty", 0, 1, "write at least one word or @name")
        node = self.or_()
        self.expect_end()
        self.check(node)
        return node

    def or_(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail_at(self.peek, f"more than {MAX_DEPTH} parentheses inside one another")
        operands = [self.and_()]
        while self.take("or"):
            operands.append(self.and_())
        self.depth -= 1
        return operands[0] if len(operands) == 1 else Or(tuple(operands), *_extent(operands))

    def and_(self) -> Node:
        operands = [self.not_()]
        while self.take("and") or self.peek.kind == "not":
            operands.append(self.not_())
        return operands[0] if len(operands) == 1 else And(tuple(operands), *_extent(operands))

    def not_(self) -> Node:
        negations = []
        while token := self.take("not"):
            negations.append(token)
            if len(negations) > MAX_DEPTH:
                self.fail_at(token, "too many NOT in a row")
        node = self.near()
        for token in reversed(negations):
            node = Not(node, token.start, node.end)
        return node

    def near(self) -> Node:
        node = self.atom()
        while token := self.take("near"):
            within = self.within(token)
            right = self.atom()
            for side in (node, right):
                if not _needs_words(side):
                    self.fail(
                        f"{token.text} measures between words, and this can hold without any",
                        side.start,
                        side.end,
                        "write NOT or the fact outside: a NEAR/8 b NOT c",
                    )
            node = Near(node, right, within, token.text[0] == "O", node.start, right.end)
        return node

    def within(self, token: Token) -> Within:
        operator, _, limit = token.text.partition("/")
        if limit in ("sentence", "clause"):
            return cast(Literal["sentence", "clause"], limit)
        if not (limit.isascii() and limit.isdigit()):
            self.fail_at(
                token,
                f"{operator}/ needs a number of words, “sentence” or “clause”",
                f"write for instance {operator}/8",
            )
        if len(limit) > 4 or int(limit) > MAX_NEAR:
            self.fail_at(
                token, f"at most {MAX_NEAR} words between: {token.text}", "write AND instead"
            )
        return int(limit)

    def atom(self) -> Node:
        token = self.next()
        match token.kind:
            case "open":
                inner = self.or_()
                self.expect("close", f"“(” at {token.start + 1} is not closed", "add “)”", token)
                return inner
            case "title":
                self.depth += 1
                if self.depth > MAX_DEPTH:
                    self.fail_at(token, "too many title: in a row")
                operand = self.atom()
                self.depth -= 1
                return Title(operand, token.start, operand.end)
            case "fact":
                return self.fact(token)
            case "name":
                return self.name(token)
            case "phrase" | "word":
                return self.term(token)
            case "role" if not self.in_frame:
                self.fail_at(
                    token,
                    f"“{token.text}” is a role and stands in the parentheses of an action",
                    f"write @action({token.text} …), or “{token.text[:-1]}” in quotes for the word",
                )
            case "unclosed":
                self.fail_at(token, "a quotation mark is not closed", 'add "')
        return self.fail_expected(token)

    def fact(self, token: Token) -> Fact:
        kind, _, value = token.text.partition(":")
        if kind == "lang":
            if not re.fullmatch(r"[a-z]{2,3}", value):
                self.fail_at(token, "lang: needs a language code", "write for instance lang:fa")
        elif value not in FACTS[kind]:
            self.fail_at(
                token,
                f"“{value}” is not a {kind}",
                _did_you_mean(value, FACTS[kind], "") or "one of " + ", ".join(FACTS[kind]),
            )
        return Fact(cast(Literal["lang", "stage", "genre"], kind), value, token.start, token.end)

    def name(self, token: Token) -> Node:
        name = token.text[1:]
        if not name:
            self.fail_at(token, "“@” without a name", "write for instance @iran")
        if self.names is not None and name not in self.names:
            self.fail_at(
                token,
                f"there is no concept “@{name}”",
                _did_you_mean(name, self.names, "@") or "add it to the gazetteer, or write a word",
            )
        ref = Ref(name, token.start, token.end)
        if self.peek.kind == "open" and self.peek.start == token.end:
            return self.frame(ref)
        return ref

    def frame(self, action: Ref) -> Frame:
        opening = self.next()
        outer, self.in_frame = self.in_frame, True
        roles: list[tuple[str, Node]] = []
        while True:
            token = self.next()
            if token.kind != "role":
                self.fail_at(
                    token,
                    "a role is expected here",
                    "one of " + ", ".join(f"{role}:" for role in ROLES),
                )
            role = token.text[:-1]
            if any(role == other for other, _ in roles):
                self.fail_at(token, f"“{role}:” is given twice", "join both with AND or OR")
            operand = self.or_()
            for node in walk(operand):
                if isinstance(node, Not | Fact | Title | Frame):
                    self.fail(
                        "a role takes words, @names, NEAR, AND and OR only",
                        node.start,
                        node.end,
                        "move this out of the parentheses",
                    )
            roles.append((role, operand))
            if not self.take("comma"):
                break
        closing = self.expect(
            "close", f"“(” at {opening.start + 1} is not closed", "add “)”", opening
        )
        self.in_frame = outer
        return Frame(action, tuple(roles), action.start, closing.end)

    def term(self, token: Token) -> Term:
        text = token.text[1:-1] if token.kind == "phrase" else token.text
        stars = [m.start() for m in re.finditer(r"\*", text)]
        for star in stars:
            if star == 0 or not (text[star - 1].isalnum() or text[star - 1] == "_"):
                self.fail_at(
                    token,
                    "“*” needs the beginning of a word before it",
                    "a bare * matches everything",
                )
            if star + 1 < len(text) and text[star + 1].isalnum():
                self.fail_at(token, "“*” can stand only at the end of a word", "write two terms")
        if not split_words(text):
            self.fail_at(token, "there is no letter or digit in this term", "leave it out")
        return Term(text, token.start, token.end)

    # ── What makes no sense ──────────────────────────────────────────────────────────────────────

    def check(self, node: Node) -> None:
        if not _needs_words(node):
            self.fail(
                "this query matches everything that does not hold something else",
                node.start,
                node.end,
                "add a word or @name that must occur",
            )
        nodes = walk(node)
        terms = [each for each in nodes if isinstance(each, Term | Ref)]
        if len(terms) > MAX_TERMS:
            self.fail(
                f"more than {MAX_TERMS} terms",
                terms[MAX_TERMS].start,
                terms[MAX_TERMS].end,
                "put the words into a concept and name it with @",
            )
        proximities = [each for each in nodes if isinstance(each, Near | Frame)]
        if len(proximities) > MAX_PROXIMITIES:
            each = proximities[MAX_PROXIMITIES]
            self.fail(
                f"more than {MAX_PROXIMITIES} NEAR and frames in one query",
                each.start,
                each.end,
                "split it into branches",
            )

    # ── Tokens ───────────────────────────────────────────────────────────────────────────────────

    @property
    def peek(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def take(self, kind: str) -> Token | None:
        return self.next() if self.peek.kind == kind else None

    def expect(self, kind: str, problem: str, remedy: str, about: Token) -> Token:
        if token := self.take(kind):
            return token
        if self.peek.kind == "end":
            self.fail_at(about, problem, remedy)
        return self.fail_adjacent()

    def expect_end(self) -> None:
        if self.peek.kind == "close":
            self.fail_at(self.peek, "“)” without “(”", "remove it")
        if self.peek.kind != "end":
            self.fail_adjacent()

    def fail_adjacent(self) -> NoReturn:
        token = self.peek
        before = self.tokens[self.at - 1] if self.at else token
        for each in (token, before):
            if each.kind == "word" and _lower_operator.match(each.text):
                self.fail_at(
                    each,
                    f"“{each.text}” is read as a word here",
                    f"operators are written in capitals: {_capitals(each.text)}",
                )
        if token.kind == "comma":
            self.fail_at(token, "a comma parts the roles of a frame", "write AND or OR")
        self.fail_at(
            token,
            "an operator is missing before this",
            f'write AND or OR, or put adjacent words in quotes: "{before.text} {token.text}"'
            if before.kind == token.kind == "word"
            else "write AND, OR, NOT or NEAR/n",
        )

    def fail_expected(self, token: Token) -> NoReturn:
        if token.kind == "end":
            before = self.tokens[self.at - 1]
            self.fail_at(before, f"something must follow “{before.text}”", "write a word or @name")
        self.fail_at(token, f"a word or @name is expected, not “{token.text}”")

    def fail_at(self, token: Token, problem: str, remedy: str = "") -> NoReturn:
        self.fail(problem, token.start, max(token.end, token.start + 1), remedy)

    def fail(self, problem: str, start: int, end: int, remedy: str = "") -> NoReturn:
        raise QueryError(problem, text=self.text, start=start, end=end, remedy=remedy)


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while True:
        match = _token.match(text, at)
        assert match and match.lastgroup, "every character begins a word, if nothing else"
        kind, start = match.lastgroup, match.start(match.lastgroup)
        found.append(Token(kind, match[kind], start, match.end()))
        if kind == "end":
            return found
        at = match.end()


def _extent(nodes: list[Node]) -> tuple[int, int]:
    return nodes[0].start, nodes[-1].end


def _needs_words(node: Node) -> bool:
    """Whether some word must occur for the node to hold."""
    match node:
        case Term() | Ref() | Frame() | Near():
            return True
        case Title(operand):
            return _needs_words(operand)
        case And(operands):
            return any(_needs_words(each) for each in operands)
        case Or(operands):
            return all(_needs_words(each) for each in operands)
        case _:
            return False


def _did_you_mean(word: str, known: Collection[str], mark: str) -> str:
    close = difflib.get_close_matches(word, list(known)[:5_000], n=1, cutoff=0.6)
    return f"did you mean “{mark}{close[0]}”?" if close else ""


def _capitals(word: str) -> str:
    operator, slash, limit = word.partition("/")
    return "title:" if operator == "title" else operator.upper() + slash + limit
