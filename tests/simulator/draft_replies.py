"""What a careful model fills in about the sample notes, and three things that a careless one adds."""

from __future__ import annotations

import json
from typing import Any

from tests.fault_server import Answer, Body

ZH = {
    "Frame": {
        "age_years": 56, "sex": "male", "speaker": "self", "relation": "", "calls_patient": "",
        "department": "cardiology", "urgency": "emergency", "title": "胸痛三天",
        "complaint_quote": "胸痛3天，加重2小时", "complaint": "医生，我胸口疼了3天，这2小时特别厉害。",
        "diagnosis_quote": "急性前壁心肌梗死",
        "diagnosis": "急性前壁心肌梗死", "differentials": [],
    },
    "History": {
        "facts": [
            {"quote": "3天前爬楼时出现胸骨后压榨样疼痛", "topic": "onset", "text": "3天前爬楼的时候开始疼的。",
             "disclosure": "asked", "critical": True, "red_flag": False},
            {"quote": "休息后可缓解", "topic": "relief", "text": "歇一会儿就好些。", "disclosure": "asked",
             "critical": False, "red_flag": False},
            {"quote": "疼痛向左肩放射，伴大汗", "topic": "location", "text": "疼得串到左肩，还出大汗。",
             "disclosure": "asked", "critical": True, "red_flag": True},
            {"quote": "高血压病史10年，平时服用氨氯地平", "topic": "past_history",
             "text": "我有10年高血压，一直吃氨氯地平。",
             "disclosure": "asked", "critical": True, "red_flag": False},
            {"quote": "吸烟20年，每日1包", "topic": "social_history", "text": "抽了20年烟。", "disclosure": "specific",
             "critical": False, "red_flag": False},
            {"quote": "父亲死于心梗", "topic": "family_history", "text": "我爸是心梗走的。", "disclosure": "specific",
             "critical": False, "red_flag": False},
        ],
        "absences": [
            {"quote": "否认发热", "topic": "associated", "name": "发热", "critical": False, "red_flag": False},
            {"quote": "无咯血", "topic": "associated", "name": "咯血", "critical": True, "red_flag": True},
        ],
    },
    "Workup": {
        "findings": [
            {"quote": "BP 165/100mmHg", "kind": "exam", "name": "血压", "result": "165/100mmHg"},
            {"quote": "心电图示V1-V4导联ST段抬高", "kind": "other", "name": "心电图", "result": "V1-V4 导联 ST 段抬高"},
            {"quote": "肌钙蛋白升高", "kind": "lab", "name": "肌钙蛋白", "result": "升高"},
        ],
        "treatment": [{"quote": "立即嚼服阿司匹林300mg", "text": "马上嚼服阿司匹林", "keywords": ["阿司匹林"]}],
    },
}
EN = {
    "Frame": {
        "age_years": 14, "sex": "female", "speaker": "caregiver", "relation": "mother", "calls_patient": "my daughter",
        "department": "ent", "urgency": "routine", "title": "sore throat", "complaint_quote": "sore throat for 2 days",
        "complaint": "My daughter has had a sore throat for 2 days.", "diagnosis_quote": "streptococcal pharyngitis",
        "diagnosis": "streptococcal pharyngitis", "differentials": ["glandular fever"],
    },
    "History": {
        "facts": [
            {"quote": "worse on swallowing", "topic": "provocation", "text": "It hurts more when she swallows.",
             "disclosure": "asked", "critical": True, "red_flag": False},
            {"quote": "Allergic to penicillin", "topic": "allergies", "text": "She is allergic to penicillin.",
             "disclosure": "asked", "critical": True, "red_flag": False},
            {"quote": "Denies cough", "topic": "associated", "text": "She has a cough.", "disclosure": "asked",
             "critical": False, "red_flag": False},
        ],
        "absences": [
            {"quote": "No rash", "topic": "associated", "name": "rash", "critical": True, "red_flag": False},
            {"quote": "swollen glands", "topic": "associated", "name": "glands", "critical": False, "red_flag": False},
        ],
    },
    "Workup": {
        "findings": [
            {"quote": "Rapid strep test: positive", "kind": "lab", "name": "rapid strep test", "result": "positive"},
        ],
        "treatment": [
            {"quote": "azithromycin for 5 days", "text": "azithromycin for 5 days", "keywords": ["azithromycin"]},
        ],
    },
}


def answering(replies: dict[str, Any]) -> Any:
    """Return a server's rule that fills in each form as ``replies`` says."""

    def rule(body: Body) -> Answer:
        return Answer(text=json.dumps(replies[body["response_format"]["json_schema"]["name"]], ensure_ascii=False))

    return rule
