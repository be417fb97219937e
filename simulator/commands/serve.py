"""``clinic serve``: starts a model server and waits until it answers, or serves a SpeechLM as a doctor itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

EXAMPLES = """\b
Examples:
  clinic serve --patient                             Qwen2.5-72B-Instruct, four GPUs of 80 GB
  clinic serve qwen2.5-72b-instruct-awq --port 8001  4-bit, one GPU
  clinic serve tiny                                  random weights on the CPU, to try the plumbing
  clinic serve qwen2.5-7b-instruct -- --max-num-seqs 32
  clinic serve --list
\b
  clinic serve --doctor models/LLaMA-Omni2-0.5B --vocoder models/cosy2_decoder
  clinic serve --doctor ICTNLP/LLaMA-Omni2-7B-Bilingual --device cuda --dtype bfloat16 --max-streams 16
  CLINIC_KEY=... clinic serve --doctor runs/sft/best --host 0.0.0.0 --token-env CLINIC_KEY --served-name ours
"""
PORT, DOCTOR_PORT = 8000, 8300

_DOCTOR = (
    click.option("--doctor", metavar="CHECKPOINT", default="",
                 help="Serve this SpeechLM (a folder, or a cached name of the hub) behind OpenAI's API. The options "
                 "below go with it."),
    click.option("--vocoder", default="", metavar="FOLDER", help="Its vocoder  [default: CHECKPOINT/vocoder]"),
    click.option("--revision", default="", help="Of a hub name."),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps."),
    click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16", "float16"]), default="auto",
                 show_default=True),
    click.option("--attention", type=click.Choice(["auto", "eager", "sdpa", "flash_attention_2"]), default="auto",
                 show_default=True),
    click.option("--quantization", type=click.Choice(["", "8bit", "4bit"]), default="", help="For small GPUs."),
    click.option("--adapter", default="", metavar="FOLDER", help="A LoRA adapter."),
    click.option("--speech-length", type=click.Choice(["padded", "real"]), help="Default: as the checkpoint says."),
    click.option("--long-speech", type=click.Choice(["refuse", "split"]), help="What becomes of sound over 30 s."),
    click.option("--compile", "compiled", is_flag=True, help="Compile single steps: slower start, faster answers."),
    click.option("--kept-mb", type=click.IntRange(0), default=2048, show_default=True,
                 help="Caches of earlier turns that are kept."),
    click.option("--max-streams", type=click.IntRange(1, 1024), default=8, show_default=True,
                 help="Answers made at the same time."),
    click.option("--max-waiting", type=click.IntRange(0, 4096), default=64, show_default=True,
                 help="Requests that may wait besides; the next are answered with 429."),
    click.option("--max-spoken-s", type=click.FloatRange(0, 600, min_open=True), default=120.0, show_default=True,
                 help="Sound of one answer at most."),
    click.option("--max-body-mb", type=click.IntRange(1, 512), default=64, show_default=True,
                 help="MiB of one request at most."),
    click.option("--served-name", default="", metavar="NAME", help="What requests call it  [default: the folder's]"),
    click.option("--token-env", default="", metavar="VAR",
                 help="Ask for the token in this environment variable; a host that is not loopback needs one."),
)


def _with_doctor(command: Any) -> Any:
    for option in reversed(_DOCTOR):
        command = option(command)
    return command


@click.command(short_help="Start a model server and wait until it answers.", epilog=EXAMPLES)
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--patient", is_flag=True, help="The reference's patient, Qwen2.5-72B-Instruct (its judge, too).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help=f"[default: {PORT}, with --doctor {DOCTOR_PORT}]")
@click.option("--wait", "wait_s", type=click.FloatRange(1), default=1800.0, show_default=True, help="Seconds to wait.")
@click.option("--log", type=click.Path(path_type=Path), help="The server's log  [default: runs/servers/NAME.log]")
@click.option("--list", "listing", is_flag=True, help="Show the servers that can be started.")
@_with_doctor
@click.pass_context
def serve(
    context: click.Context, /, name: str | None, arguments: tuple[str, ...], patient: bool, host: str, port: int | None,
    wait_s: float, log: Path | None, listing: bool, doctor: str, **more: Any,
) -> None:
    """Start the server NAME (a script of services/vllm) and keep it until Ctrl-C. ARGUMENTS go to vLLM.

    With --doctor: serve a SpeechLM that hears and speaks, in this process (see docs/serve.md).
    """
    from scenarios.errors import InputError
    from simulator.serving import PATIENT, script_of, server_scripts

    _refuse_mixture(context, bool(doctor))
    if doctor:
        _serve_doctor(doctor, host, DOCTOR_PORT if port is None else port, **more)
        return
    if listing:
        for known, path in server_scripts().items():
            click.echo(f"{known:32} {_summary(path)}")
        return
    if bool(name) == patient:
        raise InputError("name one server, or say --patient or --doctor CHECKPOINT; `clinic serve --list` shows them")
    if port == 0:
        raise InputError("--port 0 picks a free port only with --doctor: choose one")
    chosen = name or PATIENT
    log = log or Path("runs/servers") / f"{chosen}.log"
    _keep(script_of(chosen), chosen, host, port or PORT, wait_s, log, arguments)


def _refuse_mixture(context: click.Context, doctor: bool) -> None:
    """Raise InputError for options of the one kind of server given with the other."""
    from click.core import ParameterSource

    from scenarios.errors import InputError

    given = {
        key for key in context.params if context.get_parameter_source(key) is ParameterSource.COMMANDLINE
        and context.params[key] not in (None, ())
    }
    ours = {option.name for option in context.command.params if option.name} - {"host", "port"}
    theirs = {"name", "arguments", "patient", "wait_s", "log", "listing"}
    wrong = sorted(given & (theirs if doctor else ours - theirs))
    if wrong:
        flags = {p.name: (p.opts[0] if isinstance(p, click.Option) else p.human_readable_name)
                 for p in context.command.params}
        named = ", ".join(str(flags[key]) for key in wrong)
        raise InputError(f"{named}: not with --doctor" if doctor else f"{named}: only with --doctor CHECKPOINT")


def _serve_doctor(
    checkpoint: str, host: str, port: int, *, served_name: str, token_env: str, max_streams: int, max_waiting: int,
    max_body_mb: int, compiled: bool, **loading: Any,
) -> None:
    from rich.console import Console

    from simulator.doctor_server.settings import ServerSettings
    from simulator.doctor_server.starting import options_of, serve_doctor, token_of

    options = options_of(checkpoint=checkpoint, max_streams=max_streams, compile=compiled, **loading)
    settings = ServerSettings(
        served_name, host, port, token_of(token_env), max_streams, max_waiting, max_body=max_body_mb << 20
    )
    console = Console(stderr=True)
    serve_doctor(options, settings, loading=console.status(f"loading {checkpoint}"), say=click.echo)


def _keep(
    script: Path, name: str, host: str, port: int, wait_s: float, log: Path, arguments: tuple[str, ...]
) -> None:
    import signal
    import threading

    from rich.console import Console

    from scenarios.errors import ClinicError
    from simulator.serving import has_ended, started, tail, wait_until_up

    console = Console(stderr=True)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: over.set())
    with started(script, host=host, port=port, log=log, arguments=arguments) as pid:
        with console.status(f"starting {name}") as status:
            served = wait_until_up(
                pid, host=host, port=port, wait_s=wait_s, log=log,
                tick=lambda waited, said: status.update(f"starting {name}, {waited:.0f} s: {said[:90]}"),
            )
        model, context = next(iter(served.models.items()))
        click.echo(f"{name} answers at {served.url} (models: {', '.join(served.models)}; context {context} tokens)")
        click.echo(f"In a batch:  patient: {{backend: llm, model: {model}, base_url: {served.url}}}")
        click.echo(f"Log: {log}. Ctrl-C stops it.")
        while not over.wait(2):
            if has_ended(pid):
                raise ClinicError(f"the server ended. The last lines of {log}:\n{tail(log)}")


def _summary(script: Path) -> str:
    lines = script.read_text("utf-8").splitlines()
    return next((line.removeprefix("# ") for line in lines[1:] if line.startswith("# ")), "")
