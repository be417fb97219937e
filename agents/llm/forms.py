"""A pydantic form as a question to a model and back: strict schema, tolerant reading, named failures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from agents.llm.options import LLMOptions
from agents.llm.types import Form, Message

DROPPED = frozenset({"title", "default", "discriminator"})
MOST_STARTS = 20
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ASK = {
    "en": "Answer with one JSON object and nothing else. It must fit this JSON schema:\n",
    "zh": "只输出一个 JSON 对象，不要输出任何其他内容。该对象必须符合以下 JSON Schema：\n",
}


class Unusable(Exception):
    """A reply came, but not what was asked for; ``kind`` is one of the agent's own failures."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep the parts."""
        self.kind, self.message = kind, message
        super().__init__(f"{kind}: {message}")


@lru_cache(maxsize=1024)
def strict_schema(form: type[BaseModel]) -> dict[str, Any]:
    """Return the form's JSON schema as servers want it: closed objects, every key required, references written out."""
    schema = form.model_json_schema()
    definitions = schema.pop("$defs", {})
    strict: dict[str, Any] = _strict(schema, definitions, ())
    left = {name: _strict(part, definitions, (name,)) for name, part in definitions.items() if _refers(strict, name)}
    return {**strict, "$defs": left} if left else strict


def as_asked(
    messages: Sequence[Message], form: type[BaseModel], options: LLMOptions
) -> tuple[tuple[Message, ...], dict[str, Any] | None]:
    """Return messages and ``response_format`` that ask for the form in the way the server understands."""
    schema = strict_schema(form)
    if options.schema_by == "json_schema":
        name = re.sub(r"[^A-Za-z0-9_-]", "_", form.__name__)[:64]
        return tuple(messages), {
            "type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema},
        }
    wanted = {"type": "json_object"} if options.schema_by == "json_object" else None
    return _with_schema(messages, schema), wanted


def read_form(text: str, finish: str, form: type[Form]) -> Form:
    """Return the form in a reply. Raises Unusable: ``truncated_json``, ``bad_json``, ``wrong_schema``."""
    try:
        value = first_object(text)
    except ValueError as error:
        kind: Literal["truncated_json", "bad_json"] = "truncated_json" if finish == "length" else "bad_json"
        raise Unusable(kind, f"{error}; the reply begins {text[:80]!r}") from error
    try:
        return form.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Unusable("wrong_schema", f"{key or form.__name__}: {first['msg']}") from error


def first_object(text: str) -> Any:
    """Return the first JSON object in ``text``, past thoughts, fences and chatter. Raises ValueError."""
    said = text.rpartition("</think>")[2]
    problem = ValueError("there is no JSON object in the reply")
    decoder = json.JSONDecoder(strict=False)
    start = said.find("{")
    for tries in range(MOST_STARTS):
        if start < 0:
            break
        try:
            return decoder.raw_decode(said, start)[0]
        except json.JSONDecodeError as error:
            problem = problem if tries else ValueError(f"the JSON cannot be parsed: {error}")
            # what begins before the mistake is part of the broken object, not an object of its own
            start = said.find("{", max(error.pos, start + 1))
        except RecursionError as error:
            raise ValueError("the JSON is nested too deeply") from error
    raise problem


def _with_schema(messages: Sequence[Message], schema: dict[str, Any]) -> tuple[Message, ...]:
    """Append the schema to the last system message, in that message's language."""
    places = [number for number, message in enumerate(messages) if message["role"] == "system"]
    told = messages[places[-1]]["content"] if places else ""
    language = "zh" if CHINESE.search(str(told or messages)) else "en"
    ask = ASK[language] + json.dumps(schema, ensure_ascii=False)
    if not places:
        return ({"role": "system", "content": ask}, *messages)
    joined: Any = [*told, {"type": "text", "text": ask}] if isinstance(told, list) else f"{told}\n\n{ask}"
    changed = {**messages[places[-1]], "content": joined}
    return (*messages[: places[-1]], changed, *messages[places[-1] + 1 :])


def _strict(part: Any, definitions: dict[str, Any], inside: tuple[str, ...]) -> Any:
    if isinstance(part, list):
        return [_strict(item, definitions, inside) for item in part]
    if not isinstance(part, dict):
        return part
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    if name and name in definitions:
        if name in inside or _recursive(name, definitions):
            return {"$ref": f"#/$defs/{name}"}
        more = {key: value for key, value in part.items() if key != "$ref"}
        return _strict({**definitions[name], **more}, definitions, (*inside, name))
    return _closed(part, definitions, inside)


def _closed(part: dict[str, Any], definitions: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in part.items():
        if key == "properties":
            made[key] = {name: _strict(item, definitions, inside) for name, item in value.items()}
        elif key in ("enum", "const", "required"):
            made[key] = value
        elif key not in DROPPED:
            made["anyOf" if key == "oneOf" else key] = _strict(value, definitions, inside)
    if "properties" in made:
        made["required"] = list(made["properties"])
        made["additionalProperties"] = False
    return made


def _refers(part: Any, name: str) -> bool:
    return f'"#/$defs/{name}"' in json.dumps(part)


def _recursive(name: str, definitions: dict[str, Any]) -> bool:
    seen: set[str] = set()
    todo = [name]
    while todo:
        text = json.dumps(definitions[todo.pop()])
        near = {other for other in definitions if f'"#/$defs/{other}"' in text} - seen
        if name in near:
            return True
        seen |= near
        todo += near
    return False
