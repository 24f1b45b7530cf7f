"""What changes for whom between two packs. Pure."""
