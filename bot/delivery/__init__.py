"""From a due row to a message that arrived once: made, sent, looked for, corrected."""
