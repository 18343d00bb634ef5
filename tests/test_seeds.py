from __future__ import annotations

import os
import subprocess
import sys

from dlx.seeds import derive


def test_a_seed_is_a_function_of_all_its_parts() -> None:
    every = {
        derive(seed, purpose, *numbers)
        for seed in range(10)
        for purpose in ("shuffle", "dropout", "init")
        for numbers in ((0,), (1,), (0, 0), (0, 1), (1, 0), (11,), (1, 1))
    }

    assert len(every) == 10 * 3 * 7


def test_parts_do_not_run_together() -> None:
    assert derive(1, "a", 23) != derive(1, "a", 2, 3) != derive(12, "a", 3)
    assert derive(1, 2) != derive(12)


def test_a_seed_fits_torch_and_numpy() -> None:
    seeds = [derive(i, "any") for i in range(1000)]

    assert all(0 <= seed < 2**63 for seed in seeds)
    assert sum(seed >= 2**62 for seed in seeds) > 400


def test_it_is_the_same_everywhere_and_for_ever() -> None:
    """Stored, so that no release moves the splits of an earlier one."""
    assert derive(0, "test") == 6343639018140002960
    code = "from dlx.seeds import derive; print(derive(0, 'test'))"
    for hash_seed in ("0", "12345"):
        found = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(found.stdout) == derive(0, "test")
