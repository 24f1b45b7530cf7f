"""The real files of the demo and their mappings, and small files made up for one test."""

from datetime import UTC, datetime
from pathlib import Path

from imports.mapping import Mapping, load

DEMO = Path(__file__).resolve().parent.parent.parent / "demo"
CALLS = DEMO / "data" / "nyc311_animal_requests.csv"
BANK = DEMO / "data" / "cfpb_complaints_sample.csv"
NOW = datetime(2026, 1, 1, tzinfo=UTC)

HEADER = "Unique Key,Created Date,Closed Date,Agency,Agency Name,Complaint Type,Descriptor,Location Type,Incident Zip,City,Status,Resolution Action Updated Date,Community Board,Borough"  # noqa: E501 - one line of the file
CALL = "{key},{created},{closed},DSNY,Department of Sanitation,Dead Animal,Bird,Sidewalk,11429,QUEENS VILLAGE,{status},,13 QUEENS,QUEENS"  # noqa: E501


def mapping(name: str) -> Mapping:
    """A mapping of the demo."""
    return load(DEMO / "mappings" / f"{name}.yaml")


def call(key: int, created: str, closed: str = "") -> str:
    """A row as 311's: open unless it says when it was closed."""
    return CALL.format(key=key, created=created, closed=closed, status="Closed" if closed else "In Progress")


def calls(folder: Path, *rows: str) -> Path:
    """A file of such rows, or of lines that are none."""
    file = folder / "calls.csv"
    file.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8", newline="")
    return file
