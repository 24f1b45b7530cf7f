"""Reads a CSV file row by row in bounded memory; a row that can not be read is reported, the rest go on."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from complaints.base import Frozen

Encoding = Literal["utf-8", "cp1252", "latin-1"]
"""Encodings in which a line break is one byte that means nothing else."""

LONGEST_ROW = 256 * 1024
"""Bytes. A quote that is never closed would else take the rest of the file into one field."""


class ImportImpossible(Exception):  # noqa: N818 - an answer to whoever started the import
    """Nothing of this file can be imported; the text is a sentence that says why and what to do."""


class Row(Frozen):
    """One record: the line on which it begins (from 1), and its fields by column."""

    line: int
    fields: dict[str, str]


class RowError(Frozen):
    """A record that can not be imported: the line where it begins (from 1), and why, without its content."""

    line: int
    reason: str


class _UnreadableError(Exception):
    """The record that is being read can not be one."""


def read(file: Path, encoding: Encoding = "utf-8", needed: tuple[str, ...] = ()) -> Iterator[Row | RowError]:
    """The records of a CSV file (RFC 4180, with a header), in order; at most one of them in memory.

    A record that is broken by a stray quote does not swallow those after it: reading goes on with the
    line after its first. Empty lines are passed over. Raises ImportImpossible where the file or its
    header can not be read, or a `needed` column is missing.
    """
    try:
        with file.open("rb") as raw:
            yield from _records(raw, encoding, needed)
    except OSError as error:
        raise ImportImpossible(f"{file.name} can not be read: {error.strerror}.") from None


def _records(raw: BinaryIO, encoding: Encoding, needed: tuple[str, ...]) -> Iterator[Row | RowError]:
    lines = _Lines(raw, encoding)
    reader = csv.reader(lines, strict=True)
    header = _header(lines, reader, needed)
    while True:
        lines.begin()
        try:
            values = next(reader)
            if values and len(values) != len(header):
                raise _UnreadableError(f"it has {len(values)} fields where the header has {len(header)}")
            if any(_undecoded(value) for value in values):
                raise _UnreadableError(f"it is not written in {encoding.upper()}")
        except StopIteration:
            return
        except (_UnreadableError, csv.Error) as error:
            yield RowError(line=lines.first, reason=_sentence(error))
            lines.go_back_to_second()
            continue
        if values:
            yield Row(line=lines.first, fields=dict(zip(header, values, strict=True)))


def _header(lines: _Lines, reader: Iterator[list[str]], needed: tuple[str, ...]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except StopIteration:
        raise ImportImpossible("The file is empty: it needs a header and rows.") from None
    except (_UnreadableError, csv.Error) as error:
        raise ImportImpossible(f"The header can not be read: {_sentence(error)}") from None
    missing = [name for name in needed if name not in header]
    if missing:
        raise ImportImpossible(
            f"The file has no column {_listed(missing)}; it has {_listed(header)}. Is this the right mapping?"
        )
    twice = sorted({name for name in header if header.count(name) > 1 and name in needed})
    if twice:
        raise ImportImpossible(f"The file has more than one column {_listed(twice)}.")
    return header


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"“{name[:60]}”" for name in names[:30])
    return shown if len(names) <= 30 else f"{shown} and {len(names) - 30} more"


def _undecoded(value: str) -> bool:
    """Whether bytes came through that the encoding does not have (they stand as lone surrogates)."""
    return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)


def _sentence(error: Exception) -> str:
    said = str(error)
    if "unexpected end of data" in said:
        said = "a quote is opened and never closed"
    elif "expected after" in said:
        said = "a quote stands in the middle of a field"
    elif "field larger than" in said:
        said = "a field is too long"
    elif "new-line character" in said:
        said = "it has a carriage return outside quotes"
    return f"{said[:1].upper()}{said[1:]}."


class _Lines:
    """The file's lines for the csv module, which can be taken back as far as the current record goes."""

    def __init__(self, raw: BinaryIO, encoding: Encoding) -> None:
        self._raw = raw
        self._encoding = encoding
        self._again: deque[str] = deque()
        self._given: list[str] = []
        self._given_size = 0
        self._next_line = 1
        self.first = 1
        """The line on which the current record begins."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._read()
        if not self._given:
            self.first = self._next_line
        self._next_line += 1
        self._given.append(text)
        self._given_size += len(text)
        if self._given_size > LONGEST_ROW:
            raise _UnreadableError(
                f"it is longer than {LONGEST_ROW // 1024} KB; perhaps a quote is never closed"
            )
        return text

    def begin(self) -> None:
        """A new record begins with the next line."""
        self._given.clear()
        self._given_size = 0

    def go_back_to_second(self) -> None:
        """Give the lines of the current record after its first once more."""
        rest = self._given[1:]
        self._again.extendleft(reversed(rest))
        self._next_line -= len(rest)

    def _read(self) -> str:
        line = self._raw.readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        rest = line
        while len(rest) > LONGEST_ROW and not rest.endswith(b"\n"):  # pass over what is too long, unkept
            rest = self._raw.readline(LONGEST_ROW + 1)
        if self._next_line == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line.decode(self._encoding, errors="surrogateescape")
