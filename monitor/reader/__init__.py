"""The second reader: a language model, by choice, reads what the queries found.

``questions`` is pure (what is asked, how an answer is checked, what it does to a score); ``client``
talks to any endpoint of the OpenAI chat-completions protocol. Off unless a URL is configured.
"""

from monitor.reader.client import ReaderSettings, Readings, SecondReader
from monitor.reader.questions import Question, Verdict, with_verdicts

__all__ = [
    "Question",
    "ReaderSettings",
    "Readings",
    "SecondReader",
    "Verdict",
    "with_verdicts",
]
