"""Web applications: the console for operators, and the portal for the people of a workspace."""
