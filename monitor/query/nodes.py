"""What a query is once it is parsed: frozen nodes that know where in its text they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

MAX_NEAR = 500
"""Largest n of NEAR/n. Title and summary stand further apart than that."""

ROLES = ("by", "on", "of", "to", "from", "in", "with")
Within: TypeAlias = int | Literal["sentence", "clause"]


@dataclass(frozen=True, slots=True)
class Term:
    """A word, a ``prefix*``, a ``~lemma`` or adjacent words, as written."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Ref:
    """``@name``: any form of a concept."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Frame:
    """``@action(role: X, …)``: who did what to whom."""

    action: Ref
    roles: tuple[tuple[str, Node], ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Title:
    operand: Node
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fact:
    """``lang:``, ``stage:`` or ``genre:``: something known of the item as a whole."""

    kind: Literal["lang", "stage", "genre"]
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Near:
    left: Node
    right: Node
    within: Within
    ordered: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    operand: Node
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Node, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Node, ...]
    start: int
    end: int


Node: TypeAlias = Term | Ref | Frame | Title | Fact | Near | Not | And | Or


def children(node: Node) -> tuple[Node, ...]:
    """The nodes that a node is made of, in the order they are written."""
    match node:
        case And(operands) | Or(operands):
            return operands
        case Near(left, right):
            return (left, right)
        case Not(operand) | Title(operand):
            return (operand,)
        case Frame(action, roles):
            return (action, *(operand for _, operand in roles))
        case _:
            return ()


def walk(node: Node) -> list[Node]:
    """A node and all below it, depth first."""
    found = [node]
    for child in children(node):
        found.extend(walk(child))
    return found
