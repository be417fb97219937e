"""What was said against what was heard: errors per character and word of texts normalised alike; it hears nothing.

Alignments are jiwer's (Levenshtein). Texts are compared in their spoken form, so that an ear which writes ``38.5``
and one which writes ``三十八点五`` are judged alike: digits become words, punctuation and case go. Nothing is skipped:
an empty heard text is all deletions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from agents.sound.comparable import comparable
from scenarios.errors import MissingExtra
from scenarios.schema import ErrorCounts, Language


class Errors(NamedTuple):
    """Errors per character (English: with one space between words, as jiwer counts) and per word (None in Chinese)."""

    characters: ErrorCounts
    words: ErrorCounts | None


def count_errors(said: str, heard: str, language: Language) -> Errors:
    """Return how ``heard`` differs from ``said``.

    Args:
        said: the true text.
        heard: what a listener wrote; '' counts as all deleted.
        language: zh is counted in characters only, en in characters and words.

    Raises:
        MissingExtra: jiwer, or the packages that write numbers as words, are not installed.
    """
    true = comparable(said, language)
    found = true if heard == said else comparable(heard, language)
    characters = _counts(list(true), list(found), words=False)
    return Errors(characters, _counts(true.split(), found.split(), words=True) if language == "en" else None)


def _counts(true: list[str], found: list[str], *, words: bool) -> ErrorCounts:
    """Return the errors; jiwer is asked only where there is something to align."""
    if true == found:
        return ErrorCounts(reference=len(true))
    if not true or not found:
        return ErrorCounts(deletions=len(true), insertions=len(found), reference=len(true))
    jiwer = _jiwer()
    output = (
        jiwer.process_words(" ".join(true), " ".join(found)) if words
        else jiwer.process_characters("".join(true), "".join(found))
    )
    return ErrorCounts(
        substitutions=output.substitutions, deletions=output.deletions, insertions=output.insertions,
        reference=len(true),
    )


def _jiwer() -> Any:
    try:
        import jiwer
    except ModuleNotFoundError as error:
        raise MissingExtra("comparing what was said with what was heard", "voice") from error
    return jiwer
