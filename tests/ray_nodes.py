"""A Ray cluster of small nodes in a process of its own, told by lines what to do: ``add`` a node, ``kill NAME`` one.

Ray remembers for the life of a process whether its clusters want a token, so a test process that has met Ray before
cannot start one that does.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

SMALL: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80_000_000}


class Nodes:
    """The cluster as a test sees it; it ends when the test's process closes it or dies."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.ray_nodes"], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )
        self.address = self._answer("address")

    def add(self) -> str:
        """Start one more node and return its name."""
        self._say("add")
        return self._answer("node")

    def kill(self, node: str) -> None:
        """End a node's processes without a goodbye."""
        self._say(f"kill {node}")
        self._answer("killed")

    def shutdown(self) -> None:
        """End all nodes."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=60)

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _answer(self, word: str) -> str:
        """Return what follows ``word`` on its line; Ray prints lines of its own."""
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(f"nodes: {word} "):
                return line.split(maxsplit=2)[2].strip()
        raise RuntimeError(f"the Ray cluster ended without its {word}; its errors are above")


def tell(line: str) -> None:
    sys.stdout.write(f"nodes: {line}\n")
    sys.stdout.flush()


def main() -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **SMALL})
    nodes: dict[str, Any] = {}
    try:
        tell(f"address {cluster.address}")
        for line in sys.stdin:
            word, _, name = line.strip().partition(" ")
            if word == "add":
                name = f"node-{len(nodes) + 1}"
                nodes[name] = cluster.add_node(**SMALL)
                tell(f"node {name}")
            elif word == "kill":
                cluster.remove_node(nodes.pop(name), allow_graceful=False)
                tell(f"killed {name}")
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
