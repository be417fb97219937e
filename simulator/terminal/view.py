"""What a view must be able to show, and where a consultation stands when it is shown; it shows nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from scenarios.schema import Turn
from simulator.asked import Asked
from simulator.session import Branch, Casting, Heard, SessionInfo, Snapshot


@dataclass(frozen=True)
class Here:
    """Where a person is: the session, the branch as it was last seen."""

    info: SessionInfo
    snapshot: Snapshot

    @property
    def branch(self) -> Branch:
        """The branch."""
        return self.info.branch(self.snapshot.branch)

    @property
    def casting(self) -> Casting:
        """Who is in its room."""
        return self.branch.casting

    @property
    def blind(self) -> bool:
        """Whether the record stays hidden: a person plays a doctor in this session."""
        return any(branch.casting.is_human("doctor") for branch in self.info.branches)


class View(Protocol):
    """A way to show a session; every text it is given may have been written by a model or a patient."""

    def header(self, here: Here, place: str) -> None:
        """Show whose consultation this is; ``place`` names the session."""

    def hear(self, here: Here, heard: Heard) -> None:
        """Show what is heard while a step is taken."""

    def silence(self) -> None:
        """Take away what was shown of a step that is over or was broken off."""

    def turn(self, here: Here, turn: Turn) -> None:
        """Show a finished turn."""

    def moved(self, here: Here, why: str) -> None:
        """Show that the person is now elsewhere: another branch, or further back."""

    def whole(self, here: Here) -> None:
        """Show the branch from the start."""

    def branches(self, here: Here, snapshots: Mapping[str, Snapshot]) -> None:
        """Show the branches as a tree."""

    def verdicts(self, here: Here) -> None:
        """Show what the judges said."""

    def prompt(self, here: Here, number: int, asked: Asked) -> None:
        """Show what the model behind a turn was asked."""

    def note(self, text: str) -> None:
        """Show something worth knowing."""

    def error(self, text: str) -> None:
        """Show what went wrong."""

    def status(self, here: Here) -> None:
        """Show how far the branch is and who is to speak: the end of what a command has to say."""

    def help(self) -> None:
        """Show the commands."""
