"""Where a pack contradicts itself, and what it leaves to its organisation. Pure."""
