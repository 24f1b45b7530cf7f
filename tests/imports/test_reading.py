"""Reading CSV: what is a row comes out whole, what is none is named by its line, and nothing else is lost."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.reading import LONGEST_ROW, ImportImpossible, Row, RowError, read
from tests.imports.support import BANK, CALLS


def reading(folder: Path, content: bytes) -> list[Row | RowError]:
    file = folder / "file.csv"
    file.write_bytes(content)
    return list(read(file, needed=("a",)))


def rows(found: list[Row | RowError]) -> list[tuple[int, dict[str, str]]]:
    return [(row.line, row.fields) for row in found if isinstance(row, Row)]


def errors(found: list[Row | RowError]) -> list[tuple[int, str]]:
    return [(error.line, error.reason) for error in found if isinstance(error, RowError)]


@pytest.mark.parametrize(("file", "count"), [(CALLS, 2981), (BANK, 762)])
def test_every_row_of_the_real_files_is_read(file: Path, count: int) -> None:
    found = list(read(file))
    assert len(rows(found)) == count
    assert errors(found) == []


def test_line_breaks_in_a_field_stay_and_lines_are_counted_through_them(tmp_path: Path) -> None:
    found = reading(tmp_path, b'a,b\n1,"x\ny\r\nz"\n\n2,""\n')
    assert rows(found) == [(2, {"a": "1", "b": "x\ny\r\nz"}), (6, {"a": "2", "b": ""})]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert rows(reading(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n")) == [(2, {"a": "1", "b": "2"})]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"9,8,7", "3 fields where the header has 2"),
        (b"9", "1 fields where the header has 2"),
        (b"9,\xff\xfe", "not written in UTF-8"),
        (b'9,"open', "quote"),
        (b'9,"x"y', "quote"),
        (b"9,x\ry", "carriage return"),
        (b"9," + b"z" * LONGEST_ROW, "longer than 256 KB"),
        (b'9,"' + b"z" * 140_000 + b'"', "too long"),
    ],
)
def test_a_broken_row_is_reported_by_its_line_and_those_around_it_are_read(
    tmp_path: Path, broken: bytes, said: str
) -> None:
    found = reading(tmp_path, b"a,b\n1,2\n" + broken + b'\n3,"4\n5"\n6,7\n')
    assert rows(found) == [
        (2, {"a": "1", "b": "2"}),
        (4, {"a": "3", "b": "4\n5"}),
        (6, {"a": "6", "b": "7"}),
    ]
    ((line, reason),) = errors(found)
    assert line == 3
    assert said in reason
    assert "zz" not in reason


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest(tmp_path: Path) -> None:
    lines = b"".join(b"%d,x\n" % n for n in range(60_000))
    found = reading(tmp_path, b'a,b\n1,"never closed\n' + lines)
    assert [line for line, _ in errors(found)] == [2]
    assert len(rows(found)) == 60_000


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"b,c\n1,2\n", "no column “a”"), (b"a,b,a\n", "more than one column “a”")],
)
def test_a_file_that_can_not_be_the_one_is_refused_as_a_whole(
    tmp_path: Path, content: bytes, said: str
) -> None:
    with pytest.raises(ImportImpossible, match=said):
        reading(tmp_path, content)


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ImportImpossible, match=r"none\.csv can not be read: No such file"):
        list(read(tmp_path / "none.csv"))


_FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@given(st.lists(st.tuples(st.text("xyz", min_size=1, max_size=3), _FIELD), max_size=20))
def test_what_is_written_by_the_rules_is_read_as_it_was(given_rows: list[tuple[str, str]]) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *given_rows])
    with TemporaryDirectory() as folder:
        found = reading(Path(folder), written.getvalue().encode())
    assert [(fields["a"], fields["b"]) for _, fields in rows(found)] == given_rows
