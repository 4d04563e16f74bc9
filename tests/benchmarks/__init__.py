"""How fast the routes are, as ratios to a bare Django view on the same server: `make bench`."""
