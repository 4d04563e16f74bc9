"""Model providers: a person's records of OpenAI-compatible endpoints. The room is ready; the area comes next."""
