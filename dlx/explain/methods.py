"""The table of explanations: what each is, and of which inputs. No torch here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..config.names import did_you_mean, join_names
from ..errors import Problem, UsageError

if TYPE_CHECKING:
    from .pieces import Piece

Kind = Literal["image", "text", "series", "table"]
"""What an input is to whoever looks at it."""
EVERY: tuple[Kind, ...] = ("image", "text", "series", "table")


@dataclass(frozen=True)
class Method:
    """One way to explain.

    Attributes:
        title: its heading.
        about: what it shows, in a line.
        target: "module:function", which takes an `Opened` and an `Asked` and gives pieces.
        reads: the kinds of inputs that it is for: a run with one of them may be asked for it.
        default: whether it is done where no method is named; such take seconds.
        lone: whether it looks at each subject (a row, a file), not at the network or many rows.
        compares: whether it compares a row with a baseline.
    """

    title: str
    about: str
    target: str
    reads: tuple[Kind, ...]
    default: bool = True
    lone: bool = False
    compares: bool = False

    def load(self) -> Callable[[Any, Any], Iterator[Piece]]:
        """The function."""
        module, _, attribute = self.target.partition(":")
        found: Callable[[Any, Any], Iterator[Piece]] = getattr(
            importlib.import_module(module), attribute
        )
        return found


METHODS: dict[str, Method] = {
    "gradcam": Method(
        "Grad-CAM",
        "where a picture speaks for its class (Grad-CAM; Selvaraju and others, 2017)",
        "dlx.explain.gradcam:explain",
        ("image",),
        lone=True,
    ),
    "permutation": Method(
        "Permutation importance",
        "how much worse the score gets where a feature is shuffled among rows (Breiman, 2001)",
        "dlx.explain.permutation:explain",
        ("table",),
    ),
    "integrated": Method(
        "Integrated gradients",
        "what each part of a row adds to its score (Sundararajan and others, 2017)",
        "dlx.explain.reasons:explain_integrated",
        EVERY,
        lone=True,
        compares=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "how far a score falls where a part of a row is covered (Zeiler and Fergus, 2014)",
        "dlx.explain.reasons:explain_occlusion",
        EVERY,
        lone=True,
        compares=True,
    ),
    "activations": Method(
        "Activations",
        "what each channel of each layer makes of a picture",
        "dlx.explain.activations:explain",
        ("image",),
        lone=True,
    ),
    "filters": Method(
        "Filters",
        "the picture that each channel answers to most, by gradient ascent, smoothed",
        "dlx.explain.filters:explain",
        ("image",),
    ),
    "filters_plain": Method(
        "Filters, as in the book",
        "the same as in Chollet's book (5.4.2): nothing is smoothed",
        "dlx.explain.filters:explain_plain",
        ("image",),
        default=False,
    ),
    "dead": Method(
        "Dead channels",
        "the share of channels or units that are zero for a row, and for all of them",
        "dlx.explain.dead:explain",
        EVERY,
    ),
    "confusions": Method(
        "Confusions",
        "which rows were taken for what, by pairs of classes",
        "dlx.explain.confusions:explain",
        EVERY,
    ),
}
"""By the name that `--method` takes, in the order in which a page shows them."""


def require_methods(names: list[str]) -> None:
    """Refuses a name that is none of a method.

    Raises:
        UsageError: with the nearest name that is.
    """
    for name in names:
        if name not in METHODS:
            what = f"there is no way to explain called `{name}`"
            hint = did_you_mean(name, METHODS, "--method {}")
            raise UsageError(Problem(what, "--method", join_names(METHODS), hint))


def require_comparing(names: list[str], baseline: str) -> None:
    """Refuses a baseline where nothing is compared with one.

    Raises:
        UsageError: no method of these compares.
    """
    if baseline and not any(METHODS[name].compares for name in names):
        comparing = join_names([name for name, one in METHODS.items() if one.compares])
        what = f"`--baseline` has no effect on {', '.join(names)}"
        hint = "--method integrated, or leave out --baseline"
        raise UsageError(Problem(what, "--baseline", f"a baseline of {comparing}", hint))
