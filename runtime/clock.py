"""The one clock: the system's time, or a virtual time that runs fast from a set start.

`ClockSpec` is pure arithmetic and may be used inside workflows; only `Clock.now` asks the system.
"""

from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockSpec(BaseModel):
    """How virtual time follows from real time: at `real_anchor` it is `virtual_anchor`, and runs at `speed`.

    All arithmetic is in whole microseconds (`timedelta` holds integers), so both directions are exact
    and the same on every machine. Naive instants are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    real_anchor: AwareDatetime
    virtual_anchor: AwareDatetime
    speed: int = Field(default=1, ge=1, le=10_000_000)
    """Virtual seconds per real second."""

    @field_validator("real_anchor", "virtual_anchor")
    @classmethod
    def _in_utc(cls, instant: datetime) -> datetime:
        return instant.astimezone(UTC)

    @property
    def is_system(self) -> bool:
        """Whether virtual and real time are the same."""
        return self.speed == 1 and self.real_anchor == self.virtual_anchor

    def virtual(self, real: datetime) -> datetime:
        """The virtual instant (aware UTC) at the aware real instant `real`."""
        return self.virtual_anchor + (_aware(real) - self.real_anchor) * self.speed

    def real(self, virtual: datetime) -> datetime:
        """The first real instant (aware UTC, whole microseconds) at which `virtual` has been reached.

        Rounded up, so that a timer set for it never fires before the virtual moment:
        ``spec.virtual(spec.real(v)) >= v``, by less than `speed` microseconds.
        """
        return self.real_anchor + -(-(_aware(virtual) - self.virtual_anchor) // self.speed)

    def real_duration(self, virtual: timedelta) -> timedelta:
        """How long a virtual span lasts in real time, rounded up to the microsecond."""
        return -(-virtual // self.speed)

    def at_speed(self, speed: int, real: datetime) -> Self:
        """The same virtual time, from the real instant `real` on running at another speed: it never jumps."""
        return type(self)(real_anchor=_aware(real), virtual_anchor=self.virtual(real), speed=speed)


SYSTEM = ClockSpec(real_anchor=_EPOCH, virtual_anchor=_EPOCH, speed=1)
"""The system's own time."""


class Clock:
    """Tells the time by a `ClockSpec`; the only thing in the house that asks the system."""

    def __init__(self, spec: ClockSpec | None = None) -> None:
        self.spec = SYSTEM if spec is None else spec

    def now(self) -> datetime:
        """The present virtual instant, aware, UTC."""
        return self.spec.virtual(datetime.now(UTC))  # noqa: TID251 - this is the one place that may ask


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("An instant has to carry its time zone.")
    return instant.astimezone(UTC)
