"""Sound is stored once, whoever stores it, whole or not at all, and found again by what was said."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from agents.sound.shelf import AUDIO, PARTS, SAID, SoundShelf, current_shelf, shelved
from agents.sound.wave import Sound, read_sound, wav_bytes
from scenarios.errors import AgentFailure, RunFolderError
from scenarios.schema import AudioRef
from tests.sounds import noise, tone

FORKED = multiprocessing.get_context("fork")


def fill(root: Path, who: int, count: int) -> None:
    """Store and note what all store and something of one's own; run in a process of its own."""
    shelf = SoundShelf(root)
    for number in range(count):
        shared = Sound(np.full(4000, number % 50 / 64, np.float32), 16_000)
        own = Sound(np.full(4000, (number + 1) / 32_768, np.float32), who + 8000)
        for sound, key in ((shared, f"all {number % 50}"), (own, f"{who} {number}")):
            shelf.note(key, shelf.put(sound).model_dump_json())


def children(root: Path, count: int) -> list[BaseProcess]:
    started: list[BaseProcess] = [FORKED.Process(target=fill, args=(root, who, count)) for who in range(4)]
    for process in started:
        process.start()
    return started


def wavs(root: Path) -> list[Path]:
    return sorted(path for path in (root / AUDIO).rglob("*") if path.is_file() and not path.name.startswith(SAID))


def resident() -> int:
    """Return how many bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def small(number: int) -> Sound:
    return Sound(np.full(160, number / 32_768, np.float32), 16_000)


def test_a_sound_is_stored_once_under_the_hash_of_its_bytes(tmp_path: Path) -> None:
    shelf, sound = SoundShelf(tmp_path), tone(0.5)
    ref = shelf.put(sound)
    before = (tmp_path / ref.path).stat()
    assert shelf.put(Sound(sound.samples.copy(), 16_000)) == ref == SoundShelf(tmp_path).put(sound)
    assert (tmp_path / ref.path).stat().st_mtime_ns == before.st_mtime_ns, "it was written again"
    assert (ref.sample_rate_hz, ref.seconds) == (16_000, 0.5)
    assert (tmp_path / ref.path).read_bytes() == wav_bytes(sound)
    assert wavs(tmp_path) == [tmp_path / ref.path]
    assert wav_bytes(shelf.get(ref)) == wav_bytes(sound) and shelf.has(ref)
    assert shelf.put(Sound(sound.samples, 8_000)) != ref, "another rate is another sound"


def test_nothing_is_made_before_the_first_sound(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path / "run")
    assert shelf.find("anything") is None and not shelf.has(AudioRef(path="audio/x.wav", sample_rate_hz=1, seconds=0))
    shelf.close()
    assert not (tmp_path / "run").exists()


def test_32_threads_store_the_same_and_each_its_own(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path)
    together = threading.Barrier(32)

    def put(who: int) -> list[AudioRef]:
        together.wait(30)
        refs = [shelf.put(small(number)) for number in range(20)]
        shelf.note(f"thread {who}", str(who))
        return [*refs, shelf.put(small(1000 + who))]

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(put, range(32)))
    assert len({ref.path for refs in found for ref in refs}) == 52 == len(wavs(tmp_path))
    assert all(refs[:20] == found[0][:20] for refs in found)
    assert [shelf.find(f"thread {who}") for who in range(32)] == [str(who) for who in range(32)]


def test_four_processes_share_one_shelf(tmp_path: Path) -> None:
    for process in children(tmp_path, 60):
        process.join(60)
        assert process.exitcode == 0
    shelf = SoundShelf(tmp_path)
    assert len(wavs(tmp_path)) == 50 + 4 * 60
    for who in range(4):
        for number in range(60):
            ref = AudioRef.model_validate_json(shelf.find(f"{who} {number}") or "")
            assert ref.sample_rate_hz == 8000 + who and len(shelf.get(ref).samples) == 4000


def test_a_kill_leaves_nothing_half(tmp_path: Path) -> None:
    """Children are killed at moments that differ; what they have stored and noted is whole, and work goes on."""
    started = children(tmp_path, 1_000_000)
    while not (tmp_path / AUDIO / SAID).exists() or len(wavs(tmp_path)) < 20:
        time.sleep(0.01)
    for number, process in enumerate(started):
        time.sleep(0.013 * number)
        process.kill()
        process.join(30)
        assert process.exitcode == -signal.SIGKILL
    shelf = SoundShelf(tmp_path)
    stored = [path for path in wavs(tmp_path) if path.parent.name != PARTS]
    assert len(stored) > 8 and all(len(read_sound(path).samples) == 4000 for path in stored)
    noted = [shelf.find(f"{who} {number}") for who in range(4) for number in range(1000)]
    refs = [AudioRef.model_validate_json(about) for about in noted if about]
    assert len(refs) > 4 and all(len(shelf.get(ref).samples) == 4000 for ref in refs)
    shelf.note("after", "the kill")
    assert SoundShelf(tmp_path).find("after") == "the kill"


def put_long(root: Path, killed: bool) -> None:
    """Store 800 kB where files may have 300 kB; run in a process of its own, which ends there or is told."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if killed else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    try:
        SoundShelf(root).put(Sound(np.full(400_000, 0.5, np.float32), 16_000))
    except RunFolderError as error:
        os._exit(7 if "make room" in str(error) else 8)
    os._exit(0)


@pytest.mark.parametrize("killed", [True, False])
def test_a_write_that_stops_in_the_middle_leaves_no_sound(tmp_path: Path, killed: bool) -> None:
    process = FORKED.Process(target=put_long, args=(tmp_path, killed))
    process.start()
    process.join(60)
    assert process.exitcode == (-signal.SIGXFSZ if killed else 7)
    left = wavs(tmp_path)
    assert [path.parent.name for path in left] == ([PARTS] if killed else [])
    assert not killed or 0 < left[0].stat().st_size < 800_044
    ref = SoundShelf(tmp_path).put(Sound(np.full(400_000, 0.5, np.float32), 16_000))
    assert SoundShelf(tmp_path).get(ref).seconds == 25.0


def test_what_a_killed_process_left_unfinished_is_thrown_away_later(tmp_path: Path) -> None:
    parts = tmp_path / AUDIO / PARTS
    parts.mkdir(parents=True)
    (parts / "old.1.aa").write_bytes(b"RI")
    (parts / "new.1.bb").write_bytes(b"RI")
    long_ago = time.time() - 7200
    os.utime(parts / "old.1.aa", (long_ago, long_ago))
    SoundShelf(tmp_path).put(small(1))
    assert [path.name for path in parts.iterdir()] == ["new.1.bb"]


@pytest.mark.parametrize("damage", [b"", b"RIFF", b"\0" * 100])
def test_a_damaged_sound_is_told_and_put_right_when_it_is_stored_again(tmp_path: Path, damage: bytes) -> None:
    shelf = SoundShelf(tmp_path)
    ref = shelf.put(tone(0.1))
    (tmp_path / ref.path).write_bytes(damage)
    with pytest.raises(AgentFailure) as caught:
        shelf.get(ref)
    assert caught.value.owner == "voice" and caught.value.kind in {"audio_empty", "audio_corrupt", "audio_not_audio"}
    assert str(tmp_path) not in str(caught.value)
    assert shelf.put(tone(0.1)) == ref and shelf.get(ref).seconds == 0.1


def test_a_sound_that_is_gone_is_told(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path)
    ref = shelf.put(tone(0.1))
    (tmp_path / ref.path).unlink()
    with pytest.raises(AgentFailure) as caught:
        shelf.get(ref)
    assert caught.value.kind == "audio_missing" and not shelf.has(ref)


@pytest.mark.parametrize(
    "path", ["../secret.wav", "audio/../../secret.wav", "audio/../secret.wav", "{root}/secret.wav", "/etc/passwd",
             "audio/link.wav", "audio/folder/secret.wav", "audio/\0", "n" * 5000, "", "audio", "run.json"]
)
def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    run = tmp_path / "run"
    shelf = SoundShelf(run)
    shelf.put(tone(0.1))
    (tmp_path / "secret.wav").write_bytes(wav_bytes(tone(0.2)))
    (run / AUDIO / "link.wav").symlink_to(tmp_path / "secret.wav")
    (run / AUDIO / "folder").symlink_to(tmp_path)
    ref = AudioRef(path=path.format(root=tmp_path), sample_rate_hz=16_000, seconds=0.2)
    with pytest.raises(AgentFailure) as caught:
        shelf.get(ref)
    assert caught.value.kind in {"audio_outside", "audio_missing", "audio_not_audio"} and not shelf.has(ref)
    if "secret" in path or "link" in path:
        assert caught.value.kind == "audio_outside"


def test_an_audio_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere, run = SoundShelf(tmp_path / "elsewhere"), tmp_path / "run"
    ref = elsewhere.put(tone(0.1))
    run.mkdir()
    (run / AUDIO).symlink_to(tmp_path / "elsewhere" / AUDIO)
    with pytest.raises(AgentFailure, match="leads out"):
        SoundShelf(run).get(ref)


def test_a_run_folder_may_itself_be_reached_by_a_link(tmp_path: Path) -> None:
    ref = SoundShelf(tmp_path / "run").put(tone(0.1))
    (tmp_path / "latest").symlink_to(tmp_path / "run")
    assert SoundShelf(tmp_path / "latest").get(ref).seconds == 0.1


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / AUDIO).write_text("a file where a folder should be")
    with pytest.raises(RunFolderError, match="make room, then run the same command with --resume"):
        SoundShelf(tmp_path).put(tone(0.1))


def test_another_runs_sounds_are_taken_over_and_that_run_stays_as_it_is(tmp_path: Path) -> None:
    first = SoundShelf(tmp_path / "first")
    ref = first.put(tone(0.1))
    first.note("key", ref.model_dump_json())
    first.close()
    before = {path: path.read_bytes() for path in wavs(tmp_path / "first")}
    second = SoundShelf(tmp_path / "second", tmp_path / "first")
    assert AudioRef.model_validate_json(second.find("key") or "") == ref
    assert second.has(ref) and second.get(ref).seconds == 0.1
    second.note("key 2", "here")
    assert first.find("key 2") is None
    second.close()
    assert before == {path: path.read_bytes() for path in wavs(tmp_path / "first")}


def test_memory_stays_bounded_over_10_000_sounds(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path)

    def use(first: int, last: int) -> None:
        for number in range(first, last):
            ref = shelf.put(small(number % 2000))
            shelf.note(f"key {number}", ref.model_dump_json())
            shelf.find(f"key {number // 2}")

    use(0, 1000)
    before = resident()
    use(1000, 10_000)
    assert resident() - before < 6_000_000
    assert shelf.find("key 9999")


def test_the_shelf_is_that_of_the_consultation_under_way(tmp_path: Path) -> None:
    one, two = SoundShelf(tmp_path / "one"), noise(0.1)
    assert current_shelf() is None
    with shelved(one):
        assert current_shelf() is one
        with shelved(None):
            assert current_shelf() is None
        assert current_shelf() is one and one.put(two).seconds == 0.1
    assert current_shelf() is None
