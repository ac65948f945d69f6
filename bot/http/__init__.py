"""What the service answers over HTTP: its health, and which arm of a trial a prompt belongs to."""
