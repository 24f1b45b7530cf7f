"""The case page: what the complaint is, what happened, every clock, and what may be done now, with the forms for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from activities.delivery.wording import sum_of
from api.commands import given_as_json, slug
from api.deps import Deps, DepsHere
from api.desk import clocks, customer, timeline
from api.desk.choices import Around, remedy_words
from api.desk.fishbone import drawn
from api.desk.forms import Field, Given, fields_for
from api.desk.ladder import ladders_shown
from api.desk.next_steps import first_of
from api.desk.rendering import page
from api.desk.sessions import SessionHere, bearer
from api.desk.times import Face
from api.desk.words import CHAPTERS, about, headed, said
from api.desk.worklist import follower, listed
from api.ladder import ladders_of
from api.problems import Problem
from api.reads import folded, reader_for
from api.security import complaint_in_path
from api.showing import Reader
from api.status import disturbances_if_known
from complaints.base import Actor, Command, Happening, Refused, TextRef
from complaints.case import Case
from complaints.chapters.conversation import AnswerCustomer, unanswered
from complaints.chapters.erasure import PersonalDataErased, the_rule
from complaints.chapters.intake import AttachEvidence
from complaints.lifecycle import possible
from complaints.phases import phase
from complaints.references import is_systemic, parse
from ledger.directory import Session
from policies.pack import Pack

router = APIRouter(include_in_schema=False)

T = TypeVar("T")
CaseHere = Annotated[str, Depends(complaint_in_path)]
COMMANDS: Mapping[str, type[Command]] = {slug(command): command for command in given_as_json(systemic=False)}
"""Every command that a form can be made of, by its name in addresses."""


@dataclass(frozen=True)
class Sent:
    """A form that came back: which, what was typed, what was wrong, and whether its key is to be kept.

    The key is kept where nobody knows whether the command was done: sent again, it is done once.
    """

    slug: str
    given: Given
    faults: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None
    key: str | None = None


@dataclass(frozen=True)
class FormShown:
    """One command as a form."""

    slug: str
    title: str
    about: str
    fields: tuple[Field, ...]
    key: str
    open: bool
    primary: bool

    @property
    def at_once(self) -> bool:
        """Whether there is nothing to fill in: a button in the header is enough."""
        return len(self.fields) == 1


@dataclass(frozen=True)
class Ruled:
    """One command that is not possible now, and why."""

    title: str
    sentence: str
    rule: str
    who: str


def case_address(reference: str, **query: str) -> str:
    """The address of a case page; empty values are left out."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"/desk/complaints/{reference}" + (f"?{asked}" if asked else "")


@router.get("/desk/complaints")
async def find(session: SessionHere, reference: Annotated[str, Query(max_length=100)] = "") -> Response:
    """From a reference that somebody typed to its page. Raises Refused (bad_reference)."""
    if not reference.strip():
        return RedirectResponse("/desk", 303)
    found = parse(reference)
    return RedirectResponse(f"/desk/systemic/{found}" if is_systemic(found) else case_address(found), 303)


@router.get("/desk/complaints/{reference}")
async def show(
    deps: DepsHere,
    session: SessionHere,
    reference: CaseHere,
    *,
    list_: Annotated[str, Query(alias="list", max_length=500)] = "",
    do: Annotated[str, Query(max_length=100)] = "",
    done: Annotated[str, Query(max_length=100)] = "",
    again: bool = False,
    only: Annotated[str, Query(max_length=20)] = "all",
) -> Response:
    """One complaint. `list` is the list it was opened from, `do` the form to open, `done` what was just done."""
    return await case_page(
        deps, session, reference, list_=list_, do=do, done=done, again=again,
        only=only if only in timeline.KINDS else "all",
    )  # fmt: skip


async def case_page(
    deps: Deps,
    session: Session,
    reference: str,
    *,
    list_: str = "",
    do: str = "",
    done: str = "",
    again: bool = False,
    only: str = "all",
    sent: Sent | None = None,
) -> Response:
    """The page, and once more with what was typed where a form came back. Raises Problem (404, 503)."""
    case, happenings = await folded(deps, reference)
    packs = await deps.packs.under(case)
    pack, now = packs.now, deps.clock.now()
    face = Face(pack.timezone, now)
    reader = await _read(deps, session, case, happenings)
    staff = await deps.directory.everyone()
    around = Around(case, pack, staff, face, lambda ref: _words(reader, ref), await deps.packs.all())
    names = around.names
    allowed, ruled = _possible(pack, case, session.actor, around)
    first = first_of(case, allowed)
    forms = tuple(_forms(around, allowed, first, do=do, sent=sent))
    shown = clocks.shown(packs, case, face)
    telling = timeline.Telling(pack, names, face, reader)
    status = 200 if sent is None else sent.problem.status if sent.problem else 422
    return page(
        "case.html",
        status,
        headers={"ETag": f'"{case.version}"'},
        session=session,
        disturbances=await disturbances_if_known(deps),
        actor=session.actor.id,
        case=case,
        pack=pack,
        face=face,
        phase=headed(phase(case)),
        clocks=shown,
        ladders=ladders_shown(pack, case, await ladders_of(deps, case, happenings), names, face),
        answers={slug(command) for command in allowed},
        new_key=_new_key,
        next_clock=next((clock for clock in shown if clock.due_at and clock.remaining), None),
        unanswered=unanswered(pack, case),
        erased=next((told for told in happenings if isinstance(told.event, PersonalDataErased)), None),
        kept_by=the_rule(pack),
        answerable=AnswerCustomer in allowed,
        entries=timeline.entries(telling, happenings, only),
        kinds=timeline.KINDS,
        only=only,
        text=reader.text,
        earlier=await customer.earlier(deps, session, case),
        names=names,
        said=said,
        headed=headed,
        sum_of=sum_of,
        remedy_words=remedy_words,
        fish=drawn(case.post_mortem.bones),
        chapters=_by_chapter(forms),
        ruled=ruled,
        first=next((form for form in forms if form.primary), None),
        sent=sent,
        may=_who(sent),
        done=COMMANDS[done].title
        if done in COMMANDS
        else AttachEvidence.title
        if done == "attachments"
        else "",
        again=again,
        attach=possible(pack, case, AttachEvidence, session.actor, now) is None,
        attach_key=_new_key(),
        list_=list_,
        list_address=listed(list_),
        follower=await follower(deps, session, reference, list_),
        address=case_address,
        speed=deps.clock.spec.speed,
    )


async def _read(deps: Deps, session: Session, case: Case, happenings: tuple[Happening, ...]) -> Reader:
    reader = reader_for(bearer(session), case, "case page")
    for told in happenings:
        reader.want(told.event, told.event.__class__.__module__.rpartition(".")[2])
    for name in Case.model_fields:
        reader.want(getattr(case, name), name)
    async with deps.reading.connect() as conn:
        await reader.read(deps, conn)
    return reader


def _words(reader: Reader, ref: TextRef | None) -> str:
    return "" if ref is None else reader.text(ref)["text"] or ""


def _possible(
    pack: Pack, case: Case, actor: Actor, around: Around
) -> tuple[tuple[type[Command], ...], dict[str, list[Ruled]]]:
    """What this person may do now, and by chapter what not, with the refusal that says why."""
    allowed: list[type[Command]] = []
    ruled: dict[str, list[Ruled]] = {}
    for command in COMMANDS.values():
        refused = possible(pack, case, command, actor, around.face.now)
        if refused is None:
            allowed.append(command)
        else:
            ruled.setdefault(_chapter(command), []).append(_ruled(command, refused))
    return tuple(allowed), _in_order(ruled)


def _ruled(command: type[Command], refused: Refused) -> Ruled:
    return Ruled(command.title, refused.sentence, refused.rule or "", refused.who or "")


def _who(sent: Sent | None) -> str:
    """Who may give the command that was refused."""
    if sent is None or sent.problem is None:
        return ""
    named = sent.problem.members.get("who")
    command = COMMANDS.get(sent.slug)
    if named:
        return str(named)
    return "" if command is None else ", ".join(sorted(said(role) for role in command.who))


def _forms(
    around: Around,
    allowed: tuple[type[Command], ...],
    first: type[Command] | None,
    *,
    do: str,
    sent: Sent | None,
) -> Iterator[FormShown]:
    for name, command in COMMANDS.items():
        back = sent if sent is not None and sent.slug == name else None
        if command not in allowed and back is None:
            continue
        yield FormShown(
            slug=name,
            title=command.title,
            about=about(command),
            fields=fields_for(command, around, back.given if back else None, back.faults if back else None),
            key=(back.key if back else None) or _new_key(),
            open=back is not None or do == name,
            primary=command is first,
        )


def _by_chapter(forms: tuple[FormShown, ...]) -> dict[str, list[FormShown]]:
    grouped: dict[str, list[FormShown]] = {}
    for form in forms:
        grouped.setdefault(_chapter(COMMANDS[form.slug]), []).append(form)
    return _in_order(grouped)


def _in_order(grouped: dict[str, list[T]]) -> dict[str, list[T]]:
    """By chapter in the desk's order; a chapter that it has no heading for yet comes last."""
    order = list(dict.fromkeys([*CHAPTERS.values(), *grouped]))
    return {heading: grouped[heading] for heading in order if heading in grouped}


def _chapter(command: type[Command]) -> str:
    name = command.__module__.rpartition(".")[2]
    return CHAPTERS.get(name) or headed(name)


def _new_key() -> str:
    """Made with the form: however often it is sent, the command is done once."""
    return secrets.token_urlsafe(16)


def list_of(given: Mapping[str, Any]) -> str:
    """The list that a form was opened from, as it carried it back."""
    return urlencode(parse_qsl(str(given.get("list", ""))[:500]))
