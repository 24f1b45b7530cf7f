"""Mappings: true instants out of local times, classes out of words, and a reason for what says neither."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from imports.mapping import ImportedRow, Mapping, Moment, load
from imports.reading import ImportImpossible, Row, RowError, read
from tests.imports.support import BANK, CALLS, DEMO, HEADER, NOW, call, mapping


def one(row: str, *, now: datetime = NOW) -> ImportedRow | RowError:
    fields = dict(zip(HEADER.split(","), row.split(","), strict=True))
    return mapping("nyc311").complaint(Row(line=7, fields=fields), now)


def complaint(row: str) -> ImportedRow:
    found = one(row)
    assert isinstance(found, ImportedRow)
    return found


def reason(row: str) -> str:
    found = one(row)
    assert isinstance(found, RowError)
    assert found.line == 7
    return found.reason


def all_of(file: Path, name: str) -> list[ImportedRow]:
    known = mapping(name)
    found = [
        known.complaint(row, NOW) for row in read(file, known.encoding, known.columns) if isinstance(row, Row)
    ]
    assert not [error for error in found if isinstance(error, RowError)]
    return [row for row in found if isinstance(row, ImportedRow)]


def test_all_311_rows_are_complaints_open_ones_among_them() -> None:
    rows = all_of(CALLS, "nyc311")
    assert (len(rows), sum(not row.closed for row in rows)) == (2981, 175)
    assert len({row.source for row in rows}) == 2981
    assert all(row.closed_at is not None for row in rows if row.closed)


def test_all_cfpb_rows_are_complaints_with_their_narratives() -> None:
    rows = all_of(BANK, "cfpb")
    assert (len(rows), sum(not row.closed for row in rows)) == (762, 80)
    assert sum(row.narrative is not None for row in rows) == 114
    assert any("\n" in row.narrative for row in rows if row.narrative)
    # The database does not publish when a complaint was closed, and nothing is made up.
    assert all(row.closed_at is None for row in rows)
    assert all(row.not_before >= row.received_at for row in rows)


def test_a_row_says_what_it_is() -> None:
    row = complaint(call(63594352, "1/1/2025 7:52", "1/3/2025 12:08"))
    assert row.source == "311:63594352"
    assert row.received_at == datetime(2025, 1, 1, 12, 52, tzinfo=UTC)
    assert row.closed_at == datetime(2025, 1, 3, 17, 8, tzinfo=UTC)
    assert (row.kind, row.severity, row.channel) == ("service_request", "regular", "import")
    assert row.subject == "Dead Animal · Bird"
    assert (
        row.narrative == "Sidewalk · 11429 · QUEENS VILLAGE · QUEENS · 13 QUEENS · Department of Sanitation"
    )


# Clock changes in New York: forward on 2025-03-09 at 2:00, back on 2025-11-02 at 2:00.
@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("3/9/2025 1:59", (2025, 3, 9, 6, 59)),
        ("3/9/2025 2:30", (2025, 3, 9, 7, 30)),  # skipped: as if the clock had not been put forward
        ("3/9/2025 3:00", (2025, 3, 9, 7, 0)),
        ("11/2/2025 0:59", (2025, 11, 2, 4, 59)),
        ("11/2/2025 1:30", (2025, 11, 2, 5, 30)),  # twice: the earlier
        ("11/2/2025 2:00", (2025, 11, 2, 7, 0)),
    ],
)
def test_local_times_at_a_clock_change(local: str, utc: tuple[int, int, int, int, int]) -> None:
    assert complaint(call(1, local)).received_at == datetime(*utc, tzinfo=UTC)


def test_of_an_hour_that_comes_twice_a_closing_is_in_the_one_after_the_receipt() -> None:
    row = complaint(call(1, "11/2/2025 1:30", "11/2/2025 1:10"))
    assert row.closed_at == datetime(2025, 11, 2, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize(("rule", "utc_hour"), [("earlier", 5), ("later", 6)])
def test_a_mapping_says_which_of_two_instants_is_meant(rule: str, utc_hour: int) -> None:
    moment = Moment.model_validate(
        {"column": "t", "format": "%Y-%m-%d %H:%M", "zone": "America/New_York", "ambiguous": rule}
    )
    assert moment.read("2025-11-02 01:30") == datetime(2025, 11, 2, utc_hour, 30, tzinfo=UTC)


def test_a_mapping_may_refuse_a_time_that_never_was() -> None:
    moment = Moment.model_validate(
        {"column": "t", "format": "%Y-%m-%d %H:%M", "zone": "America/New_York", "absent": "refused"}
    )
    with pytest.raises(ValueError, match="clocks in America/New_York skipped"):
        moment.read("2025-03-09 02:30")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (call(1, "13/45/2025 7:52"), "Created Date is no time of the form"),
        (call(1, ""), "Created Date is no time of the form"),
        (call(1, "1/1/2027 7:52"), "Created Date lies in the future"),
        (call(1, "1/1/1960 7:52"), "Created Date lies before 1970"),
        (call(1, "1/2/2025 7:52", "1/1/2025 7:52"), "Closed Date lies before the receipt"),
        (call(1, "1/2/2025 7:52", "soon"), "Closed Date is no time of the form"),
        (call(1, "1/1/2025 7:52").replace("In Progress", "Perhaps"), "Status says neither"),
        (call(1, "1/1/2025 7:52").replace("1,", "x y,", 1), "Unique Key is not an identifier"),
        (call(1, "1/1/2025 7:52").replace("Bird", "Bi\x00rd"), "Descriptor has control characters"),
        (call(1, "1/1/2025 7:52").replace("Bird", "B" * 100_001), "longer than 100000 characters"),
    ],
)
def test_a_row_that_does_not_say_what_it_must_is_reported_without_its_content(row: str, said: str) -> None:
    found = reason(row)
    assert said in found
    assert found.endswith(".")
    for content in ("soon", "Perhaps", "x y", "13/45", "BBBB"):
        assert content not in found


def _changed(**changes: Any) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load((DEMO / "mappings" / "nyc311.yaml").read_text())
    return {**said, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": {"default": "grumble"}}, "grumble is none of complaint, service_request"),
        ({"kind": {}}, "needs a column or a default"),
        (
            {"received": {"column": "a", "format": "%Y", "zone": "Mars/Olympus"}},
            "Mars/Olympus is no time zone",
        ),
        ({"received": {"column": "a", "format": "%Y-%m-%d", "zone": "UTC"}}, "needs a time of day"),
        ({"colour": "blue"}, "colour: Extra inputs are not permitted"),
        ({"source": "NYC 311"}, "source: String should match"),
        ({"closing_tells": ["archived"]}, "closing_tells.0: Input should be "),
    ],
)
def test_a_wrong_mapping_is_refused_with_what_is_wrong(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(yaml.safe_dump(_changed(**changes)))
    with pytest.raises(ImportImpossible, match=said):
        load(file)


def test_what_is_no_mapping_at_all_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text("a: [")
    with pytest.raises(ImportImpossible, match=r"mapping\.yaml, line 1: this is not YAML"):
        load(file)
    with pytest.raises(ImportImpossible, match=r"none\.yaml can not be read"):
        load(tmp_path / "none.yaml")


def test_the_mappings_need_columns_that_the_files_have() -> None:
    assert set(mapping("nyc311").columns) <= set(HEADER.split(","))
    assert isinstance(mapping("cfpb"), Mapping)
