"""The picture of a simulation: whole in words and numbers, for whoever sees no colours or no picture."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from imports.chart import chart
from imports.simulating import Simulated, simulate
from policies.loading import PACKS, load_pack
from tests.imports.support import NOW, call, calls, mapping

SVG = "{http://www.w3.org/2000/svg}"
RETAIL = load_pack(PACKS / "retail-2025.yaml")


@pytest.fixture
def tried(tmp_path: Path) -> Simulated:
    file = calls(
        tmp_path,
        *(call(n, "1/6/2025 7:00", "1/6/2025 7:30") for n in range(1200)),
        *(call(n, "1/6/2025 7:00", "1/6/2025 8:00") for n in range(2000, 2300)),
    )
    return simulate(RETAIL, file, mapping("nyc311"), NOW, named=True, processes=1)


def texts(document: ET.Element) -> list[str]:
    return ["".join(found.itertext()) for found in document.iter(f"{SVG}text")]


def test_every_figure_stands_there_in_words(tried: Simulated) -> None:
    said = texts(ET.fromstring(chart(tried)))  # noqa: S314 - it is our own
    assert "1,200 met in time, 300 met late; 80.0 % of 1,500 in time; 1,500 warned" in said
    assert "1,500 not known" in said
    assert "First handling" in said


def test_the_bars_are_as_long_as_their_figures(tried: Simulated) -> None:
    document = ET.fromstring(chart(tried))  # noqa: S314 - it is our own
    widths = {}
    for bar in document.iter(f"{SVG}rect"):
        label = bar.find(f"{SVG}title")
        if label is not None:
            widths[label.text] = float(bar.attrib["width"])
    assert widths["met in time: 1,200"] == pytest.approx(4 * widths["met late: 300"], rel=0.01)


def test_titles_are_in_the_language_that_is_asked_for_and_safe_in_it(tried: Simulated) -> None:
    assert "首次處理" in texts(ET.fromstring(chart(tried, "zh")))  # noqa: S314 - it is our own
    awkward = tried.model_copy(update={"file": "<script>&.csv"})
    assert "<script>" not in chart(awkward)


def test_nothing_to_show_is_said(tried: Simulated) -> None:
    empty = tried.model_copy(update={"lines": ()})
    assert "No clock of this pack runs for these rows." in texts(ET.fromstring(chart(empty)))  # noqa: S314
