"""Every learner that dlx has belongs to a branch of learning that is explained."""

from __future__ import annotations

from typing import get_args

import pytest

from dlx.config.branches import BRANCHES, Branch
from dlx.config.fields import import_code
from dlx.config.specs.learners import LEARNERS


@pytest.mark.parametrize("name", LEARNERS.entries)
def test_a_learner_names_its_branch_and_its_problem(name: str) -> None:
    spec = import_code(LEARNERS.entries[name].options.spec)
    assert spec.branch in BRANCHES
    assert spec.branch != "other"
    assert bool(spec.problem) != ("targets" in spec.uses)


def test_every_branch_is_explained() -> None:
    assert set(BRANCHES) == set(get_args(Branch))
    assert all(facts.meaning for facts in BRANCHES.values())
