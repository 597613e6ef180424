"""Reads flags, files and the environment, builds every object once, starts and watches the processes."""
