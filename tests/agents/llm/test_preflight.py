"""Before a run starts, a server that cannot serve it is told about with the fix."""

from __future__ import annotations

import pytest

from scenarios.errors import ClinicError, InputError, UnknownName
from tests.agents.llm.setting import model_at
from tests.fault_server import FaultServer


async def test_a_server_that_has_the_model_and_the_length_passes() -> None:
    with FaultServer(models=("good", "better"), max_model_len=8192) as server:
        async with model_at(server.url) as model:
            await model.preflight(8192)


async def test_a_server_that_does_not_tell_its_length_passes(server: FaultServer) -> None:
    async with model_at(server.url) as model:
        await model.preflight(1_000_000)


async def test_nobody_at_the_address_names_the_command_that_starts_a_server(server: FaultServer) -> None:
    server.stop()
    async with model_at(server.url) as model:
        with pytest.raises(ClinicError, match=r"clinic serve --patient") as caught:
            await model.preflight(100)
    assert server.url in str(caught.value)


async def test_a_mistyped_model_is_shown_the_served_ones() -> None:
    with FaultServer(models=("qwen2.5-72b-instruct", "other")) as server:
        async with model_at(server.url, model="qwen2.5-72b-instruc") as model:
            with pytest.raises(UnknownName, match=r"Did you mean 'qwen2.5-72b-instruct'\? Choices: other, qwen2.5-72b"):
                await model.preflight(100)


async def test_a_context_that_is_too_short_names_both_lengths_and_the_fixes() -> None:
    with FaultServer(max_model_len=4096) as server:
        async with model_at(server.url) as model:
            with pytest.raises(InputError, match=r"4096 .*5000.*--max-model-len 5000 .*max_turns"):
                await model.preflight(5000)


async def test_a_refused_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_TEST_KEY", "wrong")
    with FaultServer(key="right") as server:
        async with model_at(server.url, api_key_env="CLINIC_TEST_KEY") as model:
            with pytest.raises(ClinicError, match="refuses the key in CLINIC_TEST_KEY"):
                await model.preflight(100)
        async with model_at(server.url) as model:
            with pytest.raises(ClinicError, match="set api_key_env"):
                await model.preflight(100)


@pytest.mark.parametrize("path", ["", "/elsewhere"])
async def test_an_address_that_is_no_api_is_told_apart(server: FaultServer, path: str) -> None:
    url = server.url.removesuffix("/v1") + path
    async with model_at(f"{url}/v2/nowhere") as model:
        server.hub.models = ()
        with pytest.raises(ClinicError):
            await model.preflight(100)
