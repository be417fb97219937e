"""A consultation that is stepped, rewound, forked and taken over: kept by LangGraph's checkpoints, shown by no one."""

from simulator.session.book import SessionBook, open_book
from simulator.session.heard import Hear, Heard
from simulator.session.model import HUMAN, Branch, Casting, SessionInfo, Snapshot
from simulator.session.session import Session

__all__ = [
    "HUMAN", "Branch", "Casting", "Hear", "Heard", "Session", "SessionBook", "SessionInfo", "Snapshot", "open_book",
]
