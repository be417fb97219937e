"""The command line ``clinic``: global flags and the list of commands; each command imports its work when called."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from scenarios.errors import ClinicError
from simulator.commands.attack import attack
from simulator.commands.case import case
from simulator.commands.compare import compare
from simulator.commands.export import export
from simulator.commands.import_ import import_
from simulator.commands.judge import judge
from simulator.commands.list_ import list_
from simulator.commands.measure import measure
from simulator.commands.pair import pair
from simulator.commands.report import report
from simulator.commands.run import run
from simulator.commands.schema import schema
from simulator.commands.serve import serve
from simulator.commands.session import session
from simulator.commands.speakers import speakers
from simulator.commands.step import step
from simulator.commands.talk import talk
from simulator.commands.validate import validate
from simulator.commands.view import view

PACKAGES = ("agents", "graphs", "simulator", "model", "training", "data_gen", "scenarios")


class Problem(click.ClickException):
    """An expected error on its way to the terminal: one message, no traceback."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Keep the exit code beside the message."""
        super().__init__(message)
        vars(self)["exit_code"] = exit_code


class ClinicGroup(click.Group):
    """Shows every ClinicError as one message with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ClinicError as error:
            raise Problem(str(error), error.exit_code) from error
        except KeyboardInterrupt as error:
            raise Problem("interrupted", 130) from error


@click.group(
    cls=ClinicGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with:  clinic run scenarios/batches/quickstart.yaml --out runs/quickstart",
)
@click.version_option(package_name="clinic-simulator", prog_name="clinic")
@click.option("--log-json", is_flag=True, help="Write logs as JSON lines instead of readable ones.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="warning", show_default=True,
    help="How much to log (to standard error).",
)
def main(log_json: bool, log_level: str) -> None:
    """Run simulated consultations: doctors of any kind, simulated patients, judges. For research only."""
    _nothing_shadows_us()
    from simulator.logs import configure_logs

    configure_logs(as_json=log_json, level=log_level)


for _command in (
    run, step, view, validate, report, compare, judge, pair, attack, export, session, import_, list_, schema, serve,
    case, speakers, measure, talk,
):
    main.add_command(_command)


def _nothing_shadows_us() -> None:
    """Stop when another distribution's package of the same name would be imported instead of ours."""
    home = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        place = Path(found.origin).resolve() if found and found.origin else None
        if place is None or place.parents[1] != home:
            raise ClinicError(
                f"the package {name!r} that Python finds is {place or 'missing'}, not the one beside {home}: another "
                f"distribution shadows it. Install clinic-simulator into a virtual environment of its own."
            )
