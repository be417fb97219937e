"""What answers hold; shapes only, no work."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from scenarios.schema import Consultation, Department, Language, Urgency


class RunItem(BaseModel):
    """One run in a list."""

    name: str
    created_at: str
    finished: int = Field(ge=0, description="consultations on disk")
    planned: int = Field(ge=0)
    doctors: list[str]
    problem: str = Field(default="", description="what keeps the run from being opened; '' for nothing")


class RunDetail(RunItem):
    """One run: its description (run.json without paths of the machine) and its figures (summary.json)."""

    described: dict[str, Any]
    summary: dict[str, Any]


class Row(BaseModel):
    """One consultation in a list."""

    case: str
    doctor: str
    trial: int
    language: str
    department: str
    stop_reason: str
    exchanges: int
    scored: bool
    total: float | None = Field(description="0 to 100; null: not scored")
    failures: list[str] = Field(description="'owner: kind'")


class Rows(BaseModel):
    """A page of consultations; ``count`` is how many the filters left in all."""

    count: int
    rows: list[Row]


class Difference(BaseModel):
    """First less second doctor, with its 95% interval and who won how often."""

    mean: float
    interval: tuple[float, float] | None
    why: str = Field(description="why there is no interval")
    n: int
    won: int
    tied: int
    lost: int


class MetricPair(BaseModel):
    """One metric of two doctors on this case, and their differences here and over the whole run."""

    metric: str
    a: float | None
    b: float | None
    here: Difference | None
    run: Difference | None


class Pair(BaseModel):
    """Two doctors on one case."""

    a: str
    b: str
    metrics: list[MetricPair]


class Comparison(BaseModel):
    """One case under several doctors: a trial of each, and every pair's differences over all trials."""

    case: str
    trial: int
    consultations: list[Consultation]
    pairs: list[Pair]


class CaseItem(BaseModel):
    """One case in a list; ``run`` is null for a shipped one."""

    id: str
    run: str | None
    language: Language
    department: Department
    urgency: Urgency
    complaint: str


class DoctorItem(BaseModel):
    """One doctor that may be cast; ``allowed`` says whether a request may name it."""

    name: str
    summary: str
    capabilities: list[str]
    needs: str
    allowed: bool


class SessionItem(BaseModel):
    """One session in a list; ``doctors`` are those of its branches."""

    id: str
    title: str
    source: str = Field(description="the run or stored consultation it began from; '' for none")
    case: str
    language: Language
    created_at: str
    branches: list[str]
    doctors: list[str]


class JobItem(BaseModel):
    """A batch that was started from here; ``rate`` in consultations a second, ``left_s`` in seconds."""

    id: str
    description: str
    source: str
    state: Literal["running", "stopping", "finished", "stopped", "failed"]
    planned: int
    finished: int
    created_at: str
    failures: dict[str, int]
    rate: float | None
    left_s: float | None
    message: str
    log: tuple[str, ...]
