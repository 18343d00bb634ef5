"""Datasets of rows in time by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import option
from ..shapes import Sizes
from .dataset import Dataset, File

_HORIZON = (
    "forecast horizon of the temperature; of a list the target has a number for each, and is "
    "targets.temperature.problem=vector_regression"
)
_CALLED = ("delay", "ahead")  # by Chollet's book, and by what a reader hands over


def _problem_of(horizon: int | tuple[int, ...]) -> str:
    return "regression" if isinstance(horizon, int) else "vector_regression"


@dataclass(frozen=True, kw_only=True)
class BeijingPm25(Dataset):
    """Hourly weather and fine dust in Beijing; the target is the dust some hours later."""

    inputs = ("features", "wind")
    shapes: ClassVar[dict[str, Sizes]] = {"features": (9,)}
    targets: ClassVar[dict[str, str]] = {"pm25": "regression"}
    rows = "41,733"
    terms = "UCI, CC BY 4.0"
    time: ClassVar[str] = "time"
    files = (
        File(
            name="pollution.csv",
            sha256="892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2",
            size=2_010_492,
            url=(
                "https://archive.ics.uci.edu/ml/machine-learning-databases/00381/"
                "PRSA_data_2010.1.1-2014.12.31.csv"
            ),
        ),
    )

    horizon: int = option(12, "forecast horizon of the dust", unit="hours", ge=1, le=168)


@dataclass(frozen=True, kw_only=True)
class BeijingWindows(Dataset):
    """Hourly weather in Beijing over the past days; the target is the temperature hours later."""

    inputs = ("weather",)
    rows = "43,681"
    terms = BeijingPm25.terms
    time: ClassVar[str] = "time"
    folder = "beijing_pm25"
    files = BeijingPm25.files

    lookback: int = option(120, "how far back a window reaches", unit="hours", ge=1, le=8760)
    step: int = option(6, "every so many hours are in it, the last one among them", ge=1)
    horizon: int | tuple[int, ...] = option(
        24, _HORIZON, unit="hours", ge=1, le=168, aliases=_CALLED
    )

    @property
    def targets(self) -> dict[str, str]:  # type: ignore[override]
        """The temperature, at each of several horizons."""
        return {"temperature": _problem_of(self.horizon)}


@dataclass(frozen=True, kw_only=True)
class JenaClimate(Dataset):
    """Weather in Jena every 10 minutes over the past days; the target is the temperature later.

    The book's form (Chollet 2017, 6.3): lookback=1440, counted_from=end, gaps=bridge. Its second
    edition's: lookback=720, counted_from=last_step, gaps=bridge.
    """

    inputs = ("weather",)
    terms = "Max Planck Institute for Biogeochemistry, Jena"
    time: ClassVar[str] = "time"

    source: Literal["official", "year_2024"] = option(
        "official",
        "official: the book's file, 2009 to 2016. year_2024: the same station's June to October",
    )
    lookback: int = option(720, "how far back a window reaches", unit="rows of 10 minutes", ge=1)
    step: int = option(6, "every so many rows are in it", unit="rows of 10 minutes", ge=1)
    horizon: int | tuple[int, ...] = option(
        144, _HORIZON, unit="rows of 10 minutes", ge=1, aliases=_CALLED
    )
    counted_from: Literal["last_step", "end"] = option(
        "last_step",
        "what the horizon is counted from. last_step: the last row in the window. end: the row "
        "after the stretch that the window covers, as in the book: its 24 hours are 25 at step 6",
    )
    gaps: Literal["drop", "bridge"] = option(
        "drop",
        "drop: rows are sorted by time, repeated ones and windows across a gap left out. bridge: "
        "rows count as 10 minutes apart whatever their time stamps, as in the book",
    )
    scaled_by: int | None = option(
        None,
        "null: temperatures in degrees. N: less the mean and divided by the standard deviation of "
        "the first N rows' temperatures; the book's normalised scores are by 200000",
        ge=2,
    )

    @property
    def targets(self) -> dict[str, str]:  # type: ignore[override]
        """The temperature, at each of several horizons."""
        return {"temperature": _problem_of(self.horizon)}

    @property
    def rows(self) -> str:  # type: ignore[override]
        """Rows of the file, as `dlx data list` shows them."""
        return "420,551" if self.source == "official" else "19,132"

    @property
    def files(self) -> tuple[File, ...]:  # type: ignore[override]
        """The file of the chosen years."""
        return (_JENA[self.source],)


_JENA = {
    "official": File(  # of 420,551 rows, or 420,451: both are called official
        name="jena_climate_2009_2016.csv.zip",
        size=13_568_290,
        url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/jena_climate_2009_2016.csv.zip",
        also=("jena_climate_2009_2016.csv",),
    ),
    "year_2024": File(
        name="jena_climate_2024_mpi_roof_15cols.csv",
        sha256="072f1a6b341d3f374290c0fd8ebd19d51a9216a4996f03cce90b5b169194fd20",
        size=1_942_801,
    ),
}
