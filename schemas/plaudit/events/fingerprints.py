"""CRC-64-AVRO fingerprint of every schema, as in single-object encoding.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from typing import Final

FINGERPRINTS: Final = {
    "consent.granted": bytes.fromhex("067e62138c2bf258"),
    "consent.withdrawn": bytes.fromhex("e556dc335febe807"),
    "customer.erased": bytes.fromhex("025838587b0b3904"),
    "form.abandoned": bytes.fromhex("e6814d9d4d4ef2e6"),
    "form.completed": bytes.fromhex("306e8f9a263390d5"),
    "import.completed": bytes.fromhex("96ac2b85c8aa2e27"),
    "review.imported": bytes.fromhex("2ba02377c7582ab0"),
    "review.source_changed": bytes.fromhex("808493f895d321de"),
    "space.stats_changed": bytes.fromhex("de119667d98a775d"),
    "testimonial.approved": bytes.fromhex("a5159ce959f41c96"),
    "testimonial.deleted": bytes.fromhex("edda5cf6c6500e15"),
    "testimonial.media_processed": bytes.fromhex("b9653434452696d2"),
    "testimonial.published": bytes.fromhex("518caa7938def18b"),
    "testimonial.rejected": bytes.fromhex("f7f2964e2373cd70"),
    "testimonial.replied": bytes.fromhex("63b8e3caa4734ce7"),
    "testimonial.submitted": bytes.fromhex("efc62b9b1c9ccd75"),
    "testimonial.tags_changed": bytes.fromhex("46906cc408fbc612"),
    "testimonial.transcribed": bytes.fromhex("3ab8086c873c423b"),
    "testimonial.unpublished": bytes.fromhex("409a4a5e30789cf0"),
    "testimonial.updated": bytes.fromhex("c2cec351392daa00"),
}
