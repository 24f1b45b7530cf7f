"""The desk: pages for people, on top of what the API offers to programs."""

from api.desk.alert_link import router as alert_link
from api.desk.alerts import router as alerts
from api.desk.case import router as case
from api.desk.commands import router as commands
from api.desk.dead_letters import router as dead_letters
from api.desk.duty import router as duty
from api.desk.duty_plan import router as duty_plan
from api.desk.figures import router as figures
from api.desk.inbound import router as inbound
from api.desk.intake_form import router as intake_form
from api.desk.library import router as library
from api.desk.live import router as live
from api.desk.my_mails import router as my_mails
from api.desk.notices import router as notices
from api.desk.pack_letters import router as pack_letters
from api.desk.packs import router as packs
from api.desk.portal import router as portal
from api.desk.portal_forms import router as portal_forms
from api.desk.receive import router as receive
from api.desk.rendering import router as static
from api.desk.retention import router as retention
from api.desk.risks import router as risks
from api.desk.second_factor import router as second_factor
from api.desk.signing_in import router as signing_in
from api.desk.status import router as status
from api.desk.storm_link import router as storm_link
from api.desk.systemic import router as systemic
from api.desk.systemic_list import router as systemic_list
from api.desk.unsubscribing import router as unsubscribing
from api.desk.webhooks import router as webhooks
from api.desk.why import router as why
from api.desk.worklist import router as worklist

ROUTERS = (
    signing_in,
    second_factor,
    live,
    webhooks,
    worklist,
    alerts,
    notices,
    alert_link,
    storm_link,
    dead_letters,
    case,
    why,
    commands,
    portal,
    portal_forms,
    intake_form,
    receive,
    figures,
    packs,
    pack_letters,
    my_mails,
    unsubscribing,
    library,
    inbound,
    systemic_list,
    systemic,
    risks,
    retention,
    duty,
    duty_plan,
    status,
    static,
)
"""Every page and form, for the application to take in."""
