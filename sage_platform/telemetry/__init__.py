"""What operators see of the platform while it runs: figures and traces. It knows no model, no view and no room above it."""
