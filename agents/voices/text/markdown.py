"""Takes markup out of text: markdown, HTML and SSML tags, tables, lists, links; knows no word and no number."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scenarios.schema import Language

_LINK_WORDS = {"zh": "链接", "en": "a link"}
_MAIL_WORDS = {"zh": "邮箱地址", "en": "an e-mail address"}
_TAG = re.compile(r"</?([A-Za-z][\w:.-]*+)(\s[^<>]*+)?/?>|<[!?][^<>]*+>")
_BREAKING_TAGS = frozenset(
    "article blockquote br break dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre section table td th tr ul".split()
)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\[\]]*+)\](?:\((?:[^()\n]++|\([^()\n]*+\))*+\)|\[[^\[\]\n]{0,80}+\])")
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]{1,40}\]:?")
_URL = re.compile(r"(?:(?:https?|ftp|file)://|(?<![\w.])www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'*+,;=%]++", re.IGNORECASE)
_MAIL = re.compile(r"(?<![A-Za-z0-9._+-])[A-Za-z0-9._+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++")
_TIMES = re.compile(r"(?<=\d) ?\* ?(?=\d)")
_SPACES = re.compile(r"[^\S\n]++")
_RULE_LINE = re.compile(r"[-*_=~` |:+]{3,}+$|[-*=]{2}$|```.*|~~~.*")
_QUOTE = re.compile(r"(?:> ?)++(?! ?\d)")
_HEADING = re.compile(r"#{1,6}+ ?")
_BULLET = re.compile(r"[-*+•–—] ++|[-•·–—](?=[^\W\d])|[•·]")
_NUMBERED = re.compile(r"\(?([1-9]\d?)(?:[.)](?!\d)|）|、) ?(?=\S)")
_ENDED = tuple(".!?。！？…:：;；,，、")
_MARKS = str.maketrans({"*": None, "`": None, "_": " "})


def without_markup(text: str, language: Language) -> str:
    """Return one line of text: words, numbers and punctuation, every line of the input ended like a sentence.

    Headings, bullets and table rows become sentences (cells are parted by commas), a numbered item keeps its number,
    a link its words; a bare address is named ("a link").
    """
    if "<" in text:
        text = _TAG.sub(_without_tag, _without_comments(text))
    if "[" in text:
        text = _IMAGE_OR_LINK.sub(r"\1", _FOOTNOTE.sub("", text))
    if "/" in text or "www" in text.lower():
        text = _URL.sub(f" {_LINK_WORDS[language]} ", text)
    if "@" in text:
        text = _MAIL.sub(f" {_MAIL_WORDS[language]} ", text)
    if "*" in text:
        text = _TIMES.sub("×", text)
    return _joined((line.strip() for line in _SPACES.sub(" ", text).split("\n")), language)


def _without_comments(text: str) -> str:
    start = text.find("<!--")
    kept, done = [], 0
    while start >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept += [text[done:start], " "]
        done = end + 3
        start = text.find("<!--", done)
    return "".join([*kept, text[done:]])


def _without_tag(match: re.Match[str]) -> str:
    name, rest = match[1], match[2]
    if name is None:
        return " "
    if rest and "=" not in rest and rest.strip(" /"):
        return match[0]
    return "\n\n" if name.lower() in _BREAKING_TAGS else ""


def _plain_line(line: str, language: Language) -> tuple[str, bool]:
    """Return the line without its marks, and whether it starts something new (a heading, an item, a row, a gap)."""
    if not line or _RULE_LINE.fullmatch(line):
        return "", True
    plain = _QUOTE.sub("", line, count=1) if line[0] == ">" else line
    if "|" in plain:
        cells = [cell.strip() for cell in plain.strip("| ").split("|")]
        plain = ("，" if language == "zh" else ", ").join(cell for cell in cells if cell)
    if plain.startswith("#"):
        plain = _HEADING.sub("", plain.rstrip("# "), count=1)
    if found := _BULLET.match(plain):
        plain = plain[found.end():]
    if found := _NUMBERED.match(plain):
        plain = found[1] + ("、" if language == "zh" else ", ") + plain[found.end():]
    return plain.replace("~~", "").translate(_MARKS).strip(), plain != line


def _joined(lines: Iterable[str], language: Language) -> str:
    parts: list[str] = []
    gap = heading = False
    for line in lines:
        plain, new = _plain_line(line, language)
        if not plain:
            gap = True
            continue
        if parts:
            wrapped = language == "en" and plain[0].islower() and not (new or gap or heading)
            if not (wrapped or parts[-1].endswith(_ENDED)):
                parts.append("。" if language == "zh" else ".")
            parts.append(" ")
        parts.append(plain)
        gap, heading = False, line.startswith("#")
    return "".join(parts)
