"""Why one request brought no reply; whose failure that is, is decided above."""

from __future__ import annotations


class Fault(Exception):
    """One request did not bring a reply.

    Args:
        kind: as in ``Model``: ``rate_limited``, ``server_error``, ``context_overflow`` ...
        message: one sentence for people; it holds no key.
        retry: whether sending the same again may help.
        after_s: how long the server asked to wait.
        dead: nobody listens at the address (any more).
    """

    def __init__(
        self, kind: str, message: str, *, retry: bool = False, after_s: float | None = None, dead: bool = False
    ) -> None:
        """Keep the parts."""
        self.kind, self.message, self.retry, self.after_s, self.dead = kind, message, retry, after_s, dead
        super().__init__(f"{kind}: {message}")
