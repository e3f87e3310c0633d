"""One folder and one tokeniser, shared by queries and items.

``fold`` normalises letters without losing the way back to the cleaned text, ``Tokens`` are the words
of one field, ``Document`` an item's title and summary in one row of positions.
"""

from monitor.text.fold import Folded, cut, fold
from monitor.text.language import detect_language
from monitor.text.tokens import FIELD_GAP, Document, Tokens, split_words

__all__ = [
    "FIELD_GAP",
    "Document",
    "Folded",
    "Tokens",
    "cut",
    "detect_language",
    "fold",
    "split_words",
]
