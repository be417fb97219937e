"""A language model that prefers one of two consultations, asked once for each order; it counts and merges nothing.

Both transcripts go through the same steps with the same limits (``agents.judges.fence``), so that neither gains by
its formatting or length; who the doctors are is not said.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, create_model

from agents.judges.fence import TRANSCRIPT_CHARACTERS, TURN_CHARACTERS, defuse, fence_turns
from agents.judges.gold import fence_record
from agents.judges.llm import EXCHANGE_TOKENS, LONG_EXCHANGE_TOKENS, JudgeModelOptions, RubricChoice
from agents.judges.marking import cut_text
from agents.judges.overflow import fill_within_context
from agents.judges.prompts import judge_fingerprint, language_of, messages
from agents.llm.client import open_model
from agents.llm.forecast import Forecast, estimate_tokens
from agents.llm.types import Message, Model
from agents.protocols import PairView
from scenarios.rubric_file import find_rubric
from scenarios.schema import Case, Frozen, Language, Turn
from scenarios.schema.pairing import Asked, Order, Place
from scenarios.schema.rubric import Rubric

RENDERING = 1
"""Goes into the fingerprint: raise it whenever the same texts are put together in another way."""
LEAST_TURN = 60
MOST_REASON, LEAST_REASON = 80, 30
_REASONS = 700
"""Characters of all reasons together; their number makes each longer or shorter."""


class PairwiseOptions(JudgeModelOptions, RubricChoice):
    """The model, the rubric by whose items it compares, and whether the gold record is shown."""


class _Words(Frozen):
    """The texts of one language; places in braces are filled by this module only, never by data."""

    system: str
    item: str
    record_head: str
    first_head: str
    first: str
    second_head: str
    second: str
    closing: str


class PairwiseReferee:
    """Compares two consultations item by item and as a whole; the reason comes before the decision."""

    def __init__(self, options: PairwiseOptions, model: Model | None = None) -> None:
        """Read the rubric and open the model; raises UnknownName or BatchFileError for a rubric that is none."""
        self.options = options
        self.model = model or open_model(options, "judge")
        self.rubric = find_rubric(options.rubric)
        items = len(self.rubric.item_ids) + 1
        self.reason_characters = min(MOST_REASON, max(LEAST_REASON, _REASONS // items))
        self.reply_tokens = round(items * (20 + 1.2 * self.reason_characters))
        self.max_tokens = max(options.max_tokens, self.reply_tokens)
        self.form = _form(self.rubric, self.reason_characters)
        self.fingerprint = judge_fingerprint(
            self.rubric, record=options.record, pairwise=RENDERING, words=[_words("zh"), _words("en")],
            form=self.form.model_json_schema(),
        )

    @property
    def shows_record(self) -> bool:
        """Whether the referee sees the gold record."""
        if self.options.record == "auto":
            return self.rubric.sees == "transcript_and_record"
        return self.options.record == "show"

    async def prefer(self, view: PairView, order: Order) -> Asked:
        """Return the model's answer when shown in ``order``; see ``agents.protocols.Referee``."""
        filled = await fill_within_context(
            lambda characters: self.prompt(view, order, characters),
            self.model, self.form, view.seed, self.max_tokens,
        )
        said = filled.form.model_dump(by_alias=True)
        items, whole = said["items"], said["overall"]
        return Asked(
            better=whole["better"], usage=filled.completion.usage,
            dimensions={name: one["better"] for name, one in items.items()},
            reasons={name: " ".join(one["reason"].split()) for name, one in {**items, "overall": whole}.items()},
        )

    def prompt(self, view: PairView, order: Order, characters: int = TRANSCRIPT_CHARACTERS) -> list[Message]:
        """Return the messages: rules and rubric (same for all), record (same for a case), both transcripts.

        Args:
            view: the consultations.
            order: which is shown first.
            characters: of one transcript; both together may have twice as many.
        """
        language = language_of(self.rubric, view.case.language)
        words = _words(language)
        shown = (view.turns_a, view.turns_b) if order == "a-first" else (view.turns_b, view.turns_a)
        limit = common_limit(*shown, characters=2 * characters)
        blocks = [(words.record_head, fence_record(view.case, language).text)] if self.shows_record else []
        heads = ((words.first_head, words.first), (words.second_head, words.second))
        for (head, name), turns in zip(heads, shown, strict=True):
            fenced = fence_turns(turns, language, turn_characters=limit, characters=10**9, name=name)
            blocks.append((head, fenced.text))
        return messages(self.system(language), blocks, words.closing)

    def system(self, language: Language) -> str:
        """Return the system message: role, rules, rubric, form; the same for every case."""
        words, rubric = _words(language), self.rubric
        asked = [(d.id, d.name[language], d.asks[language]) for d in rubric.dimensions]
        asked += [(c.id, f"{c.points:+d}", c.text[language]) for c in rubric.criteria]
        items = [words.item.format(id=name, name=title, asks=asks) for name, title, asks in asked]
        if rubric.setting and (rubric.sees == "transcript_and_record") == self.shows_record:
            items.insert(0, rubric.setting[language])
        one = '{"reason": "…", "better": "first|second|tie"}'
        shape = f'{{"items": {{"{rubric.item_ids[0]}": {one}, …}}, "overall": {one}}}'
        return words.system.format(reason=self.reason_characters, items="\n".join(items), shape=shape)

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected tokens of one comparison: two calls, each on two transcripts of ``max_turns``."""
        language = language_of(self.rubric, case.language)
        system = estimate_tokens(self.system(language))
        record = estimate_tokens(fence_record(case, language).text) if self.shows_record else 0
        prompt = system + record + 2 * max_turns * EXCHANGE_TOKENS
        longest = system + record + min(2 * max_turns * LONG_EXCHANGE_TOKENS, 2 * TRANSCRIPT_CHARACTERS)
        return Forecast(2, 2 * prompt, 2 * (system + record) - record, self.reply_tokens, longest + self.max_tokens)

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the model cannot serve prompts of ``longest`` tokens now."""
        await self.model.preflight(longest)

    async def aclose(self) -> None:
        """Let go of the model."""
        await self.model.aclose()


def common_limit(
    one: tuple[Turn, ...], other: tuple[Turn, ...], *, characters: int = 2 * TRANSCRIPT_CHARACTERS
) -> int:
    """Return to how many characters every turn of both consultations is cut, so that both fit ``characters``."""
    lengths = [len(defuse(turn.text)) for turn in (*one, *other)]
    limit = TURN_CHARACTERS
    while limit > LEAST_TURN and sum(min(length, limit) for length in lengths) > characters:
        limit = max(LEAST_TURN, limit // 2)
    return limit


@cache
def _words(language: Language) -> _Words:
    text = (files("agents") / "prompts" / language / "pairwise.yaml").read_text("utf-8")
    return _Words.model_validate(yaml.safe_load(text))


def _form(rubric: Rubric, reason: int) -> type[BaseModel]:
    """Return the form to be filled in: every item by name, then the whole; nothing else is allowed."""
    strict = ConfigDict(extra="forbid", frozen=True)
    fields: dict[str, Any] = {"reason": (cut_text(reason), ...), "better": (Place, ...)}
    one = create_model("Compared", __config__=strict, **fields)
    # the alias is the JSON key, so that an id such as 'copy' cannot shadow a method of the model
    named: dict[str, Any] = {f"item_{name}": (one, Field(alias=name)) for name in rubric.item_ids}
    items = create_model("Items", __config__=strict, **named)
    whole: dict[str, Any] = {"items": (items, ...), "overall": (one, ...)}
    return create_model("Comparison", __config__=strict, **whole)
