"""A Ray cluster and the actors on it: connected to, placed by Ray, met again after a loss; knows no consultation."""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog

from scenarios.errors import ClinicError, InputError, MissingExtra
from simulator.engines.ray_node import Introduction, Practice, installed

log = structlog.get_logger(__name__)

CPU_SHARE = 0.5
"""Of a processor, asked for by one actor; there are as many actors as processors. So half of a cluster may be lost
and Ray still finds room for every actor on the other half."""
STORE_BYTES = 150_000_000
"""Shared memory of a Ray started here: only small messages travel."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
PASSED_ON = ("CLINIC_BASE_URL",)
"""Variables that the actors get from the driver. Keys are not among them: Ray would store them in the cluster."""
GOODBYE_S = 3.0
KNOCK_S = 10.0
NO_ROOM_S = 30.0
GATHER_S = 15.0
"""How long the first consultation waits for all actors, so that the first few do not get everything."""


@contextmanager
def cluster(address: str | None) -> Iterator[Any]:
    """Connect to the Ray cluster at ``address`` (None: $RAY_ADDRESS, else one is started here) and yield ``ray``.

    A connection that the process has already is used as it is and left open.

    Raises:
        MissingExtra: Ray is not installed.
        InputError: nothing that can be used answers at ``address``.
    """
    ray = _import_ray()
    if ray.is_initialized():
        yield ray
        return
    try:
        _knock(address or os.environ.get("RAY_ADDRESS", ""))
        ray.init(address, logging_level="ERROR", log_to_driver=False, **_of_our_own(address))
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        where = f"at {address!r}" if address else "here"
        first = str(error).strip().split("\n")[0].rstrip(".")[:300]
        raise InputError(
            f"no Ray cluster can be used {where}: {first}. Start one with 'ray start --head' and give its address "
            f"as HOST:PORT, or 'auto' on one of its nodes; without --address Ray is started on this machine. A cluster "
            f"that wants a token is entered with RAY_AUTH_MODE=token and the token in RAY_AUTH_TOKEN."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _import_ray() -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise MissingExtra("--engine ray", "ray") from error


def _knock(address: str) -> None:
    """Raise OSError when nobody listens at HOST:PORT; Ray itself would go on trying for minutes."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), timeout=KNOCK_S).close()


def _of_our_own(address: str | None) -> dict[str, Any]:
    """Return the settings of a Ray that is started here; a running cluster has its own."""
    if address not in (None, "local") or (address is None and os.environ.get("RAY_ADDRESS")):
        return {}
    return {"include_dashboard": False, "object_store_memory": STORE_BYTES}


@dataclass
class Place:
    """One actor as the driver sees it."""

    actor: Any
    busy: int = 0
    open: bool = False


class Places:
    """The actors of a run. Ray places and restarts them; a call goes to the least busy of those that are there."""

    def __init__(self, ray: Any, batch: str, fingerprints: dict[str, str], *, at_once: int, taping: bool) -> None:
        """Ask Ray for the actors; each is open once it has introduced itself and is what this process is."""
        self.ray, self._self = ray, Introduction("", installed(), fingerprints)
        self._places = [Place(actor) for actor in _start(ray, batch, at_once, taping)]
        self._changed = asyncio.Event()
        self._problem: ClinicError | None = None
        self._hopeless, self._warned_at = 0, 0.0
        self._meetings = {asyncio.create_task(self._meet(place, first=True)) for place in self._places}
        self._gathered = asyncio.create_task(_wait(self._meetings, GATHER_S))

    async def take(self) -> Place:
        """Return the least busy open place, when there is one.

        Raises:
            ClinicError: an actor cannot be what it should be on its first node, or none is left.
        """
        await asyncio.shield(self._gathered)
        while self._problem or not (there := [place for place in self._places if place.open]):
            if self._problem:
                raise self._problem
            self._changed.clear()
            try:
                async with asyncio.timeout(NO_ROOM_S):
                    await self._changed.wait()
            except TimeoutError:
                self._warn_of_waiting()
        place = min(there, key=lambda place: place.busy)
        place.busy += 1
        return place

    def _warn_of_waiting(self) -> None:
        """Say it once for all who wait."""
        now = asyncio.get_running_loop().time()
        if now - self._warned_at >= NO_ROOM_S:
            self._warned_at = now
            log.warning("no node has room for an actor yet; waiting", cpus_each=CPU_SHARE)

    def leave(self, place: Place) -> None:
        """Say that a consultation is no longer there."""
        place.busy -= 1

    def lost(self, place: Place) -> None:
        """Send nothing more to a place until Ray has restarted its actor, wherever that may be."""
        if place.open:
            place.open = False
            log.warning("a Ray actor was lost; its consultations go on elsewhere", consultations=place.busy)
            self._meetings.add(asyncio.create_task(self._meet(place, first=False)))

    async def close(self) -> None:
        """Let the actors close their connections, then end them."""
        await _end({self._gathered, *self._meetings})
        goodbyes = {asyncio.create_task(answer(p.actor.close.remote())) for p in self._places if p.open}
        await _wait(goodbyes, GOODBYE_S)
        await _end(goodbyes)
        for place in self._places:
            self.ray.kill(place.actor)

    async def _meet(self, place: Place, *, first: bool) -> None:
        """Wait for an actor's introduction, through all its restarts, and open its place."""
        try:
            compare(self._self, await answer(place.actor.introduce.options(max_task_retries=-1).remote()))
            place.open = True
        except self.ray.exceptions.RayError as error:
            self._give_up(_never_there(error), first)
        except ClinicError as error:
            self._give_up(error, first)
        self._changed.set()

    def _give_up(self, problem: ClinicError, first: bool) -> None:
        """Do without an actor that cannot come back; the run ends when it never was there, or was the last."""
        self._hopeless += 1
        if first or self._hopeless == len(self._places):
            self._problem = problem
        else:
            log.error("a Ray actor cannot come back; the others go on", problem=str(problem))


def compare(here: Introduction, there: Introduction) -> None:
    """Raise ClinicError when a node cannot make the agents or would say other words than this process."""
    if there.problem:
        raise ClinicError(f"node {there.node} cannot make the batch's agents: {there.problem}")
    found, prints = there.versions, there.fingerprints
    other = [f"{name} is {found.get(name)}, here {v}" for name, v in here.versions.items() if found.get(name) != v]
    other += [f"{name} has other prompts or data" for name, v in here.fingerprints.items() if prints.get(name) != v]
    if other:
        raise ClinicError(
            f"node {there.node} is not what this machine is: {'; '.join(other[:5])}. "
            f"Install the same clinic-simulator and packages on every node."
        )


async def _wait(tasks: set[asyncio.Task[Any]], limit_s: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=limit_s)


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def answer(ref: Any) -> Any:
    """Wait for a call's result, with or without Ray Client."""
    return await asyncio.wrap_future(ref.future())


def _start(ray: Any, batch: str, at_once: int, taping: bool) -> list[Any]:
    cpus = sum(node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"])
    passed = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    actor = ray.remote(Practice).options(
        num_cpus=CPU_SHARE, max_restarts=-1, max_task_retries=0, max_concurrency=at_once + 8,
        scheduling_strategy="SPREAD", runtime_env={"env_vars": passed} if passed else None,
    )
    return [actor.remote(batch, taping) for _ in range(max(1, min(int(cpus), at_once)))]


def _never_there(error: Exception) -> ClinicError:
    last = str(error).strip().split("\n")[-1][:300]
    return ClinicError(
        f"a Ray actor cannot run on one of the nodes: {last}. Is the same clinic-simulator installed on every node?"
    )
