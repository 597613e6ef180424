"""Console: pages for people, and how they sign in."""
