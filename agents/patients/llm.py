"""A patient played by a language model from its case; it knows the record's rules, no server and no score."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from agents.llm.client import open_model
from agents.llm.forecast import Forecast, dialogue_forecast, estimate_tokens
from agents.llm.forms import as_asked
from agents.llm.options import LLMOptions
from agents.llm.types import Filled, Message, Model
from agents.patients.agenda_end import last_doctor, real_questions, told_ids
from agents.patients.llm_form import OpeningForm, ReplyForm, form_of, trimmed
from agents.patients.llm_gate import fault_of
from agents.patients.llm_prompt import dialogue, note, rejected, system_message
from agents.patients.llm_record import Profile, Record, forgotten, profile_of, record_of
from agents.patients.llm_told import told_now
from agents.patients.llm_words import words_hash
from agents.protocols import PatientReply, PatientView
from scenarios.errors import AgentFailure
from scenarios.identity import content_hash, derive_seed
from scenarios.schema import Case, Language, Persona, StopReason

RULES_VERSION = 1
"""Goes up when the code beside the prompts changes what is said: form, cut, gate, what counts as told."""
_LETTERS: dict[Language, int] = {"zh": 1, "en": 3}
"""Characters of English that take the room of one Chinese character."""
_OPENING: dict[Profile, int] = {"meddg": 50, "aihospital": 100, "case": 100}
_REPLY = 100
_HEARD: dict[Language, int] = {"zh": 110, "en": 90}
"""Tokens of a usual doctor turn, for the forecast."""
_FRAME_TOKENS = 160
"""Tokens of a form beside its text: six ids, keys and the end."""


class LLMPatientOptions(LLMOptions):
    """Model and server as for every model-backed agent, and how the case is played.

    The limits are characters; the published evaluation's 50 (opening of a re-lived MedDG dialogue) and 100 hold for
    Chinese, three letters stand for one Chinese character in English.
    """

    profile: Literal["auto", "case", "meddg", "aihospital"] = Field(
        default="auto", description="how the record is written out; auto: by where the case comes from"
    )
    opening_limit: int | None = Field(default=None, ge=20, le=1000, description="characters of the opening")
    reply_limit: int | None = Field(default=None, ge=20, le=1000, description="characters of a later answer")
    reasks: int = Field(default=2, ge=0, le=5, description="further tries of an answer that is untrue to the case")


class LLMPatient:
    """Answers from its case as a language model words it; every answer is held against the case before it counts.

    Stateless: the messages are built from the view alone, and what was rejected stands in no later prompt.
    """

    def __init__(self, options: LLMPatientOptions, model: Model | None = None) -> None:
        """Keep the options; ``model`` takes the place of the one that they describe."""
        self._options = options
        self._model = model or open_model(options, "patient")
        self.fingerprint = content_hash({"prompts": words_hash(), "rules": RULES_VERSION})

    async def speak(self, view: PatientView) -> PatientReply:
        """Return the opening (no turns yet) or the answer to the doctor's last turn.

        An answer in breach of the case is asked for again, ``reasks`` times; the last one stands, and is for the
        judges to count. Raises AgentFailure: the model's, or ``patient: empty_reply`` when the last one says nothing.
        """
        language, opening = view.case.language, not view.turns
        record = self._record(view.case, view.persona, view.consultation_seed)
        limit = self._limit(view.case, opening=opening)
        form = self._form(view)
        asked = self.messages(view)
        tries: list[Filled[OpeningForm]] = []
        while True:
            seed = derive_seed(view.seed, "again", len(tries)) if tries else view.seed
            tries.append(await self._model.fill(asked, form, seed=seed, max_tokens=self._room(limit)))
            text = trimmed(tries[-1].form.text, limit, language)
            fault = fault_of(view, text)
            if fault is None or len(tries) > self._options.reasks:
                break
            answer = tries[-1].form.model_dump()
            asked = [*asked, rejected(answer), note(language, fault.tag, fault.quote)]
        return self._reply(view, record, tries, text)

    def messages(self, view: PatientView) -> list[Message]:
        """Return what the model is asked: at every turn the messages of the turn before, and then new ones."""
        case = view.case
        record = self._record(case, view.persona, view.consultation_seed)
        limits = self._limit(case, opening=True), self._limit(case, opening=False)
        return [
            system_message(case.language, view.persona, record, *limits),
            *dialogue(case.language, view.turns, record),
        ]

    def asks(self, view: PatientView) -> list[Message]:
        """Return the messages of the first try as they are sent, the form's schema in them where it goes by prompt."""
        return list(as_asked(self.messages(view), self._form(view), self._options)[0])

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected tokens of one consultation of a plain persona, no answer asked for again."""
        first = PatientView(case, Persona(), (), 1, max_turns, 0)
        system = sum(estimate_tokens(message["content"]) for message in self.messages(first))
        letters = self._limit(case, opening=False)
        said = estimate_tokens(("字" if case.language == "zh" else "a") * letters) * 2 // 3 + 30
        usual = dialogue_forecast(system, _HEARD[case.language], said, max_turns)
        again = self._options.reasks * (self._room(letters) + _FRAME_TOKENS)
        return replace(usual, longest=usual.longest + again + self._room(letters))

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError when the model cannot serve prompts of ``longest`` tokens now."""
        await self._model.preflight(longest)

    async def aclose(self) -> None:
        """Let go of the model."""
        await self._model.aclose()

    def _record(self, case: Case, persona: Persona, consultation_seed: int) -> Record:
        profile = profile_of(case) if self._options.profile == "auto" else self._options.profile
        return record_of(case, profile, forgotten(case, persona, consultation_seed))

    def _form(self, view: PatientView) -> type[OpeningForm]:
        record = self._record(view.case, view.persona, view.consultation_seed)
        opening = not view.turns
        return form_of(tuple(record.labels), self._limit(view.case, opening=opening), opening=opening)

    def _limit(self, case: Case, *, opening: bool) -> int:
        options = self._options
        profile = profile_of(case) if options.profile == "auto" else options.profile
        given = options.opening_limit if opening else options.reply_limit
        return given or (_OPENING[profile] if opening else _REPLY) * _LETTERS[case.language]

    def _room(self, limit: int) -> int:
        """Return the most tokens of a form: its schema bounds it, and one that is cut off is no form at all."""
        return max(self._options.max_tokens, 2 * limit + _FRAME_TOKENS)

    def _reply(self, view: PatientView, record: Record, tries: list[Filled[OpeningForm]], text: str) -> PatientReply:
        if not any(map(str.isalnum, text)):
            raise AgentFailure("patient", "empty_reply", f"said nothing in {len(tries)} tries")
        form, doctor = tries[-1].form, last_doctor(view.turns)
        claimed = [record.labels[label] for label in form.disclosed if label in record.labels]
        gone = forgotten(view.case, view.persona, view.consultation_seed)
        asked = doctor.utterance().text if doctor else ""
        ids = told_now(view.case, claimed, text, asked, told_ids(view.turns), gone)
        usages = [one.completion.usage for one in tries]
        last = tries[-1].completion.first_s
        waited = sum(one.completion.total_s for one in tries[:-1])
        return PatientReply(
            text, ids, ending(view, form), sum(usages[1:], usages[0]),
            None if last is None else waited + last,
        )


def ending(view: PatientView, form: OpeningForm) -> StopReason | None:
    """Return why the consultation ends with this answer; None while it cannot be over.

    The model's word is not enough, for an early end would be held against the doctor: nothing ends while the doctor's
    last words ask for something, and *facts_out* needs every critical item (in a case without: every fact) to be out
    before this turn, so that the doctor had the last word on it.
    """
    doctor = last_doctor(view.turns)
    if not isinstance(form, ReplyForm) or form.end == "none" or doctor is None:
        return None
    if doctor.requests or real_questions(doctor.utterance().text, view.case.language):
        return None
    needed = view.case.critical_ids or {fact.id for fact in view.case.facts}
    return None if form.end == "facts_out" and not needed <= told_ids(view.turns) else form.end
