"""Items in, hits out: the indexed engine, stage, genre, score, training, evaluation and explanation."""

from monitor.match.engine import IndexedMatcher, compile_matcher
from monitor.match.relevance import Relevance

__all__ = ["IndexedMatcher", "Relevance", "compile_matcher"]
