"""A consultation that is stepped, rewound, forked and taken over: kept by LangGraph's checkpoints, shown by no one."""

from simulator.session.book import SessionBook, open_book
from simulator.session.model import Branch, Casting, HUMAN, SessionInfo, Snapshot
from simulator.session.session import Session

__all__ = ["HUMAN", "Branch", "Casting", "Session", "SessionBook", "SessionInfo", "Snapshot", "open_book"]
