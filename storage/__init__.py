"""What is kept: ledger, rollups, catalogue, people; nothing here knows what the numbers mean."""
