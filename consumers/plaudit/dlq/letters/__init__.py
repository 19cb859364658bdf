"""Dead letters: reading, filtering, counting, exporting."""
