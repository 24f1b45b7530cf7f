"""Runs the steps on the connection that ledger.migrate hands over; Alembic's own entry is not used."""

from alembic import context

from ledger.metadata import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
