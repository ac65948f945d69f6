"""The steps from an empty database to today's tables; `storage.migrate` walks them."""
