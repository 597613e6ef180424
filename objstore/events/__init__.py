"""Events: what the outbox holds goes to its targets, each at least once, and of one key in order."""
