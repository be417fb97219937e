"""Rows of the ragged cache keep what is theirs while others join, leave, are parked and brought back."""

from __future__ import annotations

import random

import torch

from model.streaming.cache import RaggedCache, Row
from model.streaming.prefix import PrefixStore, common


def filled(cache: RaggedCache, row: Row, mark: int, count: int) -> None:
    """Write positions by hand: each holds its mark and its place."""
    cache.reserve(len(cache.rows), row.length + count)
    for layer, (keys, values) in enumerate(zip(cache.keys, cache.values, strict=True)):
        for place in range(row.length, row.length + count):
            keys[row.index, :, place] = mark * 10_000 + place * 4 + layer
            values[row.index, :, place] = -(mark * 10_000 + place * 4 + layer)
    row.length += count


def holds(cache: RaggedCache, row: Row, mark: int, count: int) -> bool:
    places = torch.arange(count) * 4.0 + mark * 10_000
    return row.length == count and all(
        bool((keys[row.index, :, :count, 0] == places + layer).all())
        and bool((values[row.index, :, :count, 1] == -(places + layer)).all())
        for layer, (keys, values) in enumerate(zip(cache.keys, cache.values, strict=True))
    )


def small(max_rows: int = 6, limit: int = 1000) -> RaggedCache:
    return RaggedCache(2, 2, 4, torch.device("cpu"), torch.float32, max_rows, limit)


def test_rows_keep_their_own_through_a_random_life() -> None:
    cache, chance, alive = small(), random.Random(5), dict[int, tuple[Row, int]]()
    parked = {}
    for mark in range(1, 120):
        if len(alive) < 6:
            alive[mark] = (cache.take(), 0)
        for key in chance.sample(sorted(alive), len(alive) // 2):
            row, count = alive[key]
            more = chance.randrange(1, 40)
            filled(cache, row, key, more)
            alive[key] = (row, count + more)
        if chance.random() < 0.4 and alive:
            key = chance.choice(sorted(alive))
            row, count = alive.pop(key)
            parked[key] = (cache.park(row, count // 2), count // 2)
            cache.leave(row)
            cache.leave(row)
        if parked and len(alive) < 6 and chance.random() < 0.3:
            key, (kept, count) = parked.popitem()
            row = cache.take()
            cache.restore(row, kept, count)
            alive[key] = (row, count)
        assert sorted(row.index for row, _ in alive.values()) == list(range(len(alive)))
        assert all(holds(cache, row, key, count) for key, (row, count) in alive.items())
    assert cache.room[0] <= 6 and cache.room[1] <= 1000


def test_room_grows_by_doubling_and_is_given_back() -> None:
    cache = small()
    for _ in range(3):
        cache.take()
    assert cache.room == (4, 256)
    cache.reserve(5, 257)
    assert cache.room == (6, 512)
    assert cache.bytes == 2 * 2 * 6 * 2 * 512 * 4 * 4 and cache.position_bytes == 2 * 2 * 2 * 4 * 4
    cache.clear()
    assert cache.bytes == 0


def test_common_beginnings() -> None:
    assert common((), (1,)) == 0
    assert common((1, 2, "a", 3), (1, 2, "a", 4)) == 3
    assert common((1, 2), (1, 2, 3)) == common((1, 2, 3), (1, 2)) == 2
    assert common((9,), (1,)) == 0
    for same in range(20):
        assert common((*range(same), -1, 7), (*range(same), -2, 7)) == same


def test_a_store_prefers_the_longest_and_never_all() -> None:
    cache = small()
    row = cache.take()
    filled(cache, row, 1, 12)
    store = PrefixStore(10_000)
    assert store.find((1, 2), (1, 1)) is None
    for symbols in ((1, 2, "s", 5), (1, 2, 7)):
        length = 12 if "s" in symbols else 3
        assert store.wants(symbols, length * cache.position_bytes)
        store.keep(symbols, cache.park(row, length))
    found = store.find((1, 2, "s", 5), (1, 1, 9, 1))
    assert found is not None and (found.symbols, found.positions) == (3, 11)
    assert not store.wants((1, 2, "s"), 1) and store.wants((1, 2, "s", 5, 6), 1)
    store.keep((1, 2, "s", 5, 6), cache.park(row, 12))
    assert len(store) == 2 and store.bytes == 15 * cache.position_bytes
