"""Forms in which endpoints may have their webhooks, beside the standard one."""
