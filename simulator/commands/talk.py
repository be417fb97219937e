"""``clinic talk``: a conversation with a doctor that hears and speaks, from the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

EXAMPLES = """\b
Examples:
  clinic talk checkpoints/tiny                             load it here and type
  clinic talk checkpoints/tiny --microphone vad --play     speak and listen (pip install sounddevice)
  clinic talk checkpoints/tiny --file cough.wav --file since-when.wav --out runs/talks/cough
  clinic talk --resume runs/talks/cough                    go on where it ended
  clinic talk --url http://127.0.0.1:8300/v1 --model tiny  a server: clinic serve --doctor, vLLM-Omni, hosted
  clinic talk --doctor history-taker --language zh         any doctor of `clinic list doctors`
  printf 'My chest hurts.\\n/save talk.md\\n' | clinic talk checkpoints/tiny --plain
\b
Once it runs: type, or name a sound file; /again, /save, /help, /quit. Ctrl-C while the doctor speaks breaks off its
answer, at the prompt it leaves. Every finished turn is on disk: FOLDER/talk.jsonl and FOLDER/audio.
"""
TALKS = Path("runs/talks")


@click.command(short_help="Talk with a doctor that hears and speaks.", epilog=EXAMPLES)
@click.argument("checkpoint", required=False)
@click.option("--url", metavar="URL", help="A speech server that speaks OpenAI's protocol, http://HOST:PORT/v1.")
@click.option("--model", metavar="NAME", help="The model of the server; may be left out when it has one.")
@click.option("--doctor", metavar="NAME", help="A doctor of the catalogue.")
@click.option("-o", "--option", "options", multiple=True, metavar="KEY=VALUE",
              help="An option of the doctor, as in a batch file: device=cuda, temperature=0.7, voice=alloy.")
@click.option("--file", "files", multiple=True, type=click.Path(path_type=Path), metavar="SOUND",
              help="A recording to say, one turn each; then it ends.")
@click.option("--stay", is_flag=True, help="Go on with typed lines after --file.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Where the conversation is kept  [default: runs/talks/DATE-TIME]")
@click.option("--resume", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Go on with a stored conversation, with the doctor it was held with unless you name another.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Of this program's own words  [default: by $LANG]")
@click.option("--system", default="", metavar="TEXT", help="First message to the model  [default: its own]")
@click.option("--speak/--no-speak", default=True, help="Let the doctor answer in sound, too, where it can.")
@click.option("--play", is_flag=True, help="Play the answers (needs the package sounddevice).")
@click.option("--microphone", type=click.Choice(["key", "vad"]),
              help="Press Enter to speak; Enter again (key) or a pause (vad) ends it (needs sounddevice).")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of every sampler.")
@click.option("--plain", is_flag=True, help="Plain lines, no colours; lines come from standard input.")
def talk(
    checkpoint: str | None, url: str | None, model: str | None, doctor: str | None, options: tuple[str, ...],
    files: tuple[Path, ...], stay: bool, out: Path | None, resume: Path | None, language: Literal["zh", "en"] | None,
    system: str, speak: bool, play: bool, microphone: Literal["key", "vad"] | None, seed: int, plain: bool,
) -> None:
    """Talk with a doctor: CHECKPOINT (a SpeechLM's folder or name, loaded here), a server's, or any of the catalogue.

    You type, say recordings, or speak into a microphone; it answers in words and, where it can, in sound. For research
    only: what it says is no medical advice.
    """
    import asyncio

    from simulator.talking.sitting import Sitting
    from simulator.talking.sitting import talk as hold

    named = {"checkpoint": checkpoint, "url": url, "model": model, "doctor": doctor}
    told: dict[str, Any] = {"language": language, "system": system, "speak": speak, "seed": seed}
    transcript = _transcript(named, options, told, out, resume)
    if not asyncio.run(hold(Sitting(transcript, files, stay, plain, play, microphone))):
        raise SystemExit(2)


def _transcript(
    named: dict[str, str | None], options: tuple[str, ...], told: dict[str, Any], out: Path | None, resume: Path | None
) -> Any:
    from datetime import datetime

    from scenarios.errors import InputError
    from simulator.talking.opening import about_of, changed
    from simulator.talking.transcript import Transcript

    if resume is not None:
        if out is not None:
            raise InputError("--resume names the folder already: leave --out out")
        return changed(Transcript.resume(resume), named, options, told)
    about = about_of(named, options, told)
    return Transcript.begin(out or TALKS / f"{datetime.now():%Y%m%d-%H%M%S-%f}", about)
