"""``clinic view``: runs, comparisons and live sessions in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from simulator.web.settings import Settings

EXAMPLES = """\b
Examples:
  clinic view                                   the runs in ./runs, at http://127.0.0.1:8750
  clinic view runs/quickstart --open            one run, and a browser with it
  clinic view --batch compare.yaml              lets the browser start this batch, too
  clinic view --host 0.0.0.0 --token new        for others: with a token, printed once
  clinic view --sessions postgresql://db/clinic
"""
SHORTEST_TOKEN = 16


@click.command(short_help="Look at runs and live sessions in the browser.", epilog=EXAMPLES)
@click.argument("runs", type=click.Path(path_type=Path), required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True, help="0 picks a free one.")
@click.option("--token", default="", envvar="CLINIC_TOKEN", metavar="TOKEN|new",
              help="Ask every visitor for this ($CLINIC_TOKEN); new makes one.")
@click.option("--sessions", default="", envvar="CLINIC_SESSIONS", metavar="FILE|postgresql://...",
              help="Where live sessions are kept ($CLINIC_SESSIONS)  [default: RUNS/sessions.sqlite]")
@click.option("--batch", "batches", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True,
              metavar="FILE", help="A batch file that may be started from the browser (repeatable).")
@click.option("--open/--no-open", "open_browser", default=False, help="Open a browser.  [default: no]")
def view(
    runs: Path | None, host: str, port: int, token: str, sessions: str, batches: tuple[Path, ...], open_browser: bool
) -> None:
    """Show the run folders in RUNS (or one run folder; default: runs) in the browser, until Ctrl-C."""
    import asyncio
    from dataclasses import replace

    from scenarios.errors import InputError
    from simulator.web.app import make_app
    from simulator.web.serving import Server, listener
    from simulator.web.settings import Settings

    if runs is not None and not runs.is_dir():
        raise InputError(f"no folder of runs at {runs}; clinic run FILE --out {runs}/NAME makes one")
    folder = runs or Path("runs")
    settings = Settings(folder, sessions or str(_beside(folder)), batches, host, port, _token(token))
    if not settings.is_loopback and not settings.token:
        raise InputError(f"--host {host} can be reached by others: add --token new, or --token with one of your own")
    with listener(host, port) as bound:
        settings = replace(settings, port=bound.getsockname()[1])
        server = Server(make_app(settings), lambda: _announce(settings, open_browser))
        asyncio.run(server.serve_on(bound))


def _beside(folder: Path) -> Path:
    """Return where sessions are kept: in the folder of runs, for a run folder too, which holds nothing but its run."""
    return (folder.resolve().parent if (folder / "run.json").is_file() else folder) / "sessions.sqlite"


def _token(given: str) -> str:
    import secrets

    return secrets.token_urlsafe(24) if given == "new" else checked_token(given, "--token", "; --token new makes one")


def checked_token(given: str, named: str, remedy: str = "") -> str:
    """Return the token; raises InputError for one that is easily guessed or cannot stand in a header."""
    from scenarios.errors import InputError

    if given and (len(given) < SHORTEST_TOKEN or len(set(given)) < SHORTEST_TOKEN // 2):
        raise InputError(f"{named}: {SHORTEST_TOKEN} or more characters that cannot be guessed{remedy}")
    if not (given.isascii() and given.isprintable()) or " " in given:
        raise InputError(f"{named}: letters, digits and signs of ASCII only, no spaces")
    return given


def _announce(settings: Settings, open_browser: bool) -> None:
    """Say in one line where to look and where sessions are kept."""
    import webbrowser
    from urllib.parse import urlencode, urlsplit

    from simulator.web.security import shown_host

    address = f"http://{shown_host(settings)}/"
    if settings.token:
        address += f"?{urlencode({'token': settings.token})}"
    kept = settings.sessions
    if "://" in kept:
        parts = urlsplit(kept)
        kept = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    click.echo(f"Clinic is at {address}  (sessions: {kept}; Ctrl-C stops it)")
    if open_browser:
        webbrowser.open(address)
