"""Takes out of a model's reply what is not said to the patient: reasoning, tags, labels; it knows no prompt.

Only the named, fixed strippers exist: a pattern from a file is never run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from agents.doctors.habits import SpeakerLabels, Stripper
from agents.llm.spoken import THINKS

_SPECIAL = re.compile(
    r"<\|[^<>|\n]{0,60}\|>|<｜[^<>｜\n]{0,60}｜>|</?s>|<(?:bos|eos|pad|unk|reserved_\d+)>|\[/?INST\]|<</?SYS>>"
    r"|<(?:start_of_turn|end_of_turn)>",
    re.I,
)
_LAYERS = 8
"""So often control tokens may hide in each other; deeper is an attack, and its brackets go."""
_TAG = re.compile(r"</?[A-Za-z][\w.-]{0,40}(?:\s[^<>\n]{0,200})?/?>")


def without_special_tokens(text: str) -> str:
    """Return ``text`` without control tokens of chat templates, also such as appear when others are taken out."""
    for _ in range(_LAYERS):
        less = _SPECIAL.sub("", text)
        if less == text:
            return text
        text = less
    return text.replace("<", "").replace("[", "")


def clean(text: str, strip: Iterable[Stripper], labels: SpeakerLabels) -> str:
    """Return what of a reply is said aloud; empty when nothing is left."""
    steps: dict[Stripper, Callable[[str], str]] = {
        "think": _without_thought,
        "special_tokens": without_special_tokens,
        "tags": lambda said: _TAG.sub("", said),
        "label": lambda said: _label(labels.doctor).sub("", said, count=1),
        "next_speaker": lambda said: _next_speaker(labels).split(said, maxsplit=1)[0],
    }
    for name in strip:
        text = steps[name](text).strip()
    return text.strip()


def _without_thought(text: str) -> str:
    """Also reasoning whose opening stood in the prompt, and reasoning that never came to its end."""
    kept: list[str] = []
    since, thinks = 0, False
    for tag in THINKS.finditer(text):
        if tag[1]:
            since, thinks = tag.end(), False
        elif not thinks:
            kept.append(text[since : tag.start()])
            thinks = True
    return "".join(kept if thinks else [*kept, text[since:]])


def _label(label: str) -> re.Pattern[str]:
    return re.compile(rf"\A\s*[【\[<]?{re.escape(label)}[】\]>]?\s*[:：]\s*", re.I)


def _next_speaker(labels: SpeakerLabels) -> re.Pattern[str]:
    names = "|".join(re.escape(label) for label in (labels.patient, labels.examiner))
    return re.compile(rf"(?:\A|\n)\s*[【\[<]?(?:{names})[】\]>]?\s*[:：]", re.I)
