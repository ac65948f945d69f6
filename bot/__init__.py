"""Where people talk to creditbot: registry, commands, renderers, platforms, program."""
