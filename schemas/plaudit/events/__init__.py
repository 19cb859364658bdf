"""What happens to testimonials: the catalogue, its Avro schemas, typed models and codec."""
