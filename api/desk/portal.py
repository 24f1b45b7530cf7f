"""The customer's progress page behind a secret link: five plain steps, the next news, our letters, ways to answer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from activities.cases import Held, moved_from
from activities.delivery.render import Sender, texts_of_letter, write_letter
from activities.delivery.wording import sum_of
from activities.delivery.wording import word as letter_word
from api.deps import Deps, DepsHere
from api.desk.portal_words import LANGUAGES, Voice, language_of
from api.desk.rendering import page
from api.idempotency import command_id
from api.problems import Problem
from api.progress import STEPS, progress
from api.reads import folded
from api.security import sender_of
from api.status import Disturbance, disturbances_if_known
from complaints.base import Command, Happening, Order
from complaints.case import Case
from complaints.chapters.closure import Reopen
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.dispute import RaiseDispute, WithdrawDispute
from complaints.chapters.endings import AppealDecline, Withdraw
from complaints.chapters.feedback import AnswerSatisfaction, ConfirmOutcome
from complaints.chapters.intake import AttachEvidence, Party
from complaints.chapters.letters import Letter, ReportDelivery
from complaints.chapters.parties import ChangePreferredChannel
from complaints.chapters.redress import AcceptRemedy, RefuseRemedy
from complaints.chapters.remedies import Remedy, RemedyState
from complaints.lifecycle import possible
from complaints.phases import Phase
from ledger import access
from ledger.directory import Bearer
from policies.pack import Pack
from policies.vocabulary import Channel, DeliveryState
from workflows.client import EngineAway, Unknown

router = APIRouter(include_in_schema=False)

_log = structlog.get_logger("api")
_ENDED = (Phase.WITHDRAWN, Phase.MERGED, Phase.DECLINED, Phase.FORWARDED, Phase.DISPUTED)
_LONGEST = 100
_SECRET = {"X-Robots-Tag": "noindex, nofollow"}

TokenHere = Annotated[str, Path(max_length=_LONGEST)]
LanguageAsked = Annotated[str | None, Query(alias="lang", max_length=10)]


@dataclass(frozen=True)
class Way:
    """One thing that a customer can do: the command it gives, and the field of it that takes their words."""

    command: type[Command]
    words: str
    needs_words: bool = False
    asks_again: bool = False


WAYS: Mapping[str, Way] = {
    "message": Way(WriteMessage, "text", needs_words=True),
    "confirm": Way(ConfirmOutcome, "note", asks_again=True),
    "dispute": Way(RaiseDispute, "grounds", needs_words=True, asks_again=True),
    "satisfaction": Way(AnswerSatisfaction, "comment"),
    "channel": Way(ChangePreferredChannel, "address"),
    "accept": Way(AcceptRemedy, "note", asks_again=True),
    "refuse": Way(RefuseRemedy, "note", asks_again=True),
    "appeal": Way(AppealDecline, "reason", needs_words=True, asks_again=True),
    "reopen": Way(Reopen, "reason", needs_words=True, asks_again=True),
    "withdraw-dispute": Way(WithdrawDispute, "reason", asks_again=True),
    "withdraw": Way(Withdraw, "reason", asks_again=True),
}
CHANNELS = (Channel.MAIL, Channel.PHONE, Channel.LETTER)
"""Over what a customer may choose here to hear from us; staff can record every other channel."""
ASPECTS = ("attitude", "professionalism", "efficiency", "solution")
"""The sides of the matter that a customer may score one by one, 1 to 5, as AnswerSatisfaction has them."""
ENDINGS = ("appeal", "reopen", "withdraw-dispute", "withdraw")
"""The rarer ways, each a form of its own at the end of the page."""


@dataclass(frozen=True)
class Guest:
    """Whoever opened a secret link: the party it was sent to, and the one complaint it opens."""

    token: str
    bearer: Bearer
    case: Case
    happenings: tuple[Happening, ...]
    pack: Pack
    party: Party | None
    voice: Voice
    disturbances: tuple[Disturbance, ...] = ()

    @property
    def letters(self) -> tuple[Letter, ...]:
        """The letters to this very party, latest first."""
        mine = [
            letter for letter in self.case.letters.sent if f"party:{letter.party}" == self.bearer.actor.id
        ]
        return tuple(reversed(mine))

    def address(self, rest: str = "", *, lang: str | None = None) -> str:
        """An address below the secret link, in the language that is spoken or another."""
        return f"/progress/{self.token}{rest}?lang={lang or self.voice.language}"


@dataclass(frozen=True)
class Typed:
    """A form that came back from the customer: what was meant, what was typed, and what was the matter."""

    what: str
    words: str
    trouble: str
    status: int
    key: str | None = None
    remedy: str = ""
    scores: Mapping[str, str] = field(default_factory=dict)
    channel: str = ""


async def guest_of(deps: Deps, request: Request, token: str, lang: str | None) -> Guest:
    """Whose link this is. Raises Problem: 404 for one that is not known, 429 for who tries too many."""
    bearer = await deps.directory.actor_for_portal(token)
    if bearer is None or bearer.reference is None:
        deps.throttle.pass_or_refuse(request.client.host if request.client else "")
        raise _unknown()
    case, happenings = await folded(deps, bearer.reference)
    party = next((p for p in case.parties if f"party:{p.id}" == bearer.actor.id), None)
    if party is not None and party.revoked_at is not None:
        raise _unknown()
    pack = await deps.packs.of(case.pack)
    accepted = request.headers.get("accept-language", "")
    language = language_of(lang, party.language if party else "", accepted)
    voice, disturbances = Voice(language, pack.timezone), await disturbances_if_known(deps)
    return Guest(token, bearer, case, happenings, pack, party, voice, disturbances)


def _unknown() -> Problem:
    return Problem(
        404, "unknown_link",
        "This link opens nothing. Copy it whole from our letter, or ask us for a new one."
        " 此連結無效，請從我們的信件完整複製，或向我們索取新連結。",
    )  # fmt: skip


@router.get("/progress/{token}")
async def show(
    deps: DepsHere,
    request: Request,
    token: TokenHere,
    lang: LanguageAsked = None,
    done: Annotated[str, Query(max_length=50)] = "",
) -> Response:
    """How the complaint stands, for the person who made it."""
    return progress_page(deps, await guest_of(deps, request, token, lang), done=done)


def progress_page(deps: Deps, guest: Guest, *, done: str = "", typed: Typed | None = None) -> Response:
    """The page, and once more with what was typed where something stood in the way."""
    case, pack, voice = guest.case, guest.pack, guest.voice
    now = deps.clock.now()
    told = progress(pack, case)
    can = {
        name
        for name, way in WAYS.items()
        if possible(pack, case, way.command, guest.bearer.actor, now) is None
    }
    return page(
        "progress.html",
        typed.status if typed else 200,
        headers=_SECRET,
        referrer="no-referrer",
        guest=guest,
        say=voice,
        languages=LANGUAGES,
        told=told,
        steps=STEPS,
        reached=STEPS.index(told.step),
        now_words=voice(f"now_{told.phase}" if told.phase in _ENDED else f"now_{told.step}"),
        late=told.next_news_by is not None and told.next_news_by < now,
        body=told.outside_body.get(voice.language) or told.outside_body["en"],
        offered=[r for r in case.remedies.items if r.state is RemedyState.OFFERED] if "accept" in can else [],
        remedy_words=lambda remedy: _remedy(remedy, voice.language),
        can=can,
        attach=possible(pack, case, AttachEvidence, guest.bearer.actor, now) is None,
        endings=[name for name in ENDINGS if name in can],
        ways=WAYS,
        aspects=ASPECTS,
        channels=[channel.value for channel in CHANNELS],
        done=done if done in (*WAYS, "file", "waiting") else "",
        typed=typed,
        key=lambda what: (
            typed.key if typed and typed.what == what and typed.key else secrets.token_urlsafe(16)
        ),
    )


def _remedy(remedy: Remedy, language: str) -> str:
    words = letter_word(language, remedy.kind)
    return words if remedy.amount is None else f"{words}, {sum_of(remedy.amount)}"


@router.get("/progress/{token}/letters/{letter}")
async def read_letter(
    deps: DepsHere,
    request: Request,
    token: TokenHere,
    letter: Annotated[str, Path(max_length=20)],
    lang: LanguageAsked = None,
) -> Response:
    """One of our letters. Whoever opens it here has it: that is its delivery, and is recorded."""
    guest = await guest_of(deps, request, token, lang)
    found = next((held for held in guest.letters if held.id == letter), None)
    if found is None:
        raise Problem(404, "unknown_letter", "There is no such letter to you.")
    former = {ref.digest: await deps.packs.of(ref) for ref in moved_from(guest.happenings)}
    held = Held(guest.pack, guest.case, guest.happenings, former)
    async with deps.reading.connect() as conn:
        await access.record(
            conn, at=deps.clock.now(), actor=guest.bearer.actor.id, reference=guest.case.reference,
            purpose="progress page", what=["letter"],
        )  # fmt: skip
        texts = await deps.texts.get(conn, texts_of_letter(held, found))
    sender = Sender(deps.settings.organisation, deps.settings.mail_from, deps.settings.base_url)
    written = write_letter(
        sender, held, found, language=guest.voice.language, texts=texts, link=sender.progress_page(token)
    )
    if request.headers.get("sec-purpose", "").startswith("prefetch"):
        raise Problem(
            503, detail="Open the letter to read it."
        )  # nobody has read what a browser fetched ahead
    await _delivered(deps, guest, found)
    return page(
        "letter.html", headers=_SECRET, referrer="no-referrer", guest=guest, say=guest.voice,
        languages=LANGUAGES, written=written, letter=found, erased=guest.case.erased is not None,
    )  # fmt: skip


async def _delivered(deps: Deps, guest: Guest, letter: Letter) -> None:
    """Tell the complaint that the letter has arrived. Where the engine is away it is told the next time."""
    if letter.state in (DeliveryState.DELIVERED, DeliveryState.SERVED_OTHERWISE):
        return
    order = Order(
        id=command_id(sender_of(guest.bearer), f"opened {letter.id}"),
        actor=guest.bearer.actor,
        body=ReportDelivery(letter=letter.id, state=DeliveryState.DELIVERED),
        at=deps.clock.now(),
    )
    try:
        await deps.engine.tell(guest.case.reference, order)
    except (EngineAway, Unknown):
        _log.warning("delivery not told", reference=guest.case.reference, letter=letter.id)
