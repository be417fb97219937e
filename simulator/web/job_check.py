"""What a batch is before it is started from a browser: read, checked, counted, forecast; it starts and asks nobody.

Pasted text is data from a request: no path in it reaches the file system, and its errors are those of
``clinic validate``, with line and key.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from agents.llm.forecast import Forecast
from scenarios.errors import BatchFileError, ClinicError, InputError
from scenarios.loader import load_batch, load_cases, validate
from scenarios.problems import short
from scenarios.schema import Batch, LibraryCases
from scenarios.yaml_file import YamlFile, parse_yaml
from simulator.build import build_staff, check
from simulator.forecasting import Row, forecast_batch
from simulator.plan import Plan
from simulator.web.allowed import check_batch
from simulator.web.job_store import Overrides

NAME = "batch.yaml"
MAX_BYTES = 256 * 1024
MAX_DOCTORS, MAX_JUDGES = 32, 8
ASK_FROM = 200
ELSEWHERE = "Start it from the command line with clinic run, or open the view with clinic view RUNS --batch FILE."


@dataclass(frozen=True)
class Checked:
    """A batch that can be started: where it comes from (``text``, or ``file``) and what it will hold.

    ``rows`` are the agents that ask a model, over all consultations; ``needs_consent`` is True when so much would be
    held, or any model asked, that a person should see the number first.
    """

    batch: Batch
    overrides: Overrides
    text: str
    file: Path | None
    cases: int
    consultations: int
    rows: tuple[Row, ...]

    @property
    def calls(self) -> int:
        """How many times a model will be asked, about."""
        return round(sum(row.forecast.calls for row in self.rows))

    @property
    def needs_consent(self) -> bool:
        """Whether a start wants the number of consultations said once more."""
        return self.consultations > ASK_FROM or bool(self.rows)


def check_text(text: str, overrides: Overrides) -> Checked:
    """Check pasted YAML; blocks. Raises BatchFileError (named ``batch.yaml``) and its kin."""
    text = text.replace("\r\n", "\n")
    if (size := len(text.encode("utf-8", "replace"))) > MAX_BYTES:
        raise BatchFileError(NAME, f"is larger than {MAX_BYTES // 1024} KiB ({size:,} bytes)", hint=ELSEWHERE)
    source = parse_yaml(text, NAME)
    if source.data is None:
        raise BatchFileError(NAME, "is empty", hint="A batch needs name, cases and doctors.")
    if not isinstance(source.data, dict):
        raise BatchFileError(NAME, f"must be a mapping, got {short(source.data)}", line=1)
    batch = validate(Batch, source, source.data)
    _only_library(batch, source)
    _bounded(batch, source)
    try:
        check_batch(batch)
    except InputError as error:
        raise _placed(source, str(error)) from error
    return _checked(batch, source, overrides, text, None)


def check_file(path: Path, overrides: Overrides) -> Checked:
    """Check a batch file that the view was started with; blocks. Raises BatchFileError and its kin."""
    batch, source = load_batch(path)
    return _checked(batch, source, overrides, "", path)


def _checked(batch: Batch, source: YamlFile, overrides: Overrides, text: str, file: Path | None) -> Checked:
    changed = {"trials": overrides.trials, "seed": overrides.seed}
    batch = batch.model_copy(update={name: value for name, value in changed.items() if value is not None})
    check(batch, source)
    cases = load_cases(batch, source)
    staff = build_staff(batch)
    try:
        plan = Plan.whole(batch, cases, staff.fingerprints).narrowed(limit=overrides.limit)
        once = replace(plan, batch=batch.model_copy(update={"trials": 1}))
        rows = tuple(_times(row, batch.trials) for row in forecast_batch(once, staff) if row.forecast.calls)
    finally:
        asyncio.run(staff.close())
    return Checked(batch, overrides, text, file, len(plan.cases), len(plan), rows)


def _times(row: Row, trials: int) -> Row:
    cast = row.forecast
    return replace(row, consultations=row.consultations * trials, forecast=Forecast(
        cast.calls * trials, cast.prompt * trials, cast.cached * trials, cast.completion * trials, cast.longest
    ))


def _only_library(batch: Batch, source: YamlFile) -> None:
    """Refuse every source of cases that would open a file, before anything looks at what it names."""
    for index, entry in enumerate(batch.cases):
        if not isinstance(entry, LibraryCases):
            given = entry if isinstance(entry, str) else entry.path
            raise BatchFileError(
                NAME, f"takes shipped cases only when it comes from a browser, got {short(given)}",
                line=source.line_of(("cases", index)), key=f"cases.{index}",
                hint=f"Write {{library: zh}}, en or all. For cases of your own: {ELSEWHERE[0].lower()}{ELSEWHERE[1:]}",
            )


def _bounded(batch: Batch, source: YamlFile) -> None:
    for key, count, most in (("doctors", len(batch.doctors), MAX_DOCTORS), ("judges", len(batch.judges), MAX_JUDGES)):
        if count > most:
            raise BatchFileError(
                NAME, f"names {count} {key}; from a browser at most {most}", line=source.line_of((key,)), key=key,
                hint=ELSEWHERE,
            )


def _placed(source: YamlFile, message: str) -> BatchFileError:
    """Return the error whose ``message`` begins with a dotted key, with the line where that stands."""
    key, _, problem = message.partition(": ")
    where = tuple(int(part) if part.isdigit() else part for part in key.split("."))
    if not problem or where[0] not in source.data:
        return BatchFileError(NAME, message)
    return BatchFileError(NAME, problem, line=source.line_of((*where, "backend")), key=key)


def problem_line(error: ClinicError) -> int | None:
    """Return the line of the text that an error is about, when it knows one."""
    return error.line if isinstance(error, BatchFileError) else None
