"""``clinic serve``: starts a model server and waits until it answers."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic serve --patient                             Qwen2.5-72B-Instruct, four GPUs of 80 GB
  clinic serve qwen2.5-72b-instruct-awq --port 8001  4-bit, one GPU
  clinic serve tiny                                  random weights on the CPU, to try the plumbing
  clinic serve qwen2.5-7b-instruct -- --max-num-seqs 32
  clinic serve --list
"""


@click.command(short_help="Start a model server and wait until it answers.", epilog=EXAMPLES)
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--patient", is_flag=True, help="The reference's patient, Qwen2.5-72B-Instruct (its judge, too).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--wait", "wait_s", type=click.FloatRange(1), default=1800.0, show_default=True, help="Seconds to wait.")
@click.option("--log", type=click.Path(path_type=Path), help="The server's log  [default: runs/servers/NAME.log]")
@click.option("--list", "listing", is_flag=True, help="Show the servers that can be started.")
def serve(
    name: str | None, arguments: tuple[str, ...], patient: bool, host: str, port: int, wait_s: float, log: Path | None,
    listing: bool,
) -> None:
    """Start the server NAME (a script of services/vllm) and keep it until Ctrl-C. ARGUMENTS go to vLLM."""
    from scenarios.errors import InputError
    from simulator.serving import PATIENT, script_of, server_scripts

    if listing:
        for known, path in server_scripts().items():
            click.echo(f"{known:32} {_summary(path)}")
        return
    if bool(name) == patient:
        raise InputError("name one server, or say --patient; `clinic serve --list` shows them")
    chosen = name or PATIENT
    _keep(script_of(chosen), chosen, host, port, wait_s, log or Path("runs/servers") / f"{chosen}.log", arguments)


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
