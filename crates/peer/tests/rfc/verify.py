"""Verifies a captured request and its answer with a library that knows only RFC 9421 and RFC 9530.

Usage: verify.py <capture.json>. Prints "verified" and exits 0, or prints why not and exits 1. The public key is read from the delegation
that the message carries; whether the delegation is to be believed is the directory's matter, not the RFCs'.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms


class Fields:
    """Header lines in the order in which they came."""

    def __init__(self, lines):
        self.lines = [(name.lower(), value) for name, value in lines]

    def items(self):
        return list(self.lines)

    def __getitem__(self, name):
        (value,) = [v for n, v in self.lines if n == name.lower()]
        return value

    def __contains__(self, name):
        return any(n == name.lower() for n, _ in self.lines)

    def get(self, name, default=None):
        return self[name] if name in self else default

    def __iter__(self):
        return iter([n for n, _ in self.lines])


class Message:
    def __init__(self, captured, request=None):
        self.headers = Fields(captured["headers"])
        self.body = base64.b64decode(captured["body"])
        if request is None:
            self.method, self.url = captured["method"], captured["url"]
        else:
            self.status_code, self.request, self.url = captured["status"], request, request.url


class Keys(HTTPSignatureKeyResolver):
    def __init__(self, message):
        self.text = base64.b64decode(message.headers["lgsp-delegation"].strip(":"))

    def resolve_public_key(self, key_id):
        if base64.b64encode(hashlib.sha256(self.text).digest()).decode() != key_id:
            raise ValueError("keyid is not the digest of the delegation")
        line = next(x for x in self.text.decode().split("\n") if x.startswith("key ed25519:"))
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(line[len("key ed25519:"):]))


class Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input, max_age=None):
        """Nothing: the clock of the captured nodes stood still."""


def verify(message, tag, needed):
    verifier = Verifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys(message))
    (result,) = verifier.verify(message, expect_tag=tag, require_components=needed, body=message.body)
    return result


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        capture = json.load(file)
    request = Message(capture["request"])
    answer = Message(capture["answer"], request)
    both = ("content-digest", "lgsp-exchange", "lgsp-from")
    verify(request, "lgsp-request", ("@method", "@path", "@query", "lgsp-to", *both))
    verify(answer, "lgsp-answer", ("@status", "lgsp-in-reply-to", *both))
    if answer.headers["lgsp-exchange"] != request.headers["lgsp-exchange"]:
        raise ValueError("the answer is of another exchange")


try:
    main()
except Exception as why:  # noqa: BLE001
    print(f"refused: {type(why).__name__}: {why}")
    sys.exit(1)
print("verified")
