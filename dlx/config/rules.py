"""Checks across sections: what each section allows alone but the whole contradicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import Problem
from ..problem import PROBLEMS
from .advice import one_cut
from .fields import Chosen
from .files import Path
from .names import listed, nearest
from .paths import NAME, NAME_ACCEPTED
from .schema import Config, Target, dotted_keys
from .secrets import holds_password, without_password
from .spaces import wrong_space
from .specs import METRICS

Where = Callable[[Path], str]


def broken_rules(config: Config, where: Where) -> list[Problem]:
    """Every contradiction between sections of a config that is right section by section."""
    return [
        problem
        for rule in (
            _names,
            _targets,
            _positives,
            _losses,
            _activations,
            _metrics,
            _monitors,
            _columns,
            _copies,
            _trainer,
            _protocol,
            _addresses,
            _search,
        )
        for problem in rule(config, where)
    ]


def without_effect(config: Config, where: Where) -> list[Problem]:
    """What would do nothing, or not what it seems to: run folders may hold it, new configs not."""
    found = []
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
    rules = (_arrow_of_time, _epoch_pickers, _padding_read_last)
    return [problem for rule in rules for problem in rule(config, where)]


def notes(config: Config) -> list[str]:
    """What is allowed but worth a word, such as a loss that is second best for the problem."""
    found = []
    for name, target in config.targets.items():
        loss = loss_of(config, target).name
        note = PROBLEMS[target.problem].allowed.get(loss, "")
        if note:
            found.append(f"targets.{name}: {loss} {note}")
    return found


def loss_of(config: Config, target: Target) -> Chosen:
    """The loss of a target as configured: its own, else the common one; may be `auto`."""
    return target.loss if target.loss.name != "auto" else config.loss


def metrics_of(config: Config, target: Target) -> dict[str, Chosen]:
    """The metrics of one target by name: those configured that measure its problem, or the table's.

    The first is the one that is judged by.
    """
    fitting = {n: c for n, c in config.metrics.items() if target.problem in c.options.problems}
    if fitting or config.metrics:
        return fitting
    return {name: METRICS.default(name)() for name in PROBLEMS[target.problem].metrics}


def score_names(config: Config) -> dict[str, str]:
    """Every score that training can report -> "min" or "max", as in val/loss or val/age/mae."""
    found: dict[str, str] = {}
    parts = ["train", *(["val"] if has_validation(config) else [])]
    for part in parts:
        found[f"{part}/loss"] = "min"
        for name, target in config.targets.items():
            prefix = part if len(config.targets) == 1 else f"{part}/{name}"
            found.setdefault(f"{prefix}/loss", "min")
            for metric, chosen in metrics_of(config, target).items():
                found[f"{prefix}/{metric}"] = chosen.options.direction
    return found


def judged_score(config: Config) -> str:
    """The validation score that is judged by: the first metric of the first target."""
    names = [name for name in score_names(config) if name.startswith("val/")]
    measured = [name for name in names if not name.endswith("/loss")]
    return (measured or names)[0]


def has_validation(config: Config) -> bool:
    """Whether the protocol holds rows out for validation."""
    return bool(config.protocol.options.validates) and config.final != "only"


def monitor_of(config: Config, asked: str = "auto") -> str | None:
    """The score that a `monitor` option means; None where there is nothing to monitor."""
    if asked != "auto":
        return asked
    if config.trainer.monitor != "auto":
        return config.trainer.monitor
    return "val/loss" if has_validation(config) else None


def _targets(config: Config, where: Where) -> Iterator[Problem]:
    offered: dict[str, str] = config.dataset.options.targets
    if not config.targets:
        yield Problem("`targets` is empty", where(("targets",)), f"one of {listed(offered)}")
    for name, target in config.targets.items():
        here = where(("targets", name))
        if name not in offered:
            near = nearest(name, offered)
            what = f"dataset {config.dataset.name} has no target `{name}`"
            yield Problem(what, here, listed(offered), f"did you mean {near}?" if near else "")
        elif reason := _contradiction(offered[name], target.problem):
            yield Problem(
                f"`targets.{name}.problem` is {target.problem}, but {reason}",
                where(("targets", name, "problem")),
                offered[name],
                f"targets.{name}.problem={offered[name]}",
            )


def _positives(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        if target.positive and target.problem != "binary":
            title = PROBLEMS[target.problem].title
            what = f"`targets.{name}.positive` is {target.positive}, but {title} has no such class"
            yield Problem(
                what, where(("targets", name, "positive")), "nothing: only for two classes"
            )


_KINDER = {("binary", "multiclass"), ("regression", "unit_regression")}


def _contradiction(posed: str, declared: str) -> str:
    if posed == declared or (posed, declared) in _KINDER:
        return ""
    if not PROBLEMS[posed].classes and PROBLEMS[declared].classes:
        return "its values are numbers, not classes"
    if PROBLEMS[posed].classes and not PROBLEMS[declared].classes:
        return "its values are classes, not numbers"
    return f"the data are {PROBLEMS[posed].title}"


def _losses(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        row = PROBLEMS[target.problem]
        loss = loss_of(config, target).name
        if loss in row.refused:
            path = ("targets", name, "loss") if target.loss.name != "auto" else ("loss",)
            yield Problem(
                f"loss {loss} contradicts {row.title}: {row.refused[loss]}",
                where(path),
                listed([row.loss, *row.allowed]),
                f"{'.'.join((*path, 'name'))}={row.loss}",
            )


def _activations(config: Config, where: Where) -> Iterator[Problem]:
    for name, target in config.targets.items():
        row = PROBLEMS[target.problem]
        if target.activation not in ("auto", row.activation):
            yield Problem(
                f"activation {target.activation} contradicts {row.title} "
                f"(last activation: {row.activation}, loss: {row.loss})",
                where(("targets", name, "activation")),
                f"auto, {row.activation}",
            )


def _metrics(config: Config, where: Where) -> Iterator[Problem]:
    problems: set[str] = {t.problem for t in config.targets.values()}
    for name, chosen in config.metrics.items():
        if not problems & set(chosen.options.problems):
            titles = listed(sorted(PROBLEMS[p].title for p in problems))
            yield Problem(
                f"metric {name} does not fit {titles}",
                where(("metrics", name)),
                listed(_fitting_metrics(problems)),
            )


def _fitting_metrics(problems: set[str]) -> list[str]:
    entries = METRICS.entries.items()
    return [name for name, entry in entries if problems & set(entry.options.problems)]  # type: ignore[attr-defined]


def _monitors(config: Config, where: Where) -> Iterator[Problem]:
    if config.final == "only":  # nothing is held out to be watched, and nothing watches
        return
    known = score_names(config)
    asked: list[tuple[Path, str, bool]] = [(("trainer", "monitor"), config.trainer.monitor, False)]
    for name, callback in config.callbacks.items():
        if hasattr(callback.options, "monitor"):
            asked.append((("callbacks", name, "monitor"), callback.options.monitor, True))
    if hasattr(config.schedule.options, "monitor"):
        asked.append((("schedule", "monitor"), config.schedule.options.monitor, True))
    for path, name, needed in asked:
        if name == "auto" and needed and monitor_of(config) is None:
            yield Problem(
                f"{'.'.join(path[:-1])} needs a score to monitor, "
                f"but protocol {config.protocol.name} has no validation set",
                where(path[:-1]),
                hint=one_cut(config),
            )
        elif name not in ("auto", *known) and not name.startswith("test/"):  # see `forbidden`
            near = nearest(name, known)
            yield Problem(
                f"`{'.'.join(path)}` is {name}, which no metric of this run computes",
                where(path),
                listed(known),
                f"{'.'.join(path)}={near}" if near else "",
            )


def _columns(config: Config, where: Where) -> Iterator[Problem]:
    offered = config.dataset.options.inputs
    for index, step in enumerate(config.prepare.steps):
        for column in step.options.columns:
            if column not in offered:
                near = nearest(column, offered)
                yield Problem(
                    f"prepare step {step.name}: dataset {config.dataset.name} "
                    f"has no input `{column}`",
                    where(("prepare", "steps", str(index), "columns")),
                    listed(offered),
                    f"did you mean {near}?" if near else "",
                )


def _copies(config: Config, where: Where) -> Iterator[Problem]:
    copies = config.prepare.copies
    if copies.features and not copies.share:
        yield Problem(
            "`prepare.copies.features` is given, but `prepare.copies.share` is 0: no copy is made",
            where(("prepare", "copies", "features")),
            hint="prepare.copies.share=0.5",
        )


def _trainer(config: Config, where: Where) -> Iterator[Problem]:
    trainer = config.trainer
    if trainer.last_epoch is not None and trainer.last_epoch > trainer.epochs:
        yield Problem(
            f"`trainer.last_epoch` is {trainer.last_epoch}, more than the "
            f"{trainer.epochs} epochs of the training",
            where(("trainer", "last_epoch")),
            f"a whole number from 1 to trainer.epochs ({trainer.epochs})",
        )
    if trainer.accumulate > trainer.batch_size:
        yield Problem(
            f"`trainer.accumulate` is {trainer.accumulate}, more than the "
            f"{trainer.batch_size} samples of a batch",
            where(("trainer", "accumulate")),
            f"a whole number from 1 to trainer.batch_size ({trainer.batch_size})",
        )


def _search(config: Config, where: Where) -> Iterator[Problem]:
    """Keys that a search may move, and the ranges it may move them in."""
    return wrong_space(config.search, dotted_keys(), where) if config.search else iter(())


def _protocol(config: Config, where: Where) -> Iterator[Problem]:
    """Options of the protocol that this dataset, or the final model, cannot have."""
    options, dataset = config.protocol.options, config.dataset
    name = config.protocol.name
    if name == "chronological" and not dataset.options.time:
        what = f"protocol chronological needs rows in time, but dataset {dataset.name} has no time"
        yield Problem(what, where(("protocol",)), hint="protocol=auto")
    group = getattr(options, "group", "")
    if group and group not in dataset.options.groups:
        known = listed(dataset.options.groups) or "no column: the dataset has none to group by"
        what = f"dataset {dataset.name} has no column `{group}` to group by"
        yield Problem(what, where(("protocol", "group")), known)
    if config.final and name in ("train_test", "test_as_validation"):
        reason = "has no validation set" if name == "train_test" else "leaves no test set"
        what = f"`final` trains on all rows outside the test set, but protocol {name} {reason}"
        yield Problem(what, where(("final",)), hint="final=false, or protocol=auto")
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
    addresses: list[tuple[Path, str, str]] = [
        (("callbacks", name, "tracking_uri"), getattr(callback.options, "tracking_uri", ""), "env")
        for name, callback in config.callbacks.items()
    ]
    addresses.append((("tune", "storage"), config.tune.storage, ""))
    for path, address, instead in addresses:
        if holds_password(address):
            key = ".".join(path)
            yield Problem(
                f"`{key}` contains a password, and configs are saved",
                without_password(where(path)),
                ("local, env, or " if instead else "") + "an address without a password",
                f"export MLFLOW_TRACKING_URI=..., and {key}=env"
                if instead
                else "export PGPASSWORD=..., or the file ~/.pgpass",
            )


def _arrow_of_time(config: Config, where: Where) -> Iterator[Problem]:
    """Whoever predicts the future may not have trained on it (book 4.2.2)."""
    time = config.dataset.options.time
    if time and not config.protocol.options.in_time:
        yield Problem(
            f"temporal leak: the rows of dataset {config.dataset.name} are ordered by {time}, "
            f"and protocol {config.protocol.name} would train on later rows than it is tested on",
            where(("protocol",)),
            "chronological, auto",
            "protocol=chronological",
        )


def _epoch_pickers(config: Config, where: Where) -> Iterator[Problem]:
    """The epoch is chosen on validation rows: never on test rows, never on training rows."""
    asked: list[tuple[Path, str]] = [(("trainer", "monitor"), config.trainer.monitor)]
    asked += [
        (("callbacks", name, "monitor"), callback.options.monitor)
        for name, callback in config.callbacks.items()
        if hasattr(callback.options, "monitor")
    ]
    for path, score in asked:
        reason = _WRONG_PICKERS.get(score.partition("/")[0])
        if reason:
            known = listed(name for name in score_names(config) if name.startswith("val/"))
            key = ".".join(path)
            yield Problem(f"`{key}` is {score}: {reason}", where(path), known, f"{key}=auto")


_WRONG_PICKERS = {
    "train": "a training score may not choose the epoch: it also improves when the model overfits",
    "test": "choosing by the test score is tuning on the test set, and leaves none to test on",
}


def _padding_read_last(config: Config, where: Where) -> Iterator[Problem]:
    """A recurrent layer that gives its last output must have read a word last, and no padding.

    Layers are not told how long a row was before it was filled with zeros. A state that goes on
    over hundreds of them has forgotten the text: an LSTM then learns next to nothing.
    """
    sides = {step.options.side for step in config.prepare.steps if step.name == "pad"}
    for number, layer in enumerate(getattr(config.model.options, "layers", ()), start=1):
        if layer.name not in _RECURRENT or layer.options.sequence:
            continue
        both, here = layer.options.bidirectional, where(("model", "layers"))
        every = "sequence: true, and global_max_pool after it"
        if both and sides:
            what = "reads in both directions, so one of its last outputs is computed from padding"
            yield Problem(f"layer {number} ({layer.name}) {what}", here, every, "one direction")
        elif "back" in sides:
            what = "returns its last output, which is computed from the padding at the end"
            accepted = f"side: front in the step pad; or {every}"
            hint = "prepare.steps=[{name: pad, side: front}]"
            yield Problem(f"layer {number} ({layer.name}) {what}", here, accepted, hint)


_RECURRENT = ("rnn", "lstm", "gru")
