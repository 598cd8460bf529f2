"""Words in other languages, a file each."""
