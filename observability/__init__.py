"""What operators see of the platform. For now that is the gate in front of Jaeger, which shows traces."""
