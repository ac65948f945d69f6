"""One file a chat platform: the only places that import its library."""
