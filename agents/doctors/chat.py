"""Any chat model as a doctor, over whatever serves it; it knows prompts and replies, no patient and no record."""

from __future__ import annotations

from agents.doctors.habits import PromptHabits
from agents.doctors.prompting import doctor_messages
from agents.doctors.prompts import prompt_fingerprint
from agents.doctors.speaking import DoctorForm, doctor_forecast, spoken_reply
from agents.llm.client import open_model
from agents.llm.forecast import Forecast
from agents.llm.forms import as_asked
from agents.llm.options import LLMOptions
from agents.llm.types import Message, Model
from agents.protocols import DoctorReply, DoctorView
from scenarios.schema import Case


class ChatOptions(LLMOptions, PromptHabits):
    """A model, its server and its habits; replies are streamed by default, for the time to first token."""

    stream: bool = True


class ChatDoctor:
    """Asks a language model for every turn; all that it knows stands in the view."""

    def __init__(self, options: ChatOptions, model: Model | None = None) -> None:
        """Open the model that the options describe, unless one is given."""
        self._options = options
        self._model = model or open_model(options, "doctor")
        self.fingerprint = prompt_fingerprint()

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the model's next words. Raises AgentFailure(doctor | infrastructure), after all retries."""
        messages = await self._messages(view)
        if self._options.ask_requests == "form":
            filled = await self._model.fill(messages, DoctorForm, seed=view.seed)
            return spoken_reply(filled.completion, view.language, self._options, filled.form)
        return spoken_reply(await self._model.say(messages, seed=view.seed), view.language, self._options)

    def asks(self, view: DoctorView) -> list[Message]:
        """Return the messages that are sent for the doctor's next words, a sound as ``{"type": "sound", "seconds"}``.

        It asks no server and reads no file.
        """
        built = self._outline(view)
        form = self._options.ask_requests == "form"
        return list(as_asked(built, DoctorForm, self._options)[0]) if form else built

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected tokens of one consultation."""
        return doctor_forecast(case, max_turns, self._options, self._options.max_tokens)

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the model cannot be asked now."""
        await self._model.preflight(longest)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._model.aclose()

    async def _messages(self, view: DoctorView) -> list[Message]:
        return self._outline(view)

    def _outline(self, view: DoctorView) -> list[Message]:
        """Return the messages before a form is asked for, with sounds only named."""
        return doctor_messages(view, self._options)
