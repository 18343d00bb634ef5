"""Checks across sections: what each section allows alone but the whole contradicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

import yaml

from ..errors import Problem, UsageError
from .augment import check_augment, check_views
from .cycles import check_cycles
from .features import check_features
from .fields import Chosen, options_of, to_plain
from .files import Path, Where
from .labels import check_labels
from .learners import (
    check_kind,
    check_learner,
    check_models,
    one_cut,
    own_optimizers,
    reads,
    spec_of,
)
from .names import did_you_mean, join_names
from .paths import NAME, NAME_ACCEPTED
from .schema import Config, FromRun
from .secrets import hide_passwords, holds_password
from .spaces import wrong_space
from .specs.averages import first_averaged
from .specs.optimizers import groups_of, recomputes
from .specs.prepare import OnTarget
from .watching import check_callbacks, check_monitors, check_schedule, find_wrong_pickers


def find_contradictions(config: Config, where: Where) -> list[Problem]:
    """Every contradiction between sections of a config that is right section by section."""
    if found := [*check_kind(config, where)]:
        return found
    found = [problem for rule in _RULES for problem in rule(config, where)]
    if config.search:
        found += wrong_space(config.search, where)
    return found


def find_ineffective(config: Config, where: Where, written: Collection[str]) -> list[Problem]:
    """What was written by a file or the shell and would do nothing, or not what it seems to.

    Run folders may hold it, new configs not.
    """
    found = []
    for section in written:
        if not reads(config, section):
            what = f"learner {config.learner.name} does not read `{section}`"
            if section in spec_of(config).uses:
                what += ": each of its networks has one of its own"
            elif why := spec_of(config).why.get(section):
                what += f": {why}"
            read = [name for name in spec_of(config).uses if reads(config, name)]
            accepted = join_names(read) or "none of such sections"
            found.append(Problem(what, where((section,)), accepted, f"'~{section}'"))
    for name, target in config.targets.items() if len(config.targets) == 1 else ():
        if target.weight != 1:
            key = f"targets.{name}.weight"
            what = f"`{key}` is {target.weight:g}, which has no effect: there is only one target"
            found.append(Problem(what, where(("targets", name, "weight")), "1", f"{key}=1"))
    for name in ("validation", "test"):
        if getattr(config.protocol.options, name, None) == 1:
            key = f"protocol.{name}"
            what = f"`{key}` is 1: a share must be below 1, and a set of one row is too small"
            accepted = "a share below 1, or a number of rows, at least 2"
            found.append(Problem(what, where(("protocol", name)), accepted, f"{key}=0.2"))
    return found


def forbidden(config: Config, where: Where) -> list[Problem]:
    """What a config may say but the method forbids: a temporal leak, tuning on the test set."""
    rules = (_arrow_of_time, find_wrong_pickers, _padding_read_last)
    return [problem for rule in rules for problem in rule(config, where)]


def _dataset(config: Config, where: Where) -> Iterator[Problem]:
    """What the options of the dataset contradict."""
    for option, problem in config.dataset.options.check():
        hint = f"dataset.{problem.hint}" if problem.hint else ""
        here = where(("dataset", option)) or where(("dataset",))
        yield replace(problem, where=here, hint=hint)


def _columns(config: Config, where: Where) -> Iterator[Problem]:
    offered = config.dataset.options.inputs
    for index, step in enumerate(config.prepare.steps):
        for column in step.options.columns:
            if column not in offered:
                what = f"dataset {config.dataset.name} has no input `{column}`"
                here = where(("prepare", "steps", str(index), "columns"))
                hint = did_you_mean(column, offered)
                yield Problem(f"prepare step {step.name}: {what}", here, join_names(offered), hint)
        yield from _options_of_step(config, index, where)


def _options_of_step(config: Config, index: int, where: Where) -> Iterator[Problem]:
    """What the options of a step contradict, each other or the targets."""
    step, at = config.prepare.steps[index], ("prepare", "steps", str(index))
    found = list(step.options.check())
    if isinstance(step.options, OnTarget):
        problems = {name: target.problem for name, target in config.targets.items()}
        try:
            step.options.choose_target(problems)
        except UsageError as error:
            found += [("target", problem) for problem in error.problems]
    for option, problem in found:
        what, hint = f"prepare step {step.name}: {problem.what}", problem.hint
        hint = f"{'.'.join(at)}.{hint}" if hint else ""
        yield replace(problem, what=what, where=where((*at, option)), hint=hint)


def _copies(config: Config, where: Where) -> Iterator[Problem]:
    copies = config.prepare.copies
    if copies.features and not copies.share:
        key, share = "prepare.copies.features", "prepare.copies.share"
        what = f"`{key}` is given, but `{share}` is 0: no copy is made"
        yield Problem(what, where(tuple(key.split("."))), hint=f"{share}=0.5")


def _trainer(config: Config, where: Where) -> Iterator[Problem]:
    trainer = config.trainer
    parts = 1 if trainer.accumulate == "auto" else trainer.accumulate
    first = first_averaged(trainer.average, trainer.epochs) or 0
    for name, value, limit, most, told in (
        ("last_epoch", trainer.last_epoch or 0, "epochs", trainer.epochs, "epochs of the training"),
        ("average.from_epoch", first, "epochs", trainer.epochs, "epochs of the training"),
        ("accumulate", parts, "batch_size", trainer.batch_size, "samples of a batch"),
    ):
        if value > most:
            what = f"`trainer.{name}` is {value}, more than the {most} {told}"
            accepted = f"a whole number from 1 to trainer.{limit} ({most})"
            yield Problem(what, where(("trainer", *name.split("."))), accepted)


def _start(config: Config, where: Where) -> Iterator[Problem]:
    """Weights to start from, and a training of no epoch, which evaluates them as they are."""
    source, trainer = config.from_run, config.trainer
    if not source.run and source != FromRun():
        what = "`from_run` names no run"
        yield Problem(what, where(("from_run",)), hint="from_run.run=last")
    if trainer.epochs == 0:
        what, here = "`trainer.epochs` is 0", where(("trainer", "epochs"))
        if not source.run:
            yield Problem(f"{what}, so nothing would be trained", here, "a whole number >= 1")
        elif config.final or config.protocol.options.folds:
            what += ", but folds and a final model choose their number of epochs"
            yield Problem(what, here, "a whole number >= 1", one_cut(config))


def _recomputing(config: Config, where: Where) -> Iterator[Problem]:
    """A scale of gradients that changes within a step that computes them several times."""
    given: dict[str, Chosen | None] = {"optimizer": config.optimizer}
    given |= {f"learner.optimizers.{name}": one for name, one in own_optimizers(config).items()}
    for key, one in given.items():
        if one is not None and recomputes(one) and config.trainer.precision == "float16":
            what = (
                f"`{key}` is {one.name}, which searches along a line, where float16 is too coarse"
            )
            here, accepted = where(("trainer", "precision")), "float32 or bfloat16"
            yield Problem(what, here, accepted, "trainer.precision=float32")


def _groups(config: Config, where: Where) -> Iterator[Problem]:
    """Weights that would move from an epoch on that training does not reach."""
    last = config.trainer.epochs
    given: dict[Path, Chosen | None] = {("optimizer",): config.optimizer}
    given |= {("learner", "optimizers", n): one for n, one in own_optimizers(config).items()}
    patterns = ((at, *own) for at, one in given.items() if one for own in groups_of(one).items())
    for at, pattern, group in patterns:
        if isinstance(group.from_epoch, int) and group.from_epoch > last > 0:
            path = (*at, "groups", pattern, "from_epoch")
            what = f"`{'.'.join(path)}` is {group.from_epoch}, but training ends after epoch {last}"
            accepted = f"a whole number from 1 to {last}, or never"
            yield Problem(what, where(path), accepted)


def _classes(config: Config, where: Where) -> Iterator[Problem]:
    """The target whose classes sets have in proportion."""
    if classes := getattr(config.protocol.options, "classes", ""):
        yield from check_labels(config, where, ("protocol", "classes"), classes)


def _protocol(config: Config, where: Where) -> Iterator[Problem]:
    """Options of the protocol that this dataset, or the final model, cannot have."""
    options, dataset = config.protocol.options, config.dataset
    name = config.protocol.name
    if options.needs_time and not dataset.options.time:
        what = f"protocol {name} needs rows in time, but dataset {dataset.name} has no time"
        yield Problem(what, where(("protocol",)), hint="protocol=auto")
    group = getattr(options, "group", "")
    if group and group not in dataset.options.groups:
        known = join_names(dataset.options.groups) or "no column: the dataset has none to group by"
        what = f"dataset {dataset.name} has no column `{group}` to group by"
        yield Problem(what, where(("protocol", "group")), known)
    if getattr(options, "take", "first") != "first" and options.shuffle:
        what = f"`protocol.take` is {options.take}, but rows are drawn at random"
        yield Problem(what, where(("protocol", "take")), "first", "protocol.shuffle=false")
    if config.final and name in ("train_test", "test_as_validation"):
        reason = "has no validation set" if name == "train_test" else "leaves no test set"
        what = f"`final` trains on all rows outside the test set, but protocol {name} {reason}"
        yield Problem(what, where(("final",)), hint="final=false, or protocol=auto")
    if config.final and getattr(options, "train", None) is not None:
        what = "`final` trains on all rows outside the test set, but protocol.train leaves some out"
        yield Problem(what, where(("final",)), hint="final=false, or protocol.train=null")
    if config.final and getattr(config.schedule.options, "monitor", None) is not None:
        what = f"schedule {config.schedule.name} monitors a score, but the final model has none"
        yield Problem(what, where(("schedule",)), hint="schedule=cosine, or final=false")


def _names(config: Config, where: Where) -> Iterator[Problem]:
    """A task's name names folders, also where a run folder says it."""
    if not NAME.fullmatch(config.task):
        what = f"`task` is {config.task!r}, which is not a task name"
        yield Problem(what, where(("task",)), NAME_ACCEPTED)


def _addresses(config: Config, where: Where) -> Iterator[Problem]:
    """What a config says is kept, so it may hold no password."""
    addresses: list[tuple[Path, str, str, str]] = []
    for name, callback in config.callbacks.items():
        key = f"callbacks.{name}.tracking_uri"
        hint = f"export MLFLOW_TRACKING_URI=..., and {key}=env"
        found = getattr(callback.options, "tracking_uri", "")
        addresses.append((("callbacks", name, "tracking_uri"), found, "local, env, or ", hint))
    hint = "export PGPASSWORD=..., or the file ~/.pgpass"
    addresses.append((("tune", "storage"), config.tune.storage, "", hint))
    for path, address, others, hint in addresses:
        if holds_password(address):
            what = f"`{'.'.join(path)}` contains a password, and configs are saved"
            accepted = f"{others}an address without a password"
            yield Problem(what, hide_passwords(where(path)), accepted, hint)


def _arrow_of_time(config: Config, where: Where) -> Iterator[Problem]:
    """Whoever predicts the future may not have trained on it (book 4.2.2)."""
    time = config.dataset.options.time
    if time and reads(config, "protocol") and not config.protocol.options.in_time:
        what = (
            f"temporal leak: the rows of dataset {config.dataset.name} are ordered by {time}, and "
        )
        what += f"protocol {config.protocol.name} would train on later rows than it is tested on"
        hint = "protocol=chronological"
        yield Problem(what, where(("protocol",)), "chronological, rolling, auto", hint)


_RULES = (
    *(
        _names,
        _dataset,
        check_learner,
        check_monitors,
        _columns,
        check_features,
        check_models,
        check_augment,
        check_views,
        _copies,
        check_cycles,
        _trainer,
    ),
    *(
        check_callbacks,
        check_schedule,
        _start,
        _recomputing,
        _groups,
        _protocol,
        _classes,
        _addresses,
    ),
)
"""What finds contradictions, in the order in which these are told."""


def _padding_read_last(config: Config, where: Where) -> Iterator[Problem]:
    """A recurrent layer that gives its last output must have read a word last, and no padding.

    Rows of one length do not tell where their filling begins; those that keep their own do. A
    state that goes on over hundreds of zeros has forgotten the text: an LSTM learns next to
    nothing.
    """
    sides = {step.options.side for step in config.prepare.steps if step.name == "pad"}
    stacks = {
        f"{key}{inner.removeprefix('model')}": layers
        for key, use in spec_of(config).models(config).items()
        for inner, layers in use.chosen.options.stacks().items()
    }
    for key, layers in stacks.items():
        first = "front"  # where a row begins for the layer
        for number, layer in enumerate(layers, start=1):
            if layer.name == "reverse":
                first = "back" if first == "front" else "front"
            if layer.name in _RECURRENT and not layer.options.sequence and sides:
                wrong = sides != {first}
                here = where(tuple(key.split(".")))
                yield from _padding_read(config, number, layer, first if wrong else "", here)


def _padding_read(
    config: Config, number: int, layer: Chosen, side: str, here: str
) -> Iterator[Problem]:
    """What is wrong with a recurrent layer's last output where rows are filled.

    Args:
        config: the config.
        number: of the layer.
        layer: what gives its last output.
        side: where rows are to be filled, if they are filled where it reads last.
        here: where the layer was written.
    """
    said, both = f"layer {number} ({layer.name})", layer.options.ways != "none"
    accepted = "the step truncate; or sequence: true, and global_max_pool after it"
    if both:
        what = "reads in both directions, so one of its last outputs is computed from padding"
        hint = _replace_pad(config, lambda pad: {"name": "truncate", "length": pad["length"]})
        yield Problem(f"{said} {what}", here, accepted, hint)
    elif side:
        what = "returns its last output, which is computed from the padding at the "
        what += "end" if side == "front" else "front, as it reads backwards"
        hint = _replace_pad(config, lambda pad: pad | {"side": side})
        yield Problem(f"{said} {what}", here, f"side: {side} in the step pad; or {accepted}", hint)


def _replace_pad(config: Config, change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """All preparation steps as the command line takes them, with another in place of pad."""
    told = []
    for step in config.prepare.steps:
        kind: type = type(step.options)
        plain = to_plain(step)
        if step.name == "pad":
            told.append(change({"name": "pad", "length": plain["length"]}))
        else:
            written = [
                k for k, one in options_of(kind).items() if getattr(step.options, k) != one.default
            ]
            told.append({"name": step.name, **{key: plain[key] for key in written}})
    listed = yaml.safe_dump(told, default_flow_style=True, width=math.inf, sort_keys=False)
    return f"'prepare.steps={listed.strip()}'"


_RECURRENT = ("rnn", "lstm", "gru")
