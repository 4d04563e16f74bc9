"""Releases of the products and their updates. The room is ready; the area comes later."""
