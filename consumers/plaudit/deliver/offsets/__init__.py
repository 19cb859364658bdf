"""What is read, what is done, and what may be committed."""
