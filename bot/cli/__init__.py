"""The `creditbot` program's commands at a terminal: thin, they parse, call and print."""
