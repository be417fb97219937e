"""What a well-behaved model would answer: words, or a valid instance of any JSON schema; the same for the same seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from scenarios.identity import content_hash

WORDS = "how long has it hurt and where does the pain go 请问 您 哪里 不 舒服 多久 了".split()


@dataclass(frozen=True)
class Reply:
    text: str
    finish: str
    prompt: int
    cached: int
    completion: int

    def usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt, "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion, "prompt_tokens_details": {"cached_tokens": self.cached},
        }


def good_reply(body: dict[str, Any], words: int, seen: set[str]) -> Reply:
    """Answer a chat request; ``seen`` remembers prompts, so that a repeated prefix counts as cached."""
    messages = body["messages"]
    chance = random.Random(content_hash([messages, body.get("seed")]))
    schema = wanted_schema(body)
    if schema is not None:
        text, finish = json.dumps(instance(schema, schema, chance), ensure_ascii=False), "stop"
    else:
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or words
        text = " ".join(chance.choice(WORDS) for _ in range(min(words, limit)))
        finish = "stop" if words <= limit else "length"
    sizes = [len(str(message["content"])) // 4 + 4 for message in messages]
    cached = 0
    for end in range(1, len(messages) + 1):
        name = content_hash(messages[:end])
        cached = sum(sizes[:end]) if name in seen and end < len(messages) else cached
        seen.add(name)
    return Reply(text, finish, sum(sizes), cached, max(1, len(text) // 4))


def wanted_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of ``response_format``, or the one that stands in the last system message."""
    wanted = body.get("response_format")
    if wanted and wanted["type"] == "json_schema":
        schema: dict[str, Any] = wanted["json_schema"]["schema"]
        return schema
    systems = [message["content"] for message in body["messages"] if message["role"] == "system"]
    for start in [i for i, char in enumerate(systems[-1] if systems else "") if char == "{"]:
        try:
            found, _ = json.JSONDecoder().raw_decode(systems[-1][start:])
        except ValueError:
            continue
        if "properties" in found:
            return dict(found)
    return None


def instance(schema: dict[str, Any], root: dict[str, Any], chance: random.Random) -> Any:
    """Return a small valid value: every property, the fewest items, any allowed value where there is a choice."""
    if "$ref" in schema:
        return instance(_target(schema["$ref"], root), root, chance)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return chance.choice(schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return instance(chance.choice(schema[several]), root, chance)
    if "allOf" in schema:
        return instance({k: v for part in schema["allOf"] for k, v in part.items()}, root, chance)
    kind = schema.get("type", "object")
    return _MAKE[kind if isinstance(kind, str) else chance.choice(kind)](schema, root, chance)


def _target(ref: str, root: dict[str, Any]) -> dict[str, Any]:
    found: Any = root
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _object(schema: dict[str, Any], root: dict[str, Any], chance: random.Random) -> Any:
    return {name: instance(part, root, chance) for name, part in schema.get("properties", {}).items()}


def _array(schema: dict[str, Any], root: dict[str, Any], chance: random.Random) -> Any:
    if "prefixItems" in schema:
        return [instance(part, root, chance) for part in schema["prefixItems"]]
    fewest = schema.get("minItems", 0)
    count = max(fewest, min(1, schema.get("maxItems", 1)))
    made: list[Any] = []
    while len(made) < count:
        item = instance(schema.get("items", {}), root, chance)
        if not schema.get("uniqueItems") or item not in made:
            made.append(item)
    return made


def _string(schema: dict[str, Any], root: dict[str, Any], chance: random.Random) -> Any:
    most, fewest = schema.get("maxLength", 40), schema.get("minLength", 1)
    text = " ".join(chance.choice(WORDS) for _ in range(3))[: max(most, 0)].strip()
    return text.ljust(fewest, "x")


def _whole(schema: dict[str, Any], root: dict[str, Any], chance: random.Random) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 10) - 1)
    return chance.randint(int(low), max(int(low), int(high)))


def _number(schema: dict[str, Any], root: dict[str, Any], chance: random.Random) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1))
    return round(low + (high - low) * chance.uniform(0.25, 0.75), 6)


_MAKE = {
    "object": _object, "array": _array, "string": _string, "integer": _whole, "number": _number,
    "boolean": lambda schema, root, chance: chance.random() < 0.5, "null": lambda schema, root, chance: None,
}
