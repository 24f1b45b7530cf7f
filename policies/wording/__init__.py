"""Rules, packs and explanations in words, for terminals, pages and comparisons. Pure."""
