"""The chapters of a complaint's life: each with its commands, its events, its rules."""
