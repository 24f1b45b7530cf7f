"""The people of the demo: who they are, what they may do, and how they sign in."""

from dataclasses import dataclass

from ledger.directory import Directory
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
