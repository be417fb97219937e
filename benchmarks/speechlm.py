r"""Speed of the SpeechLM against the published code: ``python -m benchmarks.speechlm``; it prints, it asserts nothing.

Equal random weights, equal prompts, greedy text and units, alternating rounds in one run; the figure is the median of
the rounds' ratios. The published code runs in its own environment (benchmarks/speechlm_reference.py says which);
without ``--reference-python`` only our own figures are shown.

\b
  a  unit LM: positions computed and time per unit        d  first sound and real-time factor
  b  flow: frames computed per frame given out            e  prefill at turn 6: positions computed
  c  text: time per step                                  f  eight streams at once: sound per second, the slowest stream
  g  real-length mode: positions of a turn of 8 s

Examples:
  python -m benchmarks.speechlm --reference-python ~/omni/bin/python --reference-code LLaMA-Omni2:Matcha-TTS
  python -m benchmarks.speechlm --shape 0.5B --depth 0.25 a c d
  python -m benchmarks.speechlm --shape 7B --device cuda --dtype bfloat16 --compile
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.speechlm_weights import DRAIN, SEED, Made, make
from model.streaming.engine import Engine
from model.streaming.types import Ended, EngineOptions, Event, Message, Settings, SoundPiece, Speech, UnitPiece

TOKENS = 90
"""They make 30 chunks of 10 units."""

TURN_S = 8.0


@dataclass
class Answer:
    """What one answer took, ours or theirs."""

    text_ids: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    total_s: float = 0.0
    first_unit_s: float | None = None
    first_sound_s: float | None = None
    samples: int = 0
    prompt_positions: int = 0
    unit_positions: int = 0
    frames: int = 0
    emitted_frames: int = 0

    @property
    def sound_s(self) -> float:
        """Seconds of sound."""
        return self.samples / 24_000


class Ours:
    """Our engine over the made weights."""

    def __init__(self, made: Made, compiled: bool, streams: int = 8) -> None:
        """Open an engine."""
        options = EngineOptions(max_streams=streams, compile=compiled)
        self.made, self.engine = made, Engine(made.model, made.processor, made.vocoder, options)

    def settings(self, tokens: int, speak: bool = True) -> Settings:
        """Return greedy settings for exactly ``tokens`` ids."""
        return Settings(max_new_tokens=tokens, speak=speak, unit_temperature=0.0, seed=SEED)

    def answers(self, dialogues: Sequence[Sequence[Message]], tokens: int, speak: bool = True) -> list[Answer]:
        """Answer all dialogues at the same time."""
        before, answers, start = self.engine.counters, [Answer() for _ in dialogues], self._now()
        for dialogue, answer in zip(dialogues, answers, strict=True):
            self.engine.submit(dialogue, self.settings(tokens, speak), self._noting(answer, start))
        while self.engine.step():
            pass
        after = self.engine.counters
        answers[0].unit_positions = after.unit_positions - before.unit_positions
        answers[0].frames = after.vocoder_frames_computed - before.vocoder_frames_computed
        answers[0].emitted_frames = after.vocoder_frames_emitted - before.vocoder_frames_emitted
        return answers

    def _noting(self, answer: Answer, start: float) -> Callable[[Event], None]:
        def note(event: Event) -> None:
            at = time.perf_counter() - start
            if isinstance(event, UnitPiece):
                answer.first_unit_s = answer.first_unit_s or at
                answer.units += event.units
            elif isinstance(event, SoundPiece) and len(event.samples):
                answer.first_sound_s = answer.first_sound_s or at
                answer.samples += len(event.samples)
            elif isinstance(event, Ended):
                answer.total_s, answer.text_ids = at, list(event.text_ids)
                answer.prompt_positions = event.usage.prompt - event.usage.cached + len(event.text_ids) - 1

        return note

    def _now(self) -> float:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter()


class Theirs:
    """The published code, in a process of its own."""

    def __init__(self, made: Made, python: str, code: str, device: str, dtype: str) -> None:
        """Start it and load the same weights."""
        script = Path(__file__).with_name("speechlm_reference.py")
        self._process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads()), "PYTHONPATH": ""},
        )
        self.do(
            "load", code=code, folder=str(made.folder / "model"), encoder=made.encoder, dtype=dtype, device=device,
            vocoder=str(made.folder / "vocoder"),
        )

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Send one command and return its reply."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        for line in self._process.stdout:
            if line.startswith('{"reply"'):
                return dict(json.loads(line)["reply"])
        raise click.ClickException("the published code ended; its error stands above")

    def answer(self, made: Made, dialogue: Sequence[Message], tokens: int) -> Answer:
        """Answer one dialogue."""
        prompt = made.processor.prompt(dialogue)
        with tempfile.TemporaryDirectory() as scratch:
            paths = []
            for index, window in enumerate(prompt.windows):
                paths.append(f"{scratch}/{index}.npy")
                np.save(paths[-1], window)
            return Answer(**self.do(
                "answer", sounds=paths, ids=list(prompt.ids), tokens=tokens, drain=DRAIN, greedy_units=True
            ))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def spoken(seconds: float, seed: int) -> Message:
    """Return a patient's turn of noise that differs by seed."""
    samples = np.random.default_rng(seed).normal(0, 0.05, int(seconds * 16_000)).astype(np.float32)
    return Message("user", (Speech(samples),))


def consultation(turns: int) -> list[Message]:
    """Return a dialogue of so many spoken patient turns with typed doctor turns between them."""
    said: list[Message] = []
    for turn in range(turns):
        said += [spoken(TURN_S, turn), Message("assistant", (f"好的，第{turn + 1}个问题：疼了几天？",))]
    return said[:-1]


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """Return the median of the rounds' ratios with their range."""
    each = sorted(a / b for a, b in zip(theirs, ours, strict=True))
    return f"{statistics.median(each):.2f}x ({each[0]:.2f} to {each[-1]:.2f}, {len(each)} rounds)"


def answers(made: Made, ours: Ours, theirs: Theirs | None, rounds: int) -> None:
    """Print a, b and d: one spoken turn, answered in text and speech."""
    mine: list[Answer] = []
    other: list[Answer] = []
    for number in range(rounds + 1):
        dialogue = [spoken(TURN_S, 100 + number)]
        mine += ours.answers([dialogue], TOKENS)
        other += [theirs.answer(made, dialogue, TOKENS)] if theirs else []
    warm, o = mine[1:], other[1:]
    one = warm[0]
    click.echo(f"answer: {len(one.text_ids)} text ids, {len(one.units)} units, {one.sound_s:.1f} s of sound")
    if o:
        same = all(m.text_ids == t.text_ids for m, t in zip(mine, other, strict=True))
        units = all(m.units == t.units for m, t in zip(mine, other, strict=True))
        click.echo(f"   the same text ids as the published code: {same}; the same units: {units}")
    unit_s = [(a.total_s - (a.first_unit_s or 0.0)) / len(a.units) for a in warm]
    click.echo(f"a  unit LM: {one.unit_positions} positions for {len(one.units)} units")
    click.echo(f"   time from the first to the last unit, text and sound included: {_ms(unit_s)} a unit")
    click.echo(f"b  flow: {one.frames / max(one.emitted_frames, 1):.2f} frames computed per frame given out")
    click.echo(f"d  first sound {_ms([a.first_sound_s or 0 for a in warm])}; "
               f"real-time factor {statistics.median(a.total_s / a.sound_s for a in warm):.2f}")
    if not o:
        return
    their_s = [(a.total_s - (a.first_unit_s or 0.0)) / len(a.units) for a in o]
    click.echo(f"   published: {o[0].unit_positions} positions ({o[0].unit_positions / one.unit_positions:.1f}x), "
               f"{_ms(their_s)} a unit: {ratio(their_s, unit_s)}")
    click.echo(f"   published: {o[0].frames / max(o[0].emitted_frames, 1):.2f} frames per frame; first sound "
               f"{_ms([a.first_sound_s or 0 for a in o])}: "
               f"{ratio([a.first_sound_s or 0 for a in o], [a.first_sound_s or 0 for a in warm])}; real-time factor "
               f"{statistics.median(a.total_s / a.sound_s for a in o):.2f}")


def steps(made: Made, ours: Ours, theirs: Theirs | None, rounds: int) -> None:
    """Print c: typed text alone, without units."""
    typed = [Message("user", ("医生您好，我咳嗽三天了。",))]
    ids = list(made.processor.prompt(typed).ids)
    mine, other = [], []
    for _ in range(rounds + 1):
        short, long = (ours.answers([typed], count, speak=False)[0].total_s for count in (1, TOKENS))
        mine.append((long - short) / (TOKENS - 1))
        other += [theirs.do("text", ids=ids, tokens=TOKENS)["step_s"]] if theirs else []
    line = f"c  text: {_ms(mine[1:])} a step"
    click.echo(line + (f"; published {_ms(other[1:])}: {ratio(other[1:], mine[1:])}" if other else ""))


def sixth_turn(made: Made, ours: Ours) -> None:
    """Print e: a consultation that grows by one spoken turn at a time."""
    whole = made.processor.prompt(consultation(6)).positions
    computed = 0
    for turns in range(1, 7):
        computed = ours.answers([consultation(turns)], 4, speak=False)[0].prompt_positions - 3
    click.echo(
        f"e  prefill at turn 6: {computed} of {whole} positions ({whole / computed:.1f}x fewer); the published way "
        "computes all, and encodes all six sounds again"
    )


def together(ours: Ours) -> None:
    """Print f: eight at once against one alone."""
    alone = ours.answers([[spoken(TURN_S, 200)]], TOKENS)[0]
    start = time.perf_counter()
    many = ours.answers([[spoken(TURN_S, 300 + n)] for n in range(8)], TOKENS)
    took = time.perf_counter() - start
    single = alone.sound_s / alone.total_s
    slowest = min((a.sound_s) / a.total_s for a in many)
    total = sum(a.sound_s for a in many) / took
    click.echo(
        f"f  eight streams: {total:.2f} s of sound a second, one alone {single:.2f} ({total / single:.2f}x); the "
        f"slowest stream runs at {slowest:.2f} of real time"
    )


def real_length(made: Made, compiled: bool, rounds: int) -> None:
    """Print g: positions of one turn, and when its answer is heard, with and without padding to 30 s."""
    config = made.config.__class__(**{**made.config.to_dict(), "speech_length": "real"})
    unpadded = replace(made, processor=made.processor.__class__(made.processor.tokenizer, config))
    padded, real = (one.processor.prompt([spoken(TURN_S, 1)]).rows[0] for one in (made, unpadded))
    click.echo(f"g  a turn of {TURN_S:.0f} s: {padded} positions padded, {real} at real length ({padded / real:.2f}x)")
    both = [Ours(one, compiled) for one in (made, unpadded)]
    first: list[list[float]] = [[], []]
    for number in range(rounds + 1):
        for times, ours in zip(first, both, strict=True):
            times.append(ours.answers([[spoken(TURN_S, 400 + number)]], 12)[0].first_sound_s or 0.0)
    click.echo(f"   first sound {_ms(first[0][1:])} and {_ms(first[1][1:])}: {ratio(first[0][1:], first[1][1:])}")


def _ms(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f} ms"


@click.command(help=__doc__)
@click.argument("parts", nargs=-1)
@click.option("--shape", type=click.Choice(["tiny", "0.5B", "7B"]), default="tiny", show_default=True)
@click.option("--depth", type=click.FloatRange(0, 1), default=1.0, help="Share of the layers, for slow machines.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--dtype", type=click.Choice(["float32", "bfloat16", "float16"]), default="float32", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--threads", type=click.IntRange(0), default=0, help="CPU threads of each side; 0: as torch chooses.")
@click.option("--compile", "compiled", is_flag=True, help="Single steps through torch.compile.")
@click.option("--reference-python", default="", help="Python of the environment for the published code.")
@click.option("--reference-code", default="", help="Folders of LLaMA-Omni2 and Matcha-TTS, separated like a PATH.")
def main(
    parts: tuple[str, ...], shape: str, depth: float, device: str, dtype: str, rounds: int, threads: int,
    compiled: bool, reference_python: str, reference_code: str,
) -> None:
    """Make the weights, run the parts, print."""
    wanted = set(parts or "abcdefg")
    torch.set_num_threads(threads or torch.get_num_threads())
    card = torch.cuda.get_device_name() if device.startswith("cuda") else platform.processor() or platform.machine()
    click.echo(f"{card}, {torch.get_num_threads()} threads, torch {torch.__version__}, {shape}, depth {depth}, {dtype}")
    with tempfile.TemporaryDirectory() as scratch:
        made = make(shape, depth, Path(scratch), device, dtype)
        ours = Ours(made, compiled)
        theirs = Theirs(made, reference_python, reference_code, device, dtype) if reference_python else None
        if wanted & set("abd"):
            answers(made, ours, theirs, rounds)
        if "c" in wanted:
            steps(made, ours, theirs, rounds)
        if theirs:
            theirs.close()
        for part, show in (("e", lambda: sixth_turn(made, ours)), ("f", lambda: together(ours))):
            if part in wanted:
                show()
        if "g" in wanted:
            real_length(made, compiled, rounds)


if __name__ == "__main__":
    main()
