"""What the OpenAPI document says of the endpoints that clients call."""

from itertools import chain

from sage_platform import paths
from sage_platform.api.fields import ANY_TEXT
from sage_platform.api.seams import RawRoute, RawRoutes, Schema
from sage_platform.oauth2 import parameters
from sage_platform.oauth2.registration import CODE, CREDENTIALS, REFRESH

JSON = "application/json"
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
WHOLE: Schema = {"type": "integer"}


def json_object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these members. With `optional`, even an empty one, there are no others; else the standard may add some."""
    closed = {} if optional is None else {"additionalProperties": False}
    return {"type": "object", "properties": required | (optional or {}), "required": list(required)} | closed


SERVER = json_object(
    {
        "issuer": TEXT,
        "authorization_endpoint": TEXT,
        "token_endpoint": TEXT,
        "jwks_uri": TEXT,
        "response_types_supported": TEXTS,
    }
)
RESOURCE = json_object({"resource": TEXT, "authorization_servers": TEXTS})
KEYS = json_object({"keys": {"type": "array", "items": json_object(dict.fromkeys(["kty", "use", "alg", "kid"], TEXT))}}, {})
TOKENS = json_object(
    {"access_token": TEXT, "token_type": {"const": "Bearer"}, "expires_in": WHOLE, "scope": TEXT},
    {"refresh_token": TEXT, "id_token": TEXT},
)
INTROSPECTION = json_object(
    {"active": {"type": "boolean"}},
    dict.fromkeys(["scope", "client_id", "iss", "sub", "username", "token_type"], TEXT) | dict.fromkeys(["exp", "iat"], WHOLE),
)
PERSON = json_object(
    dict.fromkeys(["sub", "iss", "preferred_username", "role"], TEXT),
    dict.fromkeys(["name", "picture", "avatar_url", "email"], TEXT) | {"email_verified": {"type": "boolean"}},
)
COMPONENTS = {"OAuth2Error": json_object({"error": TEXT}, {"error_description": TEXT})}
REFUSED: Schema = {
    "description": "As the standard has it.",
    "content": {JSON: {"schema": {"$ref": "#/components/schemas/OAuth2Error"}}},
}


def text_of(most: int | None) -> Schema:
    return {"type": "string", "pattern": ANY_TEXT} | ({} if most is None else {"maxLength": most})


def form(lengths: parameters.Lengths, **needed: Schema) -> Schema:
    """A form with these parameters; a client adds its credentials here or in `Authorization`."""
    known = {name: text_of(most) for name, most in lengths.items()}
    return {"type": "object", "properties": known | needed, "required": list(needed)}


METADATA = "The authorization server's metadata (RFC 8414, OpenID Connect Discovery); the same document at each of its addresses"
TOKEN_FORM = form(parameters.TOKEN, grant_type={"enum": [CODE, REFRESH, CREDENTIALS]})
ABOUT_TOKEN_FORM = form(parameters.ABOUT_TOKEN, token=text_of(None) | {"minLength": 1})
BY_CLIENTS = ("400", "401", "411", "413", "415", "429", "503")
BY_BEARERS = ("401", "403", "503")


def endpoints(base: str) -> list[RawRoute]:
    """The endpoints under one of the addresses at which they are mounted."""
    return [
        RawRoute("get", f"{base}/metadata", METADATA, JSON, SERVER),
        RawRoute("get", f"{base}/.well-known/openid-configuration", METADATA, JSON, SERVER),
        RawRoute(
            "get", f"{base}/jwks", "The keys that sign id_tokens (RFC 7517)", JSON, KEYS, refusals=("503",), refused=REFUSED
        ),
        RawRoute(
            "post",
            f"{base}/token",
            "Tokens for a code, a refresh token or a client's credentials (RFC 6749 §3.2)",
            JSON,
            TOKENS,
            form=TOKEN_FORM,
            refusals=BY_CLIENTS,
            refused=REFUSED,
        ),
        RawRoute(
            "post",
            f"{base}/revoke",
            "End a token and its family (RFC 7009); the answer is empty",
            form=ABOUT_TOKEN_FORM,
            refusals=BY_CLIENTS,
            refused=REFUSED,
        ),
        RawRoute(
            "post",
            f"{base}/introspect",
            "Whether one's own token is alive (RFC 7662)",
            JSON,
            INTROSPECTION,
            form=ABOUT_TOKEN_FORM,
            refusals=BY_CLIENTS,
            refused=REFUSED,
        ),
        *[
            RawRoute(method, f"{base}/userinfo", summary, JSON, PERSON, refusals=BY_BEARERS, refused=REFUSED)
            for method, summary in (
                ("get", "Who the person is (OpenID Connect Core §5.3), by a bearer token"),
                ("post", "The same"),
            )
        ],
    ]


WELL_KNOWN = f"/{paths.WELL_KNOWN}"
BASES = (f"/{paths.OAUTH2}", f"/{paths.API}/{paths.OAUTH2}")
RAW_ROUTES = RawRoutes(
    [
        RawRoute("get", f"{WELL_KNOWN}/oauth-authorization-server", METADATA, JSON, SERVER),
        RawRoute("get", f"{WELL_KNOWN}/oauth-authorization-server/{paths.OAUTH2}", METADATA, JSON, SERVER),
        RawRoute(
            "get",
            f"{WELL_KNOWN}/oauth-protected-resource",
            "What clients of this resource need to know (RFC 9728)",
            JSON,
            RESOURCE,
        ),
        *chain.from_iterable(endpoints(base) for base in BASES),
    ],
    COMPONENTS,
)
