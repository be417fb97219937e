"""Takes what is denied out of a sentence ('denies fever or chills', '否认发热、咳嗽'); the rest stays a sentence."""

from __future__ import annotations

import re
from typing import NamedTuple

WHO_EN = (
    r"(?:(?:the |this |a )?(?:patient|man|woman|boy|girl|child|infant|baby|newborn|he|she|parents|mother|father)\b)"
)
_ADVERBS = r"(?:also |specifically |otherwise |currently |however,? |further |additionally |generally )*"
_DENIAL = re.compile(
    rf"(?:^|[,;]\s*|\s+)(?:but |and |, )*(?:{WHO_EN}\s+)?{_ADVERBS}"
    rf"(?:denie[sd]|deny|denying|(?:does|did|do) not (?:report|have|describe|mention|complain of|endorse) any|"
    rf"(?:reports?|reported|notes?|has|had|have|with|shows?|there (?:is|are|was|were|have been|has been)|"
    rf"there's)\s+(?:experiencing |having )?no|takes? no|taking no|negative for|"
    rf"(?<=,) ?no(?= known| history| prior| previous| "
    rf"significant| recent| family))\s+(?!longer)(?P<list>[^;]+)",
    re.I,
)
_NO = re.compile(
    r"^(?:and |but )?(?:there (?:is|are|was|were|have been|has been) )?(?:no|without|nil)\s+(?P<list>[^;]+)$", re.I
)
_STOP = re.compile(
    r",? but (?!no )|, although |, though |,? except |, however|, who |, which |, and (?=(?:he|she|the|her|his|my|"
    r"is|was|has|"
    r"takes|enjoys|does|did|works|mentions|notes|reports|lives)\b)|, (?=(?:takes|works|lives|"
    r"reports)\b)| because | despite | since "
)
_TAIL = re.compile(
    r"\s*\b(?:(?:was|were|is|are|have been|has been)\s+)?(?:reported|noted|mentioned|identified|known|described|"
    r"either|at this time|currently|on review|regularly)(?:\s+by\s+.*)?$",
    re.I,
)
_HEAD = re.compile(
    r"^(?:(?:and|or|any|no|nor|a|an|the|recent|recently|known|reported|associated|significant|experiencing|having|"
    r"prior|previous|other|"
    r"use of|symptoms of|signs of|episodes of|his|her|also|denies|ever|new|personal|or|personal or|further|of|"
    r"additional|past|"
    r"involvement with)\s+)+",
    re.I,
)
_EMPTY = re.compile(
    r"^(?:$|symptoms?$|complaints?$|.*\b(?:information|provided|specified|applicable|available|symptoms?$|"
    r"complaints?|systemic$|findings?)\b"
    r"|(?:medical|surgical|past|serious|family|psychiatric|social|relevant|health|history|illness(?:es)?|major|"
    r"similar|health "
    r"issues?|physical|issues?|problems?|conditions?|neurological|abnormalit(?:y|ies)|concerns?|chronic|underlying|"
    r"or|and|,|\s)+$)",
    re.I,
)
_KEEP = re.compile(
    r"\b(?:respiratory|gastrointestinal|urinary|neurological|systemic|bowel|skin|visual|genitourinary|cardiac|"
    r"digestive)"
    r" (?:symptoms?|complaints?)$",
    re.I,
)
_ADJECTIVE = re.compile(r"^[a-z-]+(?:al|ory|ic|ary|ive|ous|ular|ian)$", re.I)


class Split(NamedTuple):
    """``absent``: names of what is not there; ``rest``: what the sentence says besides, may be empty."""

    absent: tuple[str, ...]
    rest: str


def split_en(sentence: str) -> Split:
    """Split an English sentence; the rest of ``He has fever but denies chills`` is ``He has fever``."""
    text = sentence.strip().rstrip(".")
    match = _NO.match(text)
    if match is None:
        match = _DENIAL.search(text)
    if match is None:
        return Split((), text)
    listed = match["list"]
    rest = text[: match.start()].strip(" ,;")
    rest = re.sub(r"(?:,| and| but| or)$", "", rest).strip()
    if stop := _STOP.search(listed):
        after = re.sub(
            r"^[,\s]*(?:but|and|who|which|although|though|however|except|except for)\b[,\s]*",
            "",
            listed[stop.start() :],
        )
        listed = listed[: stop.start()]
        if stop[0].strip(", ") not in ("except", "because", "despite", "since"):
            rest = ". ".join(part for part in (rest, after.strip(" ,")) if part)
    return Split(tuple(dict.fromkeys(names_en(listed))), rest)


def names_en(listed: str) -> list[str]:
    """Return the names in ``any fever, chills, or changes in bowel or urinary habits``, one each."""
    listed = re.sub(r"\s*\([^)]*\)", "", _TAIL.sub("", listed.strip(" .,")))
    listed = re.sub(r"\bchanges? in (\w+),? (?:or|and) (\w+) (\w+)", r"changes in \1 \3, changes in \2 \3", listed)
    parts = [
        p.strip()
        for p in re.split(r"\s*,\s*(?:or |and |nor )?|\s+(?:or|nor)\s+|\s+and\s+(?!outside|down)", listed)
        if p.strip()
    ]
    if len(parts) > 1 and len(parts[-1].split()) > 1:
        head = parts[-1].split()[-1]
        parts = [f"{p} {head}" if _ADJECTIVE.match(p) and p not in ("malaria",) else p for p in parts]
    if len(parts) > 1 and (
        shared := re.search(r"\s(changes|symptoms|habits|problems|issues|disturbances|abuse|use)$", parts[-1])
    ):
        parts = [p if " " in p else f"{p} {shared[1]}" for p in parts]
    names: list[str] = []
    for part in parts:
        name = _TAIL.sub("", part)
        name = _HEAD.sub("", name).strip(" .,'\"")
        name = re.sub(r"^(?:significant )?(?:family )(?=history of)", "family ", name)
        name = re.sub(r"^history of (?=\w)", "", name)
        if name and (not _EMPTY.match(name) or _KEEP.search(name)) and len(name.split()) <= 12:
            names.append(name)
    return names


_ZH_NO = re.compile(
    r"(?:^|[，,；;]|(?<=患者)|(?<=自述))(?:但|且|并|患者|病人|自述|平素|既往|近期|均|家长)*"
    r"(?P<cue>否认有?|未诉|无明显|没有明显|没有出现|没有|无|未出现|未见明显|未见|不伴有?|未有|没)(?!所谓|法|论|"
    r"关系|意识地)"
    r"(?P<list>[^，,；;。]+(?:[，,](?:无|没有|未见|否认|不伴)[^，,；;。]{1,12}(?=[，,；;。]|$))*)"
)
_ZH_TAIL = re.compile(r"(?:等?(?:不适|症状|表现|情况|现象|病史|史|等))+$")
_ZH_EMPTY = re.compile(
    r"^(?:特殊|其他|异常|其它|明显|任何|明显异常|殊|.{0,2}什么.*|记录|提供|提及|详|的?|这些|办法|用|效果.*|"
    r"好转|用药|吃药|改善|变化|事|了|问题|别的.*|想到.*|啥.*|发现.*异常|察觉.*|影响)$"
)
_ZH_BAD = re.compile(r"[吗呢？?我你您他她]|怎么|如果|可以|能|会|就|说|想|觉得|这样|之前|吃|做过|去|再|医")


def split_zh(sentence: str) -> Split:
    """Split a Chinese sentence; ``咳嗽3天，否认发热、胸痛`` leaves ``咳嗽3天``."""
    match = _ZH_NO.search(sentence)
    if match is None:
        return Split((), sentence.strip(" ，,；;。"))
    names = names_zh(match["list"], clinical=match["cue"] not in ("没", "没有"))
    if not names and (match["cue"] in ("没", "没有") or _ZH_BAD.search(match["list"])):
        return Split((), sentence.strip(" ，,；;。"))
    rest = (sentence[: match.start()] + sentence[match.end() :]).strip(" ，,；;。")
    return Split(tuple(dict.fromkeys(names)), rest)


def names_zh(listed: str, *, clinical: bool = True) -> list[str]:
    """Return the names in ``发热、咳嗽及胸痛等不适``, one each; words of the other people's doing are no names."""
    names: list[str] = []
    for part in re.split(r"[、，,；;]|以及|及|和|或者?|与", listed):
        part = part.strip(" .。！!").rstrip("的了")
        name = re.sub(
            r"^(?:无|没有|未见|否认|不伴有?|有|明显的?|出现|也|任何|过|又|再)+", "", part.strip(" 。.！!了的")
        )
        if not name.endswith(("手术史",)):
            name = _ZH_TAIL.sub("", name)
        if not (2 <= len(name) <= 12) and name not in ("吐", "痒", "痛", "疼"):
            continue
        if _ZH_EMPTY.match(name) or (not clinical and _ZH_BAD.search(name)) or re.search(r"[吗呢？?我你您]", name):
            continue
        names.append(name)
    return names
