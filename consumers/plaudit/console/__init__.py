"""Web application: the console for operators and the portal for the people of one workspace."""
