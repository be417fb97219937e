"""Who listens hears a reply as it grows: the spoken words only, from the start again when it is asked for again."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents.doctors.cleaning import clean
from agents.doctors.habits import Labels
from agents.doctors.process import ProcessDoctor, ProcessOptions
from agents.doctors.speaking import DoctorForm
from agents.llm.hearing import current_listener, heard_by, tell
from agents.llm.spoken import Spoken
from agents.llm.tape import on_tape
from agents.patients.llm_form import OpeningForm, form_of
from scenarios.errors import AgentFailure
from tests.agents.doctors_llm.models import view_of
from tests.agents.doctors_llm.servers import doctor_server
from tests.agents.llm.setting import MESSAGES, Ear, Score, model_at
from tests.agents.llm.test_tape import Tape
from tests.fault_server import Answer, FaultServer, broken

WORDS = "Since Tuesday: “昨天开始” \U0001f600 \\ \" / \n\t <b> {x} \u2028 end"


class Told(BaseModel):
    spoken: ClassVar[str] = "text"
    disclosed: list[str]
    text: str


def spoken_of(raw: str, field: str, cuts: list[int]) -> str:
    """Feed ``raw`` cut at ``cuts``; what proves to be thought is forgotten."""
    spoken, heard = Spoken(field), ""
    places = [0, *sorted({cut % (len(raw) + 1) for cut in cuts}), len(raw)]
    for start, end in zip(places, places[1:], strict=False):
        over, words = spoken.feed(raw[start:end])
        heard = words if over else heard + words
    return heard + spoken.rest()


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("order", [("disclosed", "text", "end"), ("end", "text", "disclosed"), ("text", "end")])
def test_a_field_is_read_from_any_json_however_it_is_cut(order: tuple[str, ...], indent: int | None,
                                                         ascii_only: bool) -> None:
    values: dict[str, Any] = {"disclosed": [{"text": "inner"}, "a, \"text\": b"], "text": WORDS, "end": {"text": "no"}}
    raw = json.dumps({key: values[key] for key in order}, indent=indent, ensure_ascii=ascii_only)
    assert spoken_of(raw, "text", list(range(len(raw)))) == WORDS
    chance = random.Random(3)
    for _ in range(50):
        assert spoken_of(raw, "text", [chance.randrange(len(raw)) for _ in range(5)]) == WORDS


@given(st.text(), st.booleans(), st.lists(st.integers(0, 500), max_size=8))
def test_any_text_is_read_as_json_decodes_it(text: str, ascii_only: bool, cuts: list[int]) -> None:
    raw = json.dumps({"a": [1, None], "say": text, "b": "later"}, ensure_ascii=ascii_only)
    assert spoken_of(raw, "say", cuts) == text


@given(st.text(alphabet='{}[]",:\\ud83eDsay<>/think \n\ud83d\ude00x'), st.lists(st.integers(0, 500), max_size=8))
def test_nonsense_is_read_without_complaint_and_alike_however_it_is_cut(raw: str, cuts: list[int]) -> None:
    for name in ("", "say"):
        assert spoken_of(raw, name, cuts) == spoken_of(raw, name, [])
        spoken_of(raw, name, cuts).encode()


@pytest.mark.parametrize(("raw", "words"), [
    ('Sure: {"x"} ```json\n{"say": "yes"}\n``` {"say": "no"}', "yes"),
    ('{"say": "yes', "yes"),
    ('{"say": 7, "more": "no"}', ""),
    ('{"say": ["no", {"say": "no"}]}', ""),
    ('{"say": "\ud83d\ude00 \ud83d"}', "\U0001f600 \ufffd"),
    (r'{"say": "\ud83d!\ude00 \uZZZZ \q"}', "\ufffd!\ufffd \ufffd q"),
    (r'{"\u0073ay": "yes"}', "yes"),
    ('<think>{"say": "no"}</think>{"say": "yes <think> yes"}', "yes <think> yes"),
    ('{"say": "no"} hm</think>\n{"say": "yes"}', "yes"),
    ('[{"say": "yes"}]', "yes"),
])
def test_what_stands_around_the_field_is_not_heard(raw: str, words: str) -> None:
    assert spoken_of(raw, "say", []) == spoken_of(raw, "say", list(range(len(raw)))) == words


@pytest.mark.parametrize("raw", [
    "<think>heart?</think>Since when?", "heart? </think> Since when?", "a <Thinking>b</THINKING> c", "ends with <thi",
    "<think>never ends", "5 < 6 and <b>x</b>", "ends with <", "<think>a<think>b</think>c", "<reasoning></reasoning>x",
])
def test_thoughts_are_left_out_as_from_the_finished_turn(raw: str) -> None:
    wanted = clean(raw, ("think",), Labels().en)
    for cuts in ([], list(range(len(raw)))):
        assert spoken_of(raw, "", cuts).strip() == wanted


@pytest.mark.parametrize("stream", [False, True])
async def test_words_are_heard_as_they_come_and_stay_what_they_are(server: FaultServer, stream: bool) -> None:
    ear, tape, watched = Ear(), Tape(), Tape()
    async with model_at(server.url, stream=stream) as model:
        with on_tape(tape):
            alone = await model.say(MESSAGES, seed=1)
        with heard_by(ear), on_tape(watched):
            said = await model.say(MESSAGES, seed=1)
    assert ear.heard == [said.text] and len(ear.tries[0]) > 3, "piece by piece"
    assert (said.text, said.finish) == (alone.text, alone.finish)
    assert tape.kept.keys() == watched.kept.keys(), "the recording does not know who listened"
    assert said.first_s is not None and (alone.first_s is not None) == stream
    assert [body.get("stream", False) for body in server.requests] == [stream, True], "nobody listens: as it was"
    assert current_listener() is None


async def test_of_a_form_only_its_spoken_field_is_heard_and_others_not_at_all(server: FaultServer) -> None:
    ear = Ear()
    async with model_at(server.url) as model:
        with heard_by(ear):
            await model.fill(MESSAGES, Score, seed=1)
            assert ear.tries == [[]] and "stream" not in server.requests[-1], "a judge's form has no voice"
            for form, field_name in ((Told, "text"), (DoctorForm, "say"), (form_of(("a",), 60, opening=False), "text")):
                filled = await model.fill(MESSAGES, form, seed=2)  # type: ignore[type-var]
                assert ear.heard[-1] == getattr(filled.form, field_name)
    assert len(ear.tries) == 3, "a further reply in the same turn starts over"
    assert "spoken" not in json.dumps([DoctorForm.model_json_schema(), OpeningForm.model_json_schema()])


async def test_a_reply_that_is_asked_for_again_is_heard_from_the_start(server: FaultServer) -> None:
    ear = Ear()
    server.script += [Answer(text='{"text": "wrong'), Answer(text="no words to hear"), Answer(text='{"text": 5}')]
    async with model_at(server.url, "patient", rereads=3) as model:
        with heard_by(ear):
            filled = await model.fill(MESSAGES, Told, seed=1)
    assert ear.heard == ["wrong", filled.form.text]


async def test_a_stream_that_breaks_is_heard_from_the_start(server: FaultServer, short_pauses: None) -> None:
    ear = Ear()
    server.script += [Answer(reset_after=3), broken()]
    async with model_at(server.url) as model:
        with heard_by(ear):
            said = await model.say(MESSAGES, seed=1)
    assert ear.heard == [said.text[:12], said.text]


async def test_a_stream_that_breaks_for_good_fails_as_ever(server: FaultServer) -> None:
    ear = Ear()
    server.script.append(Answer(reset_after=3))
    async with model_at(server.url, retries=0) as model:
        with heard_by(ear), pytest.raises(AgentFailure, match="connection"):
            await model.say(MESSAGES, seed=1)
    assert len(ear.heard[0]) == 12


async def test_a_replay_is_heard_at_once_with_its_second_tries(server: FaultServer) -> None:
    tape, ear = Tape(), Ear()
    server.script.append(Answer(text='{"text": "wrong'))
    async with model_at(server.url) as model:
        with on_tape(tape):
            filled = await model.fill(MESSAGES, Told, seed=1)
        with on_tape(Tape(tape.kept)), heard_by(ear):
            await model.fill(MESSAGES, Told, seed=1)
    assert ear.tries == [["wrong"], [filled.form.text]] and len(server.requests) == 2


def test_half_a_character_at_the_end_is_heard_as_broken() -> None:
    assert spoken_of("ab\ud83d", "", []) == "ab\ufffd"


async def test_the_end_of_a_reply_is_heard_also_when_it_looks_like_a_tag(server: FaultServer) -> None:
    ear = Ear()
    server.script.append(Answer(text="it is <thi"))
    async with model_at(server.url) as model:
        with heard_by(ear):
            await model.say(MESSAGES, seed=1)
    assert ear.heard == ["it is <thi"]


async def test_thoughts_are_not_heard_also_when_their_beginning_is_missing(server: FaultServer) -> None:
    ear = Ear()
    server.script += [Answer(text="<think>the heart?</think>Since when?"), Answer(text="the heart?</think>Since when?")]
    async with model_at(server.url) as model:
        with heard_by(ear):
            await model.say(MESSAGES, seed=1)
        assert ear.heard == ["Since when?"]
        with heard_by(ear):
            await model.say(MESSAGES, seed=2)
    assert ear.heard == ["Since when?the heart?", "Since when?"]


@pytest.mark.parametrize("breaks", ["words", "again"])
async def test_a_listener_that_fails_hears_no_more_and_breaks_nothing(server: FaultServer, breaks: str) -> None:
    class Broken(Ear):
        calls = 0

        def words(self, text: str) -> None:
            super().words(text)
            self.fail("words")

        def again(self) -> None:
            self.fail("again")

        def fail(self, what: str) -> None:
            if what == breaks:
                self.calls += 1
                raise ValueError("not my day")

    ear = Broken()
    server.script.append(Answer(text='{"text": "wrong'))
    async with model_at(server.url) as model:
        with heard_by(ear):
            filled = await model.fill(MESSAGES, Told, seed=1)
    assert filled.form.text and filled.completion.usage.calls == 2 and ear.calls == 1


async def test_being_heard_asks_no_more_of_a_server_than_before(server: FaultServer) -> None:
    whole = {"choices": [{"message": {"content": "all at once"}, "finish_reason": "stop"}]}
    for cannot in (Answer(400, error={"message": "stream is not supported"}), Answer(raw=json.dumps(whole).encode())):
        ear = Ear()
        server.script.append(cannot)
        async with model_at(server.url, retries=0) as model:
            with heard_by(ear):
                said = await model.say(MESSAGES, seed=1)
        assert ear.tries == [[said.text]]
    async with model_at(server.url, retries=0, stream=True) as model:
        server.script.append(Answer(400, error={"message": "stream is not supported"}))
        with heard_by(Ear()), pytest.raises(AgentFailure, match="bad_request"):
            await model.say(MESSAGES, seed=1)
    async with model_at(server.url, retries=0, max_reply_bytes=1000) as model:
        with heard_by(Ear()):
            assert len((await model.say(MESSAGES, seed=1)).text) < 200, "the frames of a stream are not the reply"


async def test_a_doctor_in_a_process_of_its_own_is_heard_at_once(root: Path) -> None:
    ear = Ear()
    with doctor_server(root / "services" / "template" / "server.py") as url:
        doctor = ProcessDoctor(ProcessOptions(model="echo", url=url))
        with heard_by(ear):
            reply = await doctor.reply(view_of("patient: My chest hurts."))
        await doctor.aclose()
    assert ear.tries == [[reply.text]]


async def test_agents_without_a_stream_are_heard_at_once_and_a_silence_can_be_kept() -> None:
    ear = Ear()
    with heard_by(ear):
        tell("first")
        with heard_by(None):
            tell("not for you")
        tell("second")
    tell("nobody listens")
    assert ear.tries == [["first"], ["second"]]
