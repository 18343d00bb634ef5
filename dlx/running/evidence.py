"""What a run leaves behind: config, environment, data, predictions, and the facts of its report."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from ..config.advice import more_reliable
from ..config.fields import Chosen, to_plain
from ..config.learners import network_name, optimizer_of, own_optimizers, reads, score_meanings
from ..config.load import Loaded
from ..config.schema import Config, Target
from ..config.specs.optimizers import Optimizer
from ..config.supervised import count_views, loss_of, metrics_of
from ..data.checks import has_repeats
from ..data.columns import Rows
from ..data.fingerprints import duplicates
from ..data.targets import EncodedTarget, class_counts
from ..judging.facts import Facts
from ..learning.boosted import describe_left
from ..losses import resolve
from ..models.summary import describe_starts
from ..problem import PROBLEMS
from ..runs.files import write_text
from ..runs.members import members_of
from ..sources.data import Data, split_digest
from ..sources.fold import FoldData
from ..sources.order import describe_filling
from ..training.training import Training
from .owner import sign

NO_ROWS = "rows of the data are left out of what the run shows (report.rows=false)"
NOTHING_MOVES = "none: nothing has a gradient"
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def dump_yaml(value: Any) -> str:
    """Plain values as YAML, keys in their own order."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def write_config(run: Path, loaded: Loaded, own: bool = True) -> None:
    """Writes `config.yaml`, whole, and `overrides.yaml`.

    Args:
        run: the run folder.
        loaded: its config.
        own: whether the folder is the user's own, and is to be known as that.
    """
    plain = loaded.plain()
    plain["run"]["root"] = str(Path(loaded.config.run.root).resolve())
    write_text(run / "config.yaml", dump_yaml(plain))
    write_text(run / "overrides.yaml", dump_yaml(loaded.shown))
    if own:
        sign(run)


def data_facts(config: Config, data: Data) -> dict[str, Any]:
    """What `data.json` says: source, hashes, sizes, class counts, duplicates, each column."""
    fold = data.split.folds[0]
    alone = config.final == "only"
    parts: dict[str, Rows] = {"train": data.split.rest if alone else fold.train}
    if len(fold.validation) and not alone:
        parts["val"] = fold.validation
    if len(data.split.test):
        parts["test"] = data.split.test
    counts = {
        name: {part: class_counts(t.values, t.classes, rows) for part, rows in parts.items()}
        for name, t in data.targets.items()
        if t.classes
    }
    return {
        "dataset": config.dataset.name,
        "sample": data.samples.sample,
        "rows": {part: len(rows) for part, rows in parts.items()},
        "classes": counts,
        "duplicates": duplicates(data.input_hashes, parts),
        "files": data.samples.source.get("files", []),
        "terms": data.samples.source.get("terms", ""),
        "digest": data.samples.digest,
        **_former(data.samples.former_digest),
        "split_digest": split_digest(data),
        "rule": data.split.rule,
        "profile": data.profile if config.report.rows else _hide_values(data.profile),
    }


def _hide_values(profile: Mapping[str, Any]) -> dict[str, Any]:
    """A profile without the most frequent value of each column."""
    return {**profile, "columns": [{**one, "top": ""} for one in profile["columns"]]}


def _former(digest: str) -> dict[str, str]:
    """By which digest earlier versions knew the same data, where that was another."""
    return {"former_digest": digest} if digest else {}


def config_facts(loaded: Loaded, data: Data, fold: FoldData, training: Training) -> Facts:
    """The part of `report.json` that is known before training."""
    config = loaded.config
    layers = training.learner.layers(fold.inputs)
    trained = training.optimizers.describe_trained()
    return {
        "schema_version": 1,
        "task": config.task,
        "title": config.about.title,
        "source": config.about.source,
        "sample": data.samples.sample,
        "seed": config.seed,
        "problem": {name: _problem(config, name, one) for name, one in fold.targets.items()},
        "targets": list(config.targets),
        "protocol": {"name": _protocol(config, data), "rule": data.split.rule},
        "prepare": [_step(one.name, one.column, one.options) for one in fold.pipeline.steps],
        "inputs": {
            name: {"kind": one.kind, "shape": list(one.shape), **fold.pipeline.counts(name)}
            for name, one in fold.inputs.items()
        },
        "augment": [
            _step(one.name, column, to_plain(one.options))
            for column, every in config.prepare.augment.items()
            for one in every
        ],
        "views": _describe_views(config),
        "model": {
            "name": network_name(config),
            "parameters": sum(p.numel() for p in training.parameters),
            **({"trained": trained} if trained else {}),
            "layers": [
                {**asdict(r), "output": " x ".join(map(str, r.output_shape))} for r in layers
            ],
        },
        "vectors": describe_starts(training.learner.networks, training.learner.beside),
        "learner": _describe_learner(config.learner),
        "optimizer": _describe_optimizers(config, training.optimizers.members),
        "schedule": _describe_schedule(config, training.optimizers.members),
        "config": dump_yaml(loaded.plain()),
        "overrides": loaded.shown,
        "command": _command(loaded),
        "notes": [
            *loaded.notes,
            *remarks(config, fold),
            *filter(None, [training.accumulation.note]),
        ],
        "meanings": score_meanings(config),
        "advice": {"more_reliable": more_reliable(config, has_repeats(data.findings))},
    }


def _command(loaded: Loaded) -> str:
    """What to type for the same run."""
    members = members_of(loaded.config)
    if not members:
        return shlex.join(["dlx", "train", *loaded.shown])
    parts = {one.at.partition("/")[0] for one in members.values()} - {""}
    runs = dict.fromkeys(one.run for one in loaded.config.learner.options.members.values())
    options = loaded.config.learner.options
    how = ["--weights", options.weights, *(f"--{one}" for one in parts)]
    how += [word for name in options.classical for word in ("--with", name)]
    return shlex.join(["dlx", "ensemble", *runs, *how, *loaded.shown])


def _protocol(config: Config, data: Data) -> str:
    """The protocol that was asked for; that of the cut where the learner reads none."""
    return config.protocol.name if reads(config, "protocol") else data.split.name


def remarks(config: Config, fold: FoldData) -> list[str]:
    """What of the prepared data is worth a word: what was learnt, where rows lie, filled rows."""
    told, lengths = fold.pipeline.remarks(), fold.train.lengths
    told += [] if config.report.rows else [NO_ROWS]
    told += [f"{name}: pictures are {where}" for name, where in fold.train.elsewhere.items()]
    if config.baseline == "boosting" and reads(config, "baseline"):
        told += describe_left(fold)
    if lengths is None:
        return told
    trainer = config.trainer
    return [*told, describe_filling(lengths, trainer.batch_size, trainer.bucket == "length")]


def _problem(config: Config, name: str, target: EncodedTarget) -> dict[str, Any]:
    declared = config.targets[name]
    row = PROBLEMS[declared.problem]
    return {
        "type": declared.problem,
        "title": row.title,
        "activation": row.activation,
        "loss": resolve(loss_of(config, declared), declared.problem).name,
        "classes": list(target.classes),
        **_describe_training(declared, target),
        **_describe_averages(config, name, target),
    }


def _describe_training(declared: Target, target: EncodedTarget) -> dict[str, Any]:
    """What is asked for of how a target is learned: scale, weights and shares of its classes."""
    asked: dict[str, Any] = {"scale": declared.scale, "sampling": declared.sampling}
    if target.codec.threshold:
        asked["threshold"] = list(target.codec.threshold)
    weights = dict(zip(target.classes, target.weights, strict=False))
    return {name: value for name, value in asked.items() if value != "none"} | (
        {"class_weights": weights} if weights else {}
    )


def _describe_averages(config: Config, name: str, target: EncodedTarget) -> dict[str, Any]:
    """Which class precision and its kin are of, or how they are averaged over classes."""
    declared = config.targets[name]
    if declared.problem == "binary":
        return {"positive": target.classes[target.codec.positive]}
    measured = metrics_of(config, declared).items()
    averages = {name: getattr(chosen.options, "average", "") for name, chosen in measured}
    return {"averages": {name: how for name, how in averages.items() if how}}


def _describe_optimizers(config: Config, groups: Collection[str]) -> str:
    """The optimizer and its options; of each group, where not all have the config's."""
    if not groups:
        return NOTHING_MOVES
    chosen = {group: optimizer_of(config, group)[1] for group in groups}
    told = {name: _optimizer(one) for name, one in chosen.items()}
    if not any(own_optimizers(config).values()):
        return _optimizer(config.optimizer)
    return "; ".join(f"{name}: {text}" for name, text in told.items())


def _describe_schedule(config: Config, groups: Collection[str]) -> str:
    """The schedule and its options; of those that came later what is asked for."""
    if not groups:
        return NOTHING_MOVES
    return _component(config.schedule.name, to_plain(config.schedule.options, newer=False))


def _step(name: str, column: str, options: dict[str, Any]) -> dict[str, Any]:
    """A step of preparation or an augmentation."""
    given = {k: v for k, v in options.items() if v is not None}
    return {"step": name, "columns": [column], "text": _component("", given).strip()}


def _describe_views(config: Config) -> dict[str, Any]:
    """In how many ways pictures are seen in validation and test, and in which; {} where in one."""
    every = [(n, one) for n, views in config.prepare.views.items() for one in views]
    steps = [_step(one.name, column, to_plain(one.options)) for column, one in every]
    return {"count": count_views(config), "steps": steps} if steps else {}


def _optimizer(chosen: Chosen) -> str:
    """The optimizer with its options, and what some weights have of their own."""
    options = to_plain(chosen.options)
    groups = options.pop("groups") if isinstance(chosen.options, Optimizer) else {}
    given = {p: {k: v for k, v in own.items() if v is not None} for p, own in groups.items()}
    own = (_component(f"{pattern}:", options) for pattern, options in given.items())
    return "; ".join([_component(chosen.name, options), *own])


def _describe_learner(chosen: Chosen) -> str:
    """The learner with its options; of a model among them the name, as its layers are told."""
    options = to_plain(chosen.options)
    named = {k: v.get("name") if isinstance(v, dict) else v for k, v in options.items()}
    return _component(chosen.name, {k: v for k, v in named.items() if v is not None})


def _component(name: str, options: Mapping[str, Any]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in options.items())])
