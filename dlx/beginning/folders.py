"""A folder of the user's own with a folder for each class, from its files to a task."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..config.fields import to_plain
from ..config.names import join_names, plural
from ..config.specs import DATASETS
from ..data.readers.listing import Listing
from ..data.samples import Note
from ..data.tree import list_folder
from ..errors import Problem, UsageError
from ..files import fence
from .described import Description, Guess, Subject, Wishes
from .draft import Draft
from .facts import Posed, shorten
from .recipes import FEW, Recipe, choose_metrics
from .task_file import relative

TARGET = "class"
TITLES = ("class", "files", "training", "validation", "test")
PARTS = ("train", "validation", "test")


def count_fitting(paths: Sequence[Path], fits: Callable[[str], bool]) -> int:
    """How many files in a folder have a name of a sort; 0 where it is no single folder."""
    if len(paths) != 1 or not paths[0].is_dir():
        return 0
    root = fence(paths[0].absolute())
    return sum(one.kind == "file" and fits(one.name) for one in list_folder(root, deep=True))


def refuse_wishes(wishes: Wishes, noun: str) -> None:
    """Refuses what can be said of the columns of a table only.

    Raises:
        UsageError: something of the kind is said.
    """
    said = {"--type": wishes.types, "--group": wishes.group, "--time": wishes.time}
    problems = [
        Problem(f"{flag} is of a table's columns, and this is {noun}", flag, "nothing")
        for flag, one in said.items()
        if one
    ]
    if problems:
        raise UsageError(*problems)


class FolderSubject(Subject):
    """Files of one sort, a row each, whose folders are their classes.

    Attributes:
        dataset: which reads them.
        noun: of one file.
        listing: those that can be read.
        notes: what was mended or left out in reading, and how many files that concerns.
        broken: whether some cannot be read.
    """

    dataset: ClassVar[str]
    noun: ClassVar[str]

    def __init__(self, folder: Path, listing: Listing, notes: Sequence[Note], broken: bool) -> None:
        self.folder, self.listing, self.broken = folder, listing, broken
        self.notes = (*listing.notes, *notes)
        names, values = listing.classes[TARGET], listing.targets[TARGET]
        counts = np.bincount(values, minlength=len(names)).tolist()
        order = sorted(zip(names, counts, strict=True), key=lambda one: (-one[1], one[0]))
        problem = "binary" if len(names) == 2 else "multiclass"
        rule = f"there are {len(names):,} folders of classes"
        self.posed = Posed(TARGET, problem, rule, 0, tuple(order))

    def __len__(self) -> int:
        return len(self.listing.names)

    def settle(self, targets: Sequence[str]) -> None:
        """What is predicted is the class, which each folder is.

        Raises:
            UsageError: something else is asked for.
        """
        if wrong := [one for one in targets if one != TARGET]:
            what = f"a file's folder is what is predicted, and --target asks for {wrong[0]}"
            raise UsageError(Problem(what, "--target", f"nothing, or {TARGET}"))

    @property
    def sets(self) -> bool:
        """Whether the folders say which files train and which test."""
        return bool(self.listing.parts)

    def describe(self) -> Description:
        """The classes, and what is guessed."""
        title = f"{self.folder.name}: {plural(len(self), self.noun)} of "
        title += plural(len(self.posed.classes), "class").replace("classs", "classes")
        rows = tuple(map(self._row, self.posed.classes))
        titles = TITLES if self.sets else TITLES[:2]
        facts = {"rows": len(self), "classes": dict(self.posed.classes)}
        return Description(title, titles, rows, titles[1:], tuple(self._guesses()), facts)

    def _row(self, one: tuple[str, int]) -> tuple[str, ...]:
        name, count = one
        if not self.sets:
            return (name, f"{count:,}")
        place = self.listing.classes[TARGET].index(name)
        mine = np.array(self.listing.parts)[self.listing.targets[TARGET] == place]
        return (name, f"{count:,}", *(f"{int((mine == part).sum()):,}" for part in PARTS))

    def _guesses(self) -> list[Guess]:
        told = join_names(f"{shorten(name)} {many:,}" for name, many in self.posed.classes[:5])
        found = [Guess(f"{TARGET} is predicted: {self.posed.problem} ({told})", self.posed.rule)]
        protocol, reason = self.choose_protocol()
        found.append(Guess(f"sets: {protocol['name']}", reason))
        found += [Guess(text) for text, _ in self.notes]
        if self.broken:
            rule = "dataset.broken=skip is written, so that the others train"
            found[-1] = Guess(found[-1].what, rule, asks=True)
        return found + self.guess()

    @abstractmethod
    def guess(self) -> list[Guess]:
        """What is guessed of these files beside their classes."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Options of the dataset beside its folder."""

    @abstractmethod
    def learn(self, recipe: Recipe, train: int) -> None:
        """Adds how they are prepared and learned.

        Args:
            recipe: of the task.
            train: training rows of a model, about.
        """

    def choose_protocol(self) -> tuple[dict[str, Any], str]:
        """How files are cut into sets, and the rule."""
        rows, shared = len(self), {"duplicates": "together"}
        if "test" in self.listing.parts:
            rows -= self.listing.parts.count("test")
            official = "the folder test is the test set; "
        else:
            shared |= {"test": 0.2}  # type: ignore[dict-item]
            official = "a fifth is the test set; "
        if "validation" in self.listing.parts:
            return {"name": "official", **shared}, f"{official}the folder validation validates"
        rarest = self.posed.classes[-1][1]
        if rows < FEW and rarest >= 10:
            told = f"{official}{rows:,} others, fewer than {FEW:,}: K-fold"
            return {"name": "kfold", "k": 4, **shared}, told
        return {"name": "holdout", "validation": 0.2, **shared}, f"{official}a fifth validates"

    def draft(self) -> Draft:
        """The task file."""
        recipe, (protocol, reason) = Recipe(), self.choose_protocol()
        recipe.add("protocol", protocol, reason)
        rows = len(self) - self.listing.parts.count("test")
        share = 1.0 if protocol["name"] == "official" else 0.75 if "k" in protocol else 0.8
        self.learn(recipe, int(share * rows * (1.0 if "test" in self.listing.parts else 0.8)))
        recipe.add("metrics", *choose_metrics([self.posed]))
        recipe.add("final", "k" in protocol)
        options = to_plain(DATASETS.entries[self.dataset].options())
        options.pop("sample")
        given = {"folder": relative(self.folder), **self.options()}
        given |= {"broken": "skip"} if self.broken else {}
        dataset = {"name": self.dataset, **(options | given)}
        names = join_names(shorten(name) for name, _ in self.posed.classes[:5])
        more = f" and {len(self.posed.classes) - 5:,} more" * (len(self.posed.classes) > 5)
        about = {"title": f"{names}{more}: {plural(len(self), self.noun)} of {self.folder.name}"}
        about |= {"source": "", "time": "", "result": ""}
        targets = {TARGET: {"problem": self.posed.problem}}
        sections = {"about": about, "dataset": dataset, "targets": targets, **recipe.sections}
        draft = Draft([], sections)
        draft.remark(("dataset",), *(text for text, _ in self.notes))
        draft.remark(("targets", TARGET), self.posed.rule)
        for section, why in recipe.reasons.items():
            draft.remark((section,), why)
        return draft
