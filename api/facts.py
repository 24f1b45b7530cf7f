"""Facts from outside, told by integrations: they can not be refused, so they are taken and nothing is waited for."""

# No postponed annotations here: the body's type is made from the command.

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.commands import body_default, describe, slug
from api.deps import DepsHere
from api.giving import Way, prepare
from api.idempotency import KeyHeader, command_id
from api.inputs import Told, body_of, build
from api.openapi import problems
from api.security import JSON_ONLY, AdministratorHere, ComplaintHere, sender_of, unknown
from api.unavailable import not_recorded_yet
from complaints.base import Order, Refused
from complaints.chapters.letters import ReportDelivery
from ledger import intake
from workflows.client import Unknown

router = APIRouter(tags=["facts"], dependencies=JSON_ONLY)

if TYPE_CHECKING:
    Delivery = Told
else:
    Delivery = body_of(ReportDelivery)


class ToldBody(BaseModel):
    """A fact that was taken; whether it was news shows in the timeline."""

    reference: str
    command_id: str = Field(description="Where to look: /commands/{command_id}, once it is in the record.")


@router.post(
    f"/complaints/{{reference}}/facts/{slug(ReportDelivery)}",
    operation_id=slug(ReportDelivery),
    summary=ReportDelivery.title,
    description=f"{describe(ReportDelivery)} What is told twice, or late, changes nothing.",
    status_code=202,
    response_model=ToldBody,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
)
async def report_delivery(
    deps: DepsHere,
    caller: AdministratorHere,
    reference: ComplaintHere,
    body: Delivery = body_default(Delivery),  # noqa: B008 - FastAPI's way
    idempotency_key: KeyHeader = None,
) -> Response:
    id_ = command_id(sender_of(caller), idempotency_key)
    order = Order(
        id=id_,
        actor=caller.actor,
        body=build(ReportDelivery, body, id_, {}, {}),
        at=deps.clock.now(),
        occurred_at=body.occurred_at,
    )
    if order.occurred_at is not None and order.occurred_at > order.at:
        raise Refused("in_the_future", "What has not happened yet can not be recorded; correct the time.")
    way = Way(deps.engine.execute, ReportDelivery.__name__, sender_of(caller), idempotency_key)
    marked = deps.fingerprints.of(f"{reference}/{way.route}", body)
    await prepare(deps, way, reference, {}, id_=id_, marked=marked)
    try:
        await deps.engine.tell(reference, order)
    except Unknown:
        async with deps.reading.connect() as conn:
            waiting = await intake.waits(conn, reference)
        raise (unknown() if waiting is None else not_recorded_yet(reference)) from None
    return JSONResponse({"reference": reference, "command_id": id_}, 202)
