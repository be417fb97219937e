"""Reads CMtMedQA rows (multi-turn questions and answers); facts are the asker's own sentences.

Source: https://github.com/SupritYoung/Zhongjing (CMtMedQA, Apache-2.0, research use).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import ImportRecordError
from scenarios.importers.dialogue import Said, add_turns, mark_critical, who_speaks
from scenarios.importers.draft import Draft, case_of
from scenarios.importers.record import json_records, mapping, record_id, text_of
from scenarios.schema import Case, Department

_DEPARTMENTS: dict[str, Department] = {
    "骨科": "orthopaedics_rheumatology",
    "风湿": "orthopaedics_rheumatology",
    "普外": "surgery",
    "肝胆外科": "surgery",
    "心理": "psychiatry",
    "精神": "psychiatry",
    "呼吸": "respiratory",
    "心血管": "cardiology",
    "消化": "gastroenterology",
    "肾内": "nephrology_urology",
    "泌尿": "nephrology_urology",
    "前列腺": "nephrology_urology",
    "神经": "neurology",
    "内分泌": "endocrinology",
    "糖尿病": "endocrinology",
    "眼": "ophthalmology",
    "耳鼻喉": "ent",
    "血液": "haematology_oncology",
    "肿瘤": "haematology_oncology",
    "乙肝": "infectious",
    "传染": "infectious",
    "肝病": "infectious",
    "艾滋": "infectious",
    "皮肤": "dermatology",
    "性病": "dermatology",
    "男科": "nephrology_urology",
    "男性": "nephrology_urology",
    "妇": "gynaecology_obstetrics",
    "产科": "gynaecology_obstetrics",
    "小儿": "paediatrics",
    "儿科": "paediatrics",
    "新生儿": "paediatrics",
    "急诊": "emergency",
    "外科": "surgery",
    "五官科": "ent",
    "整形美容": "dermatology",
}


def read(path: Path) -> Iterable[tuple[str, object]]:
    """Yield the rows."""
    return json_records(path)


def department_of(*categories: str) -> Department:
    """Return the department of Chinese category names, the nearest first; ``general`` when none is known."""
    for category in categories:
        for cue, department in _DEPARTMENTS.items():
            if cue in category:
                return department
    return "general"


def convert(label: str, raw: object) -> Case:
    """Return one row as a case without a diagnosis; the dataset names none."""
    data = mapping(label, raw)
    name = record_id(label, data)
    turns = _turns(label, data)
    if not turns:
        raise ImportRecordError(label, "has neither history nor instruction")
    who, speaker = who_speaks(turns, "zh")
    first, second = text_of(label, data, "cate1"), text_of(label, data, "cate2")
    draft = Draft(
        id=case_id("cmtmedqa", name),
        language="zh",
        source="CMtMedQA",
        record=name,
        licence="Apache-2.0 (research use)",
        title="、".join(dict.fromkeys(part for part in (first, second) if part)),
        who=who,
        speaker=speaker,
        department=department_of(second, first),
    )
    add_turns(draft, turns)
    mark_critical(draft)
    return case_of(draft)


def case_id(format: str, name: str) -> str:
    """Return ``format-name`` as a valid slug; numbers get four digits."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "record"
    return f"{format}-{int(plain):04d}" if plain.isdigit() and len(plain) < 10 else f"{format}-{plain}"


def _turns(label: str, data: Mapping[str, Any]) -> list[Said]:
    history = data.get("history")
    if history is not None and not isinstance(history, list):
        raise ImportRecordError(label, "the field 'history' is not a list")
    turns: list[Said] = []
    for pair in history or []:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise ImportRecordError(label, "an entry of 'history' is not a question and an answer")
        turns += [Said(True, pair[0]), Said(False, pair[1])]
    last = " ".join(part for part in (text_of(label, data, "instruction"), text_of(label, data, "input")) if part)
    if last:
        turns.append(Said(True, last))
    return turns
