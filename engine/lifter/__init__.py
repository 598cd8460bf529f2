"""The network that lifts a person's landmarks over time into space."""
