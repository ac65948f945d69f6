"""What people are told once without asking: kinds, the watch that finds them, where they go."""
