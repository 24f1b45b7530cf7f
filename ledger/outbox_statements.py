"""What the outbox asks the database: one statement for each step, each whole in itself."""

from sqlalchemy import BigInteger, Boolean, Double, Integer, Interval, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.outbox_rows import NOTICE

_COLUMNS = (
    ", ".join(
        f"outbox.{name}"
        for name in (
            *("id", "dedupe", "stream", "kind", "recipient", "fallback", "channel", "letter", "template"),
            *(
                "text_id",
                "clock",
                "occurrence",
                "rung",
                "repeat",
                "who",
                "due_at",
                "digest",
                "attempts",
                "bundle",
                "storm",
            ),
        )
    )
    + ", coalesce(outbox.place, outbox.id) AS place"
)

_STORMY = """outbox.kind IN ('alert_warning', 'alert_breach', 'alert_escalation', 'alert_expired', 'tier_raised',
    'alert_unreachable') AND outbox.digest IS NULL AND outbox.recipient LIKE 'staff:%'
    AND outbox.channel IN ('mail', 'chat')"""
"""The alerts that can make a storm: those about one complaint each, to one person."""

_ALIKE = "concat(outbox.kind = 'alert_unreachable', ' ', outbox.fallback)"
"""What is told together fails together: it has to have the same story, and the same stand-in."""
_OF_GROUP = f"""(outbox.recipient, outbox.channel, {_ALIKE})
    = (waiting.recipient, waiting.channel, waiting.alike)"""

# How many complaints alert whom, waiting alone and with those that were told just now.
_SAME = f"""{_STORMY.replace("outbox.", "{0}.")}
    AND {{0}}.recipient = outbox.recipient AND {{0}}.channel = outbox.channel
    AND {{0}}.fallback IS NOT DISTINCT FROM outbox.fallback
    AND ({{0}}.kind = 'alert_unreachable') = (outbox.kind = 'alert_unreachable') AND {{0}}.kind <> 'letter'"""
STORM_PARAMETERS = (
    bindparam("storm_from", type_=Integer),
    bindparam("storm_within", type_=Interval),
    bindparam("storm_quiet", type_=Interval),
)
STORMS = f"""
    waiting AS MATERIALIZED (
        SELECT recipient, channel, {_ALIKE} AS alike, count(DISTINCT stream) AS complaints,
            min(queued_at) AS oldest, max(queued_at) AS newest
        FROM outbox WHERE state = 'queued' AND bundle IS NULL AND available_at <= now() AND {_STORMY}
        GROUP BY recipient, channel, alike
    ), stormy AS MATERIALIZED (
        SELECT * FROM waiting WHERE complaints >= :storm_from OR :storm_from <= (
            SELECT count(DISTINCT stream) FROM outbox
            WHERE {_OF_GROUP} AND queued_at > now() - :storm_within AND {_STORMY}
        )
    )"""  # noqa: S608 - our own words

# In a line, the first that is still queued goes first; those behind it may go with it, in one hand. A message
# to a role keeps later ones of its complaint back until it has become one for each person, which takes a
# moment and no mail server.
# With a long queue this is asked for every few messages: what a whole storm waits for is counted once, what few
# wait for is looked up when its turn comes.
_CROWDS = f"""
    crowds AS MATERIALIZED (
        SELECT waiting.recipient, waiting.channel, waiting.alike FROM (
            SELECT recipient, channel, {_ALIKE} AS alike FROM outbox
            WHERE state = 'queued' AND bundle IS NULL AND available_at <= now() AND {_STORMY}
            GROUP BY recipient, channel, alike HAVING count(*) >= :storm_from
        ) AS waiting
        WHERE :storm_from <= (
            SELECT count(DISTINCT stream) FROM outbox
            WHERE state = 'queued' AND bundle IS NULL AND {_OF_GROUP} AND {_STORMY}
        )
    )"""  # noqa: S608 - our own words

_IN_A_STORM = f"""(
        EXISTS (SELECT FROM crowds AS waiting WHERE {_OF_GROUP})
        OR :storm_from <= (
            SELECT count(DISTINCT recent.stream) FROM outbox AS recent
            WHERE recent.queued_at > now() - :storm_within AND {_SAME.format("recent")}
        ) AND EXISTS (
            SELECT FROM outbox AS other
            WHERE other.state = 'queued' AND other.bundle IS NULL AND {_SAME.format("other")}
                AND (other.stream <> outbox.stream OR other.queued_at > now() - :storm_quiet)
        )
    )"""  # noqa: S608 - our own words
"""Whether an alert is one of a storm that is told in one mail. What waits alone and in quiet is not."""

_READY = f"""outbox.state = 'queued' AND outbox.digest IS NULL AND outbox.bundle IS NULL
    AND outbox.available_at <= now() AND (outbox.lease_until IS NULL OR outbox.lease_until < now())
    AND outbox.channel <> ALL (:held) AND NOT ({_STORMY} AND {_IN_A_STORM})"""

# Of another channel it keeps nothing back: with no mail server a chat has to go out all the same.
_TO_BECOME_MORE = """earlier.channel = outbox.channel AND earlier.recipient !~ '^(staff|webhook):'
    AND (earlier.attempts = 0 OR earlier.lease_until >= now())"""

LEASE = text(
    f"""
    WITH {_CROWDS}, heads AS MATERIALIZED (
        SELECT id, stream, recipient, channel, kind, coalesce(place, id) AS place FROM outbox
        WHERE {_READY} AND NOT EXISTS (
            SELECT FROM outbox AS earlier
            WHERE earlier.stream = outbox.stream AND earlier.state = 'queued' AND earlier.digest IS NULL
                AND (coalesce(earlier.place, earlier.id), earlier.id)
                    < (coalesce(outbox.place, outbox.id), outbox.id)
                AND CASE WHEN outbox.kind = 'letter' THEN earlier.kind = 'letter'
                    ELSE earlier.kind <> 'letter' AND (
                        earlier.recipient = outbox.recipient AND earlier.channel = outbox.channel
                        OR {_TO_BECOME_MORE})
                    END
        )
        ORDER BY available_at, coalesce(place, id), id LIMIT :limit FOR UPDATE SKIP LOCKED
    ), ready AS (
        SELECT id FROM (
            SELECT id, place, 0 AS rank FROM heads
            UNION ALL
            SELECT behind.id, behind.place, 1 AS rank FROM heads CROSS JOIN LATERAL (
                SELECT id, coalesce(place, id) AS place FROM outbox
                WHERE {_READY} AND outbox.stream = heads.stream AND outbox.recipient = heads.recipient
                    AND outbox.channel = heads.channel AND outbox.kind <> 'letter'
                    AND heads.kind <> 'letter' AND heads.recipient ~ '^(staff|webhook):'
                    AND (coalesce(outbox.place, outbox.id), outbox.id) > (heads.place, heads.id)
                    AND NOT EXISTS (
                        SELECT FROM outbox AS earlier
                        WHERE earlier.stream = outbox.stream AND earlier.state = 'queued' AND {_TO_BECOME_MORE}
                            AND earlier.kind <> 'letter' AND earlier.digest IS NULL
                            AND coalesce(earlier.place, earlier.id) < coalesce(outbox.place, outbox.id)
                    )
                ORDER BY coalesce(outbox.place, outbox.id), id LIMIT :limit FOR UPDATE SKIP LOCKED
            ) AS behind
        ) AS in_order ORDER BY rank, place, id LIMIT :limit
    )
    UPDATE outbox SET lease_until = now() + :lease, leased_by = :holder, attempts = attempts + 1
    FROM ready WHERE outbox.id = ready.id RETURNING {_COLUMNS}
    """  # noqa: S608 - our own column names
).bindparams(
    bindparam("limit", type_=Integer),
    bindparam("lease", type_=Interval),
    bindparam("held", type_=ARRAY(Text)),
    *STORM_PARAMETERS,
)

# Whoever takes a group locks its name for the length of the statement, so that two who look at once do
# not tear it apart. What is taken together is a bundle from then on: tried again, it is the same mail.
_TAKEN = """lease_until = now() + :lease, leased_by = :holder, attempts = attempts + 1"""
_FREE = "state = 'queued' AND available_at <= now() AND (lease_until IS NULL OR lease_until < now())"

LEASE_DIGEST = text(
    f"""
    WITH waiting AS MATERIALIZED (
        SELECT recipient, digest FROM outbox
        WHERE state = 'queued' AND digest IS NOT NULL AND channel <> ALL (:held)
        GROUP BY recipient, digest
        HAVING (max(queued_at) <= now() - :quiet OR min(queued_at) <= now() - :at_most)
            AND bool_and(available_at <= now()) AND coalesce(max(lease_until) < now(), true)
            AND count(bundle) = 0
        ORDER BY min(queued_at)
    ), mine AS MATERIALIZED (
        SELECT recipient, digest FROM waiting
        WHERE pg_try_advisory_xact_lock(hashtextextended('digest ' || recipient || ' ' || digest, 0)) LIMIT 1
    ), ready AS (
        SELECT id FROM outbox JOIN mine USING (recipient, digest) WHERE bundle IS NULL AND {_FREE}
        FOR UPDATE OF outbox SKIP LOCKED
    )
    UPDATE outbox SET {_TAKEN}, bundle = (SELECT min(id) FROM ready)
    FROM ready WHERE outbox.id = ready.id RETURNING {_COLUMNS}
    """  # noqa: S608 - our own column names
).bindparams(
    bindparam("lease", type_=Interval),
    bindparam("quiet", type_=Interval),
    bindparam("at_most", type_=Interval),
    bindparam("held", type_=ARRAY(Text)),
)

_TOLD_BEFORE = """(
        SELECT count(DISTINCT told.stream) FROM outbox AS told JOIN (SELECT * FROM outbox WHERE id IN
            (SELECT min(id) FROM ready)) AS one USING (recipient, channel)
        WHERE told.storm = (SELECT storm FROM storm) AND told.state = 'sent'
            AND told.stream NOT IN (SELECT stream FROM ready)
    )"""
"""How many complaints the earlier mails of a storm named, without those of this one."""

LEASE_STORM = text(
    f"""
    WITH {STORMS}, mine AS MATERIALIZED (
        SELECT * FROM stormy AS waiting
        WHERE (complaints >= :storm_from OR complaints > 1 AND newest <= now() - :storm_quiet
                OR oldest <= now() - :storm_every)
            AND channel <> ALL (:held)
            AND NOT EXISTS (
                SELECT FROM outbox WHERE {_OF_GROUP} AND storm IS NOT NULL
                    AND (state = 'queued' OR sent_at > now() - :storm_every)
            )
            AND pg_try_advisory_xact_lock(hashtextextended('storm ' || channel || ' ' || recipient, 0))
        LIMIT 1
    ), ready AS MATERIALIZED (
        SELECT outbox.id, outbox.stream FROM outbox JOIN mine AS waiting ON {_OF_GROUP}
        WHERE bundle IS NULL AND {_FREE} AND {_STORMY}
        FOR UPDATE OF outbox SKIP LOCKED
    ), storm AS MATERIALIZED (
        SELECT coalesce((
            SELECT storm FROM outbox JOIN mine AS waiting ON {_OF_GROUP}
            WHERE storm IS NOT NULL AND sent_at > now() - :storm_over ORDER BY sent_at DESC LIMIT 1
        ), (SELECT min(id) FROM ready)) AS storm
    ), before AS MATERIALIZED (SELECT {_TOLD_BEFORE} AS told_before)
    UPDATE outbox SET {_TAKEN}, bundle = (SELECT min(id) FROM ready), storm = (SELECT storm FROM storm)
    FROM ready, before WHERE outbox.id = ready.id RETURNING {_COLUMNS}, told_before
    """  # noqa: S608 - our own column names
).bindparams(
    bindparam("lease", type_=Interval),
    bindparam("held", type_=ARRAY(Text)),
    bindparam("storm_every", type_=Interval),
    bindparam("storm_over", type_=Interval),
    *STORM_PARAMETERS,
)

LEASE_BUNDLE = text(
    f"""
    WITH waiting AS MATERIALIZED (
        SELECT bundle FROM outbox WHERE state = 'queued' AND bundle IS NOT NULL GROUP BY bundle
        HAVING bool_and(available_at <= now()) AND coalesce(max(lease_until) < now(), true)
            AND bool_and(channel <> ALL (:held))
        ORDER BY bundle
    ), mine AS MATERIALIZED (
        SELECT bundle FROM waiting
        WHERE pg_try_advisory_xact_lock(hashtextextended('bundle ' || bundle, 0)) LIMIT 1
    ), ready AS MATERIALIZED (
        SELECT outbox.id, outbox.stream, outbox.storm FROM outbox JOIN mine USING (bundle) WHERE {_FREE}
        FOR UPDATE OF outbox SKIP LOCKED
    ), storm AS MATERIALIZED (SELECT max(storm) AS storm FROM ready),
    before AS MATERIALIZED (SELECT {_TOLD_BEFORE} AS told_before)
    UPDATE outbox SET {_TAKEN} FROM ready, before WHERE outbox.id = ready.id
    RETURNING {_COLUMNS}, told_before
    """  # noqa: S608 - our own column names
).bindparams(bindparam("lease", type_=Interval), bindparam("held", type_=ARRAY(Text)))

_IDS = bindparam("ids", type_=ARRAY(BigInteger))
_MINE = "id = ANY (:ids) AND state = 'queued' AND leased_by = :holder"

SETTLE_ALL = text(
    """
    UPDATE outbox SET state = came.state, message_id = came.message_id, last_error = came.error,
        sent_at = CASE WHEN came.state = 'queued' THEN NULL ELSE now() END,
        available_at = CASE WHEN came.state = 'queued' AND came.after IS NOT NULL
            THEN now() + came.after * interval '1 second' ELSE available_at END,
        attempts = attempts - CASE WHEN came.state = 'queued' AND NOT came.counts THEN 1 ELSE 0 END,
        lease_until = NULL, leased_by = NULL
    FROM unnest(:ids, :states, :message_ids, :errors, :afters, :counted)
        AS came (id, state, message_id, error, after, counts)
    WHERE outbox.id = came.id AND outbox.state = 'queued' AND leased_by = :holder
    """
).bindparams(
    bindparam("ids", type_=ARRAY(BigInteger)),
    bindparam("states", type_=ARRAY(Text)),
    bindparam("message_ids", type_=ARRAY(Text)),
    bindparam("errors", type_=ARRAY(Text)),
    bindparam("afters", type_=ARRAY(Double)),
    bindparam("counted", type_=ARRAY(Boolean)),
)

EXPAND = text(
    f"""
    WITH settled AS (
        UPDATE outbox SET state = :state, last_error = :error, sent_at = now(),
            lease_until = NULL, leased_by = NULL
        WHERE {_MINE} RETURNING outbox.*
    ), added AS (
        INSERT INTO outbox (dedupe, stream, kind, recipient, fallback, channel, letter, text_id, clock,
            occurrence, rung, repeat, who, due_at, digest, place, available_at)
        SELECT dedupe || '/' || person, stream, coalesce(CAST(:kind AS text), kind), person,
            CASE WHEN :keep_fallback THEN fallback END, channel, letter, text_id, clock,
            occurrence, rung, repeat, who, due_at,
            CASE WHEN CAST(:kind AS text) IS NULL THEN digest ELSE :kind || '/' || digest END,
            coalesce(place, id), available_at
        FROM settled, unnest(:recipients) AS person
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
    SELECT id, stream, letter, channel, state, last_error AS status, sent_at AS settled_at,
        clock, occurrence, rung, repeat, who FROM outbox
    WHERE told_at IS NULL AND (kind = 'letter' AND state IN ('sent', 'bounced') OR state = 'unheld')
        AND id <> ALL (:leave_out)
    ORDER BY id LIMIT :limit
    """
).bindparams(bindparam("limit", type_=Integer), bindparam("leave_out", type_=ARRAY(BigInteger)))

UNHELD = text(
    """
    SELECT id, stream, letter, channel, state, last_error AS status, sent_at AS settled_at,
        clock, occurrence, rung, repeat, who FROM outbox
    WHERE stream = :stream AND rung IS NOT NULL AND told_at IS NULL AND state = 'unheld' ORDER BY id
    """
)

NOT_PASSED_ON = text(
    """
    SELECT id, stream FROM outbox WHERE told_at IS NULL AND state = 'unheld' AND id <> ALL (:leave_out)
    ORDER BY id LIMIT :limit
    """
).bindparams(bindparam("limit", type_=Integer), bindparam("leave_out", type_=ARRAY(BigInteger)))

TOLD = text("UPDATE outbox SET told_at = now() WHERE id = :id").bindparams(bindparam("id", type_=BigInteger))

# What was told in a bundle goes out by itself, or in another one: who reads it again should see why.
RESEND = text(
    """
    WITH again AS (
        UPDATE outbox SET state = 'queued', attempts = 0, available_at = now(), sent_at = NULL, bundle = NULL,
            storm = NULL, resent_by = :by, resent_at = now()
        WHERE state = 'dead' AND (CAST(:id AS bigint) IS NULL OR id = :id)
            AND (CAST(:recipient AS text) IS NULL OR recipient = :recipient)
            AND (CAST(:channel AS text) IS NULL OR channel = :channel)
            AND (CAST(:error AS text) IS NULL OR starts_with(last_error, :error))
        RETURNING id
    )
    SELECT count(*), pg_notify('outbox', '') FROM again
    """
).bindparams(
    bindparam("id", type_=BigInteger),
    bindparam("recipient", type_=Text),
    bindparam("channel", type_=Text),
    bindparam("error", type_=Text),
    bindparam("by", type_=Text),
)

NOTICE_ELSEWHERE = f"channel <> 'desk' AND state NOT IN ('expanded', 'dropped') AND {NOTICE}"
"""A notice that the desk tells of though it goes to its reader over something else."""


def news_of(person: str, since: str) -> str:
    """A query for what is new at the desk for a member of staff since a moment (two expressions; null: ever)."""
    recipient, moment = f"recipient = 'staff:' || {person}", f"coalesce({since}, '-infinity')"
    return f"""SELECT FROM outbox WHERE channel = 'desk' AND state = 'sent' AND {recipient} AND sent_at > {moment}
            UNION ALL SELECT FROM outbox WHERE {NOTICE_ELSEWHERE} AND {recipient} AND queued_at > {moment}"""  # noqa: S608 - our own words


# What stands in the outbox for somebody to do: three reads by three partial indexes, however long the archive is.
STANDING = """
    SELECT state, channel, lease_until, available_at FROM outbox WHERE state = 'queued'
    UNION ALL SELECT state, channel, lease_until, available_at FROM outbox WHERE state = 'dead'
    UNION ALL SELECT state, channel, lease_until, available_at FROM outbox
    WHERE told_at IS NULL AND (kind = 'letter' AND state IN ('sent', 'bounced') OR state = 'unheld')
"""

DEPTH = text(
    f"""
    SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
        count(*) FILTER (WHERE state = 'queued' AND lease_until > now()) AS leased,
        count(*) FILTER (WHERE state = 'dead') AS dead,
        count(*) FILTER (WHERE state NOT IN ('queued', 'dead')) AS untold,
        coalesce(max(extract(epoch FROM now() - available_at)) FILTER (
            WHERE state = 'queued' AND available_at <= now()), 0)::float8 AS oldest_seconds
    FROM ({STANDING}) AS standing
    """  # noqa: S608 - our own words
)
