"""One file a family of commands; importing this package registers them all."""
