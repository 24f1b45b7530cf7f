"""A systemic issue at the desk: its outage, what customers were told, its complaints by site, and the forms for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import RedirectResponse, Response

from api.answers import no_such_command
from api.commands import given_as_json, slug
from api.deps import Deps, DepsHere
from api.desk import timeline
from api.desk.case import FormShown, Ruled, Sent
from api.desk.choices import Around, Choice, published
from api.desk.commands import form_back, key_of, version_of
from api.desk.forms import Faulty, Field, fields_for, read
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere, bearer
from api.desk.times import Face
from api.desk.words import about, headed, said
from api.fields import CODE_PATTERN
from api.giving import give
from api.problems import Problem
from api.security import not_known, systemic_in_path
from api.showing import Reader
from api.status import disturbances_if_known
from complaints.base import Command, Happening, Refused
from complaints.references import parse
from complaints.systemic.issue import (
    OpenSystemicIssue,
    PlanSystemic,
    RemoveComplaint,
    SystemicIssue,
    UpdateSystemic,
    fold_systemic,
    possible_systemic,
)
from complaints.systemic.outage_state import Outage, OutagePhase, way_of
from complaints.systemic.outages import AnnounceOutage, GradeOutage, SummariseOutage, VerifyOutageOver, spoken
from complaints.systemic.risk_state import IMPACTS, LIKELIHOODS, rated
from complaints.systemic.sites import region_of, spread
from ledger import reads
from ledger.directory import Session
from ledger.suspicion import sites_of
from policies.vocabulary import Channel
from workflows.client import EngineAway

router = APIRouter(include_in_schema=False)

IssueHere = Annotated[str, Depends(systemic_in_path)]
_FLOW: tuple[type[Command], ...] = (
    GradeOutage,
    AnnounceOutage,
    VerifyOutageOver,
    SummariseOutage,
    UpdateSystemic,
    PlanSystemic,
)
COMMANDS: Mapping[str, type[Command]] = {
    slug(command): command
    for command in dict.fromkeys((*_FLOW, *given_as_json(systemic=True)))
    if command is not OpenSystemicIssue
}
"""Every command to a systemic issue that a form can be made of, by its name in addresses."""
GRADES = ("1: emergency", "2: general", "3: routine")


@dataclass(frozen=True)
class Step:
    """One step of the emergency flow; `at` is when it was taken, None where it lies ahead."""

    title: str
    at: datetime | None
    now: bool


@router.get("/desk/systemic/{reference}")
async def show_one(
    deps: DepsHere,
    session: SessionHere,
    reference: IssueHere,
    *,
    done: Annotated[str, Query(max_length=100)] = "",
    again: bool = False,
) -> Response:
    """One systemic issue; `done` is the command that was just given."""
    return await _issue(deps, session, reference, done=done, again=again)


@router.post("/desk/systemic/{reference}/commands/{slug}")
async def give_command(
    deps: DepsHere, session: SessionHere, form: FormHere, reference: IssueHere, slug: str
) -> Response:
    """Give the issue the command that a form was filled in for."""
    command = COMMANDS.get(slug)
    if command is None:
        raise Problem(404)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    key, version = key_of(given), version_of(given)
    issue, _ = await _folded(deps, reference)
    try:
        sent = read(command, given, await around_of(deps, issue))
        outcome = await give(
            deps, bearer(session), reference, command, sent, key=key, expected_version=version
        )
    except Faulty as faulty:
        return await _issue(deps, session, reference, sent=Sent(slug, given, faulty.faults))
    except (Refused, Problem, EngineAway) as error:
        return await _issue(deps, session, reference, sent=form_back(error, slug, given, key))
    if outcome.outcome is None:
        return RedirectResponse(f"/desk/systemic/{reference}/commands/{slug}/{outcome.command_id}", 303)
    again = "&again=1" if outcome.outcome.duplicate else ""
    return RedirectResponse(f"/desk/systemic/{reference}?done={slug}{again}#done", 303)


@router.get("/desk/systemic/{reference}/commands/{slug}/{command_id}")
async def how_far(
    deps: DepsHere,
    session: SessionHere,
    reference: IssueHere,
    slug: str,
    command_id: Annotated[str, Path(pattern=CODE_PATTERN)],
) -> Response:
    """The place to look for a command that takes long; once it is done, the issue."""
    if slug not in COMMANDS:
        raise no_such_command()
    async with deps.reading.connect() as conn:
        found = await reads.command(conn, command_id)
    if found is not None and found.stream == reference:
        return RedirectResponse(f"/desk/systemic/{reference}?done={slug}", 303)
    return page(
        "under_way.html", 202, headers={"Retry-After": "2"}, session=session, reference=reference,
        title=COMMANDS[slug].title, back=f"/desk/systemic/{reference}",
        again=f"/desk/systemic/{reference}/commands/{slug}/{command_id}",
    )  # fmt: skip


# One issue ----------------------------------------------------------------------------------------


async def _issue(
    deps: Deps,
    session: Session,
    reference: str,
    *,
    done: str = "",
    again: bool = False,
    sent: Sent | None = None,
) -> Response:
    issue, happenings = await _folded(deps, reference)
    around = await around_of(deps, issue)
    reader = Reader(session.actor, reference, "systemic page")
    reader.want(issue, "systemic")
    for told in happenings:
        reader.want(told.event, "systemic")
    async with deps.reading.connect() as conn:
        await reader.read(deps, conn)
        sites = await sites_of(conn, issue.members)
    allowed, ruled = _possible(issue, session, around)
    telling = timeline.Telling(around.pack, around.names, around.face, reader)
    status = 200 if sent is None else sent.problem.status if sent.problem else 422
    return page(
        "systemic.html",
        status,
        headers={"ETag": f'"{issue.version}"'},
        session=session,
        disturbances=await disturbances_if_known(deps),
        issue=issue,
        outage=issue.outage,
        late=issue.outage is not None
        and issue.outage.news_by is not None
        and issue.outage.news_by < around.face.now,
        steps=_steps(issue, issue.outage) if issue.outage else (),
        phase=phase_words(issue.outage.phase if issue.outage else None),
        grades=GRADES,
        members=[(member, sites.get(member), region_of(sites.get(member) or "")) for member in issue.members],
        spread=spread(sites.get(member) for member in issue.members),
        text=reader.text,
        risk_owner=around.names.get(issue.risk.owner, "Somebody who has left") if issue.risk else "",
        likelihoods=LIKELIHOODS,
        impacts=IMPACTS,
        rated=rated,
        entries=timeline.entries(telling, happenings),
        forms=tuple(_forms(issue, around, allowed, sent)),
        ruled=ruled,
        sent=sent,
        may=", ".join(sorted(said(role) for role in COMMANDS[sent.slug].who)) if sent else "",
        done=COMMANDS[done].title if done in COMMANDS else "",
        again=again,
        face=around.face,
        said=said,
        spoken=spoken,
        headed=headed,
    )


async def _folded(deps: Deps, reference: str) -> tuple[SystemicIssue, tuple[Happening, ...]]:
    """The issue as its record has it. Raises Problem (404)."""
    happenings = await deps.record.read(parse(reference))
    if not happenings:
        raise not_known(reference)
    return fold_systemic(happenings), happenings


async def around_of(deps: Deps, issue: SystemicIssue | None) -> Around:
    """What the forms are made with: the pack is the outage's, else any that is published, whose zone is shown."""
    packs = await deps.packs.all()
    if not packs:
        raise Problem(503, detail="No pack is published yet; publish one first.")
    pack = packs[0] if issue is None or issue.outage is None else await deps.packs.of(issue.outage.pack)
    face = Face(pack.timezone, deps.clock.now())
    return Around(None, pack, await deps.directory.everyone(), face, lambda ref: "", packs)


def _possible(
    issue: SystemicIssue, session: Session, around: Around
) -> tuple[tuple[type[Command], ...], tuple[Ruled, ...]]:
    allowed: list[type[Command]] = []
    ruled: list[Ruled] = []
    for command in COMMANDS.values():
        refused = possible_systemic(issue, command, session.actor, around.face.now)
        if refused is None:
            allowed.append(command)
        else:
            ruled.append(Ruled(command.title, refused.sentence, refused.rule or "", refused.who or ""))
    return tuple(allowed), tuple(ruled)


def _forms(
    issue: SystemicIssue, around: Around, allowed: Sequence[type[Command]], sent: Sent | None
) -> Iterator[FormShown]:
    for name, command in COMMANDS.items():
        back = sent if sent is not None and sent.slug == name else None
        if command not in allowed and back is None:
            continue
        made = fields_for(command, around, back.given if back else None, back.faults if back else None)
        yield FormShown(
            slug=name,
            title=command.title,
            about=about(command),
            fields=tuple(_fitted(command, item, issue, around, fresh=back is None) for item in made),
            key=(back.key if back else None) or secrets.token_urlsafe(16),
            open=back is not None,
            primary=False,
        )


def _fitted(
    command: type[Command], item: Field, issue: SystemicIssue, around: Around, *, fresh: bool
) -> Field:
    """A control with what this very issue makes of it: its members to choose from, the channels to be used."""
    if command is RemoveComplaint and item.name == "complaint":
        return replace(item, control="select", choices=tuple(Choice(ref, ref) for ref in issue.members))
    if command is GradeOutage and item.name == "grade":
        grades = tuple(Choice(str(n), words) for n, words in enumerate(GRADES, start=1))
        return replace(item, control="radios", choices=grades)
    if command is GradeOutage and item.name == "pack":
        with_rules = [pack for pack in around.packs if pack.outages]
        return replace(item, choices=published(replace(around, packs=with_rules)))
    if command is AnnounceOutage and item.name == "over":
        heard = [channel for channel in Channel if way_of(channel) is not None]
        boxes = {part.name: part for part in item.parts}
        item = replace(
            item, parts=tuple(replace(boxes[f"over.{c}"], label=spoken(c).capitalize()) for c in heard)
        )
    if command is AnnounceOutage and item.name == "over" and issue.outage is not None and fresh:
        rule = next((rule for rule in around.pack.outages if rule.grade == issue.outage.grade), None)
        asked = {f"over.{channel}" for channel in rule.over} if rule is not None else set()
        return replace(
            item, parts=tuple(replace(part, value="on" if part.name in asked else "") for part in item.parts)
        )
    return item


def _steps(issue: SystemicIssue, outage: Outage) -> tuple[Step, ...]:
    """Discover, classify, handle, verify, summarise (crm-service S5.3), with when each was done."""
    told = next((said.at for said in outage.announcements if said.at >= outage.since and not said.over), None)
    reached = (
        ("Discovered", issue.opened_at),
        ("Graded", outage.graded_at),
        ("Customers told", told),
        ("Verified that it is over", outage.verified_at),
        ("Summed up", outage.summarised_at),
    )
    last = max(index for index, (_, at) in enumerate(reached) if at is not None)
    return tuple(Step(title, at, index == last) for index, (title, at) in enumerate(reached))


def phase_words(phase: OutagePhase | str | None) -> str:
    return {
        None: "No outage",
        OutagePhase.CLASSIFIED: "Graded, customers not told yet",
        OutagePhase.HANDLING: "Being handled, customers told",
        OutagePhase.VERIFIED: "Over, not summed up yet",
        OutagePhase.SUMMARISED: "Over and summed up",
    }[phase if phase is None else OutagePhase(phase)]
