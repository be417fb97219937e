"""Completes a conversation's commands and the files they name; it carries none out."""

from __future__ import annotations

from collections.abc import Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

COMMANDS = ("/file", "/again", "/save", "/help", "/quit")


class Commands(Completer):
    """``/f`` becomes ``/file``, and what follows it a path."""

    def __init__(self) -> None:
        """Know the file system."""
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield what may follow."""
        typed = document.text_before_cursor
        command, space, rest = typed.partition(" ")
        if not space and typed.startswith("/"):
            yield from (Completion(f"{name} ", -len(typed)) for name in COMMANDS if name.startswith(typed))
        elif command in ("/file", "/save"):
            yield from self._paths.get_completions(Document(rest.lstrip(), len(rest.lstrip())), complete_event)
