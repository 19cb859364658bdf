"""Payload formats besides the standard one."""
