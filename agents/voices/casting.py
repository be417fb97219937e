"""Who is to be heard: the speaker's sex and age, from the case or, when a caregiver speaks, from the relation."""

from __future__ import annotations

from agents.protocols import SpeakerCard
from agents.voices.ages import age_group
from scenarios.identity import derive_seed
from scenarios.schema import Case, Language, Sex

GENERATION_YEARS = 28.0
_FEMALE = frozenset(
    "妈妈 母亲 妈 奶奶 姥姥 外婆 外祖母 祖母 女儿 妻子 老婆 太太 姐姐 妹妹 姐 妹 阿姨 姑姑 姨 姨妈 舅妈 婶婶 儿媳 "
    "孙女 外孙女 "
    "mother mom mum mam grandmother grandma granny daughter wife sister aunt niece granddaughter girlfriend".split()
)
_MALE = frozenset(
    "爸爸 父亲 爸 爷爷 姥爷 外公 外祖父 祖父 儿子 丈夫 老公 先生 哥哥 弟弟 哥 弟 叔叔 舅舅 伯伯 姑父 女婿 孙子 外孙 "
    "father dad daddy grandfather grandpa son husband brother uncle nephew grandson boyfriend".split()
)
_OLDER = {
    1: frozenset("妈妈 母亲 妈 爸爸 父亲 爸 家长 父母 阿姨 姑姑 姨 姨妈 舅妈 婶婶 叔叔 舅舅 伯伯 姑父 "
                 "mother mom mum mam father dad daddy parent aunt uncle guardian".split()),
    2: frozenset("奶奶 姥姥 外婆 外祖母 祖母 爷爷 姥爷 外公 外祖父 祖父 "
                 "grandmother grandma granny grandfather grandpa grandparent".split()),
    -1: frozenset("女儿 儿子 儿媳 女婿 侄女 侄子 daughter son niece nephew".split()),
    -2: frozenset("孙女 外孙女 孙子 外孙 granddaughter grandson".split()),
}
_YOUNGEST = 16.0


def patient_card(case: Case) -> SpeakerCard:
    """Return who speaks for this case: the same for every doctor and trial."""
    seed = derive_seed(0, "voice", case.id)
    sex, age = case.demographics.sex, case.demographics.age_years
    if case.speaker.kind == "caregiver":
        sex, age = _caregiver(case.speaker.relation, age)
    return SpeakerCard(case.id, case.language, sex, age, age_group(age), seed)


def doctor_card(name: str, language: Language) -> SpeakerCard:
    """Return a doctor's card: a grown-up whose sex and voice follow from the name."""
    seed = derive_seed(0, "doctor's voice", name)
    return SpeakerCard(f"doctor {name}", language, "female" if seed % 2 else "male", 40.0, age_group(40.0), seed)


def _caregiver(relation: str, patient_age: float | None) -> tuple[Sex, float | None]:
    words = {relation.strip().casefold(), *relation.casefold().split()}
    sex: Sex = "female" if words & _FEMALE else "male" if words & _MALE else "unknown"
    older = next((generations for generations, names in _OLDER.items() if words & names), 0)
    if patient_age is None:
        return sex, 35.0 if older >= 0 else None
    return sex, max(_YOUNGEST, patient_age + older * GENERATION_YEARS)
