"""Speed, memory and disk of voices: ``python -m benchmarks.voice [a b c d e f]``; it prints, it asserts nothing."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import uvloop

from agents.protocols import SpeakerCard, Spoken, VoiceView
from agents.sound.shelf import SoundShelf
from agents.voices.casting import patient_card
from agents.voices.espeak import EspeakOptions, EspeakVoice
from agents.voices.synthesis import Studio
from benchmarks.simulator import EXCHANGES, resident_mib
from benchmarks.voice_talk import Asker, Teller, many_cases, patient_line
from graphs.consultation import Cast, build_consultation
from graphs.speech import Acoustics
from scenarios.schema import HEARD_HZ, Batch, Language
from simulator.batch import run_batch
from simulator.build import Staff, build_staff
from simulator.logs import configure_logs
from simulator.plan import Plan
from simulator.run_one import Room

CONCURRENCY, WAIT_S = 64, 0.2
Kind = Literal["silent", "protocol", "distinct"]


class Counting:
    """A voice that notes what it was asked for and what it really made."""

    def __init__(self, voice: EspeakVoice) -> None:
        """Keep the voice."""
        self.voice, self.asked, self.made = voice, Counter[str](), Counter[str]()
        self.seconds = 0.0

    def key(self, view: VoiceView) -> str:
        """Return the voice's own key."""
        key = self.voice.key(view)
        self.asked[key] += 1
        return key

    async def speak(self, view: VoiceView) -> Spoken:
        """Let the voice speak."""
        self.made[self.voice.key(view)] += 1
        spoken = await self.voice.speak(view)
        self.seconds += spoken.sound.seconds
        return spoken

    async def aclose(self) -> None:
        """Close the voice."""
        await self.voice.aclose()


@dataclass(frozen=True)
class Ran:
    """What one batch took: wall time, CPU seconds of this process and of espeak's, the voice, audio on disk."""

    wall_s: float
    own_cpu_s: float
    espeak_cpu_s: float
    voice: Counting
    turns: int
    audio_bytes: int
    audio_s: float


def held(kind: Kind, consultations: int, then: Callable[[Path], None] | None = None) -> Ran:
    """Hold a batch of scripted agents that wait 200 ms a turn, with or without voices; ``then`` gets the run folder."""
    batch = Batch.model_validate({
        "name": "voices", "cases": ["none"], "doctors": {"d": {"backend": "scripted-doctor", "lines": ["-"]}},
        "patient": {"backend": "scripted-patient", "lines": ["-"]}, "judges": [{"backend": "scripted-judge"}],
        "listener": {"backend": "transcript"}, "concurrency": CONCURRENCY, "max_turns": EXCHANGES,
        **({} if kind == "silent" else {"voice": {"backend": "espeak"}, "output_speech": True}),
    })
    base = build_staff(batch)
    voice = Counting(EspeakVoice(EspeakOptions()))
    studio = Studio(voice, "espeak")
    listener = base.members.get("listener transcript")
    acoustics = Acoustics() if kind == "silent" else Acoustics(
        input_speech=True, output_speech=True, voice=studio, doctor_voice=studio, listener=listener, reads=True,
    )
    cast = Cast(Asker(WAIT_S, distinct=kind == "distinct"), Teller(WAIT_S), base.members["examiner"],
                acoustics=acoustics)
    room = base.rooms["d"]
    rooms = {"d": Room(build_consultation(cast).compile(), room.judging, room.persona, EXCHANGES)}
    staff = Staff(rooms, base.fingerprints, {"examiner": cast.examiner, "voice": voice})
    cases = many_cases(consultations)
    with tempfile.TemporaryDirectory() as folder:
        before = time.perf_counter(), time.process_time(), children_cpu_s()
        tally = run_batch(Plan.whole(batch, cases, base.fingerprints), staff, Path(folder) / "run", {"batch": {}})
        after = time.perf_counter(), time.process_time(), children_cpu_s()
        if failed := {owner: n for owner, n in tally.failures.items() if owner != "patient"}:
            raise RuntimeError(f"consultations failed: {failed}")
        if then is not None:
            then(Path(folder) / "run")
        files = [file.stat().st_size for file in (Path(folder) / "run").glob("audio/*/*.wav")]
    wall_s, own_s, espeak_s = (b - a for a, b in zip(before, after, strict=True))
    turns = consultations * 2 * EXCHANGES
    return Ran(wall_s, own_s, espeak_s, voice, turns, sum(files), voice.seconds)


def batches(consultations: int = 192, rounds: int = 5) -> None:
    """(a) A batch with voices on both sides against the same one without, in alternation."""
    kinds: tuple[Kind, ...] = ("silent", "protocol", "distinct")
    for kind in kinds:
        held(kind, CONCURRENCY)
    rows = []
    for number in range(rounds):
        order = kinds if number % 2 else kinds[::-1]
        rows.append({kind: held(kind, consultations) for kind in order})
    show("a", f"{consultations} consultations x {EXCHANGES} exchanges, {CONCURRENCY} at once, every agent waits "
         f"{WAIT_S * 1e3:.0f} ms; patients' lines and voices differ by case (zh and en, "
         f"{mean_seconds(rows[0]['protocol']):.1f} s each), listener: transcript; {rounds} alternating rounds")
    silent_s = statistics.median(row["silent"].wall_s for row in rows)
    ideal = consultations / CONCURRENCY * 2 * EXCHANGES * WAIT_S
    show("a", f"without voices {silent_s:.2f} s (agents' waiting alone: {ideal:.2f} s)")
    for kind, said in (("protocol", "the doctor asks everybody the same"), ("distinct", "every line is different")):
        speed = [row["silent"].wall_s / row[kind].wall_s for row in rows]
        ran = [row[kind] for row in rows]
        texts = sum(ran[-1].voice.made.values())
        own = statistics.median((row[kind].own_cpu_s - row["silent"].own_cpu_s) / row[kind].turns for row in rows)
        espeak = statistics.median(one.espeak_cpu_s / max(1, sum(one.voice.made.values())) for one in ran)
        show("a", f"s2s, {said}: {statistics.median(one.wall_s for one in ran):.2f} s, "
             f"{statistics.median(speed):.0%} of the speed without (rounds {min(speed):.0%} to {max(speed):.0%}; "
             f"target: at least 80%); {texts} texts spoken; CPU {espeak * 1e3:.1f} ms of espeak a text, "
             f"{own * 1e3:.2f} ms of this process a turn")


def once(consultations: int = 192) -> None:
    """(b) How often a voice really speaks, against the different things that were to be said."""
    for kind in ("protocol", "distinct"):
        ran = held(kind, consultations).voice
        again = sum(ran.made.values()) - len(ran.made)
        show("b", f"{kind}: {sum(ran.asked.values())} spoken turns, {len(ran.asked)} different (text and voice), "
             f"{sum(ran.made.values())} synthesised, {again} of them twice (target: 0)")


def memory(utterances: int = 10_000, at_once: int = 64) -> None:
    """(c) Resident memory of this process and of espeak's over 10,000 different utterances, stored as in a run."""
    card = SpeakerCard("somebody", "en", "female", 40.0, None, 1)
    samples: list[tuple[float, float, int]] = []

    async def speak_all() -> None:
        voice = EspeakVoice()
        studio = Studio(voice, "espeak")
        with tempfile.TemporaryDirectory() as folder:
            shelf = SoundShelf(Path(folder))
            places = asyncio.Semaphore(at_once)

            async def one(number: int) -> None:
                async with places:
                    await studio.say(VoiceView(f"Number {number}.", card), HEARD_HZ, shelf)

            step = utterances // 10
            for start in range(0, utterances, step):
                await asyncio.gather(*(one(n) for n in range(start, start + step)))
                pids = voice.worker_pids()
                samples.append((resident_mib(), sum(map(private_mib, pids)), len(pids)))
            shelf.close()
        await voice.aclose()

    start = time.perf_counter()
    uvloop.run(speak_all())
    took = time.perf_counter() - start
    own, theirs = [s[0] for s in samples], [s[1] for s in samples]
    show("c", f"{utterances} utterances in {took:.0f} s ({utterances / took:.0f} per second, stored). Resident after "
         f"each tenth: {', '.join(f'{s:.0f}' for s in own)} MiB here ({(own[-1] - own[1]) / 8:+.2f} a tenth after the "
         f"second); {', '.join(f'{s:.0f}' for s in theirs)} MiB private in {samples[-1][2]} espeak processes")


def utterances(count: int = 150) -> None:
    """(d) What one text costs, by language: alone, and with all processes busy."""
    async def speak(language: Language) -> None:
        cases = many_cases(count, language)
        views = [VoiceView(patient_line(case, number % EXCHANGES), patient_card(case))
                 for number, case in enumerate(cases)]
        voice = EspeakVoice()
        await voice.speak(VoiceView("warm", views[0].speaker))
        start = time.perf_counter()
        alone = [await timed(voice, view) for view in views]
        alone_s = time.perf_counter() - start
        own, start = time.process_time(), time.perf_counter()
        said = await asyncio.gather(*(voice.speak(view) for view in views * 4))
        busy_s, own_s = time.perf_counter() - start, time.process_time() - own
        before = children_cpu_s()
        await voice.aclose()
        espeak_s = children_cpu_s() - before
        seconds = sum(s for _, s in alone)
        busy = sum(one.sound.seconds for one in said)
        show("d", f"{language}, {count} lines of {seconds / count:.1f} s on average: "
             f"{statistics.median(t for t, _ in alone) * 1e3:.1f} ms a text one at a time ({seconds / alone_s:.0f} x "
             f"real time), {busy_s / len(said) * 1e3:.1f} ms with all of them waiting ({busy / busy_s:.0f} x); "
             f"CPU a text: espeak {espeak_s / (len(said) + count) * 1e3:.1f} ms, this process "
             f"{own_s / len(said) * 1e3:.2f} ms")

    for language in ("zh", "en"):
        uvloop.run(speak(language))


def disk(consultations: int = CONCURRENCY) -> None:
    """(e) Bytes on disk for a minute of what was said."""
    ran = held("distinct", consultations)
    minutes = ran.audio_s / 60
    mib = ran.audio_bytes / 2**20
    show("e", f"{sum(ran.voice.made.values())} sounds, {minutes:.1f} min: {mib / minutes:.2f} MiB a minute on disk "
         f"(16-bit, 16 kHz patients, 24 kHz doctors), {mib / consultations:.2f} MiB a consultation")


def measuring(consultations: int = CONCURRENCY) -> None:
    """(f) The measuring pass over a finished run, which is no part of holding consultations."""
    def measure(run: Path) -> None:
        from simulator.measuring.passing import measure_run
        from simulator.measuring.plan import Wanted

        start = time.perf_counter()
        tally = measure_run(run, Wanted(pesq=False))
        took = time.perf_counter() - start
        show("f", f"measuring {tally.measured} spoken turns (voice activity, gaps; no channel, no PESQ): {took:.1f} s, "
             f"{tally.measured / took:.0f} turns a second, starting its processes included")

    held("distinct", consultations, measure)


async def timed(voice: EspeakVoice, view: VoiceView) -> tuple[float, float]:
    """Return the seconds it took to say ``view`` and the seconds of sound."""
    start = time.perf_counter()
    spoken = await voice.speak(view)
    return time.perf_counter() - start, spoken.sound.seconds


def mean_seconds(ran: Ran) -> float:
    """Return how long a spoken text is."""
    return ran.audio_s / max(1, sum(ran.voice.made.values()))


def children_cpu_s() -> float:
    """Return the CPU seconds of all processes that were started here and have ended, their children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def private_mib(pid: int) -> float:
    """Return the memory that only this process holds, in MiB (Linux)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def show(part: str, line: str) -> None:
    """Print one result."""
    click.echo(f"({part}) {line}")


PARTS = {"a": batches, "b": once, "c": memory, "d": utterances, "e": disk, "f": measuring}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
def main(parts: tuple[str, ...]) -> None:
    """Measure PARTS (default: all). Each part runs in a process of its own."""
    configure_logs(as_json=False, level="warning")
    if len(parts) == 1:
        PARTS[parts[0]]()
        return
    machine = platform.processor() or platform.machine()
    click.echo(f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for part in parts or PARTS:
        subprocess.run([sys.executable, "-m", "benchmarks.voice", part], check=True)


if __name__ == "__main__":
    main()
