"""Dead letters: reading what could not be delivered."""
