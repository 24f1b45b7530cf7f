"""What time makes of a complaint: clocks, their runs, what they announce, and why they are due when they are."""
