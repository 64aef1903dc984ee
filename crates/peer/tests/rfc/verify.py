"""Verifies a captured request and its answer with a library that knows only RFC 9421 and RFC 9530.

Usage: verify.py <capture.json>. Prints "verified" and exits 0, or prints why not and exits 1.
The public key is read from the text of the delegation that the message carries; whether the delegation is to be believed is the
directory's matter, not the RFCs'.
"""

import base64
import hashlib
import json
import sys
from types import SimpleNamespace

import http_sfv
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from http_message_signatures.structures import CaseInsensitiveDict


def bytes_item(text):
    item = http_sfv.Item()
    item.parse(text.encode())
    return item.value


class Resolver(HTTPSignatureKeyResolver):
    def __init__(self, delegation):
        self.delegation = delegation

    def resolve_public_key(self, key_id):
        assert base64.b64encode(hashlib.sha256(self.delegation).digest()).decode() == key_id, "keyid"
        line = next(l for l in self.delegation.decode().split("\n") if l.startswith("key ed25519:"))
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(line[len("key ed25519:"):]))


def check_digest(headers, body):
    digests = http_sfv.Dictionary()
    digests.parse(headers["content-digest"].encode())
    assert digests["sha-256"].value == hashlib.sha256(body).digest(), "content-digest"


def verify(message, headers, needed):
    resolver = Resolver(bytes_item(headers["lgsp-delegation"]))
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    # The library compares `created` with this machine's clock; the capture's clock stood still.
    verifier.validate_created_and_expires = lambda *args, **kwargs: None
    results = verifier.verify(message)
    assert len(results) == 1, "one signature"
    covered = {str(k).split(";")[0].strip('"') for k in results[0].covered_components}
    assert needed <= covered, needed - covered
    check_digest(headers, message.body)


def main():
    with open(sys.argv[1]) as file:
        capture = json.load(file)
    rq, an = capture["request"], capture["answer"]
    request = SimpleNamespace(
        method=rq["method"], url=rq["url"], headers=CaseInsensitiveDict(rq["headers"]),
        body=base64.b64decode(rq["body"]))
    answer = SimpleNamespace(
        status_code=an["status"], url=rq["url"], headers=CaseInsensitiveDict(an["headers"]),
        body=base64.b64decode(an["body"]), request=request)
    verify(request, request.headers, {"@method", "@path", "@query", "content-digest", "lgsp-exchange", "lgsp-from", "lgsp-to"})
    verify(answer, answer.headers, {"@status", "content-digest", "lgsp-exchange", "lgsp-in-reply-to", "lgsp-from"})
    assert answer.headers["lgsp-exchange"] == request.headers["lgsp-exchange"], "exchange"
    assert answer.headers["lgsp-in-reply-to"] == capture["in_reply_to"], "in-reply-to"


try:
    main()
except Exception as why:  # noqa: BLE001
    print(f"refused: {type(why).__name__}: {why}")
    sys.exit(1)
print("verified")
