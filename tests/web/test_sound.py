from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scenarios.schema import Consultation
from simulator.store import read_consultations
from simulator.web.links import ServerLinks
from simulator.web.settings import Settings
from tests.web.conftest import opened
from tests.web.stored_runs import Page, changed, copied, of

LINKS = ServerLinks("0")


@pytest.fixture(scope="session")
def record(small_runs: Path) -> Consultation:
    return next(one for one in read_consultations(small_runs / "small") if one.key.doctor == "careful")


@pytest.fixture
def own(small_runs: Path, tmp_path: Path) -> Path:
    return copied(small_runs / "small", tmp_path / "runs" / "own")


@pytest.fixture
async def client(own: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(Settings(runs=own.parent, sessions=str(tmp_path / "own.sqlite"))) as found:
        yield found.client


@pytest.fixture
def sound(own: Path) -> bytes:
    (own / "audio").mkdir()
    path = own / "audio" / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 40)
    return path.read_bytes()


def name_sound(own: Path, record: Consultation, path: str) -> None:
    def change(line: dict[str, Any]) -> dict[str, Any]:
        line["turns"][0]["audio"] = {"path": path, "sample_rate_hz": 8_000, "seconds": 0.64}
        return line

    changed(own, of(record.key.case, "careful", record.key.trial, change))


async def test_a_turn_is_heard_and_can_be_sought_in(
    own: Path, client: httpx.AsyncClient, record: Consultation, sound: bytes
) -> None:
    name_sound(own, record, "audio/x.wav")
    page = Page((await client.get(LINKS.consultation("own", record.key))).text)
    player = page.all("audio")[0]
    assert (player["preload"], player["src"]) == ("none", LINKS.audio("own", record.key, 0))
    assert "sound 0.6 s" in page.all("div", id="turn-0-0")[0]["text"]
    whole = await client.get(player["src"])
    assert (whole.status_code, whole.content) == (200, sound)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["x-content-type-options"] == "nosniff"
    part = await client.get(player["src"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, sound[100:200])
    assert (await client.get(LINKS.audio("own", record.key, 1))).status_code == 404


async def test_nothing_outside_the_sounds_of_the_run_is_opened(
    own: Path, client: httpx.AsyncClient, record: Consultation, sound: bytes
) -> None:
    secret = own.parent / "secret.wav"
    for place in (secret, own / "run.wav", own / "audio" / "page.html"):
        place.write_bytes(b"secret")
    (own / "audio" / "link.wav").symlink_to(secret)
    (own / "audio" / "out").symlink_to(own.parent)
    for path in (
        "../secret.wav", "audio/../../secret.wav", "audio/../run.wav", "run.wav", str(secret), "audio/link.wav",
        "audio/out/secret.wav", "audio/page.html", "audio", "audio/", "audio/none.wav", "audio/nul\0.wav", "",
        "audio/" + "x" * 5_000 + ".wav",
    ):
        name_sound(own, record, path)
        answer = await client.get(LINKS.audio("own", record.key, 0))
        assert (answer.status_code, b"secret" in answer.content) == (404, False), path


async def test_a_sound_folder_that_is_a_link_is_not_followed(
    own: Path, client: httpx.AsyncClient, record: Consultation
) -> None:
    elsewhere = own.parent.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.wav").write_bytes(b"secret")
    (own / "audio").symlink_to(elsewhere)
    name_sound(own, record, "audio/x.wav")
    assert (await client.get(LINKS.audio("own", record.key, 0))).status_code == 404
