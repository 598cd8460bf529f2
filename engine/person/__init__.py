"""Who is followed over time, and which side is which."""
