"""The SQL of teams, deputies, absences and rotas."""

from __future__ import annotations

from sqlalchemy import DateTime, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

_instants = [bindparam(name, type_=DateTime(timezone=True)) for name in ("begins_at", "ends_at")]
_since = bindparam("since", type_=DateTime(timezone=True))
_at = bindparam("at", type_=DateTime(timezone=True))
_people = bindparam("people", type_=ARRAY(Text))
_hours = bindparam("hours", type_=JSONB(none_as_null=True))

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('redress/ledger/duty', 0))")

BEGIN = text(
    """
    SELECT set_config('redress.by', :by, true), ARRAY(
        SELECT named FROM unnest(:people) AS named
        WHERE NOT EXISTS (SELECT FROM staff WHERE staff.id = named AND active)
    ) AS unknown
    """
).bindparams(_people)

PLAN = text(
    """
    SELECT json_build_object(
        'teams', (
            SELECT coalesce(json_agg(json_build_object(
                'id', id, 'title', title, 'timezone', timezone, 'hours', hours,
                'supervisor', (SELECT staff.id FROM staff WHERE staff.id = teams.supervisor AND active),
                'members', ARRAY(
                    SELECT staff FROM team_members AS m JOIN staff AS s ON s.id = m.staff AND s.active
                    WHERE m.team = teams.id AND part = 'member' ORDER BY m.position
                ),
                'deputies', ARRAY(
                    SELECT staff FROM team_members AS m JOIN staff AS s ON s.id = m.staff AND s.active
                    WHERE m.team = teams.id AND part = 'deputy' ORDER BY m.position
                )
            ) ORDER BY title, id), '[]') FROM teams
        ),
        'rotas', (
            SELECT coalesce(json_agg(json_build_object(
                'id', id, 'title', title, 'timezone', timezone, 'hours', hours, 'handover', handover,
                'starts_on', starts_on,
                'members', ARRAY(
                    SELECT staff FROM rota_members AS m JOIN staff AS s ON s.id = m.staff AND s.active
                    WHERE m.rota = rotas.id ORDER BY m.position
                ),
                'substitutions', (
                    SELECT coalesce(json_agg(json_build_object(
                        'number', t.id, 'person', staff, 'instead_of', instead_of, 'begins_at', begins_at,
                        'ends_at', ends_at
                    ) ORDER BY t.id), '[]') FROM substitutions AS t JOIN staff AS s ON s.id = t.staff AND s.active
                    WHERE t.rota = rotas.id AND ends_at > :since AND begins_at < :until
                ),
                'shifts', (
                    SELECT coalesce(json_agg(json_build_object(
                        'person', staff, 'begins_at', begins_at, 'ends_at', ends_at
                    ) ORDER BY begins_at, staff), '[]') FROM rota_shifts AS t
                    JOIN staff AS s ON s.id = t.staff AND s.active
                    WHERE t.rota = rotas.id AND ends_at > :since AND begins_at < :until
                )
            ) ORDER BY title, id), '[]') FROM rotas
        ),
        'absences', (
            SELECT coalesce(json_agg(json_build_object(
                'number', number, 'person', person, 'begins_at', begins_at, 'ends_at', ends_at, 'reason', reason
            ) ORDER BY begins_at, person), '[]') FROM (
                SELECT a.id AS number, staff AS person, begins_at, ends_at, reason
                FROM absences AS a JOIN staff AS s ON s.id = a.staff AND s.active
                WHERE ends_at > :since AND begins_at < :until
                UNION ALL
                SELECT 0, id, least(CAST('1970-01-01Z' AS timestamptz), away_until - interval '1 day'), away_until,
                    'other'
                FROM staff WHERE active AND away_until > :since
            ) AS away
        ),
        'deputies', (
            SELECT coalesce(json_object_agg(staff, of_them), '{}') FROM (
                SELECT staff, json_agg(deputy ORDER BY position) AS of_them
                FROM deputies JOIN staff AS s ON s.id = deputy AND s.active GROUP BY staff
            ) AS held
        )
    )::text
    """
).bindparams(_since, bindparam("until", type_=DateTime(timezone=True)))

PUT_TEAM = text(
    """
    INSERT INTO teams (id, title, timezone, supervisor, hours) VALUES (:id, :title, :timezone, :supervisor, :hours)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, timezone = excluded.timezone,
        supervisor = excluded.supervisor, hours = excluded.hours
    RETURNING xmax = 0
    """
).bindparams(_hours)
LEAVE_TEAM = text(
    "DELETE FROM team_members WHERE team = :id AND part = :part AND NOT staff = ANY (:people)"
).bindparams(_people)
JOIN_TEAM = text(
    """
    INSERT INTO team_members (team, staff, part, position)
    SELECT :id, given.staff, :part, given.position
    FROM unnest(:people) WITH ORDINALITY AS given (staff, position)
    ON CONFLICT (team, staff, part) DO UPDATE SET position = excluded.position
    """
).bindparams(_people)
DROP_TEAM = text("DELETE FROM teams WHERE id = :id RETURNING id")

PUT_ROTA = text(
    """
    INSERT INTO rotas (id, title, timezone, handover, starts_on, hours)
    VALUES (:id, :title, :timezone, :handover, :starts_on, :hours)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, timezone = excluded.timezone,
        handover = excluded.handover, starts_on = excluded.starts_on, hours = excluded.hours
    RETURNING xmax = 0
    """
).bindparams(_hours, bindparam("handover", type_=JSONB(none_as_null=True)))
LEAVE_ROTA = text("DELETE FROM rota_members WHERE rota = :id AND NOT staff = ANY (:people)").bindparams(
    _people
)
JOIN_ROTA = text(
    """
    INSERT INTO rota_members (rota, staff, position)
    SELECT :id, given.staff, given.position FROM unnest(:people) WITH ORDINALITY AS given (staff, position)
    ON CONFLICT (rota, staff) DO UPDATE SET position = excluded.position
    """
).bindparams(_people)
DROP_ROTA = text("DELETE FROM rotas WHERE id = :id RETURNING id")

NOT_DEPUTIES = text("DELETE FROM deputies WHERE staff = :staff AND NOT deputy = ANY (:people)").bindparams(
    _people
)
DEPUTIES = text(
    """
    INSERT INTO deputies (staff, deputy, position)
    SELECT :staff, given.deputy, given.position FROM unnest(:people) WITH ORDINALITY AS given (deputy, position)
    ON CONFLICT (staff, deputy) DO UPDATE SET position = excluded.position
    """
).bindparams(_people)

ADD_ABSENCE = text(
    """
    INSERT INTO absences (staff, begins_at, ends_at, reason) VALUES (:staff, :begins_at, :ends_at, :reason)
    RETURNING id
    """
).bindparams(*_instants)
# What had not begun is gone; what had ends now. Of one that is over there is nothing left to end.
END_ABSENCE = text(
    """
    WITH gone AS (
        DELETE FROM absences WHERE id = :number AND begins_at >= :at
            AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    ), ended AS (
        UPDATE absences SET ends_at = :at WHERE id = :number AND begins_at < :at AND ends_at > :at
            AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    )
    SELECT id FROM gone UNION ALL SELECT id FROM ended
    """
).bindparams(_at)
TAKE_OVER = text(
    """
    INSERT INTO substitutions (rota, staff, instead_of, begins_at, ends_at)
    SELECT id, :staff, :instead_of, :begins_at, :ends_at FROM rotas WHERE id = :rota RETURNING id
    """
).bindparams(*_instants, bindparam("staff", type_=Text), bindparam("instead_of", type_=Text))
END_TAKE_OVER = text(
    """
    WITH gone AS (
        DELETE FROM substitutions WHERE rota = :rota AND id = :number AND begins_at >= :at
            AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    ), ended AS (
        UPDATE substitutions SET ends_at = :at WHERE rota = :rota AND id = :number AND begins_at < :at
            AND ends_at > :at AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    )
    SELECT id FROM gone UNION ALL SELECT id FROM ended
    """
).bindparams(_at)

DROP_SHIFTS = text("DELETE FROM rota_shifts WHERE rota = :rota AND ends_at > :since").bindparams(_since)
ADD_SHIFT = text(
    "INSERT INTO rota_shifts (rota, staff, begins_at, ends_at) VALUES (:rota, :staff, :begins_at, :ends_at)"
).bindparams(*_instants)
