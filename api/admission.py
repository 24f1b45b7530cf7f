"""Who of the staff may come in from where and when: networks, hours, and roles that need a second factor."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

import structlog
from starlette.requests import Request

from api.problems import Problem
from complaints.base import Actor
from ledger.staff_history import StaffHistory
from policies.vocabulary import Role
from runtime.clock import Clock
from runtime.settings import Settings, SettingsError
from runtime.staff_hours import is_open, next_opening

_log = structlog.get_logger("api")
_REMEMBERED = 10_000


class Admission:
    """What the settings say of it. Where they say nothing, everybody may come in from everywhere, at any hour."""

    def __init__(self, settings: Settings, clock: Clock, history: StaffHistory) -> None:
        """Raises SettingsError for a role that there is not."""
        self._networks = settings.staff_networks
        self._hours = settings.staff_hours
        self._clock = clock
        self._history = history
        self._noted: set[tuple[str, str]] = set()
        known = sorted(set(Role) - {Role.COMPLAINANT})
        if not set(settings.second_factor_roles) <= set(known):
            raise SettingsError(
                (f"REDRESS_SECOND_FACTOR_ROLES has to name roles, of these: {', '.join(known)}.",)
            )
        self._need_second_factor = frozenset(map(Role, settings.second_factor_roles))

    def needs_second_factor(self, actor: Actor) -> bool:
        """Whether one of their roles may not come in with a password alone."""
        return actor.has(*self._need_second_factor)

    def check_network(self, request: Request) -> None:
        """Refuse what is for staff to callers from other networks. Raises Problem (403)."""
        if self._networks and not self._inside(request.client.host if request.client else ""):
            raise Problem(
                403,
                "other_network",
                "Staff may come in from the organisation's own networks only, and this is none of them."
                " Connect to one of those, and try again.",
            )

    def _inside(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    async def check_hour(self, actor: Actor) -> None:
        """Refuse staff out of hours, but administrators, of whom it is noted. Raises Problem (403)."""
        now = self._clock.now()
        if not self._hours or is_open(self._hours, now):
            return
        opens = next_opening(self._hours, now)
        if actor.has(Role.ADMINISTRATOR):
            seen = actor.id, opens.isoformat()
            if seen not in self._noted:
                await self._history.came_in(actor.id, opens)
                _log.info("came in out of hours", staff=actor.id)
                if len(self._noted) >= _REMEMBERED:
                    self._noted.clear()  # the history itself takes each only once
                self._noted.add(seen)
            return
        raise Problem(
            403,
            "out_of_hours",
            f"Staff may not come in at this hour. You can from {opens:%A %d %B %Y, %H:%M} ({opens.tzinfo});"
            " what can not wait, an administrator can do.",
        )
