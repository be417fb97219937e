"""A language model that scores one answer to one question by a rubric; it knows no case and no transcript."""

from __future__ import annotations

from pydantic import Field, field_validator

from agents.judges.fence import fence_text
from agents.judges.llm import JudgeModelOptions, check_rubric
from agents.judges.marking import Marking
from agents.judges.prompts import judge_fingerprint, judge_prompt, language_of, messages, rubric_text
from agents.llm.client import open_model
from agents.llm.forecast import Forecast, estimate_tokens
from agents.llm.types import Message, Model
from scenarios.rubric_file import find_rubric
from scenarios.schema import Language, Verdict
from scenarios.schema.rubric import Rubric

QUESTION_CHARACTERS, ANSWER_CHARACTERS = 2_000, 6_000


class SingleTurnOptions(JudgeModelOptions):
    """The model, and a rubric whose audience is ``single_turn``."""

    rubric: str = Field(default="single-turn", description="a shipped rubric's name, or a file's path")

    @field_validator("rubric")
    @classmethod
    def _is_for_single_answers(cls, value: str) -> str:
        return check_rubric(value, "single_turn")


class SingleTurnJudge:
    """Scores (question, answer, reference); all three are fenced data, the answer last."""

    def __init__(self, options: SingleTurnOptions, model: Model | None = None) -> None:
        """Read the rubric and open the model."""
        self.options = options
        self.model = model or open_model(options, "judge")
        self.marking = Marking.of(find_rubric(options.rubric))
        self.max_tokens = max(options.max_tokens, self.marking.reply_tokens)
        self.fingerprint = judge_fingerprint(self.rubric)

    @property
    def rubric(self) -> Rubric:
        """The rubric it scores by."""
        return self.marking.rubric

    async def score(self, language: Language, question: str, answer: str, reference: str, seed: int) -> Verdict:
        """Return scores, total, evidence and usage.

        Args:
            language: of question and answer.
            question: what was asked.
            answer: what is scored; an empty one is scored too.
            reference: an expert's answer, or '' when there is none.
            seed: of the model's reply.

        Raises:
            AgentFailure: of owner ``judge`` or ``infrastructure``.
        """
        spoken = language_of(self.rubric, language)
        filled = await self.model.fill(
            self.prompt(spoken, question, answer, reference), self.marking.form, seed=seed, max_tokens=self.max_tokens
        )
        return self.marking.verdict(filled.form, spoken, lambda number: None, filled.completion.usage)

    def prompt(self, language: Language, question: str, answer: str, reference: str) -> list[Message]:
        """Return the messages: rules and rubric (same for all), question, reference, answer."""
        words = judge_prompt(language)
        blocks = [(words.question_head, fence_text(question, language, words.question_name,
                                                   characters=QUESTION_CHARACTERS).text)]
        if reference.strip():
            told = fence_text(reference, language, words.reference_name, characters=ANSWER_CHARACTERS)
            blocks.append((words.reference_head, told.text))
        given = fence_text(answer, language, words.answer_name, characters=ANSWER_CHARACTERS)
        blocks.append((words.answer_head, given.text))
        return messages(rubric_text(self.rubric, language), blocks, words.closing)

    def forecast(self, language: Language, question: str, reference: str) -> Forecast:
        """Return the expected tokens of one call, the answer taken to be as long as the reference."""
        prompt = self.prompt(language_of(self.rubric, language), question, reference, reference)
        system, asked = (estimate_tokens(str(message["content"])) for message in prompt)
        reply = self.marking.reply_tokens // 2
        return Forecast(1, system + asked, system, reply, system + asked + self.max_tokens)

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError when the model cannot serve prompts of ``longest`` tokens now."""
        await self.model.preflight(longest)

    async def aclose(self) -> None:
        """Let go of the model."""
        await self.model.aclose()
