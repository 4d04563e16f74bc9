"""Model providers: people's records of OpenAI-compatible endpoints, and the system's own. They are stored with an encrypted key,
checked by asking the endpoint (`probing`), and managed through the API, the admin and a command (`services`).
"""
