"""Prints keys and tokens made by PyPI's joserfc: mint.py CLAIMS (a JSON object).

Output: {"jwks", "tokens": [{"name", "token", "reason"}]}, `reason` being what the gateway must say of the token.
"""

import json
import sys

from joserfc import jwe, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

CLAIMS = json.loads(sys.argv[1])
MAKERS = {
    "rsa": (lambda: RSAKey.generate_key(2048), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
    "p256": (lambda: ECKey.generate_key("P-256"), ["ES256"]),
    "p384": (lambda: ECKey.generate_key("P-384"), ["ES384"]),
    "p521": (lambda: ECKey.generate_key("P-521"), ["ES512"]),
    "ed25519": (lambda: OKPKey.generate_key("Ed25519"), ["EdDSA", "Ed25519"]),
}


def sign(alg, kid, key, changes=None):
    claims = {name: value for name, value in {**CLAIMS, **(changes or {})}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": kid}, claims, key, algorithms=[alg])


keys = {kid: make() for kid, (make, _) in MAKERS.items()}
jwks = {"keys": [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in keys.items()]}
tokens = []


def token(name, text, reason):
    tokens.append({"name": name, "token": text, "reason": reason})


for kid, (make, algorithms) in MAKERS.items():
    for alg in algorithms:
        token(alg, sign(alg, kid, keys[kid]), "policy.allow")
        token(f"{alg}, another key under the same id", sign(alg, kid, make()), "token.signature")

# The library itself refuses a public key as a secret; the gateway refuses any.
token("HS256", sign("HS256", "rsa", OctKey.generate_key(256)), "token.alg_not_allowed")
header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "rsa"}
encrypted = jwe.encrypt_compact(header, json.dumps(CLAIMS), keys["rsa"], algorithms=["RSA-OAEP-256", "A256GCM"])
token("encrypted to the public key", encrypted, "token.encrypted")
token("unsecured", sign("none", "rsa", OctKey.import_key("-")), "token.parts")
token("expired", sign("ES256", "p256", keys["p256"], {"iat": 1, "exp": 2}), "token.expired")
token("for another audience", sign("ES256", "p256", keys["p256"], {"aud": "https://other.example"}), "token.audience")
token("without an expiry", sign("ES256", "p256", keys["p256"], {"exp": None}), "token.exp_missing")
print(json.dumps({"jwks": jwks, "tokens": tokens}))
