"""How work is batched and how background work is paced. Knows nothing of objects."""
