"""Tables in ARFF: as scipy reads them, and files that are no such table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import arff

from dlx.data.readers.arff import Attribute, read_arff
from dlx.errors import UsageError

TEXT = """% a comment
@RELATION 'some table'

@attribute width NUMERIC
@attribute 'the height' real
@Attribute kind {small, 'very large', "other"}
@attribute label {0,1}
@DATA
1,2.5,small,0
% another
?,-3e2,'very large',1

 7 , 8, ?, 1
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "table.arff"
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_names_and_missing_cells(tmp_path: Path) -> None:
    found = read_arff(written(tmp_path, TEXT))
    assert found.attributes == (
        Attribute("width"),
        Attribute("the height"),
        Attribute("kind", ("small", "very large", "other")),
        Attribute("label", ("0", "1")),
    )
    gap = np.nan
    wanted = [[1, 2.5, 0, 0], [gap, -300, 1, 1], [7, 8, gap, 1]]
    np.testing.assert_array_equal(found.rows, wanted)


def test_rows_are_those_that_scipy_reads(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    rows = [[f"{x:.6g}" for x in draws.normal(size=3)] + [str(draws.integers(2))] for _ in range(9)]
    header = "".join(f"@attribute a{place} numeric\n" for place in range(3))
    lines = "\n".join(map(",".join, rows))
    path = written(tmp_path, f"@relation r\n{header}@attribute l {{0,1}}\n@data\n{lines}\n")
    theirs, meta = arff.loadarff(str(path))
    found = read_arff(path)
    assert [one.name for one in found.attributes] == meta.names()
    np.testing.assert_array_equal(found.rows, [[*map(float, row)] for row in theirs])


def test_sparse_rows_name_what_is_not_zero(tmp_path: Path) -> None:
    header = "@relation r\n@attribute a numeric\n@attribute k {x,y}\n@attribute b numeric\n@data\n"
    found = read_arff(written(tmp_path, header + "{0 2.5, 1 y}\n{}\n{2 ?}\n"))
    np.testing.assert_array_equal(found.rows, [[2.5, 1, 0], [0, 0, 0], [0, 0, np.nan]])


HEADER = "@relation r\n@attribute a numeric\n@attribute k {x,y}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "table.arff: has no line @data"),
        ("a,b\n1,2\n", "table.arff: line 1 is a,b"),
        ("@relation r\n@data\n1\n", "table.arff: declares no attribute"),
        ("@relation r\n@attribute a\n@data\n", "table.arff: line 2 is @attribute a"),
        ("@attribute a string\n@data\n", "table.arff: line 1: attribute a is string"),
        ("@attribute a date 'yyyy'\n@data\n", "table.arff: line 1: attribute a is date 'yyyy'"),
        (f"{HEADER}@data\n", "table.arff: has no row"),
        (f"{HEADER}@data\n1,x\n1,x,2\n", "table.arff: line 6 has 3 cells"),
        (f"{HEADER}@data\n1,z\n", "table.arff: line 5: attribute k is z"),
        (f"{HEADER}@data\nyes,x\n", "table.arff: line 5: attribute a is yes"),
        (f"{HEADER}@data\n{{2 1}}\n", "table.arff: line 5 has the cell 2 1"),
    ],
)
def test_what_is_no_such_table_is_told_by_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_arff(written(tmp_path, text))
    assert str(caught.value).startswith(f"{told}\n  where: ")
