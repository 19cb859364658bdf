"""Errors that stop an import; a rejected row is not one of them.

ImportRefused     the file, the mapping or an option can't be used
ImportStopped     the import stopped; the same command resumes it
├── NotAcknowledged   the brokers did not acknowledge some events
├── Interrupted       the user asked it to stop
└── FileChanged       the file changed while it was read
"""

from __future__ import annotations


class ImportRefused(ValueError):
    """The file, the mapping or an option can't be used; nothing was published."""


class ImportStopped(Exception):
    """The import stopped; acknowledged rows are in the journal."""


class NotAcknowledged(ImportStopped):
    """The brokers did not acknowledge some events."""


class Interrupted(ImportStopped):
    """The user asked the import to stop."""


class FileChanged(ImportStopped):
    """The file changed while it was read."""
