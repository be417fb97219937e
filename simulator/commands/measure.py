"""``clinic measure``: the stored sound of a run is measured, and its summary and report brought up to date."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic measure runs/voice                           voice activity, gaps, STOI and, if installed, PESQ
  clinic measure runs/voice --utmos my_package.scoring:utmos
  clinic measure runs/voice --utmos utmos.onnx        a model of 16 kHz waveforms, ONNX or TorchScript
  clinic measure runs/voice --utmos http://127.0.0.1:9000/score
"""


@click.command(short_help="Measure the sound of a run.", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--pesq/--no-pesq", default=None, help="What a channel left of a sound, by ITU-T P.862.2  [default: if "
              "'clinic-simulator[quality]' is installed]")
@click.option("--utmos", default="", metavar="MODULE:CALLABLE|FILE|URL",
              help="Score how natural sounds are: a callable (Sound to float), a .onnx or TorchScript file, a server.")
@click.option("--jobs", type=click.IntRange(0, 256), help="Processes; 0: only this one  [default: by the work, up to "
              "one a core]")
@click.option("--no-report", is_flag=True, help="Write summary.json but no report.html.")
def measure(run: Path, pesq: bool | None, utmos: str, jobs: int | None, no_report: bool) -> None:
    """Measure every spoken turn of the run folder RUN; what was measured before is not measured again."""
    from importlib.util import find_spec

    from scenarios.errors import MissingExtra
    from simulator.finish import finish_run, show_outcome
    from simulator.measuring.after import can_measure
    from simulator.measuring.passing import measure_run
    from simulator.measuring.plan import Wanted
    from simulator.measuring.progress import MeasureBar

    if not can_measure():
        raise MissingExtra("measuring sound", "voice")
    installed = find_spec("pesq") is not None
    if pesq and not installed:
        raise MissingExtra("PESQ", "quality")
    with MeasureBar(f"measuring {run.resolve().name}") as bar:
        wanted = Wanted(pesq=installed if pesq is None else pesq, utmos=utmos)
        tally = measure_run(run, wanted, jobs=jobs, progress=bar)
    show_outcome(finish_run(run, with_report=not no_report, measure=False))
    again = f", {tally.already} before" if tally.already else ""
    click.echo(f"Measured {tally.measured} spoken turns{again}: {', '.join(sorted(wanted.names))}.")
    for problem, count in tally.problems.most_common(10):
        click.echo(f"  {count} x {problem}")
    if pesq is None and not installed:
        click.echo("Without PESQ: pip install 'clinic-simulator[quality]' adds it.")
