"""What the outbox asks the database: one statement for each step, each whole in itself."""

from sqlalchemy import BigInteger, Boolean, Integer, Interval, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

_COLUMNS = ", ".join(
    f"outbox.{name}"
    for name in (
        *("id", "dedupe", "stream", "kind", "recipient", "fallback", "channel", "letter", "template"),
        *("text_id", "clock", "due_at", "digest", "attempts"),
    )
)

LEASE = text(
    f"""
    WITH ready AS (
        SELECT id FROM outbox AS this
        WHERE state = 'queued' AND digest IS NULL AND available_at <= now()
            AND (lease_until IS NULL OR lease_until < now())
            AND (kind <> 'letter' OR NOT EXISTS (
                SELECT FROM outbox AS earlier
                WHERE earlier.stream = this.stream AND earlier.kind = 'letter'
                    AND earlier.state = 'queued' AND earlier.id < this.id
            ))
        ORDER BY available_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox SET lease_until = now() + :lease, leased_by = :holder, attempts = attempts + 1
    FROM ready WHERE outbox.id = ready.id RETURNING {_COLUMNS}
    """  # noqa: S608 - our own column names
).bindparams(bindparam("limit", type_=Integer), bindparam("lease", type_=Interval))

# Whoever takes a group locks its name for the length of the statement, so that two who look at once do
# not tear it apart.
LEASE_DIGEST = text(
    f"""
    WITH waiting AS MATERIALIZED (
        SELECT recipient, digest FROM outbox WHERE state = 'queued' AND digest IS NOT NULL
        GROUP BY recipient, digest
        HAVING (max(queued_at) <= now() - :quiet OR min(queued_at) <= now() - :at_most)
            AND bool_and(available_at <= now()) AND coalesce(max(lease_until) < now(), true)
        ORDER BY min(queued_at)
    ), mine AS MATERIALIZED (
        SELECT recipient, digest FROM waiting
        WHERE pg_try_advisory_xact_lock(hashtextextended('digest ' || recipient || ' ' || digest, 0)) LIMIT 1
    ), ready AS (
        SELECT id FROM outbox JOIN mine USING (recipient, digest)
        WHERE state = 'queued' AND available_at <= now() AND (lease_until IS NULL OR lease_until < now())
        FOR UPDATE OF outbox SKIP LOCKED
    )
    UPDATE outbox SET lease_until = now() + :lease, leased_by = :holder, attempts = attempts + 1
    FROM ready WHERE outbox.id = ready.id RETURNING {_COLUMNS}
    """  # noqa: S608 - our own column names
).bindparams(
    bindparam("lease", type_=Interval),
    bindparam("quiet", type_=Interval),
    bindparam("at_most", type_=Interval),
)

_IDS = bindparam("ids", type_=ARRAY(BigInteger))
_MINE = "id = ANY (:ids) AND state = 'queued' AND leased_by = :holder"

SETTLE = text(
    f"""
    UPDATE outbox SET state = :state, message_id = :message_id, last_error = :error, sent_at = now(),
        lease_until = NULL, leased_by = NULL WHERE {_MINE}
    """  # noqa: S608 - our own words
).bindparams(_IDS)

RETRY = text(
    f"""
    UPDATE outbox SET available_at = now() + :after, last_error = :error, attempts = attempts - :uncounted,
        lease_until = NULL, leased_by = NULL WHERE {_MINE}
    """  # noqa: S608 - our own words
).bindparams(_IDS, bindparam("after", type_=Interval), bindparam("uncounted", type_=Integer))

EXPAND = text(
    f"""
    WITH settled AS (
        UPDATE outbox SET state = :state, last_error = :error, sent_at = now(),
            lease_until = NULL, leased_by = NULL
        WHERE {_MINE} RETURNING outbox.*
    ), added AS (
        INSERT INTO outbox (dedupe, stream, kind, recipient, fallback, channel, letter, text_id, clock, due_at,
            digest)
        SELECT dedupe || '/' || who, stream, coalesce(CAST(:kind AS text), kind), who,
            CASE WHEN :keep_fallback THEN fallback END, channel, letter, text_id, clock, due_at,
            CASE WHEN CAST(:kind AS text) IS NULL THEN digest ELSE :kind || '/' || digest END
        FROM settled, unnest(:recipients) AS who
        ON CONFLICT (dedupe) DO NOTHING RETURNING id
    )
    SELECT count(*), pg_notify('outbox', '') FROM added
    """  # noqa: S608 - our own words
).bindparams(
    _IDS,
    bindparam("recipients", type_=ARRAY(Text)),
    bindparam("kind", type_=Text),
    bindparam("keep_fallback", type_=Boolean),
)

UNTOLD = text(
    """
    SELECT id, stream, letter, channel, state, last_error AS status, sent_at AS settled_at FROM outbox
    WHERE kind = 'letter' AND told_at IS NULL AND state IN ('sent', 'bounced') AND id <> ALL (:leave_out)
    ORDER BY id LIMIT :limit
    """
).bindparams(bindparam("limit", type_=Integer), bindparam("leave_out", type_=ARRAY(BigInteger)))

TOLD = text("UPDATE outbox SET told_at = now() WHERE id = :id").bindparams(bindparam("id", type_=BigInteger))

RESEND = text(
    """
    UPDATE outbox SET state = 'queued', attempts = 0, available_at = now(), sent_at = NULL
    WHERE id = :id AND state = 'dead'
    """
).bindparams(bindparam("id", type_=BigInteger))

DEPTH = text(
    """
    SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
        count(*) FILTER (WHERE state = 'queued' AND lease_until > now()) AS leased,
        count(*) FILTER (WHERE state = 'dead') AS dead,
        count(*) FILTER (
            WHERE kind = 'letter' AND told_at IS NULL AND state IN ('sent', 'bounced')) AS untold,
        coalesce(max(extract(epoch FROM now() - available_at)) FILTER (
            WHERE state = 'queued' AND available_at <= now()), 0)::float8 AS oldest_seconds
    FROM outbox
    WHERE state IN ('queued', 'dead')
        OR (kind = 'letter' AND told_at IS NULL AND state IN ('sent', 'bounced'))
    """
)
