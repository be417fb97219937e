"""Places are given in order, never lost and never given twice."""

from __future__ import annotations

import asyncio

from agents.llm.places import Places


async def hold(places: Places, log: list[str], name: str) -> None:
    async with places.one():
        log.append(name)
        await asyncio.sleep(0)


async def test_who_comes_first_is_served_first() -> None:
    places = Places(1)
    log: list[str] = []
    await asyncio.gather(*[hold(places, log, str(number)) for number in range(20)])
    assert log == [str(number) for number in range(20)]
    assert places.taken == 0


async def test_a_place_given_to_somebody_who_is_cancelled_at_that_moment_goes_to_the_next() -> None:
    places = Places(1)
    log: list[str] = []
    async with places.one():
        given = asyncio.create_task(hold(places, log, "given"))
        following = asyncio.create_task(hold(places, log, "next"))
        await asyncio.sleep(0)
    given.cancel()
    await asyncio.wait_for(following, 1)
    await asyncio.gather(given, return_exceptions=True)
    assert log == ["next"] and places.taken == 0


async def test_a_limit_that_shrinks_is_kept_from_then_on() -> None:
    places, most, now = Places(8), 0, 0

    async def work() -> None:
        nonlocal most, now
        async with places.one():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.005)
            now -= 1

    await asyncio.gather(*[work() for _ in range(16)])
    assert most == 8
    places.limit, most = 2, 0
    await asyncio.gather(*[work() for _ in range(16)])
    assert most == 2
