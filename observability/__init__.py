"""Metrics and traces behind an administrator's gate. The room is ready; the area comes later."""
