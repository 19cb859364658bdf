"""The command line, thin: it reads arguments, calls the rooms below, prints."""
