"""The examiner that reads results out of the case's findings; what is not recorded was not done, never normal."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from agents.protocols import ExaminerReply
from scenarios.schema import Case, Finding

_SURE = 88.0
"""Least token-set similarity (0..100) by which a differently worded request still means a finding."""
_FRAME = re.compile(
    r"\b(please|could|can|we|i|the|a|an|some|get|do|order|check|perform|take|your|his|her|like|would|need|to|let|us|lets|"
    r"want|run|have|for|of|and|test|tests|exam|examination|scan)\b|请|帮|给|您|你|我们|我|做|个|一下|查|检查|安排|需要|先|再|去|吧|的|项|次",
    re.I,
)
_GENERAL: dict[str, re.Pattern[str]] = {
    "exam": re.compile(r"(physical|clinical|general) exam|examin(e|ation)$|体格检查|查体|体检", re.I),
    "lab": re.compile(r"^\W*(blood|lab\w*)( ?work| ?tests?)?\W*$|^(抽血|化验|验血|抽血化验|实验室检查)$", re.I),
    "imaging": re.compile(r"^\W*(imaging|radiology)\W*$|^(影像|影像学检查|拍片|拍片子)$", re.I),
}
"""Requests that name a whole kind of examination instead of one."""


class RecordExaminer:
    """Answers requests from ``case.findings``, in the case's language, spoken length."""

    async def examine(self, case: Case, requests: tuple[str, ...], seed: int) -> ExaminerReply:
        """Return what is recorded for each request; the rest is reported as not done."""
        results: list[Finding] = []
        not_done: list[str] = []
        for request in requests:
            found = _matching(request, case.findings)
            results += [finding for finding in found if finding not in results]
            if not found:
                not_done.append(request)
        return ExaminerReply(_report(case, results, not_done), tuple(results), tuple(not_done))


def _matching(request: str, findings: tuple[Finding, ...]) -> list[Finding]:
    asked = _bare(request)
    if not asked and not any(pattern.search(request) for pattern in _GENERAL.values()):
        return []
    named = [f for f in findings if any(_same(asked, _bare(name)) for name in (f.name, *f.aliases))]
    if named:
        return named
    kinds = [kind for kind, pattern in _GENERAL.items() if pattern.search(request.strip())]
    wide = [f for f in findings if f.kind in kinds]
    if wide:
        return wide
    return [f for f in findings if max(fuzz.token_set_ratio(asked, _bare(n)) for n in (f.name, *f.aliases)) >= _SURE]


def _bare(text: str) -> str:
    lowered = text.lower().replace("_", " ").replace("-", " ")
    lowered = re.sub(r"\bx ?rays?\b", "xray", lowered)
    kept = _FRAME.sub(" ", lowered)
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s]", " ", kept)).strip()


def _same(asked: str, name: str) -> bool:
    """Whether one names the other: equal, or contained as whole words (Latin) or characters (Chinese)."""
    if not asked or not name:
        return False
    if asked == name:
        return True
    if re.search(r"[\u4e00-\u9fff]", name):
        return (len(name) > 1 and name in asked) or (len(asked) > 1 and asked in name)
    return f" {name} " in f" {asked} " or f" {asked} " in f" {name} "


def _report(case: Case, results: list[Finding], not_done: list[str]) -> str:
    if case.language == "zh":
        parts = [f"{f.name}：{f.result.rstrip('。')}。" for f in results]
        parts += [f"{request}：未做。" for request in not_done]
        return "".join(parts) or "没有要求任何检查。"
    parts = [f"{f.name}: {f.result.rstrip('.')}." for f in results]
    parts += [f"{request}: not done." for request in not_done]
    return " ".join(parts) or "No examination was asked for."
