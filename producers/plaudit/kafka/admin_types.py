"""Types of the admin client that mypy finds only in private modules of confluent_kafka.

`confluent_kafka.admin` re-exports them at run time, but not for type checkers. No other module
imports those private modules.
"""

from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo as ListOffsetsResult
from confluent_kafka.admin._listoffsets import OffsetSpec, TimestampSpec
from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata
from confluent_kafka.admin._topic import TopicDescription

__all__ = [
    "AclOperation",
    "AlterConfigOpType",
    "ClusterMetadata",
    "ConfigEntry",
    "ConfigResource",
    "ListOffsetsResult",
    "OffsetSpec",
    "TimestampSpec",
    "TopicDescription",
    "TopicMetadata",
]
