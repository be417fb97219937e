"""The knowledge base is checked, fingerprinted, and its inference agrees with what clinicians expect."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.knowledge.base import DATA, KnowledgeBase, knowledge, load
from agents.knowledge.inference import (
    Evidence,
    explaining,
    information_gain,
    informative,
    posterior,
    ranking,
    settled,
    support,
)
from agents.knowledge.reported import reported_conditions
from scenarios.errors import InputError
from scenarios.schema import Sex


@pytest.fixture(scope="module")
def kb() -> KnowledgeBase:
    return knowledge()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def edit(file: Path, change: dict[str, object], entry: int = 0) -> None:
    content = yaml.safe_load(file.read_text("utf-8"))
    content[entry].update(change)
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def test_arrays_agree_with_the_files(kb: KnowledgeBase) -> None:
    assert kb.likelihood.shape == (len(kb.conditions), len(kb.findings))
    assert np.all((kb.likelihood > 0) & (kb.likelihood < 1)) and abs(kb.prior.sum() - 1) < 1e-9
    condition = kb.conditions[kb.condition_at["acute_appendicitis"]]
    for finding, chance in condition.findings.items():
        value = kb.likelihood[kb.condition_at["acute_appendicitis"], kb.finding_at[finding]]
        assert value >= min(chance, 0.98) - 1e-9, "a listed value is kept, or raised by a more specific finding"


def test_loading_is_fast() -> None:
    begin = time.perf_counter()
    load(DATA)
    assert time.perf_counter() - begin < 1.0


def test_fingerprint_ignores_file_names_and_sees_content(kb: KnowledgeBase, copy: Path) -> None:
    first = sorted((copy / "conditions").glob("*.yaml"))[0]
    first.rename(copy / "conditions" / "zz_renamed.yaml")
    assert load(copy).fingerprint() == kb.fingerprint()
    edit(copy / "conditions" / "zz_renamed.yaml", {"weight": 9.87})
    assert load(copy).fingerprint() != kb.fingerprint()


@pytest.mark.parametrize(
    ("folder", "change", "said"),
    [
        ("conditions", {"findings": {"no_such_finding": 0.5}}, "no_such_finding"),
        ("conditions", {"tests": ["no_such_test"]}, "no_such_test"),
        ("conditions", {"red_flags": ["no_such_flag"]}, "no_such_flag"),
        ("conditions", {"findings": {"fever": 1.5}}, "not a probability"),
        ("conditions", {"weight": "heavy"}, "weight"),
        ("findings", {"implies": ["nothing_known"]}, "nothing_known"),
        ("findings", {"unheard_of": 1}, "unheard_of"),
    ],
)
def test_broken_data_is_named(copy: Path, folder: str, change: dict[str, object], said: str) -> None:
    edit(sorted((copy / folder).glob("*.yaml"))[0], change)
    with pytest.raises(InputError, match=said):
        load(copy)


def test_repeated_ids_circles_and_missing_files_are_named(copy: Path) -> None:
    file = sorted((copy / "findings").glob("*.yaml"))[0]
    original = file.read_text("utf-8")
    content = yaml.safe_load(original)
    file.write_text(yaml.safe_dump([*content, content[0]], allow_unicode=True), "utf-8")
    with pytest.raises(InputError, match=content[0]["id"]):
        load(copy)
    content[0]["implies"], content[1]["implies"] = [content[1]["id"]], [content[0]["id"]]
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    with pytest.raises(InputError, match="circle"):
        load(copy)
    file.write_text("- id: [broken", "utf-8")
    with pytest.raises(InputError, match="not YAML"):
        load(copy)
    file.write_text(original, "utf-8")
    (copy / "tests.yaml").unlink()
    with pytest.raises(InputError, match="missing"):
        load(copy)


def test_saying_it_more_precisely_never_speaks_against(kb: KnowledgeBase) -> None:
    for finding in kb.findings:
        for general in kb.generals[finding.id]:
            assert np.all(
                kb.likelihood[:, kb.finding_at[general]] >= kb.likelihood[:, kb.finding_at[finding.id]] - 1e-9
            )


def test_implied_findings_count_once(kb: KnowledgeBase) -> None:
    specific = posterior(kb, Evidence(frozenset({"high_fever"})))
    both = posterior(kb, Evidence(frozenset({"high_fever", "fever"})))
    assert np.allclose(specific, both)
    assert informative(kb, Evidence(absent=frozenset({"fever", "high_fever"})))[1] == ["fever"]
    assert "high_fever" in settled(kb, Evidence(absent=frozenset({"fever"})))
    assert "fever" in settled(kb, Evidence(present=frozenset({"high_fever"})))


def test_age_and_sex_count(kb: KnowledgeBase) -> None:
    prostate = kb.condition_at["benign_prostatic_hyperplasia"]
    evidence = Evidence(frozenset({"nocturia", "weak_stream"}))
    assert posterior(kb, evidence, 68, "male")[prostate] > 15 * posterior(kb, evidence, 68, "female")[prostate]
    assert posterior(kb, evidence, 68, "male")[prostate] > 5 * posterior(kb, evidence, 18, "male")[prostate]


names = st.sampled_from([finding.id for finding in knowledge().findings])


@given(
    st.frozensets(names, max_size=25),
    st.frozensets(names, max_size=25),
    st.floats(0, 120),
    st.sampled_from(["female", "male", "unknown"]),
)
@settings(max_examples=60, deadline=None)
def test_any_evidence_gives_a_distribution(
    present: frozenset[str], absent: frozenset[str], age: float, sex: Sex
) -> None:
    kb = knowledge()
    chance = posterior(kb, Evidence(present, absent - present, chief=present), age, sex)
    assert abs(chance.sum() - 1) < 1e-9 and np.all(np.isfinite(chance)) and np.all(chance >= 0)
    gain = information_gain(kb, chance)
    assert np.all(np.isfinite(gain)) and np.all(gain > -1e-9)


def test_the_most_informative_question_separates_the_leaders(kb: KnowledgeBase) -> None:
    chance = np.zeros(len(kb.conditions))
    chance[[kb.condition_at["migraine"], kb.condition_at["bacterial_meningitis"]]] = 0.5
    gain = information_gain(kb, chance)
    assert gain[kb.finding_at["fever"]] > 0.3 and gain[kb.finding_at["knee_pain"]] < 0.01


def test_inference_is_fast(kb: KnowledgeBase) -> None:
    evidence = Evidence(frozenset({"fever", "cough", "sore_throat"}), frozenset({"rash", "chest_pain"}))
    posterior(kb, evidence, 30, "female")
    begin = time.perf_counter()
    for _ in range(50):
        information_gain(kb, posterior(kb, evidence, 30, "female"))
    assert (time.perf_counter() - begin) / 50 < 0.02, "about one millisecond on an idle core"


# age, sex, present, absent -> must be among the first three. Written from general medical knowledge.
VIGNETTES: list[tuple[float, Sex, str, str, str]] = [
    (
        58,
        "male",
        "crushing_chest_pain radiating_arm_jaw cold_sweat smoking",
        "fever cough",
        "acute_myocardial_infarction",
    ),
    (62, "male", "exertional_chest_pain better_rest known_hypertension", "cold_sweat", "stable_angina"),
    (75, "female", "breathless_lying_flat leg_swelling fatigue", "fever", "heart_failure"),
    (70, "male", "palpitations irregular_heartbeat fatigue", "chest_pain", "atrial_fibrillation"),
    (25, "female", "runny_nose sneezing sore_throat blocked_nose", "high_fever itchy_nose_eyes", "common_cold"),
    (30, "male", "high_fever muscle_aches chills headache dry_cough sudden_onset", "rash", "influenza"),
    (55, "male", "fever productive_cough pleuritic_pain chills", "wheeze", "community_acquired_pneumonia"),
    (19, "female", "wheeze breathlessness chest_tightness cold_air_exercise_trigger", "fever", "asthma"),
    (
        35,
        "female",
        "breathlessness pleuritic_pain one_leg_swelling immobility_recent_surgery",
        "fever",
        "pulmonary_embolism",
    ),
    (40, "male", "night_sweats weight_loss coughing_blood cough", "", "pulmonary_tuberculosis"),
    (22, "male", "right_lower_abdominal_pain pain_migrating nausea fever", "diarrhoea", "acute_appendicitis"),
    (45, "female", "right_upper_abdominal_pain fatty_meal_trigger nausea", "diarrhoea", "acute_cholecystitis"),
    (48, "male", "upper_abdominal_pain pain_radiating_back vomiting alcohol", "diarrhoea", "acute_pancreatitis"),
    (27, "female", "diarrhoea vomiting crampy_pain undercooked_food", "bloody_stool", "acute_gastroenteritis"),
    (40, "male", "heartburn acid_regurgitation worse_lying", "vomiting_blood", "gastro_oesophageal_reflux_disease"),
    (
        29,
        "female",
        "one_sided_headache throbbing_headache light_sensitivity nausea",
        "fever neck_stiffness",
        "migraine",
    ),
    (20, "male", "fever neck_stiffness headache light_sensitivity confusion", "", "bacterial_meningitis"),
    (52, "female", "thunderclap_headache neck_stiffness vomiting", "fever", "subarachnoid_haemorrhage"),
    (72, "male", "one_sided_weakness speech_difficulty face_droop sudden_onset", "", "ischaemic_stroke"),
    (
        60,
        "female",
        "positional_vertigo vertigo nausea",
        "hearing_loss tinnitus",
        "benign_paroxysmal_positional_vertigo",
    ),
    (55, "male", "big_toe_pain joint_swelling alcohol high_salt_purine_food", "injury", "gout"),
    (34, "female", "palpitations weight_loss heat_intolerance tremor increased_appetite", "fever", "hyperthyroidism"),
    (50, "male", "excessive_thirst frequent_urination weight_loss fatigue", "fever", "type_2_diabetes"),
    (24, "female", "painful_urination urgency_urination frequent_urination", "fever flank_pain", "acute_cystitis"),
    (38, "male", "flank_pain colicky_pain blood_urine", "fever", "kidney_stones"),
    (63, "male", "one_sided_band_rash painful_rash blisters", "", "herpes_zoster"),
    (2, "male", "barking_cough stridor hoarseness worse_night", "", "croup"),
    (0.7, "male", "intermittent_crying drawn_up_legs vomiting redcurrant_stool", "", "intussusception"),
    (
        28,
        "female",
        "missed_period lower_abdominal_pain vaginal_bleeding shoulder_tip_pain",
        "fever",
        "ectopic_pregnancy",
    ),
    (23, "female", "wheals itchy_skin food_trigger", "fever", "urticaria"),
    (30, "female", "lip_tongue_swelling breathlessness wheals insect_sting", "fever", "anaphylaxis"),
    (45, "male", "headache nausea dizziness coal_heating others_same_room_ill", "fever", "carbon_monoxide_poisoning"),
    (42, "female", "low_mood loss_of_interest early_waking guilt", "", "depression"),
    (66, "female", "knee_pain stairs_pain morning_stiffness", "fever", "knee_osteoarthritis"),
]


@pytest.mark.parametrize(("age", "sex", "present", "absent", "expected"), VIGNETTES, ids=[v[-1] for v in VIGNETTES])
def test_short_vignettes_rank_as_a_clinician_would(
    kb: KnowledgeBase, age: float, sex: Sex, present: str, absent: str, expected: str
) -> None:
    found = frozenset(present.split())
    chief = frozenset(present.split()[:1])
    chance = posterior(kb, Evidence(found, frozenset(absent.split()), chief), age, sex)
    top = [kb.conditions[row].id for row in ranking(chance)[:3]]
    assert expected in kb.condition_at, f"conditions: {sorted(kb.condition_at)}"
    assert expected in top


def test_a_condition_that_explains_nothing_of_the_complaint_does_not_lead(kb: KnowledgeBase) -> None:
    present = frozenset({"hearing_loss", "smoking", "known_hypertension"})
    rows = ~explaining(kb, Evidence(present, chief=frozenset({"hearing_loss"})))
    with_complaint = posterior(kb, Evidence(present, chief=frozenset({"hearing_loss"})))
    without = posterior(kb, Evidence(present))
    assert rows.any() and with_complaint[rows].sum() < 0.5 * without[rows].sum()
    assert explaining(kb, Evidence(present, chief=frozenset({"chronic_months"}))).all()


def test_a_detail_counts_most_for_the_condition_known_for_it(kb: KnowledgeBase) -> None:
    scabies, zoster = kb.condition_at["scabies"], kb.condition_at["herpes_zoster"]
    weight = support(kb, ["finger_web_rash"], present=True)[:, 0]
    assert weight[scabies] > weight[zoster] > 0


def test_the_patients_own_words_count_more_than_words_in_a_report(kb: KnowledgeBase) -> None:
    row = kb.condition_at["hyperthyroidism"]
    present = frozenset({"palpitations"})
    told, shown = posterior(kb, Evidence(present)), posterior(kb, Evidence(present, reported=present))
    assert told[row] > shown[row] > posterior(kb, Evidence())[row]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("audiogram: right-sided sensorineural loss of 60 dB.", {"sudden_sensorineural_hearing_loss"}),
        ("Peripheral pulses present.", set()),
        ("No evidence of pulmonary embolism.", set()),
    ],
)
def test_a_report_names_a_condition_in_full_or_nearly(kb: KnowledgeBase, text: str, expected: set[str]) -> None:
    assert reported_conditions(kb, text, "en") == expected
