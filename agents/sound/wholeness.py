"""Whether a WAV or Ogg file is all there; it decodes nothing.

libsndfile reads a file that was cut short as far as it goes, without a word. Half an answer is not an answer, so a WAV
file's sizes and an Ogg file's last page are looked at first.
"""

from __future__ import annotations

import os
from typing import BinaryIO

STREAMED_FROM = 0x7FFF_0000
"""A header written before the length was known says 2 GiB or more: then whatever came is all."""
_HEADER = 8
_PAGE_HEADER, _LONGEST_PAGE, _LAST_PAGE = 27, 65_307, 4
_MOST_CHUNKS = 1000


def what_is_wrong(file: BinaryIO) -> str:
    """Return what speaks against a file, in words that follow its name; '' for nothing, and for other formats."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"OggS":
        file.seek(max(size - _LONGEST_PAGE, 0))
        return _ogg(file.read())
    return _wav(file, size) if head[:4] == b"RIFF" and head[8:] == b"WAVE" else ""


def _ogg(tail: bytes) -> str:
    """Look for a whole last page that says it is the last (RFC 3533)."""
    page = tail[tail.rfind(b"OggS") :]
    segments = page[_PAGE_HEADER : _PAGE_HEADER + page[_PAGE_HEADER - 1]] if len(page) >= _PAGE_HEADER else b""
    whole = _PAGE_HEADER + len(segments) + sum(segments)
    if not segments or len(page) < whole or not page[5] & _LAST_PAGE:
        return "is an OGG file that was cut short: its last page is missing"
    return ""


def _wav(file: BinaryIO, size: int) -> str:
    at = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        name, promised = _chunk(file.read(_HEADER))
        there = max(size - at - _HEADER, 0)
        if name == b"data":
            file.seek(at + _HEADER + promised + promised % 2)
            return _data(promised, there, file.read(4))
        if name == b"fmt " and not 0 < (rate_hz := int.from_bytes(file.read(8)[4:], "little")) < 1 << 31:
            return f"claims {rate_hz} samples a second: its header is damaged"
        if not name or promised > there:
            return "is a WAV file that ends within its header: it was cut short"
        at += _HEADER + promised + promised % 2
    return "is a WAV file whose header has no end"


def _chunk(header: bytes) -> tuple[bytes, int]:
    if len(header) < _HEADER:
        return b"", 0
    return header[:4], int.from_bytes(header[4:], "little")


def _data(promised: int, there: int, after: bytes) -> str:
    """Compare what the header says with what is there, ``after`` being the next chunk's name, zeros or nothing."""
    if promised == 0 and there:
        return f"has a header that was never finished: it tells of no sound, and {there} bytes follow. Convert it again"
    if after.strip(b"\0") and not (after.isascii() and after.decode("ascii").isprintable()):
        return f"has a header that tells of {promised} bytes of sound, and {there} follow: convert it again"
    if there < promised < STREAMED_FROM:
        return f"was cut short: its header tells of {promised} bytes of sound, and it has {there}"
    return ""
