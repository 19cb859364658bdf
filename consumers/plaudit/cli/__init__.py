"""The `plaudit` command line: parses arguments, calls the packages below, prints."""
