"""What `report.json` holds of a run: the owner of its keys."""

from __future__ import annotations

from typing import Any, TypedDict

Listed = list[dict[str, Any]]


class Facts(TypedDict, total=False):
    """All of a run: known before training, found in it, or at its end."""

    schema_version: int
    run: str
    task: str
    title: str
    source: str
    sample: bool
    seed: int
    command: str
    overrides: list[str]
    config: str
    problem: dict[str, Any]
    targets: list[str]
    protocol: dict[str, str]
    prepare: Listed
    inputs: dict[str, dict[str, Any]]
    augment: Listed
    views: dict[str, Any]
    model: dict[str, Any]
    from_run: dict[str, Any]
    vectors: list[str]
    learner: str
    optimizer: str
    schedule: str
    notes: list[str]
    told: list[str]
    meanings: dict[str, str]
    advice: dict[str, Any]
    data: dict[str, Any]
    environment: dict[str, Any]
    accumulate: dict[str, list[list[int]]]
    contract: str
    checks: Listed
    stamps: list[str]
    workflow: dict[str, Any]
    decisions: Listed
    folds: Listed
    fold_summary: dict[str, Any]
    smoothed: dict[str, Any]
    overfit: dict[str, Any]
    fresh: str
    looks: int
    looks_before: Listed
    looks_rows: dict[str, int]
    baselines: Listed
    power: dict[str, Any]
    block: int
    scores: Listed
    trust: dict[str, Any]
    answer: dict[str, Any] | None
    monitor: str | None
    best_epoch: int | None
    epochs: int
    steps: int
    stopped: str
    stops: dict[str, dict[str, Any]]
    seconds: dict[str, float]
