"""What is heard while a step of a session is taken: who speaks, the words as they come, the finished turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from scenarios.schema import Role, Turn


class Heard(NamedTuple):
    """One thing heard.

    ``speaking``: ``role`` begins; ``words``: a piece of its text; ``again``: the pieces so far are void, it starts
    anew; ``turn``: the finished turn.
    """

    kind: Literal["speaking", "words", "again", "turn"]
    role: Role
    text: str = ""
    turn: Turn | None = None


Hear = Callable[[Heard], None]


@dataclass(frozen=True)
class Voice:
    """Passes what a model says on to whoever listens to the step."""

    hear: Hear
    role: Role

    def words(self, text: str) -> None:
        """Pass on a piece of text."""
        self.hear(Heard("words", self.role, text))

    def again(self) -> None:
        """Say that the pieces so far are void."""
        self.hear(Heard("again", self.role))


def nobody(heard: Heard) -> None:
    """Hear nothing."""
