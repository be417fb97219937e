"""Words, clauses and spoken limits of both languages; it knows no case and no medicine."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import Stemmer

from agents.acts import sentences
from scenarios.schema import Language

MAX_ZH_CHARACTERS = 100
MAX_EN_WORDS = 60
MAX_EN_CHARACTERS = 600
"""A bound for words of absurd length; 60 English words of ordinary speech take about 350 characters."""

_CJK = re.compile(r"[\u3400-\u9fff]")
_EN_WORD = re.compile(r"[a-z0-9]+(?:[.'’][a-z0-9]+)*")
_PUNCTUATION = re.compile(r"[\W_]+")
_CLAUSE = {
    "zh": re.compile(r"(?<=[，,；;：:])"),
    "en": re.compile(r"(?<=[,;:])\s+|\s+(?=(?:and|but|which|because|so)\s)"),
}
_EN_STOP = frozenset(
    "a an the and or but if so as of in on at to for from with by about into over than then too very just also any "
    "some anything something anyone else other such like i me my mine you your yours he him his she her hers it its "
    "we us our they them their this that these those there here who whom which what when where why how is am are was "
    "were be been being do does did doing done have has had having can could may might will would shall should must "
    "ever never not no nor yes please tell say said get got gotten getting feel feels feeling felt notice noticed "
    "noticing experience experienced experiencing know known recently lately now today currently ago still yet again "
    "really quite bit little much many more most lot every each all both only own same up down out off doctor sir "
    "madam okay ok well right let lets see think thing things kind kinds sort sorts type patient problem problems "
    "issue issues trouble difficulty symptom symptoms history long often bad start started begin began suffer "
    "suffered suffering mention mentioned describe specific particular new recent past previous before since "
    "during".split()
)
_ZH_STOP = re.compile(
    r"有没有|是不是|会不会|能不能|可不可以|要不要|什么|怎么样|怎样|怎么|多久|多少|哪里|哪些|哪儿|哪个|是否|有无|还有|没有|"
    r"请问|告诉我|说说|一下|最近|现在|目前|平时|平常|以前|之前|过去|曾经|今天|刚才|出现|感觉|觉得|伴有|伴随|存在|时候|"
    r"情况|症状|问题|其他|其它|别的|任何|或者|还是|以及|而且|一些|有些|这个|那个|这些|那些|这种|这样|它们|我们|你们|他们|"
    r"医生|大夫|孩子|宝宝|患者|病人|先生|女士|爸爸|妈妈|[您你我他她它的了吗呢么吧啊呀有是在过得地和或及与跟都也还就很没不]|[^\u3400-\u9fff]"
)


def size(text: str, language: Language) -> int:
    """Return spoken length: characters of Chinese, words of English."""
    return len(text) if language == "zh" else len(text.split())


def limit(language: Language) -> int:
    """Return the most that one spoken turn may hold, in the unit of ``size``."""
    return MAX_ZH_CHARACTERS if language == "zh" else MAX_EN_WORDS


def is_chinese(text: str) -> bool:
    """Whether the text holds a Chinese character."""
    return bool(_CJK.search(text))


def normal(text: str) -> str:
    """Return letters and digits only, lower case: what makes two sentences the same sentence."""
    return _PUNCTUATION.sub("", text).lower()


def words(text: str) -> list[str]:
    """Return the lower-case English words."""
    return _EN_WORD.findall(text.lower())


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return the Snowball stem of one lower-case English word, possessives removed."""
    return str(_stemmer().stemWord(re.sub(r"['’]s?$", "", word)))


def content(text: str, language: Language) -> list[str]:
    """Return index terms: stems of English content words, or character bigrams (single characters) of Chinese."""
    if language == "en":
        return [stem(word) for word in words(text) if word not in _EN_STOP and len(word) > 1]
    terms: list[str] = []
    for run in content_runs(text):
        terms += [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    return terms


def content_runs(text: str) -> list[str]:
    """Return the stretches of Chinese text that no function word breaks."""
    return _ZH_STOP.sub(" ", text).split()


def clauses(text: str, language: Language) -> list[str]:
    """Split one sentence at clause borders, punctuation kept."""
    return [part.strip() for part in _CLAUSE[language].split(text) if part.strip()]


def closed(text: str, language: Language) -> str:
    """Return the text as a whole sentence: trimmed, with a final mark."""
    bare = text.strip().rstrip("，,；;：:、 ")
    if not bare:
        return ""
    return bare if bare[-1] in "。！？!?.…" else bare + ("。" if language == "zh" else ".")


def join(parts: list[str], language: Language) -> str:
    """Join spoken sentences."""
    return ("" if language == "zh" else " ").join(part for part in parts if part)


def shorten(text: str, language: Language, room: int) -> str:
    """Return the longest beginning of whole sentences, else clauses, else words, that fits ``room`` units."""
    if size(text, language) <= room and len(text) <= MAX_EN_CHARACTERS:
        return text
    for pieces in (sentences(text, language), clauses(text, language)):
        kept: list[str] = []
        for piece in pieces:
            if size(join([*kept, piece], language), language) > room - 1:
                break
            kept.append(piece)
        if kept:
            return closed(join(kept, language), language)[:MAX_EN_CHARACTERS]
    raw = text[: max(room - 1, 0)] if language == "zh" else " ".join(text.split()[: max(room, 0)])
    return closed(raw[: MAX_EN_CHARACTERS - 1], language)
