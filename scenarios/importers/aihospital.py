"""Reads AI Hospital records (JSON array or lines: id, profile, medical_record); it knows the record's section names.

Source: https://github.com/LibertFan/AI_Hospital.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import ImportRecordError
from scenarios.importers.cmtmedqa import case_id, department_of
from scenarios.importers.demographics import age_zh, sex_zh, speaker_for
from scenarios.importers.draft import Draft, case_of
from scenarios.importers.findings import findings_of
from scenarios.importers.negation import split_zh
from scenarios.importers.record import json_records, mapping, record_id, strings
from scenarios.importers.text import sentences
from scenarios.importers.topics import topic_of
from scenarios.importers.wording_zh import opening_zh, spoken_zh
from scenarios.schema import Case, Demographics, Topic

_HISTORY = (
    ("现病史", "history", "associated"),
    ("既往史", "past", "past_history"),
    ("个人史", "social", "social_history"),
    ("婚育史", "social", "reproductive"),
    ("月经史", "social", "reproductive"),
    ("家族史", "family", "family_history"),
)
_VACUOUS = re.compile(
    r"^(?:无|无特殊|不详|未提供|未提及|未见异常|无异常|体健|既往体健|身体健康|平素体健|否认|未描述|暂无|缺失|无殊|"
    r"—|-)+[。.]?$|未提供|未提及|不详|暂无|未描述|^(?:各系统|系统回顾)"
)


def read(path: Path) -> Iterable[tuple[str, object]]:
    """Yield the records."""
    return json_records(path)


def convert(label: str, raw: object) -> Case:
    """Return one record as a case; examinations and tests become findings, the rest the patient's words."""
    data = mapping(label, raw)
    record = mapping(label, data.get("medical_record"), "medical_record")
    name = record_id(label, data)
    text = {key: "。".join(strings(record.get(key))) for key in map(str, record)}
    complaint = text.get("主诉", "") or (sentences(text.get("现病史", ""), "zh") or [""])[0]
    if not complaint:
        raise ImportRecordError(label, "has neither 主诉 nor 现病史")
    general = "，".join([*strings(data.get("profile")), text.get("一般资料", "")])
    who = Demographics(
        age_years=_age(general, text),
        sex=sex_zh(general) if sex_zh(general) != "unknown" else sex_zh(text.get("现病史", "")),
    )
    speaker = speaker_for(who, "zh")
    diagnosis = [
        part for part in re.split(r"[；;\n。]|(?<!\d)\d[.、．]", text.get("诊断结果", "")) if part.strip(" 。：:")
    ]
    draft = Draft(
        id=case_id("aihospital", name),
        language="zh",
        source="AI Hospital",
        record=name,
        licence="unknown",
        who=who,
        speaker=speaker,
        diagnosis=diagnosis[0].strip(" 。：:") if diagnosis else "",
        more_names=(),
        department="paediatrics" if speaker.kind == "caregiver" else department_of(*strings(data.get("department"))),
    )
    draft.opening = opening_zh(spoken_zh(complaint, speaker), speaker)
    _say(draft, complaint, "primary", "associated")
    for key, section, default in _HISTORY:
        for part in sentences(text.get(key, ""), "zh"):
            _say(draft, part, section, default)  # type: ignore[arg-type]
    _find(draft, record)
    return case_of(draft)


def _say(draft: Draft, sentence: str, section: str, default: Topic) -> None:
    if _VACUOUS.search(sentence):
        return
    absent, rest = split_zh(sentence)
    draft.deny(absent)
    said = spoken_zh(rest, draft.speaker)
    if len(said) < 3 or _VACUOUS.search(said):
        return
    timed = (
        section == "history"
        and topic_of(said, "zh") == "onset"
        and not any(p.critical and p.section == "history" for p in draft.pieces)
    )
    negative = re.match(r"没|无|不|否认|未", said)
    draft.add(
        said,
        section,
        default=default,
        critical=not negative and (section in ("primary", "past") or timed),
        topic="onset"
        if timed
        else "past_history"
        if section == "past" and topic_of(said, "zh") in ("onset", "location", "timing")
        else None,
    )


def _find(draft: Draft, record: Mapping[str, Any]) -> None:
    taken: set[str] = set()
    for key, kind in (("查体", "exam"), ("体格检查", "exam"), ("专科检查", "exam"), ("辅助检查", "lab")):
        if key in record:
            draft.findings += list(
                findings_of(
                    record[key] if isinstance(record[key], dict) else {key: record[key]},
                    "exam" if kind == "exam" else "lab",
                    taken,
                )
            )


def _age(general: str, text: Mapping[str, str]) -> float | None:
    age = age_zh(general, bare=True)
    return age if age is not None else age_zh(text.get("现病史", ""))
