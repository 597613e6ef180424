"""Nouns, ids, states, limits, errors, clock. Imports nothing of ours."""
