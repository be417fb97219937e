"""What the model behind a turn of a session was asked; built again, asking nobody, and never for a blind doctor."""

from __future__ import annotations

from scenarios.errors import NotNow
from simulator.asked import Asked, asked
from simulator.terminal.facts import spoken_in, turns_words
from simulator.terminal.view import Here


def prompt_behind(here: Here, number: int) -> Asked:
    """Return the messages behind turn ``number`` (from 1), or a note why there are none.

    Raises:
        NotNow: there is no such turn, or its prompt holds the record and a doctor here is a person.
    """
    turns = here.snapshot.turns
    if not 1 <= number <= len(turns):
        raise NotNow(f"there is no turn {number}: {turns_words(here.snapshot)}")
    if here.blind and turns[number - 1].role == "patient":
        raise NotNow("what the patient was asked holds the record, which you do not see as the doctor")
    casting = spoken_in(here, number - 1).casting
    batch = {
        "doctors": {casting.doctor_name: casting.doctor.model_dump()}, "max_turns": casting.max_turns,
        "patient": casting.patient.model_dump(),
    }
    record = here.snapshot.record
    key = record.key.model_copy(update={"doctor": casting.doctor_name, "seed": casting.seed})
    return asked({"batch": batch}, here.info.case, record.model_copy(update={"key": key}), number - 1)
