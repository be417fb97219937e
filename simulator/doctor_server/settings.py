"""What ``clinic serve --doctor`` was started with, as far as the server is concerned; it loads nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from simulator.web.settings import Settings as WebSettings


@dataclass(frozen=True)
class ServerSettings:
    """Address, door and bounds of a server.

    ``token`` is demanded of every request but ``/health`` when it is not ''. ``max_streams`` answers are made at the
    same time and ``max_waiting`` more requests may wait; the next are told to come back. ``max_body`` bounds one
    request's bytes and ``max_bodies`` those of all that are being read; ``read_s`` how long a body may take to come in
    and ``write_s`` how long a client may leave a piece untaken. A stream in which nothing comes for ``heartbeat_s``
    gets a comment, so that nobody on the way takes it for dead.
    """

    name: str
    host: str = "127.0.0.1"
    port: int = 8300
    token: str = field(default="", repr=False)
    max_streams: int = 8
    max_waiting: int = 64
    max_body: int = 64 << 20
    max_bodies: int = 512 << 20
    max_sound_s: float = 300.0
    max_sounds_s: float = 600.0
    read_s: float = 60.0
    write_s: float = 60.0
    heartbeat_s: float = 15.0

    @property
    def as_web(self) -> WebSettings:
        """The same address in the form that the guards of ``clinic view`` take."""
        return WebSettings(Path(), "", host=self.host, port=self.port, token=self.token)
