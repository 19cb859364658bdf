"""`plaudit bench`: measures this installation against references, with the same sink."""
