"""Finds Chinese terms in an utterance and what is denied there; it knows characters, no medicine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_VARIANTS = str.maketrans("痛您她它孃", "疼你他他娘")
_FILLER = re.compile(
    r"有点儿|有一点|有点|有些|一点点|一点儿|一点|特别|非常|比较|好像|感觉|觉得|稍微|实在|很|挺|还|都|也|又|地|得|太|真|\s"
)
_OFTEN = re.compile(
    rf"{_FILLER.pattern}|老是|总是|一直|经常|常常|偶尔|有时候|有时|突然|这几天|这两天|最近|昨天|今天|早上|晚上|时候|的"
)
"""Words that may stand inside a term without changing it; a term's own 'always' or 'at night' stays."""
_PUNCTUATION = "，。！？；：,.!?;:\n"
_SENTENCE_ENDS = "。！？；!?;\n"
_GAP = re.compile(r"[^，。！？；：、,.!?;:\s没不无未别]{1,4}")
_SENSATIONS = "疼痒麻胀酸肿木抖僵"
"""What is felt in a part of the body; a few characters may stand between the two: 腰里绞着疼."""
_CONTRAST = re.compile(r"但是|但|不过|只是|就是|可是|只有|而是|除了|因为|所以|然后|反而|倒是有|[，。！？；：,.!?;:\n]")
_MASKED = re.compile(
    r"是不是|有没有|会不会|要不要|能不能|好不好|对不对|(?P<same>.)不(?P=same)|不得不|不但|不仅|不光|不只|不停|不断|不住"
    r"|不时|不由|不一会|不久|不敢|不能|不好|不行|不舒服|不适|不对劲|不得了|不管|不然|差不多|没办法|没法|没事|没用"
    r"|没(有)?(什么)?(好转|缓解|减轻|效果|改善|退|停|断|消|劲|力气|精神|胃口|食欲)|不(退|消|见好|缓解|了)|无力|无法|无论"
)
_NEGATOR = re.compile(r"从来没有|从来没|从没有|从没|并没有|没有|没|否认|并无|从未|未见|未|无|从不|并不|不")
_NEVER_LISTED = re.compile(r"[^，。；、,;.!?！？]{1,4}过[^，。；、,;.!?！？]{0,4}、(?:[^，。；,;.!?！？]{1,12}、)*$")
"""What stands between a negation of experience and a further thing in its list: 没[磕碰过头、]发烧."""
_BETWEEN = re.compile(
    r"过|出现|什么|任何|明显|怎么|再|会|算|是|患|得|有|这些|那些|这种|那种|其他|现象|症状|情况|感到|说|发生|和|或者|或"
    r"|以及|及|跟|与|、|的|见|到|啥|地方|" + _FILLER.pattern
)
_AFTER = re.compile(
    r"^(?:(?:、|和|或者|或|这些|那些|症状|情况|都|也|倒|是|的|啊|呢|嘛|真|从来|现在|目前)*|(?:、|，|和|或者|或|这些|那些)*[都全])"
    r"(?:没有|没|不|无)(?:过|出现|了|的|吧|啊|呢|嘛|有)*(?=$|[，。！？；：,.!?;:\n])"
)
_UNSURE = re.compile(
    r"不知道|不清楚|不太清楚|不确定|不记得|记不清|记不得|没太?(?:注意|留意|在意)|说不好|说不清|说不上来|不好说|没量|没测|没人?查|没查"
    r"|是不是|会不会|该不会|可能是|担心|害怕|怕是|怕得"
)
_ASKS = re.compile(r"(吗|呢|么)?[？?]$")
_FAMILY = re.compile(
    r"(爸爸|妈妈|父亲|母亲|爸|妈|爷爷|奶奶|外公|外婆|姥姥|姥爷|哥哥|姐姐|弟弟|妹妹|哥|姐|叔叔|舅舅|姑姑|家里人|家人|亲戚|老公|老婆"
    r"|爱人|媳妇|丈夫|先生|男朋友|女朋友|对象|儿子|女儿|同事|工友|室友|同屋|邻居|同学|同桌|班上|朋友|小朋友|哥们|客人|别人)"
)
_BACK_TO_PATIENT = re.compile(r"我|他|孩子|宝宝|自己")


@dataclass(frozen=True, slots=True)
class Found:
    """A term found at characters ``start``..``end`` of the normalised text; ``split`` by a negator inside."""

    start: int
    end: int
    finding: str
    denied: bool
    split: bool = False


class ChineseTerms:
    """Term index by first character. Terms are (text, finding id, states absence)."""

    def __init__(self, terms: Iterable[tuple[str, str, bool]]) -> None:
        """Normalise and index the terms."""
        self._by_first: dict[str, list[tuple[str, str, bool]]] = {}
        self._parts: dict[str, list[tuple[str, str]]] = {}
        for text, finding, denied in terms:
            term = _FILLER.sub("", normal(text)) or normal(text)
            if term:
                self._by_first.setdefault(term[0], []).append((term, finding, denied))
                if not denied and 1 < len(term) <= 3 and term[-1] in _SENSATIONS:
                    self._parts.setdefault(term[0], []).append((term, finding))

    def find(self, text: str) -> list[Found]:
        """Return the terms in normalised ``text``; what lies inside a longer term is left out."""
        masked = _mask(text)
        found = self._matches(*_without(text, _FILLER)) + self._matches(*_without(text, _OFTEN))
        bare, positions = _without(masked, re.compile(rf"{_NEGATOR.pattern}|{_OFTEN.pattern}"))
        for match in self._matches(bare, positions):
            if not match.denied and _NEGATOR.search(masked, match.start, match.end):
                found.append(Found(match.start, match.end, match.finding, False, split=True))
        found += [apart for apart in self._apart(text) if not any(_covers(f, apart) for f in found)]
        found.sort(key=lambda f: (f.split, f.start - f.end, f.start, f.finding))
        accepted: list[Found] = []
        for match in found:
            if not any(_inside(match, other) for other in accepted):
                accepted.append(match)
        return accepted

    def _apart(self, text: str) -> list[Found]:
        """Find 'part of the body + sensation' terms with a few characters in between."""
        found = []
        for start, char in enumerate(text):
            for term, finding in self._parts.get(char, ()):
                part, sensation = term[:-1], term[-1]
                if not text.startswith(part, start):
                    continue
                end = text.find(sensation, start + len(part) + 1, start + len(part) + 5)
                if end > 0 and _GAP.fullmatch(text, start + len(part), end):
                    found.append(Found(start, end + 1, finding, False))
        return found

    def _matches(self, plain: str, at: list[int]) -> list[Found]:
        return [
            Found(at[i], at[i + len(term) - 1] + 1, finding, denied)
            for i, char in enumerate(plain)
            for term, finding, denied in self._by_first.get(char, ())
            if plain.startswith(term, i)
        ]


def normal(text: str) -> str:
    """Return the text with variant characters unified (痛 as 疼, 您 as 你), length kept."""
    return text.lower().translate(_VARIANTS)


def polarities(text: str, found: list[Found], patient: str = "") -> list[str]:
    """Return ``present``, ``absent``, ``unknown`` or ``other`` (somebody else's) for each term in ``text``.

    ``text`` and ``patient`` (how a caregiver refers to the patient) are normalised.
    """
    masked = _mask(text)
    return [_polarity(text, masked, match, found, patient) for match in found]


def _polarity(text: str, masked: str, match: Found, found: list[Found], patient: str) -> str:
    start, end = _clause(text, match)
    clause = text[start:end]
    if _unsure(text, start, end) or _occasion(text, match):
        return "unknown"
    before = text[max(text.rfind(mark, 0, match.start) for mark in _SENTENCE_ENDS) + 1 : match.start]
    family = [m for m in _FAMILY.finditer(before) if m.group() not in patient]
    if family and not _BACK_TO_PATIENT.search(before, family[-1].end()):
        return "other"
    if match.denied or match.split:
        return "absent"
    if clause and end < len(text) and text[end] in "？?" and _ASKS.search(text[: end + 1]) and "吗" in clause:
        return "unknown"
    return "absent" if _denied(text, masked, start, end, match, found) else "present"


def _denied(text: str, masked: str, start: int, end: int, match: Found, found: list[Found]) -> bool:
    inner = [(f.start, f.end) for f in found]
    words = [(f.start, f.end) for f in found if not (f.denied or f.split)]
    negators = [
        n
        for n in _NEGATOR.finditer(masked, start, match.start)
        if not any(a < n.end() and n.start() < b for a, b in words)
    ]
    if negators:
        between = _blank(text, negators[-1].end(), match.start, inner)
        if not _BETWEEN.sub("", between) or _NEVER_LISTED.match(text, negators[-1].end(), match.start):
            return True
    after = _blank(masked, match.end, len(text), [(a, b) for a, b in inner if a >= match.end])
    return bool(_AFTER.match(after))


def _blank(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> str:
    """Return ``text[start:end]`` without the characters that belong to other terms."""
    return "".join(text[i] for i in range(start, end) if not any(a <= i < b for a, b in spans))


def _occasion(text: str, match: Found) -> bool:
    """Whether the term names only what sets the complaint off: 一咳嗽就疼, 咳嗽的时候疼."""
    if match.end - match.start > 3:
        return False
    after = text[match.end : match.end + 8]
    sudden = text[max(0, match.start - 1) : match.start] == "一" and re.match(r"[^，。！？；,.!?;]{0,3}就", after)
    return bool(sudden or re.match(r"(、[^，。]{1,3})?(的?时候|时)?[更会就](疼|厉害|难受|加重|明显)", after))


def _unsure(text: str, start: int, end: int) -> bool:
    if _UNSURE.search(text, start, end):
        return True
    following = re.match(r"[，,](?:这个|我|也|还|倒|真)*", text[end:])
    if following and _UNSURE.match(text, end + following.end()):
        return True
    taken_up = re.search(r"说到|至于|要说", text[max(0, start - 2) : start + 4])
    return bool(taken_up and re.match(rf"[，,][^，。！？；,.!?;]*?(?:{_UNSURE.pattern})", text[end:]))


def _clause(text: str, match: Found) -> tuple[int, int]:
    """Return where the clause around the term starts and ends: at punctuation or a contrast word."""
    start = max((m.end() for m in _CONTRAST.finditer(text, 0, match.start)), default=0)
    after = _CONTRAST.search(text, match.end)
    return start, after.start() if after else len(text)


def _mask(text: str) -> str:
    """Return the text with words that only look like negation blanked, length kept."""
    return _MASKED.sub(lambda m: "＿" * len(m.group()), text)


def _without(text: str, pattern: re.Pattern[str]) -> tuple[str, list[int]]:
    """Return the text without the pattern, and each kept character's place in the original."""
    dropped = {i for m in pattern.finditer(text) for i in range(m.start(), m.end())}
    at = [i for i in range(len(text)) if i not in dropped]
    return "".join(text[i] for i in at), at


def _covers(match: Found, other: Found) -> bool:
    return match.start <= other.start and other.end <= match.end


def _inside(match: Found, other: Found) -> bool:
    contained = other.start <= match.start and match.end <= other.end
    return contained and (match.split or (match.start, match.end) != (other.start, other.end))
