"""What an exported graph takes and gives, and what is left to the caller."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..config.fields import to_plain
from ..config.specs.pictures import Decoding
from ..data.targets import TargetCodec
from ..runs.folder import name_of, read_status
from ..version import __version__
from .exported_files import ROWS, STEPS
from .exported_graph import Graph
from .exported_inputs import Port, Ways, ports_of
from .predictor import Predictor

_SMALL = 2000
"""Characters of what a step learnt that the description holds itself."""


@dataclass(frozen=True)
class Checked:
    """What the check of a graph found.

    Attributes:
        rows: how many there were, and which, in words.
        batches: how many rows the graph was given at once.
        differences: by target, the largest.
        lengths: the numbers of steps that rows of different length were filled to.
        tolerance: which the differences are within.
    """

    rows: str
    batches: tuple[int, ...]
    differences: Mapping[str, float]
    lengths: tuple[int, ...]
    tolerance: float


def describe(
    run: Path,
    out: Path,
    predictor: Predictor,
    graph: Graph,
    ways: Sequence[Ways],
    checked: Checked,
) -> dict[Path, bytes]:
    """The files of an export: the graph, what it refers to, and the description at last."""
    status, files = read_status(run) or {}, {out: graph.content}
    inputs: list[dict[str, Any]] = []
    for port in ports_of(ways).values():
        inside = next(w.inside for own in ways for w in own.values() if w.port is port)
        left: list[dict[str, Any]] = []
        for number, step in enumerate(port.left):
            state: Any = step.state
            told = json.dumps(state)
            if len(told) > _SMALL:
                file = out.with_name(f"{out.stem}.{port.name}.{number}.{step.name}.json")
                files[file], state = told.encode(), {"file": file.name}
            left.append({"step": step.name, "options": step.options, "learnt": state})
        if port.pictures and isinstance(options := predictor.config.dataset.options, Decoding):
            left.insert(0, {"step": "decode", "options": to_plain(Decoding.of(options))})
        inputs += _tell_port(port, graph, [one.name for one in inside], left)
    description = {
        "schema_version": 1,
        "graph": out.name,
        "sha256": hashlib.sha256(graph.content).hexdigest(),
        "run": {
            "name": name_of(run),
            "task": predictor.config.task,
            "digest": status.get("files") or status.get("config_digest"),
            "networks": len(predictor.members),
        },
        "inputs": inputs,
        "outputs": [
            tell_output(name, graph.outputs[name], codec)
            for name, codec in predictor.codecs.items()
        ],
        "checked": {
            "rows": checked.rows,
            "batches": list(checked.batches),
            "lengths": list(checked.lengths),
            "largest_difference": dict(checked.differences),
            "tolerance": checked.tolerance,
        },
        "versions": {
            "dlx": __version__,
            "opset": graph.opset,
            **{name: version(name) for name in ("torch", "onnx", "onnxscript", "onnxruntime")},
        },
    }
    text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    files[out.with_suffix(".json")] = text.encode()
    return files


def _tell_port(
    port: Port, graph: Graph, inside: Sequence[str], left: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What the description says of each tensor of a port."""
    for name, tensor in port.given.items():
        shape: list[str | int] = [ROWS, *map(int, tensor.shape[1:])]
        told: dict[str, Any] = {"name": name, "dtype": str(tensor.dtype).removeprefix("torch.")}
        if name != port.name:
            meaning = f"how many ids of each row of {port.name} count, at least 1"
            yield {**told, "shape": shape, "meaning": meaning}
            continue
        if name in graph.steps:
            shape[1] = STEPS
        told |= {"shape": shape, "meaning": port.meaning, "column": port.column}
        if name in graph.steps:
            told["steps"] = dict(zip(("fewest", "most"), graph.steps[name], strict=True))
        if port.features:
            told["features"] = list(port.features)
        yield {**told, "left_to_caller": list(left), "inside": list(inside)}


def tell_output(target: str, name: str, codec: TargetCodec) -> dict[str, Any]:
    """What the description says of a target's answer.

    Args:
        target: its name.
        name: of the output.
        codec: what its values stand for.
    """
    told: dict[str, Any] = {"name": name, "target": target, "dtype": "float32"}
    if codec.quantiles:
        told |= {"shape": [ROWS, codec.outputs], "quantiles": list(codec.quantiles)}
        return {**told, "meaning": "quantiles in the target's unit, in ascending order"}
    several = codec.problem in ("multiclass", "multilabel", "vector_regression")
    told["shape"] = [ROWS, codec.outputs] if several else [ROWS]
    if not codec.classes:
        return {**told, "meaning": "numbers in the target's unit"}
    told["classes"] = list(codec.classes)
    if codec.problem == "multiclass":
        return {**told, "meaning": "probability of each class; the answer is the largest"}
    if codec.problem == "multilabel":
        what = "probability of each label, which is given where that is above the threshold"
        return {**told, "meaning": what, "threshold": list(codec.threshold) or 0.5}
    what = f"probability of {codec.classes[1]}, the answer where it is above the threshold"
    return {**told, "meaning": what, "threshold": (codec.threshold or (0.5,))[0]}
