"""A language model that scores a consultation by a rubric file, reason before score; it keeps nothing between calls."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from agents.judges.fence import TRANSCRIPT_CHARACTERS, TURN_CHARACTERS, cited_turn, fence_turns
from agents.judges.gold import fence_record
from agents.judges.marking import Marking
from agents.judges.overflow import fill_within_context
from agents.judges.prompts import judge_fingerprint, judge_prompt, language_of, messages, rubric_text
from agents.llm.client import open_model
from agents.llm.forecast import Forecast, estimate_tokens
from agents.llm.forms import as_asked
from agents.llm.options import LLMOptions
from agents.llm.types import Message, Model
from agents.protocols import JudgeView
from scenarios.errors import InputError
from scenarios.rubric_file import find_rubric
from scenarios.schema import Case, Frozen, Language, Turn, Verdict
from scenarios.schema.rubric import Rubric

EXCHANGE_TOKENS = 160
"""Expected length of a question and its answer in a transcript."""
LONG_EXCHANGE_TOKENS = 320


class RubricChoice(Frozen):
    """Which rubric, and whether the case's gold record is shown; shared by all judges that score by a rubric."""

    rubric: str = Field(default="consultation-aihospital", description="a shipped rubric's name, or a file's path")
    record: Literal["auto", "show", "hide"] = Field(
        default="auto", description="whether the judge sees the gold record; auto: as the rubric says"
    )

    @field_validator("rubric")
    @classmethod
    def _is_for_consultations(cls, value: str) -> str:
        return check_rubric(value, "consultation")


class JudgeModelOptions(LLMOptions):
    """A model that judges: it does not sample, and its replies are short."""

    temperature: float = Field(default=0.0, ge=0, le=5)
    max_tokens: int = Field(default=1024, ge=1, le=1_000_000, description="of one verdict; more if the rubric needs it")


class LLMJudgeOptions(JudgeModelOptions, RubricChoice):
    """The model, the rubric, and whether the gold record is shown."""


class LLMJudge:
    """Scores by a rubric; the transcript is fenced data and comes last."""

    def __init__(self, options: LLMJudgeOptions, model: Model | None = None) -> None:
        """Read the rubric and open the model. Raises UnknownName or BatchFileError for the rubric."""
        self.options = options
        self.model = model or open_model(options, "judge")
        self.marking = Marking.of(find_rubric(options.rubric))
        self.max_tokens = max(options.max_tokens, self.marking.reply_tokens)
        self.fingerprint = judge_fingerprint(self.rubric, record=options.record)

    @property
    def rubric(self) -> Rubric:
        """The rubric it scores by."""
        return self.marking.rubric

    @property
    def shows_record(self) -> bool:
        """Whether the judge sees the gold record."""
        if self.options.record == "auto":
            return self.rubric.sees == "transcript_and_record"
        return self.options.record == "show"

    async def judge(self, view: JudgeView) -> Verdict:
        """Return scores, total, evidence and usage. Raises AgentFailure(owner='judge' | 'infrastructure')."""
        if not any(turn.role == "doctor" for turn in view.turns):
            return Verdict(judge="llm", not_scored={"total": "the doctor never spoke"})
        language = language_of(self.rubric, view.case.language)
        filled = await fill_within_context(
            lambda characters: self.prompt(view.case, view.turns, language, characters),
            self.model, self.marking.form, view.seed, self.max_tokens,
        )
        return self.marking.verdict(
            filled.form, language, lambda number: cited_turn(number, view.turns), filled.completion.usage
        )

    def asks(self, view: JudgeView) -> list[Message]:
        """Return the messages of the first try as they are sent; none when there is nothing to judge."""
        if not any(turn.role == "doctor" for turn in view.turns):
            return []
        built = self.prompt(view.case, view.turns, language_of(self.rubric, view.case.language))
        return list(as_asked(built, self.marking.form, self.options)[0])

    def prompt(
        self, case: Case, turns: tuple[Turn, ...], language: Language, characters: int = TRANSCRIPT_CHARACTERS
    ) -> list[Message]:
        """Return the messages: rules and rubric (same for all), record (same for a case), transcript."""
        words = judge_prompt(language)
        blocks = [(words.record_head, fence_record(case, language).text)] if self.shows_record else []
        fenced = fence_turns(
            turns, language, turn_characters=TURN_CHARACTERS, characters=characters, name=words.turns_name
        )
        return messages(rubric_text(self.rubric, language), [*blocks, (words.turns_head, fenced.text)], words.closing)

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected tokens of the one call on a transcript of ``max_turns`` exchanges."""
        language = language_of(self.rubric, case.language)
        record = estimate_tokens(fence_record(case, language).text) if self.shows_record else 0
        return judge_forecast(
            estimate_tokens(rubric_text(self.rubric, language)), record, max_turns,
            self.marking.reply_tokens // 2, self.max_tokens,
        )

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError when the model cannot serve prompts of ``longest`` tokens now."""
        await self.model.preflight(longest)

    async def aclose(self) -> None:
        """Let go of the model."""
        await self.model.aclose()


def judge_forecast(system: int, record: int, max_turns: int, reply: int, most: int) -> Forecast:
    """Return the forecast of one call; a server with a prefix cache has the system text, and the record once a case."""
    prompt = system + record + max_turns * EXCHANGE_TOKENS
    longest = min(max_turns * LONG_EXCHANGE_TOKENS, TRANSCRIPT_CHARACTERS)
    return Forecast(
        calls=1, prompt=prompt, cached=system, completion=reply, longest=system + record + longest + most
    )


def check_rubric(name: str, audience: str) -> str:
    """Return ``name`` when such a rubric can be read and is meant for ``audience``; a ValueError says what is wrong."""
    try:
        rubric = find_rubric(name)
    except InputError as error:
        raise ValueError(str(error)) from error
    if rubric.audience != audience:
        raise ValueError(f"the rubric {rubric.id!r} is for {rubric.audience}, not {audience}")
    return name
