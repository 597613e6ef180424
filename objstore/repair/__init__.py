"""Keeps redundancy whole: finds what is damaged, rebuilds it, moves shards between drives, finds strays."""
