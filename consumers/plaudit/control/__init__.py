"""Operations on deliveries: show, retry, trace and test."""
