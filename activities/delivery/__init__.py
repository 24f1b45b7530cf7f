"""Delivery: messages out of the outbox, to people and programs, by every way there is."""
