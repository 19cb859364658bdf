"""`plaudit bench`: measures this installation against references, in one run, to the same sink."""
