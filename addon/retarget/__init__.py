"""A motion onto the user's own character: which bone is what, how the rest poses differ, and the keys."""
