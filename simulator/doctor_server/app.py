"""Puts the server together: an opened model and settings become an application; nothing is kept in a module."""

from __future__ import annotations

import time

from fastapi import FastAPI, Request, Response
from starlette.middleware import Middleware

from agents.doctors.speechlm import OpenedModel
from scenarios.errors import InputError
from simulator.doctor_server.answers import Health, ModelCard, ModelList, Welcome
from simulator.doctor_server.chat import Chat
from simulator.doctor_server.document import DESCRIPTION, LOOKING, chat_answers, chat_body, describe, failures
from simulator.doctor_server.errors import OpenAIProblems, Refused
from simulator.doctor_server.guards import Counted, Door
from simulator.doctor_server.metrics import CONTENT_TYPE, Metrics
from simulator.doctor_server.settings import ServerSettings
from simulator.web.security import HostGuard, OriginGuard, SafeAnswers

CHAT, MODELS = "/v1/chat/completions", "/v1/models"
PATHS = {
    CHAT: "chat completions: POST", MODELS: "the model", "/health": "whether it answers",
    "/metrics": "numbers for Prometheus", "/openapi.json": "every operation and schema",
}


def make_app(opened: OpenedModel, settings: ServerSettings) -> FastAPI:
    """Return the application; whoever opened the model closes it. ``state.chat`` is its Chat.

    Raises:
        InputError: other machines could reach it, and no token is set.
        MissingExtra: prometheus_client is not installed.
    """
    if not settings.as_web.is_loopback and not settings.token:
        raise InputError(f"a server on {settings.host} can be reached by others: give it a token (--token-env)")
    problems = OpenAIProblems()
    metrics = Metrics(lambda: opened.worker.counters)
    app = FastAPI(
        title="Clinic doctor", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None,
        middleware=[  # from the outside inwards
            Middleware(Counted, note=metrics.requested),
            Middleware(SafeAnswers, problems=problems),
            Middleware(HostGuard, problems=problems, settings=settings.as_web),
            Middleware(OriginGuard, problems=problems),
            Middleware(Door, problems=problems, token=settings.token),
        ],
    )
    problems.install(app)
    chat = app.state.chat = Chat(opened, settings, metrics)
    _chat(app, chat)
    _about(app, chat, settings, metrics)
    describe(app, with_token=bool(settings.token))
    return app


def _chat(app: FastAPI, chat: Chat) -> None:
    @app.post(CHAT, responses=chat_answers(), openapi_extra=chat_body(), response_class=Response)
    async def chat_completions(request: Request) -> Response:
        """Answer the last turn of a dialogue, written or spoken, in text or in text and sound."""
        return await chat.answer(request)


def _about(app: FastAPI, chat: Chat, settings: ServerSettings, metrics: Metrics) -> None:
    card = _card(chat.opened, settings.name)

    @app.get(MODELS, responses=failures(LOOKING))
    async def models() -> ModelList:
        """Return the one model that is served."""
        return ModelList(data=[card])

    @app.get(MODELS + "/{name:path}", responses=failures(LOOKING))
    async def model(name: str) -> ModelCard:
        """Return a model by its name."""
        if name != settings.name:
            raise Refused(404, f"the model {name!r} is not here; this server has {settings.name!r}",
                          param="model", code="model_not_found")
        return card

    @app.get("/health", responses={503: {"model": Health, "description": "It answers no more: start it again."}})
    async def health(response: Response) -> Health:
        """Say whether answers can be had."""
        response.status_code = 503 if chat.problem else 200
        problem = chat.problem or chat.opened.worker.problem
        return Health(status="failed" if problem else "ready", model=settings.name, problem=problem)

    @app.get("/metrics", response_class=Response, responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **failures(LOOKING[:2]),
    })
    async def numbers() -> Response:
        """Return the numbers of the server in Prometheus' text format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/", responses=failures(LOOKING[:2]))
    async def welcome() -> Welcome:
        """Say where everything is."""
        return Welcome(name="Clinic doctor", models=[settings.name], paths=PATHS)


def _card(opened: OpenedModel, name: str) -> ModelCard:
    info = opened.info
    return ModelCard(
        id=name, created=int(time.time()), max_model_len=opened.context, hears=not info.text_only,
        speaks=opened.rate_hz is not None, languages=list(info.languages), parameters=info.parameters,
        fingerprint=info.fingerprint,
    )
