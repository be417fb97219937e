"""Other people's client, OpenAI's own, talks to the running server: text, sound in, sound out, streamed and whole."""

from __future__ import annotations

import asyncio
import base64
import time

import numpy as np
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI

from agents.sound.wave import read_sound
from tests.doctor_server.conftest import NAME, SPOKEN_S, Served, chat, said, tone

SPOKEN = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
STREAMED = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}, "stream": True}


def samples(data: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data), "<i2")


def test_the_model_is_listed_and_found(client: OpenAI) -> None:
    (card,) = client.models.list().data
    assert card.id == NAME and card.object == "model"
    assert card.max_model_len == 4096 and card.speaks and card.hears
    assert client.models.retrieve(NAME).id == NAME
    with pytest.raises(NotFoundError, match="'another' is not here; this server has 'tiny'"):
        client.models.retrieve("another")


@pytest.mark.parametrize("content", ["I have a headache.", "我头疼三天了。"])
def test_text_whole_and_streamed_is_the_same(client: OpenAI, content: str) -> None:
    whole = client.chat.completions.create(**chat(content))
    message = whole.choices[0].message
    assert message.role == "assistant" and message.content and message.audio is None
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage.completion_tokens == 6
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + 6
    chunks = list(client.chat.completions.create(**chat(content), stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == message.content
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == [] and chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens > 0, "the same prompt is not computed again"


def test_usage_is_not_sent_unasked(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(**chat("Hello"), stream=True))
    assert all(chunk.usage is None and len(chunk.choices) == 1 for chunk in chunks)


def test_what_is_heard_counts(client: OpenAI) -> None:
    one, other, silent = (
        client.chat.completions.create(**chat(*parts)).usage.prompt_tokens
        for parts in ([said(tone(1.0))], [said(tone(2.0))], ["nothing"])
    )
    assert other == one + 10, "ten positions a second"
    assert one > 10 and silent > 0


@pytest.mark.parametrize("form", ["wav", "pcm16", "flac", "ogg", "mp3"])
def test_sound_comes_in_several_forms(client: OpenAI, form: str) -> None:
    import io

    import soundfile

    content = tone(1.0, 24_000)
    if form == "pcm16":
        content = content[44:]
    elif form != "wav":
        out = io.BytesIO()
        soundfile.write(out, read_sound(content).samples, 24_000, format=form.upper())
        content = out.getvalue()
    wav = client.chat.completions.create(**chat(said(tone(1.0, 24_000)))).usage.prompt_tokens
    assert abs(client.chat.completions.create(**chat(said(content, form))).usage.prompt_tokens - wav) <= 1


def test_a_data_url_is_the_same_sound(client: OpenAI) -> None:
    url = "data:audio/wav;base64," + base64.b64encode(tone()).decode()
    by_url = client.chat.completions.create(**chat({"type": "audio_url", "audio_url": {"url": url}}, max_tokens=12))
    plain = client.chat.completions.create(**chat(said(), max_tokens=12))
    assert by_url.choices[0].message.content == plain.choices[0].message.content


def test_the_answer_sounds(client: OpenAI) -> None:
    before = int(time.time())
    answer = client.chat.completions.create(**chat(said(), {"type": "text", "text": "Doctor?"}), **SPOKEN)
    audio = answer.choices[0].message.audio
    sound = read_sound(base64.b64decode(audio.data))
    assert sound.rate_hz == 24_000 and 0.2 < sound.seconds <= SPOKEN_S + 0.1
    assert np.abs(sound.samples).max() > 0.001
    assert audio.transcript == answer.choices[0].message.content
    assert audio.expires_at >= before + 3600
    assert answer.usage.completion_tokens_details.units == pytest.approx(sound.seconds * 25, abs=3)


def test_streamed_sound_is_the_whole_sound(client: OpenAI) -> None:
    whole = client.chat.completions.create(**chat("Good morning"), modalities=["text", "audio"], audio={
        "voice": "any", "format": "pcm16",
    })
    text, transcript, pieces = "", "", []
    for chunk in client.chat.completions.create(**chat("Good morning"), **STREAMED):
        delta = chunk.choices[0].delta
        text += delta.content or ""
        if delta.audio:
            transcript += delta.audio.transcript or ""
            pieces += [delta.audio.data] if delta.audio.data else []
    assert text == transcript == whole.choices[0].message.audio.transcript
    assert len(pieces) > 1, "it comes in pieces"
    heard, expected = np.concatenate([samples(piece) for piece in pieces]), samples(whole.choices[0].message.audio.data)
    assert len(heard) == len(expected) and np.abs(heard.astype(int) - expected).max() <= 2


def test_a_spoken_answer_stands_in_the_history_by_its_id(client: OpenAI) -> None:
    asked = chat("My knee hurts.")
    first = client.chat.completions.create(**asked, **SPOKEN).choices[0].message
    turns = [asked["messages"][0], None, {"role": "user", "content": "And now?"}]
    seen = []
    for answer in (first, {"role": "assistant", "audio": {"id": first.audio.id}},
                   {"role": "assistant", "content": first.content}):
        turns[1] = answer
        later = client.chat.completions.create(**asked | {"messages": turns})
        seen.append((later.choices[0].message.content, later.usage.prompt_tokens))
    assert seen[0] == seen[1] == seen[2]
    assert later.usage.prompt_tokens_details.cached_tokens > 20
    with pytest.raises(BadRequestError, match="no answer of this id") as caught:
        turns[1] = {"role": "assistant", "audio": {"id": "audio-unknown"}}
        client.chat.completions.create(**asked | {"messages": turns})
    assert caught.value.param == "messages[1].audio.id"


def test_sampling_obeys_seed_temperature_and_stop(client: OpenAI) -> None:
    def answer(**more: object) -> str:
        return client.chat.completions.create(**chat("Tell me.", max_tokens=12) | more).choices[0].message.content

    assert answer(temperature=1, seed=1) == answer(temperature=1, seed=1)
    assert len({answer(temperature=1.5, seed=seed) for seed in range(4)}) > 1
    assert len({answer(temperature=1.5, seed=None) for _ in range(4)}) > 1
    greedy = answer()
    assert greedy == answer(temperature=1, extra_body={"top_k": 1}, seed=9)
    end = greedy[len(greedy) // 2]
    assert answer(stop=[end]) == greedy[: greedy.index(end)]
    whole = client.chat.completions.create(**chat("Tell me.", stop=end, max_tokens=12))
    assert whole.choices[0].finish_reason == "stop"
    assert answer(extra_body={"repetition_penalty": 0.01}) != greedy
    assert client.chat.completions.create(
        **chat("Tell me.", max_tokens=None), max_completion_tokens=3
    ).usage.completion_tokens == 3


async def test_eight_streams_at_once_each_get_their_own_answer(server: Served) -> None:
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=60) as client:

        async def heard(number: int) -> tuple[str, int]:
            text, size = "", 0
            asked = chat(f"Patient number {number} speaks.", max_tokens=8, temperature=1, seed=number)
            async for chunk in await client.chat.completions.create(**asked, **STREAMED):
                text += chunk.choices[0].delta.content or ""
                if audio := chunk.choices[0].delta.audio:
                    size += len(base64.b64decode(audio.data or ""))
            return text, size

        together = await asyncio.gather(*map(heard, range(8)))
        alone = [await heard(number) for number in (0, 7)]
    assert [together[0], together[7]] == alone
    assert len({text for text, _ in together}) > 4
    assert all(size > 10_000 for _, size in together)
