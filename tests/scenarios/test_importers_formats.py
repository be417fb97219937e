"""Each published layout becomes cases; each bad record a named skip; each bad file an error that names the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios.errors import BatchFileError, ImportRecordError, UnknownName
from scenarios.importers import FORMATS, convert, import_cases
from scenarios.importers.primock57 import impression
from scenarios.schema import Case

OSCE: dict[str, Any] = {
    "OSCE_Examination": {
        "Objective_for_Doctor": "Assess.",
        "Patient_Actor": {
            "Demographics": "29-year-old woman",
            "History": "The patient reports a 2-week history of burning chest discomfort. "
            "She denies fever, cough, or weight loss.",
            "Symptoms": {
                "Primary_Symptom": "Burning chest discomfort",
                "Secondary_Symptoms": ["Sour taste in the mouth", "No trouble swallowing"],
            },
            "Past_Medical_History": "No significant past medical history.",
            "Social_History": "Smokes 1 pack of cigarettes daily. Works as a baker.",
            "Review_of_Systems": {"General": "Information not provided."},
        },
        "Physical_Examination_Findings": {"Vital_Signs": {"Heart_Rate": "80 bpm", "Temperature": "36.8"}},
        "Test_Results": {
            "Endoscopy": {"Findings": "Red lower oesophagus."},
            "Imaging": {"Chest_CT": {"Findings": "Clear"}},
        },
        "Correct_Diagnosis": "Gastroesophageal reflux disease (GERD)",
    }
}
HOSPITAL = {
    "id": 7,
    "profile": "女，34岁",
    "medical_record": {
        "一般资料": "女，34岁，教师",
        "主诉": "右下腹痛2天",
        "现病史": "患者于2天前无明显诱因出现上腹痛，后转移至右下腹，伴恶心。无发热、腹泻及便血。",
        "既往史": "否认高血压、糖尿病病史。5年前做过剖宫产。",
        "个人史": "偶尔饮酒。",
        "查体": "右下腹压痛。",
        "辅助检查": {"血常规": "白细胞13.2", "腹部超声": "阑尾增粗"},
        "诊断结果": "急性阑尾炎",
        "诊治经过": "手术",
    },
}
MEDDG = """dialog1
{"id": "Patients", "Sentence": "医生你好，我肚子疼三天了，吃了饭就胀（女，29岁）", "Symptom": ["腹痛"]}
{"id": "Doctor", "Sentence": "有没有发烧？", "Symptom": ["发热"]}
{"id": "Patients", "Sentence": "没有。"}
{"id": "Doctor", "Sentence": "考虑胃炎，注意饮食", "Disease": ["胃炎"]}
{"id": "Patients", "Sentence": "谢谢医生"}
dialog2
{"id": "Patients", "Sentence": "你好"}
{"id": "Doctor", "Sentence": "您好"}
"""
CMT = {
    "id": "j1",
    "cate1": "内科",
    "cate2": "呼吸内科",
    "instruction": "好的，谢谢医生！",
    "input": "",
    "output": "不客气",
    "history": [["医生，我咳嗽一个星期了，晚上咳得厉害，怎么办？", "发烧吗？"], ["没有发烧，痰是黄色的。", "建议拍片"]],
}
MEDIQ = {
    "id": 3,
    "question": "Diagnosis?",
    "context": [
        "A 22-year-old man presents with painful lesions on his hands that started 10 days ago",
        "He denies fever and chills",
        "Physical examination reveals red plaques",
    ],
    "facts": [
        "1. A 22-year-old man presents with painful lesions.",
        "2. The lesions started 10 days ago.",
        "3. The man denied having a fever.",
    ],
    "options": {"A": "Scabies"},
    "answer": "Scabies",
    "answer_idx": "A",
    "patient": {"age": "22 years", "gender": "male"},
}
CHAT = {
    "id": "a b/c",
    "conversations": [
        {"from": "human", "value": "Hello. I've had a sore throat for three days. What should I do?"},
        {"from": "gpt", "value": "Any fever or cough?"},
        {"from": "human", "value": "No."},
    ],
}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def lines(path: Path, *records: object) -> Path:
    return write(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))


def only(format: str, path: Path) -> Case:
    (case,) = import_cases(format, path).cases
    return case


def test_agentclinic_record(tmp_path: Path) -> None:
    case = only("agentclinic", lines(tmp_path / "a.jsonl", OSCE))
    assert (case.id, case.language, case.demographics.age_years, case.demographics.sex) == (
        "agentclinic-0001",
        "en",
        29,
        "female",
    )
    assert case.chief_complaint == "Hello doctor, I've been having burning chest discomfort."
    by_text = {fact.text: fact for fact in case.facts}
    assert by_text["I have burning chest discomfort."].disclosure == "volunteered"
    assert by_text["I've had burning chest discomfort for 2 weeks."].critical
    assert by_text["I smoke 1 pack of cigarettes daily."].disclosure == "specific"
    assert not any("significant" in text or "provided" in text for text in by_text)
    assert {a.name for a in case.absences} == {"fever", "cough", "weight loss", "trouble swallowing"}
    assert {(f.kind, f.name, f.result) for f in case.findings} == {
        ("exam", "Vital Signs", "Heart Rate: 80 bpm; Temperature: 36.8"),
        ("imaging", "Endoscopy", "Red lower oesophagus."),
        ("imaging", "Chest CT", "Clear"),
    }
    assert case.diagnosis is not None and case.diagnosis.name == "Gastroesophageal reflux disease"
    assert "GERD" in case.diagnosis.aliases
    assert case.provenance.licence == "MIT"


def test_aihospital_record(tmp_path: Path) -> None:
    case = only("aihospital", write(tmp_path / "h.json", json.dumps([HOSPITAL], ensure_ascii=False)))
    assert (case.demographics.age_years, case.demographics.sex) == (34, "female")
    assert case.chief_complaint == "医生您好，我右下腹疼2天。"
    assert {a.name for a in case.absences} == {"发热", "腹泻", "便血", "高血压", "糖尿病"}
    assert not any("患者" in f.text or "阑尾" in f.text for f in case.facts)
    assert {f.name for f in case.findings} == {"查体", "血常规", "腹部超声"}
    assert case.diagnosis is not None and "阑尾炎" in case.diagnosis.aliases


def test_meddg_file(tmp_path: Path) -> None:
    result = import_cases("meddg", write(tmp_path / "m.txt", MEDDG), on_error="skip")
    (case,) = result.cases
    assert [skip.reason for skip in result.skipped] == ["the patient says nothing about an illness"]
    assert case.facts[0].text.startswith("我肚子疼三天了")
    assert [a.name for a in case.absences] == ["发烧"]
    assert (case.demographics.age_years, case.demographics.sex) == (29, "female")
    assert case.diagnosis is not None and case.diagnosis.name == "胃炎"


def test_cmtmedqa_row(tmp_path: Path) -> None:
    case = only("cmtmedqa", write(tmp_path / "c.json", json.dumps([CMT], ensure_ascii=False)))
    assert case.department == "respiratory"
    assert case.diagnosis is None
    said = "".join(fact.text for fact in case.facts)
    assert "咳嗽一个星期" in said and "痰是黄色的" in said
    assert "怎么办" not in said and "谢谢" not in said
    assert [a.name for a in case.absences] == ["发烧"]


def test_mediq_vignette(tmp_path: Path) -> None:
    case = only("mediq", lines(tmp_path / "q.jsonl", MEDIQ))
    assert case.chief_complaint == "Hello doctor, I've been having painful lesions on my hands."
    assert "The lesions started 10 days ago." in {fact.text for fact in case.facts}
    assert [a.name for a in case.absences] == ["fever"]
    assert [f.result for f in case.findings] == ["Physical examination reveals red plaques"]
    assert case.diagnosis is not None and case.diagnosis.name == "Scabies"


@pytest.mark.parametrize("layout", ["conversations", "messages"])
def test_sharegpt_layouts(layout: str, tmp_path: Path) -> None:
    record: dict[str, Any] = (
        CHAT
        if layout == "conversations"
        else {
            "id": "a b/c",
            "messages": [
                {"role": "user" if turn["from"] == "human" else "assistant", "content": turn["value"]}
                for turn in CHAT["conversations"]
            ],
        }
    )
    case = only("sharegpt", lines(tmp_path / "s.jsonl", record))
    assert case.id == "sharegpt-a-b-c"
    assert [fact.text for fact in case.facts] == ["I've had a sore throat for three days."]
    assert {a.name for a in case.absences} == {"fever", "cough"}


def grid(*spans: tuple[float, float, str]) -> str:
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 9\nsize = 1\nitem []:\n'
    body = "".join(
        f'        intervals [{n}]:\n            xmin = {a}\n            xmax = {b}\n            text = "{text}"\n'
        for n, (a, b, text) in enumerate(spans, 1)
    )
    return head + body


def consultation(folder: Path, note: str) -> Path:
    (folder / "transcripts").mkdir()
    (folder / "notes").mkdir()
    write(
        folder / "transcripts" / "day1_consultation01_patient.TextGrid",
        grid(
            (1, 2, "Hello, how are you?"),
            (4, 5, "<UNSURE>Um</UNSURE>, I've had diarrhea for three days."),
            (7, 8, "No. <UNIN/>"),
        ),
    )
    write(
        folder / "transcripts" / "day1_consultation01_doctor.TextGrid",
        grid((3, 4, "What is wrong?"), (6, 7, "Any vomiting?")),
    )
    write(folder / "notes" / "day1_consultation01.json", note)
    return folder


def test_primock57_folder_merges_both_speakers_by_time(tmp_path: Path) -> None:
    note = json.dumps({"presenting_complaint": "", "note": "3/7 hx. 30 yo male\nImp: gastroenteritis \n\nPlan: rest"})
    case = only("primock57", consultation(tmp_path, note))
    assert [fact.text for fact in case.facts] == ["I've had diarrhea for three days."]
    assert [a.name for a in case.absences] == ["vomiting"]
    assert case.demographics.sex == "male"
    assert case.diagnosis is not None and case.diagnosis.name == "gastroenteritis"


@pytest.mark.parametrize(
    ("note", "name"),
    [
        ("Imp: gastroenteritis \n", "gastroenteritis"),
        ("Imp: ?UTI. also need to exclude pregnancy", "urinary tract infection"),
        ("Imp: Likely UTI.\nPlan", "urinary tract infection"),
        ("Imp: Abdominal pain ? cause.", ""),
        ("Plan: rest", ""),
    ],
)
def test_the_impression_line_names_the_diagnosis(note: str, name: str) -> None:
    assert impression(note)[0] == name


def test_an_infant_is_spoken_for(tmp_path: Path) -> None:
    record = json.loads(json.dumps(OSCE))
    record["OSCE_Examination"]["Patient_Actor"]["Demographics"] = "8-month-old boy"
    case = only("agentclinic", lines(tmp_path / "a.jsonl", record))
    assert (case.speaker.kind, case.speaker.relation, case.speaker.calls_patient) == ("caregiver", "mother", "my son")
    assert case.demographics.age_years == pytest.approx(8 / 12, abs=1e-3)
    assert "my son has been having" in case.chief_complaint


def test_the_diagnosis_never_reaches_the_patients_words(tmp_path: Path) -> None:
    record = json.loads(json.dumps(OSCE))
    record["OSCE_Examination"]["Correct_Diagnosis"] = "Asthma"
    record["OSCE_Examination"]["Patient_Actor"]["Past_Medical_History"] = "Asthma since childhood."
    case = only("agentclinic", lines(tmp_path / "a.jsonl", record))
    assert not any("asthma" in fact.text.lower() for fact in case.facts)
    assert "masked" in case.provenance.note


def test_repeated_ids_get_a_number(tmp_path: Path) -> None:
    path = write(tmp_path / "c.json", json.dumps([CMT, CMT, CMT], ensure_ascii=False))
    assert [case.id for case in import_cases("cmtmedqa", path).cases] == [
        "cmtmedqa-j1",
        "cmtmedqa-j1-2",
        "cmtmedqa-j1-3",
    ]


def test_limit_counts_records(tmp_path: Path) -> None:
    assert len(import_cases("agentclinic", lines(tmp_path / "a.jsonl", OSCE, OSCE, OSCE), limit=2).cases) == 2


def broken(**change: Any) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(OSCE))
    record["OSCE_Examination"].update(change)
    return record


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "Patient_Actor is not an object"),
        (5, "the record is not an object"),
        ("", "the record is not an object"),
        (broken(Correct_Diagnosis=None), "'Correct_Diagnosis' is missing"),
        (broken(Correct_Diagnosis=3), "is not text"),
        (broken(Patient_Actor={}), "neither History nor Symptoms"),
        (broken(Correct_Diagnosis="a\x00b"), "NUL"),
        (broken(Objective_for_Doctor="x" * 300_000), "longer than"),
        (broken(Correct_Diagnosis="\ud800"), "broken character"),
    ],
)
def test_a_bad_record_is_a_named_skip(record: object, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps(record) + "\n" + json.dumps(OSCE) + "\n")
    result = import_cases("agentclinic", path, on_error="skip")
    assert len(result.cases) == 1
    assert [skip.record for skip in result.skipped] == ["1"]
    assert reason in result.skipped[0].reason
    with pytest.raises(ImportRecordError, match="record 1"):
        import_cases("agentclinic", path)


def test_unknown_format_names_the_near_match(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'agentclinic'"):
        import_cases("agentclinc", tmp_path / "a.jsonl")


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_missing_file_is_named(format: str, tmp_path: Path) -> None:
    with pytest.raises(BatchFileError, match="nowhere"):
        import_cases(format, tmp_path / "nowhere")


def test_a_file_that_is_not_utf8_or_json_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n\xff\n')
    with pytest.raises(BatchFileError, match=r"a\.jsonl:2: is not UTF-8"):
        import_cases("agentclinic", tmp_path / "a.jsonl")
    write(tmp_path / "b.jsonl", "{oops\n" + json.dumps(OSCE) + "\n")
    with pytest.raises(BatchFileError, match=r"b\.jsonl:1: is not JSON"):
        import_cases("agentclinic", tmp_path / "b.jsonl")
    with pytest.raises(BatchFileError, match="holds no records"):
        import_cases("mediq", write(tmp_path / "c.jsonl", "\n"))


def test_one_broken_line_stops_or_is_a_named_skip_as_asked(tmp_path: Path) -> None:
    good = json.dumps(OSCE)
    path = write(tmp_path / "b.jsonl", f"{good}\n{{oops\n{good}\n")
    with pytest.raises(ImportRecordError, match=r"b\.jsonl: record 2: is not JSON"):
        import_cases("agentclinic", path)
    result = import_cases("agentclinic", path, on_error="skip")
    assert len(result.cases) == 2
    assert [(skip.record, skip.reason[:11]) for skip in result.skipped] == [("2", "is not JSON")]


SAMPLES: dict[str, object] = {
    "agentclinic": OSCE,
    "aihospital": HOSPITAL,
    "cmtmedqa": CMT,
    "mediq": MEDIQ,
    "sharegpt": CHAT,
    "meddg": [{"id": "Patients", "Sentence": "我肚子疼"}],
    "primock57": {"patient": "", "doctor": "", "note": ""},
}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.sampled_from(["The patient denies.", "No", "他说没有", "12-year-old", "She reports that", "否认"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def spoiled(value: Any, junk: Any, at: int) -> Any:
    """Return ``value`` with its ``at``-th part (depth first) replaced by ``junk``."""
    counter = [at]

    def walk(part: Any) -> Any:
        counter[0] -= 1
        if counter[0] < 0:
            counter[0] = 10**9
            return junk
        if isinstance(part, dict):
            return {key: walk(inner) for key, inner in part.items()}
        return [walk(inner) for inner in part] if isinstance(part, list) else part

    return walk(value)


@pytest.mark.parametrize("format", sorted(FORMATS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(junk=JUNK, at=st.integers(0, 30))
def test_any_record_becomes_a_case_or_a_named_skip(format: str, junk: Any, at: int) -> None:
    for raw in (junk, spoiled(SAMPLES[format], junk, at)):
        try:
            case = convert(FORMATS[format].reader(), "1", raw)
        except ImportRecordError as error:
            assert error.reason
        else:
            assert Case.model_validate(case.model_dump()) == case
            assert len(case.facts) <= 16
