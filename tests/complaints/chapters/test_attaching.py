"""How many files one complaint may have, and how large they may be together."""

from collections.abc import Iterable

import pytest

from complaints.base import AttachmentRef
from complaints.chapters.intake import MOST_FILE_BYTES, MOST_FILES, AttachEvidence
from tests.complaints.support import Story, ana, text


def file(number: int, size: int = 1) -> AttachmentRef:
    return AttachmentRef(
        id=f"f{number}", digest="d", size=size, media_type="image/png", filename=text("a.png")
    )


def having(files: Iterable[AttachmentRef]) -> Story:
    story = Story.owned()
    for held in files:
        story.do(ana, AttachEvidence(attachment=held))
    return story


def test_a_complaint_has_so_many_files_and_no_more() -> None:
    story = having(file(number) for number in range(MOST_FILES))
    assert story.refused(ana, AttachEvidence(attachment=file(MOST_FILES))) == "too_many_files"


@pytest.mark.parametrize("left", [0, 9])
def test_files_that_are_too_large_together_are_refused(left: int) -> None:
    story = having([file(1, MOST_FILE_BYTES - left)])
    assert story.refused(ana, AttachEvidence(attachment=file(2, 10))) == "too_many_files"


def test_what_fits_exactly_is_taken() -> None:
    story = having([file(1, MOST_FILE_BYTES - 10), file(2, 10)])
    assert len(story.case.attachments) == 2
