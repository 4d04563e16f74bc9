"""Tools of the developers; the platform itself needs none of them."""
