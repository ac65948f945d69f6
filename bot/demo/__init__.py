"""A pretended company to try creditbot with: its people, its usage, a prompt to ask about them."""
