"""What the directory asks the database: one statement for each question, each whole in itself."""

from sqlalchemy import DateTime, Interval, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.outbox_statements import news_of

# `:by` is who makes the change: triggers on staff and tokens read it when they write the history, in the same
# transaction. RETURNING is worked out before they run.

ADD = text(
    """
    INSERT INTO staff (id, login, name, email, password_hash, roles, supervisor, language, department)
    VALUES (:id, :login, :name, :email, :password_hash, :roles, :supervisor, :language, :department)
    ON CONFLICT (id) DO UPDATE SET login = excluded.login, name = excluded.name, email = excluded.email,
        password_hash = coalesce(excluded.password_hash, staff.password_hash), roles = excluded.roles,
        supervisor = excluded.supervisor, language = excluded.language, department = excluded.department,
        active = true
    RETURNING id, roles, supervisor, set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    """
).bindparams(bindparam("roles", type_=ARRAY(Text)))

CHANGE = text(
    """
    WITH changed AS (
        UPDATE staff SET roles = coalesce(:roles, roles), supervisor = coalesce(:supervisor, supervisor),
            department = coalesce(:department, department), active = coalesce(:active, active),
            password_hash = coalesce(:password_hash, password_hash)
        WHERE id = :id RETURNING id, roles, supervisor, set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    ), signed_out AS (
        DELETE FROM sessions WHERE staff = :id
            AND (CAST(:active AS boolean) IS FALSE OR CAST(:password_hash AS text) IS NOT NULL)
    ), revoked AS (
        UPDATE tokens SET revoked_at = now() WHERE staff = :id AND revoked_at IS NULL
            AND (CAST(:active AS boolean) IS FALSE OR CAST(:password_hash AS text) IS NOT NULL)
    )
    SELECT id, roles, supervisor FROM changed
    """
).bindparams(bindparam("roles", type_=ARRAY(Text)))

AWAY = text(
    """
    UPDATE staff SET away_until = :until WHERE id = :id AND active
    RETURNING id, set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    """
).bindparams(bindparam("until", type_=DateTime(timezone=True)))
PERSON = text("SELECT id, roles, supervisor FROM staff WHERE id = :id AND active")
_MEMBER = (
    "SELECT id, login, name, email, roles, supervisor, language, active, department, away_until FROM staff"
)
WITH_ROLE = text(f"{_MEMBER} WHERE active AND roles @> ARRAY[CAST(:role AS text)] ORDER BY name, id")
EVERYONE = text(f"{_MEMBER} ORDER BY name, id")
NAMES = text("SELECT id, name FROM staff WHERE id = ANY (:ids)").bindparams(
    bindparam("ids", type_=ARRAY(Text))
)
MAILBOXES = text(
    """
    SELECT id, name, email, language FROM staff WHERE active
        AND (id = :id OR roles @> ARRAY[CAST(:role AS text)] OR department = CAST(:department AS text))
    ORDER BY id
    """
)

# One row always: whether this attempt may be tried, and the person if there is one. An attempt counts as a
# failure before its password is looked at, or many at once would all be tried before the first one counts.
# One that has to wait is not counted. `wait` is what was seen as the statement began: where others blocked
# the login in the same moment, there is none yet.
ATTEMPT = text(
    """
    WITH counted AS (
        INSERT INTO sign_in_failures AS held (key, failures) VALUES (:key, 1)
        ON CONFLICT (key) DO UPDATE SET
            last_at = now(),
            failures = CASE WHEN held.last_at < now() - :forget THEN 1 ELSE held.failures + 1 END,
            blocked_until = CASE
                WHEN held.last_at < now() - :forget OR held.failures + 1 < :allowed THEN NULL
                ELSE now() + least(:longest, :first_wait * power(2, least(held.failures + 1 - :allowed, 10)))
            END
        WHERE held.blocked_until IS NULL OR held.blocked_until <= now()
        RETURNING 1
    )
    SELECT found.*, EXISTS (SELECT FROM counted) AS may_try,
        extract(epoch FROM failed.blocked_until - now())::float8 AS wait
    FROM (SELECT) AS one
    LEFT JOIN (
        SELECT id, roles, supervisor, password_hash, active FROM staff WHERE login = :login
    ) AS found ON true
    LEFT JOIN (SELECT blocked_until FROM sign_in_failures WHERE key = :key) AS failed ON true
    """
).bindparams(
    bindparam("forget", type_=Interval),
    bindparam("longest", type_=Interval),
    bindparam("first_wait", type_=Interval),
)
SUCCEEDED = text("DELETE FROM sign_in_failures WHERE key = :key")
# The same password, kept more dearly: nothing that the history tells of.
REHASH = text(
    """
    UPDATE staff SET password_hash = :new WHERE id = :id AND password_hash = :old
    RETURNING set_config('redress.rehash', 'on', true)
    """
)

OPEN_SESSION = text(
    """
    WITH came_in AS (UPDATE staff SET last_sign_in_at = now() WHERE id = :staff)
    INSERT INTO sessions (id_hash, staff, csrf_secret, expires_at)
    VALUES (:id_hash, :staff, :csrf, now() + :lifetime)
    """
).bindparams(bindparam("lifetime", type_=Interval))

# `seen` writes at most once a minute, so that reading a page does not cost a write.
SESSION = text(
    f"""
    WITH seen AS (
        UPDATE sessions SET last_seen_at = now() WHERE id_hash = :id_hash AND expires_at > now()
            AND last_seen_at > now() - :idle AND last_seen_at < now() - interval '1 minute'
    )
    SELECT staff.id, staff.name, staff.language, staff.roles, staff.supervisor, sessions.csrf_secret,
        staff.second_factor IS NOT NULL AS second_factor,
        (SELECT count(*) FROM (
            {news_of("staff.id", "(SELECT up_to FROM desk_seen WHERE desk_seen.staff = staff.id)")}
            LIMIT 100
        ) AS latest) AS new_alerts
    FROM sessions JOIN staff ON staff.id = sessions.staff
    WHERE id_hash = :id_hash AND expires_at > now() AND last_seen_at > now() - :idle AND staff.active
    """  # noqa: S608 - our own words
).bindparams(bindparam("idle", type_=Interval))
LIVE_SESSIONS = text(
    """
    SELECT id_hash FROM sessions JOIN staff ON staff.id = sessions.staff
    WHERE id_hash = ANY (:id_hashes) AND expires_at > now() AND last_seen_at > now() - :idle AND staff.active
    """
).bindparams(bindparam("id_hashes", type_=ARRAY(Text)), bindparam("idle", type_=Interval))
CLOSE_SESSION = text("DELETE FROM sessions WHERE id_hash = :id_hash")

ISSUE = text(
    """
    INSERT INTO tokens (token_hash, staff, reference, party, roles, purpose, expires_at)
    VALUES (:hash, :staff, :reference, :party, :roles, :purpose, now() + :lifetime)
    RETURNING set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    """
).bindparams(bindparam("roles", type_=ARRAY(Text)), bindparam("lifetime", type_=Interval))
REVOKE = text(
    """
    UPDATE tokens SET revoked_at = now() WHERE token_hash = :hash AND revoked_at IS NULL
    RETURNING token_hash, set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    """
)
BY_TOKEN = text(
    """
    SELECT staff.id, staff.supervisor, tokens.reference, tokens.party,
        CASE WHEN tokens.roles IS NULL THEN staff.roles
            ELSE ARRAY(SELECT unnest(tokens.roles) INTERSECT SELECT unnest(staff.roles) ORDER BY 1)
        END AS roles
    FROM tokens LEFT JOIN staff ON staff.id = tokens.staff
    WHERE token_hash = :hash AND revoked_at IS NULL AND expires_at > now()
        AND (tokens.staff IS NULL OR staff.active)
    """
)
ISSUE_LINK = text(
    "INSERT INTO portal_links (token_hash, reference, party) VALUES (:hash, :reference, :party)"
)
REVOKE_LINKS = text(
    """
    UPDATE portal_links SET revoked_at = now() WHERE reference = :reference AND revoked_at IS NULL
        AND (CAST(:party AS text) IS NULL OR party = :party) RETURNING token_hash
    """
)
BY_LINK = text("SELECT reference, party FROM portal_links WHERE token_hash = :hash AND revoked_at IS NULL")

SWEEP = text(
    """
    WITH over AS (
        DELETE FROM sessions WHERE expires_at < now() OR last_seen_at < now() - :idle RETURNING 1
    ), forgotten AS (
        DELETE FROM sign_in_failures
        WHERE last_at < now() - :forget AND coalesce(blocked_until, now()) <= now() RETURNING 1
    ), unfinished AS (
        DELETE FROM sign_in_steps WHERE expires_at < now() RETURNING 1
    )
    SELECT 1 FROM over UNION ALL SELECT 1 FROM forgotten UNION ALL SELECT 1 FROM unfinished
    """
).bindparams(bindparam("idle", type_=Interval), bindparam("forget", type_=Interval))
