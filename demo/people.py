"""The people of the demo: who they are, what they may do, and how they sign in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from complaints.people.deputising import Team
from complaints.people.duty import Handover, Rota
from ledger.directory import Directory
from ledger.duty import Duty
from policies.arithmetic.calendars import Weekday
from policies.vocabulary import Role


@dataclass(frozen=True)
class DemoPerson:
    """Signs in with `login` and the password `demo-<login>`."""

    login: str
    name: str
    roles: tuple[Role, ...]
    supervisor: str | None = None
    language: str = "en"
    department: str | None = "complaints"

    @property
    def id(self) -> str:
        return f"usr_{self.login}"


PEOPLE = (
    DemoPerson("emil", "Emil Novak", (Role.DEPARTMENT_HEAD,), department=None),
    DemoPerson("dora", "Dora Klein", (Role.SUPERVISOR,), "emil"),
    DemoPerson("ana", "Ana Silva", (Role.HANDLER,), "dora"),
    DemoPerson("ben", "Ben Okafor", (Role.HANDLER,), "dora"),
    DemoPerson("mei", "陳美", (Role.HANDLER,), "dora", "zh"),
    DemoPerson("cleo", "Cleo Martin", (Role.APPROVER,), "emil", department=None),
    DemoPerson("iris", "Iris Wong", (Role.INTAKE_AGENT,), "dora"),
    DemoPerson("olga", "Olga Petrova", (Role.COMPLIANCE_OFFICER,), "emil", department=None),
    DemoPerson("adam", "Adam Reed", (Role.ADMINISTRATOR,), department=None),
    DemoPerson("pia", "Pia Lindqvist", (Role.HANDLER,), "emil", department="product"),
    DemoPerson("omar", "Omar Haddad", (Role.HANDLER,), "emil", department="operations"),
    DemoPerson("lena", "Lena Vogt", (Role.HANDLER,), "emil", department="logistics"),
)


async def take_in(directory: Directory) -> None:
    """Take the demo's people into the directory; who is in already stays as they are."""
    held = {member.id for member in await directory.everyone()}
    for person in PEOPLE:
        if person.id in held:
            continue
        await directory.add(
            id=person.id,
            login=person.login,
            name=person.name,
            email=f"{person.login}@redress.example",
            roles=person.roles,
            password=f"demo-{person.login}",
            supervisor=f"usr_{person.supervisor}" if person.supervisor else None,
            language=person.language,
            department=person.department,
        )


_ZONE = "Asia/Shanghai"
TEAMS = (
    Team(
        id="first-line", title="First line", timezone=_ZONE, supervisor="usr_dora", deputies=("usr_emil",),
        members=("usr_ana", "usr_ben", "usr_mei", "usr_iris"),
    ),
    Team(
        id="second-line", title="Second line", timezone=_ZONE, supervisor="usr_emil", deputies=("usr_dora",),
        members=("usr_pia", "usr_omar", "usr_lena"),
    ),
)  # fmt: skip
DEPUTIES = {
    "usr_ana": ("usr_ben",),
    "usr_ben": ("usr_mei",),
    "usr_mei": ("usr_ana",),
    "usr_dora": ("usr_emil",),
}


async def plan_duty(duty: Duty, now: datetime) -> None:
    """The demo's teams and deputies, and a rota that always has somebody: the same each time it is done."""
    for team in TEAMS:
        await duty.put_team(team, "demo")
    for person, deputies in DEPUTIES.items():
        await duty.set_deputies(person, deputies, "demo")
    desk = Rota(
        id="complaints-desk", title="Complaints desk", timezone=_ZONE,
        members=("usr_ana", "usr_ben", "usr_mei", "usr_pia"), handover=Handover(weekday=Weekday.MON, at="09:00"),
        starts_on=(now - timedelta(days=28)).date(),
    )  # fmt: skip
    await duty.put_rota(desk, "demo")
