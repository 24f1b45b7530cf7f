"""The exact arithmetic of deadlines: calendars, open time, durations, due moments and how each came about. Pure."""
