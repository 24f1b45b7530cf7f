"""The page that explains one clock: in words, as a table and as a picture, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.deps import DepsHere
from api.desk.case import CaseHere, case_address
from api.desk.clocks import State, clock_address, state_shown, word
from api.desk.portal_words import LANGUAGES, TAGS
from api.desk.rendering import page
from api.desk.sessions import SessionHere
from api.desk.timeline_picture import picture
from api.desk.why_table import why_table
from api.runs import LARGEST_OCCURRENCE, run_explained
from complaints.timing.explained import about, sentences
from policies.wording.spoken import Language, Speech, text_of

router = APIRouter(include_in_schema=False)

_STATES: Mapping[State, str] = {
    "overdue": "已逾期",
    "soon": "即將到期",
    "running": "計時中",
    "paused": "已暫停",
    "met": "已完成",
    "late": "逾期完成",
    "stopped": "已停止",
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "skip": ("Skip to the content", "跳至主要內容"),
    "languages": ("Languages", "語言"),
    "why": ("Why this moment", "到期時間的由來"),
    "back": ("Back to the complaint", "返回投訴"),
    "due": ("Due", "到期"),
    "no_due": ("No due moment while the pause lasts", "暫停期間沒有到期時間"),
    "runs": ("Runs of this clock", "各次計時"),
    "run": ("Run {number}", "第{number}次"),
    "picture": ("As a picture", "圖示"),
    "words": ("In words", "文字說明"),
    "how": ("How it was counted", "計算過程"),
}


@router.get("/desk/complaints/{reference}/clocks/{clock}")
async def show(
    deps: DepsHere,
    session: SessionHere,
    reference: CaseHere,
    clock: str,
    *,
    occurrence: Annotated[int | None, Query(ge=1, le=LARGEST_OCCURRENCE)] = None,
    language: Literal["en", "zh"] = "en",
) -> Response:
    """One run of a clock, explained; the latest where none is named. Raises Problem (404, 503)."""
    case, pack, told = await run_explained(deps, reference, clock, occurrence)
    speech, now = Speech(language, told.why.zone), deps.clock.now()
    state = state_shown(pack, told, now)
    several = [run for run in case.clocks.occurrences if run.clock == clock]
    number = str(told.run.number) if len(several) > 1 else ""

    def say(name: str, **fields: str) -> str:
        return speech.choose(*_WORDS[name]).format(**fields)

    def address(asked: Language) -> str:
        return clock_address(reference, clock, occurrence=number, language=asked if asked != "en" else "")

    return page(
        "why.html",
        session=session,
        say=say,
        tag=TAGS[language],
        language=language,
        languages=[
            (code, TAGS[code], name, address("zh" if code == "zh" else "en"))
            for code, name in LANGUAGES.items()
        ],
        reference=reference,
        back=case_address(reference),
        title=text_of(told.rule.title, language),
        subject=about(pack, told.run, language),
        state=state,
        word=speech.choose(word(state), _STATES[state]),
        due=speech.end(told.due_at) if told.due_at is not None else None,
        runs=[
            (
                run.number,
                clock_address(
                    reference,
                    clock,
                    occurrence=str(run.number),
                    language=language if language != "en" else "",
                ),
            )
            for run in several
        ],
        number=told.run.number,
        told=sentences(pack, told, now, language),
        picture=picture(told, now, speech),
        why=why_table(told, speech),
    )
