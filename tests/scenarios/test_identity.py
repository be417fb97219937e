"""Hashes and seeds depend on content and place, on nothing else."""

from __future__ import annotations

import subprocess
import sys

from scenarios.identity import content_hash, derive_seed
from tests.helpers import small_case


def test_a_hash_ignores_the_order_of_keys_and_changes_with_any_value() -> None:
    assert content_hash({"a": 1, "b": [2]}) == content_hash({"b": [2], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    assert content_hash(small_case("a")) != content_hash(small_case("b"))


def test_seeds_differ_by_every_part_and_cannot_be_confused_across_parts() -> None:
    seeds = {derive_seed(1, "ab", "c"), derive_seed(1, "a", "bc"), derive_seed(2, "ab", "c"), derive_seed(1, "ab", 1)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_are_the_same_in_every_process() -> None:
    code = "from scenarios.identity import derive_seed; print(derive_seed(2026, '头痛', 'x', 3))"
    seen = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": str(n), "PYTHONPATH": "."}).stdout
        for n in (1, 2)
    }
    assert seen == {f"{derive_seed(2026, '头痛', 'x', 3)}\n"}
