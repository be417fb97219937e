"""Everyday English words for clinical ones, as a patient would say them; words only, no sentences."""

from __future__ import annotations

import re
from functools import cache

_TERMS: dict[str, str] = {
    "diplopia": "double vision",
    "pruritic": "itchy",
    "pruritus": "itching",
    "non-pruritic": "not itchy",
    "nonpruritic": "non-itchy",
    "dyspnea": "shortness of breath",
    "dysuria": "pain when urinating",
    "hematuria": "blood in the urine",
    "photophobia": "sensitivity to light",
    "pitting pedal edema of the lower extremities": "swollen feet and legs",
    "pitting pedal edema": "swollen feet",
    "pedal edema": "swollen feet",
    "edema": "swelling",
    "emesis": "vomiting",
    "erythematous": "red",
    "erythema": "redness",
    "rhinorrhea": "runny nose",
    "epistaxis": "nosebleeds",
    "tinnitus": "ringing in the ears",
    "syncope": "fainting",
    "nocturia": "getting up at night to urinate",
    "voiding": "urinating",
    "micturating": "urinating",
    "to void": "to urinate",
    "hyperlipidemia": "high cholesterol",
    "hypercholesterolemia": "high cholesterol",
    "hypertension": "high blood pressure",
    "paresthesias": "tingling",
    "paresthesia": "tingling",
    "tachypnea": "fast breathing",
    "cyanosis": "blue skin",
    "scleral icterus": "yellow eyes",
    "jaundice": "yellowing",
    "diaphoresis": "sweating",
    "myalgias": "muscle aches",
    "arthralgias": "joint pains",
    "arthralgia": "joint pain",
    "delayed menarche": "a late first period",
    "menarche": "a first period",
    "dysphagia": "trouble swallowing",
    "odynophagia": "pain on swallowing",
    "hematochezia": "blood in the stool",
    "melena": "black stools",
    "hemoptysis": "coughing up blood",
    "orthopnea": "breathlessness when lying flat",
    "dyspareunia": "pain during sex",
    "alopecia": "hair loss",
    "hyperpigmentation": "dark patches",
    "hypopigmentation": "pale patches",
    "vesicles": "blisters",
    "bullae": "large blisters",
    "vesicle": "blister",
    "bulla": "large blister",
    "extremities": "arms and legs",
    "upper extremities": "arms",
    "lower extremities": "legs",
    "upper extremity": "arm",
    "lower extremity": "leg",
    "erythematous plaques": "red patches",
    "nonproductive": "dry",
    "nontender": "not tender",
    "bilaterally": "on both sides",
    "inguinal": "groin",
    "umbilicus": "belly button",
    "perioral skin": "skin around the mouth",
    "perioral area": "skin around the mouth",
    "meconium": "the first stool",
    "bilious": "green",
    "malaise": "feeling unwell",
    "nasal discharge": "runny nose",
    "nasal obstruction": "blocked nose",
    "lethargy": "tiredness",
    "lethargic": "drowsy",
    "gait ataxia": "unsteady walking",
    "limb ataxia": "clumsy arms and legs",
    "psychomotor agitation": "restlessness",
    "cephalgia": "headache",
    "ambulate": "walk",
    "ambulating": "walking",
    "expectorate": "cough up",
    "sputum": "phlegm",
    "upper limbs": "arms",
    "lower limbs": "legs",
    "dyslipidemia": "high cholesterol",
    "postprandial": "after meals",
    "intercoastal": "intercostal",
    "subcostal and intercostal retractions": "skin pulling in between the ribs",
    "intercostal and subcostal retractions": "skin pulling in between the ribs",
    "abdominal distension": "a swollen belly",
}
_KIN = re.compile(r"(?<=\w) \((?:(?![()]).){1,60}\)")


@cache
def _pattern() -> re.Pattern[str]:
    words = sorted(_TERMS, key=lambda word: (-len(word), word))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.I)


def lay(text: str) -> str:
    """Return ``text`` in everyday words, without the clinician's bracketed asides."""

    def swap(match: re.Match[str]) -> str:
        word = _TERMS[match[0].lower()]
        return word[:1].upper() + word[1:] if match[0][0].isupper() and match.start() == 0 else word

    return _pattern().sub(swap, _KIN.sub("", text))
