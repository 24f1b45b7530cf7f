"""What is due when, and who may: calendars, durations, packs, ladders, authority, explanations. Pure."""
