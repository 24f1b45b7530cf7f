"""Systemic issues: one cause behind many complaints, with its outages and risks, in a stream of its own."""
