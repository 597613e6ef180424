"""Which drives a volume goes to. Pure: topology and tier in, drives out."""
