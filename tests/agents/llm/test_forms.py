"""Forms are asked for in the way the server understands, read with tolerance, and named when they cannot be used."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from agents.llm.forms import Unusable, first_object, read_form, strict_schema
from scenarios.errors import AgentFailure
from tests.agents.llm.setting import MESSAGES, Score, model_at
from tests.fault_server import Answer, FaultServer

GOOD = '{"reason": "asked well", "score": 7, "urgency": "low"}'


class Item(BaseModel):
    name: Annotated[str, Field(max_length=20)]
    note: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


class Tree(BaseModel):
    title: str
    children: list[Tree] = []


class Wide(BaseModel):
    first: Item
    items: Annotated[list[Item], Field(max_length=3)]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    marks: dict[str, int] = {}
    tree: Tree = Tree(title="root")


def objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for part in schema for found in objects(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if "properties" in schema and isinstance(schema["properties"], dict) else []
    return own + [found for part in schema.values() for found in objects(part)]


def test_every_object_of_a_schema_is_closed_and_every_key_required() -> None:
    schema = strict_schema(Wide)
    found = objects(schema)
    assert len(found) >= 5
    for part in found:
        assert part["additionalProperties"] is False and part["required"] == list(part["properties"])


def test_references_are_written_out_unless_they_go_in_circles() -> None:
    assert "$ref" not in json.dumps(strict_schema(Score))
    schema = strict_schema(Wide)
    assert list(schema["$defs"]) == ["Tree"]
    assert schema["properties"]["items"]["items"]["properties"]["name"] == {"maxLength": 20, "type": "string"}


def test_a_key_named_title_or_default_is_kept() -> None:
    class Named(BaseModel):
        title: str
        default: int = 3

    assert list(strict_schema(Named)["properties"]) == ["title", "default"]


def test_a_strict_schema_accepts_what_the_form_gives_and_nothing_else() -> None:
    made = Wide(first=Item(name="a"), items=[], pet=Dog(), tree=Tree(title="t", children=[Tree(title="u")]))
    jsonschema.validate(made.model_dump(), strict_schema(Wide))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made.model_dump() | {"more": 1}, strict_schema(Wide))


@pytest.mark.parametrize("text", [
    GOOD, f"```json\n{GOOD}\n```", f"Here you are:\n{GOOD}\nAnything else?", f"<think>maybe {{}}</think>\n{GOOD}",
    f"{{not json}} but {GOOD}", GOOD.replace("asked well", "asked\nwell"), f"\ufeff{GOOD}", f"{GOOD}{GOOD}",
])
def test_the_object_is_found_in_fences_thoughts_and_chatter(text: str) -> None:
    assert read_form(text, "stop", Score).score == 7


@pytest.mark.parametrize(("text", "finish", "kind"), [
    ('{"reason": "ask', "length", "truncated_json"),
    ('{"reason": "a", "items": [{"score": 1}, {"sc', "length", "truncated_json"),
    ("no object here", "stop", "bad_json"), ('{"reason": }', "stop", "bad_json"), ("", "stop", "bad_json"),
    ('{"a":' * 50_000, "stop", "bad_json"), ("{" * 100_000, "stop", "bad_json"),
    ('{"reason": "r", "score": 77, "urgency": "low"}', "stop", "wrong_schema"),
    ('{"reason": "r", "urgency": "low"}', "stop", "wrong_schema"), ("[1, 2]", "stop", "bad_json"),
    ('{"reason": "r", "score": NaN, "urgency": "low"}', "stop", "wrong_schema"),
])
def test_what_cannot_be_used_is_named(text: str, finish: str, kind: str) -> None:
    with pytest.raises(Unusable) as caught:
        read_form(text, finish, Score)
    assert caught.value.kind == kind and len(caught.value.message) < 400


def test_the_first_whole_object_wins_over_later_ones() -> None:
    assert first_object('say {"a": {"b": 1}} and {"c": 2}') == {"a": {"b": 1}}


@pytest.mark.parametrize("schema_by", ["json_schema", "json_object", "prompt"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_form_is_filled_in_whichever_way_the_server_understands(
    server: FaultServer, schema_by: str, stream: bool
) -> None:
    async with model_at(server.url, "judge", schema_by=schema_by, stream=stream) as model:
        filled = await model.fill(MESSAGES, Score, seed=4)
    assert isinstance(filled.form, Score) and json.loads(filled.completion.text) == filled.form.model_dump()
    sent = server.requests[0]
    wanted = sent.get("response_format", {}).get("type")
    assert wanted == {"json_schema": "json_schema", "json_object": "json_object", "prompt": None}[schema_by]
    if schema_by == "json_schema":
        assert sent["response_format"]["json_schema"]["strict"] is True
        assert sent["messages"] == MESSAGES
    else:
        assert sent["messages"][0]["content"].startswith("You are a doctor.\n\nAnswer with one JSON object")


async def test_the_schema_is_explained_in_the_language_of_the_prompt(server: FaultServer) -> None:
    async with model_at(server.url, schema_by="prompt") as model:
        await model.fill([{"role": "system", "content": "你是医生。"}, MESSAGES[1]], Score, seed=1)
        await model.fill([{"role": "user", "content": "头疼"}], Score, seed=1)
    first, second = [request["messages"][0] for request in server.requests]
    assert "只输出一个 JSON 对象" in first["content"]
    assert second["role"] == "system" and "只输出一个 JSON 对象" in second["content"]


@pytest.mark.parametrize(("answer", "kind"), [
    (Answer(text='{"reason": "ask', finish="length"), "truncated_json"), (Answer(text="never"), "bad_json"),
    (Answer(text='{"score": 3}'), "wrong_schema"), (Answer(refusal="no"), "refusal"), (Answer(text=" "), "empty_reply"),
])
async def test_a_form_that_stays_unusable_is_the_agents_failure(
    server: FaultServer, answer: Answer, kind: str
) -> None:
    server.script.extend([answer] * 2)
    async with model_at(server.url, "judge", rereads=1) as model:
        with pytest.raises(AgentFailure, match=r"\(2 tries\)") as caught:
            await model.fill(MESSAGES, Score, seed=1)
    assert (caught.value.owner, caught.value.kind, caught.value.retryable) == ("judge", kind, False)
    assert len({request["seed"] for request in server.requests}) == 2
