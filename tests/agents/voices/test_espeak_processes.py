"""espeak's processes: replaced when they die, ended with whoever started them, never piling up."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.voices import espeak_process
from agents.voices.espeak_pool import EspeakPool
from agents.voices.espeak_process import Utterance
from scenarios.errors import AgentFailure
from tests.agents.voices.espeak_setting import SAID, alive, children_of, espeak, view

SLOW = Utterance("en-us", 50, 50, 100, 80, ("word " * 20_000,))
SHORT = Utterance("en-us", 50, 50, 100, 175, ("No.",))


async def gone(pids: list[int], within_s: float = 5.0) -> bool:
    end = time.monotonic() + within_s
    while any(map(alive, pids)) and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return not any(map(alive, pids))


async def test_processes_start_with_the_first_text_and_end_with_aclose():
    async with espeak(workers=2) as voice:
        assert voice.worker_pids() == []
        await asyncio.gather(*(voice.speak(view(SAID["en"])) for _ in range(8)))
        pids = voice.worker_pids()
        assert len(pids) == 2 and all(map(alive, pids))
        await voice.aclose()
        assert voice.worker_pids() == [] and not any(map(alive, pids))
        assert (await voice.speak(view("again"))).segments == 1


async def test_a_process_killed_in_the_middle_is_replaced_and_nothing_is_lost():
    async with espeak(workers=2) as voice:
        wanted = (await voice.speak(view(SAID["zh"], "zh"))).sound.samples.tobytes()
        calls = [asyncio.create_task(voice.speak(view(SAID["zh"], "zh"))) for _ in range(120)]
        before = set(voice.worker_pids())
        for _ in range(3):
            await asyncio.sleep(0.05)
            for pid in voice.worker_pids()[:1]:
                os.kill(pid, signal.SIGKILL)
        said = await asyncio.wait_for(asyncio.gather(*calls), 60)
        assert {one.sound.samples.tobytes() for one in said} == {wanted}
        assert set(voice.worker_pids()) - before


async def test_a_text_over_which_it_dies_each_time_is_a_retryable_failure():
    pool = EspeakPool(1, 10)
    try:
        pool.submit(lambda say: say(SHORT)).result()
        dying = asyncio.wrap_future(pool.submit(lambda say: say(SLOW)))
        while not dying.done():
            for pid in pool.pids():
                for child in children_of(pid):
                    os.kill(child, signal.SIGSEGV)
            await asyncio.sleep(0.01)
        with pytest.raises(AgentFailure, match="died 3 times") as caught:
            await dying
        assert (caught.value.owner, caught.value.kind, caught.value.retryable) == ("voice", "crashed", True)
        assert len(pool.submit(lambda say: say(SHORT)).result()) > 1_000
    finally:
        pool.close()


async def test_a_text_that_takes_too_long_fails_and_the_process_goes_on():
    async with espeak(workers=1, timeout_s=0.05, max_characters=100_000) as voice:
        with pytest.raises(AgentFailure, match="did not finish within 0.05 s") as caught:
            await voice.speak(view("word " * 20_000))
        assert (caught.value.kind, caught.value.retryable) == ("timeout", True)
        pids = voice.worker_pids()
        assert (await voice.speak(view("No."))).segments == 1
        assert voice.worker_pids() == pids


async def test_a_process_that_hangs_is_replaced(monkeypatch):
    monkeypatch.setattr(espeak_process, "GRACE_S", 0.2)
    async with espeak(workers=1, timeout_s=0.3) as voice:
        wanted = await voice.speak(view("No."))
        stopped = voice.worker_pids()[0]
        os.kill(stopped, signal.SIGSTOP)
        said = await asyncio.wait_for(voice.speak(view("No.")), 20)
        assert said.sound.samples.tobytes() == wanted.sound.samples.tobytes()
        assert not alive(stopped)


async def test_a_full_queue_says_so():
    async with espeak(workers=1, waiting=3) as voice:
        calls = [asyncio.create_task(voice.speak(view("No."))) for _ in range(50)]
        done = await asyncio.gather(*calls, return_exceptions=True)
    refused = [one for one in done if isinstance(one, AgentFailure)]
    assert 1 <= len(refused) <= 47
    assert all((one.owner, one.kind, one.retryable) == ("infrastructure", "busy", True) for one in refused)


async def test_a_call_that_nobody_waits_for_is_not_spoken():
    async with espeak(workers=1) as voice:
        first = await voice.speak(view("No."))
        calls = [asyncio.create_task(voice.speak(view(SAID["zh"], "zh", seed=n))) for n in range(300)]
        await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        start = time.perf_counter()
        again = await voice.speak(view("No."))
        assert time.perf_counter() - start < 1.0
        assert again.sound.samples.tobytes() == first.sound.samples.tobytes()


async def test_thousands_of_calls_leave_no_processes_behind():
    async with espeak(workers=2) as voice:
        await asyncio.gather(*(voice.speak(view("No.")) for _ in range(600)))
        pids = voice.worker_pids()
        end = time.monotonic() + 5
        while any(map(children_of, pids)) and time.monotonic() < end:
            await asyncio.sleep(0.02)
        assert len(pids) == 2 and not any(map(children_of, pids))
    assert not set(children_of(os.getpid())) & set(pids)


def test_idle_processes_go_and_come_again():
    pool = EspeakPool(1, 10, idle_s=0.1)
    first = pool.submit(lambda say: say(SHORT)).result()
    pids = pool.pids()
    end = time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(alive, pids)) and pool.pids() == []
    assert pool.submit(lambda say: say(SHORT)).result() == first
    pool.close()


PARENT = """
import sys, time
from agents.voices.espeak_pool import EspeakPool
from agents.voices.espeak_process import Utterance
pool = EspeakPool(2, 100)
calls = [pool.submit(lambda say: say(Utterance("en-us", 50, 50, 100, 175, ("No.",)))) for _ in range(20)]
[call.result() for call in calls]
slow = pool.submit(lambda say: say(Utterance("en-us", 50, 50, 100, 80, ("word " * 100_000,))))
time.sleep(0.2)
print(*pool.pids(), flush=True)
time.sleep(60)
"""


async def test_a_parent_that_is_killed_leaves_nothing_behind():
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        speaking = [child for pid in pids for child in children_of(pid)]
        assert len(pids) == 2 and speaking and all(map(alive, [*pids, *speaking]))
        parent.kill()
    assert await gone([*pids, *speaking])


def test_a_library_that_cannot_be_loaded_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(espeak_process, "library_places", lambda: (str(tmp_path / "no.so"), str(tmp_path / "data")))
    pool = EspeakPool(1, 10)
    with pytest.raises(AgentFailure, match="espeak-ng cannot be loaded: .*no.so") as caught:
        pool.submit(lambda say: say(SHORT)).result()
    assert caught.value.kind == "no_library"
    pool.close()


def test_the_library_is_never_loaded_into_this_process():
    assert "libespeak" not in Path("/proc/self/maps").read_text()
