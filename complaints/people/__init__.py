"""Who may, who can, and who is there: authority, tiers of handling, duty, deputies, and to whom a case goes."""
