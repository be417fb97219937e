"""Changes copies of a finished run and reads pages, for the tests of stored consultations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from simulator.store import CASES, CONSULTATIONS, SUMMARY

Change = Callable[[dict[str, Any]], dict[str, Any] | None]


def copied(run: Path, folder: Path) -> Path:
    """Return a copy of a run folder without its derived files."""
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns(".index.json", SUMMARY, ".lock"))
    return folder


def changed(folder: Path, change: Change, name: str = CONSULTATIONS) -> None:
    """Rewrite a journal line by line; a line for which ``change`` returns None is left out."""
    path = folder / name
    lines = [change(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines if line is not None), "utf-8")


def changed_case(folder: Path, case: str, **parts: Any) -> None:
    """Rewrite fields of one case."""
    changed(folder, lambda line: {**line, **parts} if line["id"] == case else line, CASES)


def of(case: str, doctor: str, trial: int, change: Change) -> Change:
    """Return a change of one consultation only."""
    wanted = {"case": case, "doctor": doctor, "trial": trial}
    return lambda line: change(line) if wanted.items() <= line["key"].items() else line


class Page(HTMLParser):
    """The elements of a page with their attributes and the text directly inside."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, text: str) -> None:
        """Read ``text``; a page that leaves an element open or closes a strange one is refused."""
        super().__init__()
        self.elements: list[dict[str, str]] = []
        self._open: list[dict[str, str]] = []
        self.feed(text)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        element = {"tag": tag, "text": "", **{name: value or "" for name, value in attrs}}
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        assert self._open and self._open[-1]["tag"] == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Collect the text of every element that is open."""
        for element in self._open:
            element["text"] += data

    def all(self, tag: str = "", **attributes: str) -> list[dict[str, str]]:
        """Return the elements of a tag whose attributes are these; ``class_`` asks for one of the classes."""
        return [one for one in self.elements if tag in ("", one["tag"]) and self._fits(one, attributes)]

    def anchors(self) -> set[str]:
        """Return every id; one that is there twice is refused."""
        ids = [one["id"] for one in self.elements if "id" in one]
        assert len(ids) == len(set(ids))
        return set(ids)

    def cited(self) -> Iterator[str]:
        """Yield the anchors that links of this page point at."""
        for link in self.all("a"):
            if link["href"].startswith("#"):
                yield link["href"][1:]

    @staticmethod
    def _fits(element: dict[str, str], attributes: dict[str, str]) -> bool:
        wanted = {name.replace("_", "-"): value for name, value in attributes.items() if name != "class_"}
        known = element.get("class", "").split()
        return wanted.items() <= element.items() and attributes.get("class_", "") in ("", *known)
