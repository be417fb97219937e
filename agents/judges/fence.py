"""Shows a transcript to a judge as fenced data; it knows text, and nothing of rubrics, scores or models.

Every party's words go through the same steps, so that nobody gains by formatting:

1. One turn is one line. Line breaks become a visible ``⏎``; runs of blanks become one. A line inside the fence that
   does not begin with our own ``[number] label`` therefore cannot exist, whatever was said.
2. Characters that do not show (control, bidirectional, zero-width, tag, private-use, variation selectors, fillers)
   are written out: ``‹U+202E›``, runs of them once with their number.
3. Brackets that frame things for us or for chat templates are replaced by look-alikes: ``[`` ``⟦`` become ``〔``,
   ``<`` before anything but a blank, digit or ``=`` becomes ``‹``. So ``<|im_start|>``, ``</s>``, ``[INST]`` and
   copies of our fence reach the tokenizer as plain text, while ``<140`` stays.
4. A role's name with a colon at the beginning of a line or sentence (``System:``, ``评委：``) is put in ``‹›``.
5. A long turn is cut, with a note in our own brackets that says how much is missing.

The fence is a line with a token made from the hash of everything inside; it cannot occur inside.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scenarios.identity import content_hash
from scenarios.schema import Language, Role, Turn

FENCE_VERSION = 1
"""Goes into fingerprints: raise it whenever the same transcript would come out differently."""
LABELS: dict[Language, dict[Role, str]] = {
    "zh": {"patient": "患者", "doctor": "医生", "examiner": "检查"},
    "en": {"patient": "Patient", "doctor": "Doctor", "examiner": "Examiner"},
}
TURN_CHARACTERS = 1_500
TRANSCRIPT_CHARACTERS = 16_000
LEAST_CHARACTERS = 60
BREAK = "⏎"

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SPACE = re.compile(r"\s+")
_LINE_END = re.compile(r"[\n\r\x0b\x0c\x85\u2028\u2029]")
_TAG = re.compile(r"<(?=[^\s\d=.])")
_ROLE = re.compile(
    r"(^[\W\d]{0,8}|[⏎。！？!?.;；][\W\d]{0,8})"
    r"(system|assistant|user|human|developer|tool|judge|grader|examiner|doctor|patient|instructions?|"
    r"系统|助手|用户|人类|评委|评审|裁判|考官|评分员|检查|医生|患者|病人|指令)(?=\s{0,3}[:：])",
    re.I,
)
_MARKS = re.compile(r"(?<=[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]{2})"
                    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]+")
_BRACKETS = str.maketrans({"[": "〔", "]": "〕", "⟦": "〔", "⟧": "〕"})


@dataclass(frozen=True, slots=True)
class Fenced:
    """Text for a prompt, the ``token`` of its fence, and how many characters were left out of it."""

    text: str
    token: str
    left_out: int = 0


def defuse(text: str) -> str:
    """Return ``text`` on one line, with everything hidden made visible and everything that frames made plain."""
    flat = _SPACE.sub(_one_blank, text.strip())
    flat = _MARKS.sub(_written_out, _show_hidden(flat))
    flat = _TAG.sub("‹", flat).translate(_BRACKETS)
    return _ROLE.sub(lambda found: f"{found[1]}‹{found[2]}›", flat)


def fence_turns(
    turns: Sequence[Turn], language: Language, *,
    turn_characters: int = TURN_CHARACTERS, characters: int = TRANSCRIPT_CHARACTERS, name: str = "",
) -> Fenced:
    """Return a transcript as fenced data, one ``[number] label: words`` a line.

    Args:
        turns: the consultation; ``[number]`` is ``Turn.index + 1``.
        language: of the labels and notes.
        turn_characters: a turn is cut to so many characters (after defusing).
        characters: when all turns together are longer, every turn's limit is halved until they fit (or 60 is left).
        name: what the data is called on the fence; empty: transcript. Ours, never from data.

    Returns:
        The fenced text; the same turns always give the same text.
    """
    said = [defuse(turn.text) for turn in turns]
    limit = max(LEAST_CHARACTERS, turn_characters)
    while limit > LEAST_CHARACTERS and sum(min(len(words), limit) for words in said) > characters:
        limit = max(LEAST_CHARACTERS, limit // 2)
    colon = "：" if language == "zh" else ": "
    lines = [
        f"[{turn.index + 1}] {LABELS[language][turn.role]}{colon}{_cut(words, limit, language)}"
        for turn, words in zip(turns, said, strict=True)
    ]
    left_out = sum(max(0, len(words) - limit) for words in said)
    return _fenced("\n".join(lines), name or ("对话记录" if language == "zh" else "transcript"), language, left_out)


def fence_text(text: str, language: Language, name: str, *, characters: int = TRANSCRIPT_CHARACTERS) -> Fenced:
    """Return one text (a question, an answer, a reference) as fenced data called ``name``, cut to ``characters``."""
    words = defuse(text)
    return _fenced(_cut(words, characters, language), name, language, max(0, len(words) - characters))


def fence_lines(lines: Sequence[str], name: str, language: Language) -> Fenced:
    """Return lines of ours as fenced data; whatever in them comes from data must have been defused already."""
    return _fenced("\n".join(lines), name, language, 0)


def cited_turn(number: int, turns: Sequence[Turn]) -> int | None:
    """Return the ``Turn.index`` that a judge means by ``[number]``; None when there is no such turn."""
    return number - 1 if any(turn.index == number - 1 for turn in turns) else None


def _fenced(body: str, name: str, language: Language, left_out: int) -> Fenced:
    empty = "（无）" if language == "zh" else "(nothing)"
    inside = body or empty
    token = _token(inside, content_hash)
    first, last = ("起", "止") if language == "zh" else ("begins", "ends")
    return Fenced(f"⟦{name} {token} {first}⟧\n{inside}\n⟦{name} {token} {last}⟧", token, left_out)


def _token(inside: str, hashed: Callable[[str, int], str]) -> str:
    """Return a token that is not inside; the hash is taken again, salted, for as long as it is."""
    salt = ""
    while (token := hashed(salt + inside, 12)) in inside:
        salt += "+"
    return token


def _cut(words: str, limit: int, language: Language) -> str:
    if len(words) <= limit:
        return words
    more = len(words) - limit
    note = f"⟦此处略去{more}字⟧" if language == "zh" else f"⟦{more} more characters left out⟧"
    return f"{words[:limit]}{note}"


def _show_hidden(text: str) -> str:
    """Write out runs of characters that do not show; text without any is returned as it is."""
    if text.isascii() and text.isprintable():
        return text
    parts: list[str] = []
    hidden = ""
    for char in text:
        if _is_hidden(char, parts[-1] if parts and not hidden else ""):
            hidden += char
            continue
        if hidden:
            parts.append(_code(hidden))
            hidden = ""
        parts.append(char)
    return "".join(parts) + (_code(hidden) if hidden else "")


def _is_hidden(char: str, before: str) -> bool:
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return not (char in "\ufe0e\ufe0f" and before and unicodedata.category(before[-1]) == "So")
    return char in _FILLERS or unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn")


def _one_blank(found: re.Match[str]) -> str:
    return f" {BREAK} " if _LINE_END.search(found[0]) else " "


def _written_out(found: re.Match[str]) -> str:
    return _code(found[0])


def _code(hidden: str) -> str:
    times = f" ×{len(hidden)}" if len(hidden) > 1 else ""
    return f"‹U+{ord(hidden[0]):04X}{times}›"
