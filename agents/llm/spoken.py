"""Finds what is said aloud in a raw reply while it grows: no thoughts, and of a JSON form one text field.

It reads pieces of any size, raises on nothing, and knows neither who listens nor what becomes of the reply.
"""

from __future__ import annotations

import re

THINKS = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.I)
"""What models write around their reasoning."""
_TAGS = tuple(f"<{slash}{name}>" for slash in ("", "/") for name in ("think", "thinking", "reasoning"))
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_BROKEN = "\ufffd"
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Spoken:
    """The spoken part of one reply; ``field`` is the JSON key whose text is spoken, '' when all of the reply is."""

    def __init__(self, field: str = "") -> None:
        """Nothing has come yet."""
        self._field, self._half = field, ""
        self._thoughts = _Thoughts(only_first=bool(field))
        self._form = _Field(field) if field else None

    def feed(self, raw: str) -> tuple[bool, str]:
        """Return whether everything before proved to be thought, and the words that follow."""
        text, self._half = self._half + raw, ""
        if text and ord(text[-1]) in _HIGH:  # half of a character: its other half comes with the next piece
            text, self._half = text[:-1], text[-1]
        over, text = self._thoughts.feed(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        if self._form is None:
            return over, text
        if over:
            self._form = _Field(self._field)
        return over, self._form.feed(text)

    def rest(self) -> str:
        """Return what was held back, now that nothing more comes."""
        text = self._thoughts.rest() + (_BROKEN if self._half else "")
        return text if self._form is None else self._form.feed(text)


class _Thoughts:
    """Leaves reasoning out; ``only_first``: only what stands before all else can be reasoning (JSON may quote tags)."""

    def __init__(self, *, only_first: bool) -> None:
        self._only_first = only_first
        self._thinks = self._said = False
        self._held = ""

    def feed(self, raw: str) -> tuple[bool, str]:
        text = self._held + raw
        text, self._held = _without_half_a_tag(text)
        over, since, kept = False, 0, list[str]()
        for tag in THINKS.finditer(text):
            before, since_tag = text[since : tag.start()], tag.end()
            if tag[1]:
                if not self._thinks:  # its opening stood in the prompt: all until here was thought
                    over, kept, self._said = True, [], False
                self._thinks, since = False, since_tag
            elif not self._thinks and not (self._only_first and (self._said or before.strip())):
                kept.append(before)
                self._note(before)
                self._thinks, since = True, since_tag
        if not self._thinks:
            kept.append(text[since:])
            self._note(kept[-1])
        return over, "".join(kept)

    def rest(self) -> str:
        held, self._held = self._held, ""
        return "" if self._thinks else held

    def _note(self, said: str) -> None:
        self._said = self._said or bool(said.strip())


def _without_half_a_tag(text: str) -> tuple[str, str]:
    """Return ``text`` without the beginning of a tag at its end, and that beginning."""
    last = text.rfind("<")
    tail = text[last:].lower() if last >= 0 else ""
    held = len(tail) if any(tag != tail and tag.startswith(tail) for tag in _TAGS) and tail else 0
    return text[: len(text) - held], text[len(text) - held :]


class _Field:
    """Reads the text of one key of the first JSON object, as far as it is there; nested objects do not count."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._depth = 0
        self._at_key = self._in_string = self._done = False
        self._speaks = self._names = False
        self._key = ""
        self._escape: str | None = None
        self._high = 0

    def feed(self, raw: str) -> str:
        """Return the words in ``raw``."""
        said: list[str] = []
        for char in raw:
            if self._done:
                break
            if self._in_string:
                self._letter(char, said)
            else:
                self._between(char)
        return "".join(said)

    def _between(self, char: str) -> None:
        if char == "{" or (char == "[" and self._depth):
            self._depth += 1
            self._at_key = self._depth == 1
        elif not self._depth:
            return
        elif char in "}]":
            self._depth -= 1
            self._key = self._key if self._depth else ""
        elif char in ",:" and self._depth == 1:
            self._at_key = char == ","
        elif char == '"':
            self._in_string = True
            self._names = self._at_key
            self._speaks = self._depth == 1 and not self._at_key and self._key == self._name
            self._key = "" if self._at_key else self._key

    def _letter(self, char: str, said: list[str]) -> None:
        if self._escape is not None:
            self._escape += char
            self._escaped(said)
        elif char == "\\":
            self._escape = ""
        elif char == '"':
            self._flush(said)
            self._in_string = False
            self._done = self._speaks
        else:
            self._say(char, said)

    def _escaped(self, said: list[str]) -> None:
        """Take an escape once it is whole: one letter, or ``u`` and four digits."""
        sign = self._escape or ""
        if sign[0] != "u":
            self._say(_ESCAPED.get(sign, sign), said)
        elif len(sign) < 5:
            return
        else:
            try:
                self._unit(int(sign[1:], 16), said)
            except ValueError:
                self._say(_BROKEN, said)
        self._escape = None

    def _unit(self, unit: int, said: list[str]) -> None:
        """Take one UTF-16 code unit; two of them make a character beyond the first plane."""
        if unit in _LOW and self._high:
            unit, self._high = 0x10000 + ((self._high - 0xD800) << 10) + (unit - 0xDC00), 0
        if unit in _HIGH:
            self._flush(said)
            self._high = unit
        else:
            self._say(_BROKEN if unit in _LOW else chr(unit), said)

    def _say(self, text: str, said: list[str]) -> None:
        self._flush(said)
        if self._names:
            self._key += text
        elif self._speaks:
            said.append(text)

    def _flush(self, said: list[str]) -> None:
        """Give up on a half character whose other half did not come."""
        if self._high:
            self._high = 0
            self._say(_BROKEN, said)
