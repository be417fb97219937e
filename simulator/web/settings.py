"""What ``clinic view`` was started with; it opens nothing."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where runs and sessions are, and who may come in.

    ``runs`` is a folder of run folders (or one run folder); ``sessions`` a SQLite file or a ``postgresql://`` URL;
    ``batches`` the batch files that a browser may start, by their place in this list. ``token`` is demanded of every
    request when it is not ''.
    """

    runs: Path
    sessions: str
    batches: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8750
    token: str = field(default="", repr=False)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
