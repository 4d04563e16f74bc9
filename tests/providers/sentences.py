"""What a person is told of each way in which the scripted vendor fails."""

AUTHENTICATION = "Authentication failed. Check the API key: it may be mistyped, expired or revoked."
PERMISSION = "Permission denied. The key is known, but it may not use this. Ask the service for access, or use another key."
NO_MODEL = "The model is not available. Check its name, or choose another model of this service."
QUOTA = "The quota or balance is used up. Top up the account or raise its limit at the service."
RATE = "The service limits how often it may be asked. Wait a moment, then try again."
TIMEOUT = "The service did not answer in time. Try again, or check whether it is up."
CONNECTION = "The connection failed. Check the address, and that the service can be reached from here."
NOT_ALLOWED = (
    "The connection failed. This address is not allowed here. Use the service's public address, or ask the administrator."
)
NOT_OPENAI = "This address does not answer like an OpenAI-compatible API. Check the base URL; it often ends in /v1."
MOVED = "This address redirects elsewhere. Enter the address that it leads to as the base URL."
SERVICE = "The service answered with an error. Try again later, or ask the service."
SILENT = "The service answered, but the model said nothing. Try again, or choose another model."
NO_LIST = "This service does not list its models. Type the model's name, or check the base URL; it often ends in /v1."
NO_IMAGES = "The model does not take images."
NOT_SEEN = "The model did not name the colour of the picture that it was shown, so it does not seem to see images."
NO_JSON = "There is no JSON mode that this model obeys."
UNFINISHED = "The model used up its answer before it came to the point, so this could not be found out."

# By the scripted vendor's behaviours: those with which no chat completion gets through, and the whole message.
FAILURES = {
    "unauthorized_401": f"{AUTHENTICATION} The service says: Incorrect API key provided.",
    "forbidden_403": f"{PERMISSION} The service says: You may not use this model.",
    "not_found_404": f"{NO_MODEL} The service says: The model `nope` does not exist or you do not have access to it.",
    "rate_limited_429": f"{RATE} The service says: Rate limit reached for requests",
    "quota_429": f"{QUOTA} The service says: You exceeded your current quota, please check your plan and billing details.",
    "payment_402": f"{QUOTA} The service says: Insufficient Balance",
    "error_500": f"{SERVICE} The service says: The server had an error while processing your request.",
    "unavailable_503": f"{SERVICE} The service says: Service Unavailable",
    "key_echoed": (
        f"{AUTHENTICATION} The service says: Incorrect API key provided: *** / '***' / Bearer *** / *** / *** / *** / *** / ***"
    ),
    "hang": TIMEOUT,
    "hang_in_body": TIMEOUT,
    "drip": TIMEOUT,
    "drip_body": TIMEOUT,
    "cut_mid_body": f"{CONNECTION} The connection to the server broke.",
    "reset": f"{CONNECTION} The connection to the server broke.",
    "redirect": MOVED,
    "redirect_to_metadata": MOVED,
    "gzip_bomb": NOT_OPENAI,
    "huge": NOT_OPENAI,
    "huge_unannounced": NOT_OPENAI,
    "html": f"{NOT_OPENAI} The service says: Welcome",
    "html_404": f"{NOT_OPENAI} The service says: 404 Not Found",
    "empty": NOT_OPENAI,
    "empty_404": NOT_OPENAI,
    "not_json": f"{NOT_OPENAI} The service says: pong",
    "other_json": NOT_OPENAI,
    "error_in_200": f"{AUTHENTICATION} The service says: Incorrect API key provided.",
    "empty_choices": SILENT,
    "null_content": SILENT,
    "tool_call": SILENT,
}
# Of these, the ones that leave a check of the connection without a word, so that it asks once more and gives the model more room.
ASKED_TWICE = frozenset({"empty_choices", "null_content", "tool_call"})
# Those that only the deadline ends.
SLOW = frozenset({"hang", "hang_in_body", "drip", "drip_body"})
