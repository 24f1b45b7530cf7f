import time
from sqlalchemy import text
from ledger import outbox
from ledger.database import autocommit
async def test_x(engine):
    async with autocommit(engine).connect() as conn:
        await conn.execute(text("INSERT INTO outbox (dedupe, stream, kind, recipient, channel, fallback) SELECT 'k'||n, 'C'||n, 'alert_breach', 'staff:p'||(n%4000), 'mail','role:x' FROM generate_series(1,20000) n"))
        await conn.execute(text("ANALYZE outbox"))
        for i in range(4):
            t=time.perf_counter(); r=await outbox.lease(conn, limit=24, holder="a", seconds=60); print("LEASE calm", len(r), time.perf_counter()-t)
            await outbox.settle(conn,[x.id for x in r],holder="a",state=outbox.State.SENT)
        await conn.execute(text("UPDATE outbox SET recipient='staff:p'||(id%100), lease_until=null, leased_by=null"))
        for i in range(3):
            t=time.perf_counter(); r=await outbox.lease(conn, limit=24, holder="a", seconds=60); print("LEASE stormy", len(r), time.perf_counter()-t)
