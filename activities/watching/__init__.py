"""Watching: what is done because time passed and nobody asked: watchdog, assigning, suspicions, recovery."""
