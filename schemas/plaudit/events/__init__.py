"""Testimonial events: the catalogue, Avro schemas, typed models and codec."""
