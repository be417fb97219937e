"""A turn's clock runs while the agent works and stands still while it waits."""

from __future__ import annotations

import asyncio
import time

import pytest

from agents.patience import time_limit, waiting


async def test_work_beyond_the_limit_is_stopped() -> None:
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        async with time_limit(0.1):
            await asyncio.sleep(5)
    assert time.monotonic() - start < 1


async def test_waiting_is_not_counted() -> None:
    async with time_limit(0.2):
        await asyncio.sleep(0.1)
        with waiting():
            await asyncio.sleep(0.4)


async def test_work_before_and_after_waiting_is_counted_together() -> None:
    with pytest.raises(TimeoutError):
        async with time_limit(0.3):
            await asyncio.sleep(0.2)
            with waiting():
                await asyncio.sleep(0.3)
            await asyncio.sleep(0.2)


async def test_the_clock_goes_on_when_the_last_of_several_waits_is_over() -> None:
    async def wait(seconds: float) -> None:
        with waiting():
            await asyncio.sleep(seconds)

    async with time_limit(0.2):
        await asyncio.gather(wait(0.1), wait(0.4), wait(0.3))
    with pytest.raises(TimeoutError):
        async with time_limit(0.2):
            with waiting(), waiting():
                pass
            await asyncio.sleep(0.5)


async def test_turns_side_by_side_have_clocks_of_their_own() -> None:
    async def turn(waits: bool) -> str:
        try:
            async with time_limit(0.1):
                if waits:
                    with waiting():
                        await asyncio.sleep(0.3)
                else:
                    await asyncio.sleep(0.3)
        except TimeoutError:
            return "stopped"
        return "done"

    assert await asyncio.gather(turn(True), turn(False)) == ["done", "stopped"]


async def test_a_wait_outside_any_turn_is_just_a_wait() -> None:
    with waiting():
        await asyncio.sleep(0)


async def test_being_cancelled_while_waiting_stays_a_cancellation() -> None:
    async def turn() -> None:
        async with time_limit(5):
            with waiting():
                await asyncio.sleep(5)

    task = asyncio.create_task(turn())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_waits_on_after_its_turn_is_over_does_no_harm() -> None:
    async def outlives() -> str:
        with waiting():
            await asyncio.sleep(0.1)
        with waiting():
            return "fine"

    async with time_limit(5):
        task = asyncio.create_task(outlives())
        await asyncio.sleep(0.02)
    assert await task == "fine"


async def test_a_wait_that_begins_when_the_time_is_up_does_not_hide_it() -> None:
    with pytest.raises(TimeoutError):
        async with time_limit(0.05):
            try:
                await asyncio.sleep(5)
            finally:
                with waiting():
                    await asyncio.sleep(0)
