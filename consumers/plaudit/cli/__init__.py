"""The `plaudit` command line: arguments, calls of the packages below, and output."""
