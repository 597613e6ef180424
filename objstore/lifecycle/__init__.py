"""What moves and removes bytes by itself. Decides when; the store knows how."""
