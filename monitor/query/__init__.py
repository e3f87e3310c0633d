"""The query language: grammar in ``parser``, meaning in ``plain``, frames in ``frames``."""

from monitor.query.lexicon import Inflect, Lexicon
from monitor.query.matches import Facts, Leaf, Match, Outcome
from monitor.query.nodes import Node
from monitor.query.parser import parse
from monitor.query.plain import PlainEvaluator

__all__ = [
    "Facts",
    "Inflect",
    "Leaf",
    "Lexicon",
    "Match",
    "Node",
    "Outcome",
    "PlainEvaluator",
    "parse",
]
