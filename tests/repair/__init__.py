"""Repair: healing, scrubbing, draining, rebalancing, fsck, recovery."""
