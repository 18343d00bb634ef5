"""What every dataset has: options, and what is known of it before it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from ...errors import Problem
from ..fields import option
from ..shapes import Sizes


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a dataset.

    Attributes:
        name: file name below the dataset's folder.
        sha256: pinned digest or its first digits, or "" where only the contents are pinned
            (`Dataset.content_sha256`) or nothing is; then the size is not checked either. What was
            read is recorded anyway.
        size: bytes of the official file; 0 where that is not known.
        url: the official address; "" where there is none, so that it is put there by hand.
        also: other names under which it may lie there, such as that of its unpacked contents;
            only where neither is pinned.
        folder: whether it may also be a folder with what the archive holds.
    """

    name: str
    sha256: str = ""
    size: int = 0
    url: str = ""
    also: tuple[str, ...] = ()
    folder: bool = False

    @property
    def digest(self) -> str:
        """The pinned digest, told."""
        return self.sha256 + ("..." if len(self.sha256) < 64 else "")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Options that every dataset has, and what is known of it before it is read."""

    kind: ClassVar[str] = (
        "rows"  # what a learner must learn from: rows, text, picture, environment;
    )
    # vectors are learnt from by none: an embedding starts from them
    noun: ClassVar[str] = "dataset"  # what it is, in messages
    inputs: ClassVar[tuple[str, ...]]
    targets: ClassVar[dict[str, str]]  # column -> problem it poses
    rows: ClassVar[str] = ""
    folder: ClassVar[str] = ""  # that its files lie in; "": one of its own name
    files: ClassVar[tuple[File, ...]] = ()
    own: ClassVar[bool] = False  # whether all that lies in a folder of the user's own is its data
    any_target: ClassVar[str] = "a dataset with targets"  # what is accepted where it offers none
    counted: ClassVar[bool] = True  # whether it is known unread how many classes a target has
    embedded: ClassVar[tuple[str, ...]] = ()  # files that a package brings, in place of `files`
    brought_by: ClassVar[tuple[str, str, str]] = ("scikit-learn", "sklearn", "datasets/data")
    # who brings them, their package, and the folder in it
    wanted: ClassVar[str] = "a folder of pictures"  # what the user's own data are
    may_be_file: ClassVar[bool] = False  # whether they may be a single file
    places: ClassVar[tuple[str, ...]] = ("folder",)  # options that only say where they lie
    content_sha256: ClassVar[str] = ""  # `dlx.data.reader.content_digest`, for other packagings
    terms: ClassVar[str] = ""
    time: ClassVar[str] = ""  # column that orders the rows in time
    groups: ClassVar[tuple[str, ...]] = ()  # columns by which rows may be kept together
    baseline: ClassVar[Literal["simple", "boosting"]] = "simple"  # where the config says nothing
    shapes: ClassVar[dict[str, Sizes]] = {}  # input of numbers -> shape of a row, where it is known

    sample: bool = option(
        False, "use a small synthetic sample instead of the real data, for smoke tests"
    )

    @property
    def named_files(self) -> Mapping[str, str]:
        """Files that its options name, by option; a bare name is of a picture in scikit-learn."""
        return {}

    @property
    def own_files(self) -> tuple[str, ...]:
        """Files of the user's own that hold the data, where it is not one file or folder."""
        return ()

    def pose(self, targets: Mapping[str, str]) -> Self:  # noqa: ARG002
        """The dataset with what section `targets` asks for: problems by column.

        Only where it depends on that what the dataset offers.
        """
        return self

    def check(self) -> Iterator[tuple[str, Problem]]:
        """What its options contradict, and the option where it stands; hints as OPTION=VALUE."""
        return iter(())
