"""Launchers by name: where the trials of a sweep run."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import Component, Table, option


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Processes on this machine, each of which trains one trial after another."""


@dataclass(frozen=True, kw_only=True)
class Submitit:
    """Jobs that submitit starts as processes of this machine, to test a Slurm setup."""

    timeout_min: int = option(60, "time limit of a job", unit="minutes", ge=1)
    cpus_per_task: int = option(1, "CPU cores per job", ge=1)
    gpus_per_node: int = option(0, "GPUs per job", ge=0)
    mem_gb: float | None = option(None, "memory per job; null: the cluster's default", gt=0)


@dataclass(frozen=True, kw_only=True)
class Slurm(Submitit):
    """Jobs of a Slurm cluster, by submitit; `sweep.jobs` of them at a time."""

    partition: str | None = option(None, "partition; null: the cluster's default")
    account: str | None = option(None, "account that is charged; null: the user's default")
    qos: str | None = option(None, "quality of service; null: the cluster's default")
    constraint: str | None = option(None, "features that a node must have; null: none")


_CODE = "dlx.search"
LAUNCHERS = Table(
    "launcher",
    {
        "workers": Component(Workers, f"{_CODE}.pool:Pool"),
        "submitit_local": Component(Submitit, f"{_CODE}.cluster:Cluster", ("submitit",), "slurm"),
        "submitit_slurm": Component(Slurm, f"{_CODE}.cluster:Cluster", ("submitit",), "slurm"),
    },
)
