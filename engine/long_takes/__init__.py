"""The one room that knows that an hour does not fit into memory."""
