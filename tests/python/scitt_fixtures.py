"""Reads the fixtures with scitt-cose, an implementation of SCITT statements (RFC 9943) and COSE receipts (RFC 9942) that knows nothing
of this project. Argument: the folder `fixtures`. Prints one line, `statements=N receipts=N transparent=N refused=N`; stops with a
message at the first thing that is not as the fixtures say.
"""
import json
import pathlib
import sys

import scitt_cose
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIXTURES = pathlib.Path(sys.argv[1])
counts = {"statements": 0, "receipts": 0, "transparent": 0, "refused": 0}


def read(path):
    return json.loads((FIXTURES / path).read_text("utf-8"))


def pem(public_key_hex):
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex))
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def must(truth, *what):
    if not truth:
        sys.exit("not as the fixtures say: " + " ".join(map(str, what)))


def verifies(envelope, key):
    return scitt_cose.parse_signed_statement(envelope, public_key_pem=key)["signature_verified"] is True


def changed(envelope, at):
    out = bytearray(envelope)
    out[at] ^= 1
    return bytes(out)


def check_envelope(case, field, content_type):
    envelope, key = bytes.fromhex(case[field]), pem(case["public_key"])
    read = scitt_cose.parse_signed_statement(envelope, public_key_pem=key)
    claims = case["says"]["claims"]
    must(read["signature_verified"] is True, "the signature of", case[field])
    must(read["issuer"] == claims["iss"] and read["subject"] == claims["sub"], "iss and sub of", case[field])
    must(read["claims"][3] == claims["aud"], "aud of", case[field])
    must(read["content_type"] == content_type, "the content type of", case[field])
    must(read["payload"] == bytes.fromhex(case["payload"]), "the payload of", case[field])
    must(scitt_cose.leaf_hash(case[field]) == case.get("event_id", scitt_cose.leaf_hash(case[field])), "the leaf hash of", case[field])
    counts["statements"] += 1
    # Tampered: a bit of the payload, of the signature, of the protected header; another key; a byte more.
    header = 4 + len(case["protected"]) // 4
    for at in (len(envelope) - 70, len(envelope) - 1, header):
        must(not verifies(changed(envelope, at), key), "byte", at, "changed in", case[field])
    must(not verifies(envelope, pem(read_stranger())), "another key for", case[field])
    must(not verifies(envelope + b"\0", key), "a byte after", case[field])
    counts["refused"] += 5


def read_stranger():
    return next(key["public_key"] for key in read("keys.json")["keys"] if key["name"] == "stranger")


def statements():
    types = sorted((FIXTURES / "statements").glob("*.json"))
    must(len(types) == 21, "twenty types and the refused ones, not", len(types))
    for path in types:
        for case in read(f"statements/{path.name}").get("cases", []):
            check_envelope(case, "statement", "application/vnd.deedbox.statement+cbor")
            if "acceptance" in case:
                check_envelope(case["acceptance"], "acceptance", "application/vnd.deedbox.acceptance+cbor")
    for case in read("manifests/permits.json")["cases"]:
        check_envelope(case, "permit", "application/vnd.deedbox.permit+cbor")


def receipts():
    fixture = read("proofs/receipts.json")
    key = pem(fixture["public_key"])
    roots = {entry["size"]: entry["root"] for entry in read("logs/small.json")["roots"]}
    stranger = pem(read_stranger())
    for case in fixture["cases"]:
        leaf = case["statement"]
        for receipt, size in zip(case["receipts"], case["sizes"], strict=True):
            receipt = bytes.fromhex(receipt)
            result = scitt_cose.verify_receipt(receipt, leaf_entry_hex=leaf, log_public_key_pem=key)
            must(result.ok, "receipt for", case["index"], "at", size, result.errors)
            must((result.root, result.tree_size, result.leaf_index) == (roots[size], size, case["index"]), "root of the receipt at", size)
            must((result.issuer, result.subject) == (fixture["issuer"], case["subject"]), "iss and sub of the receipt at", size)
            must(result.protected_header_ext == {4: bytes.fromhex(fixture["kid"])}, "the receipt's header at", size)
            counts["receipts"] += 1
            tampered = [
                (changed(receipt, len(receipt) - 1), leaf, key),
                (changed(receipt, 60), leaf, key),
                (receipt, leaf + "00", key),
                (receipt, leaf, stranger),
            ]
            for bad, entry, by in tampered:
                must(not scitt_cose.verify_receipt(bad, leaf_entry_hex=entry, log_public_key_pem=by).ok, "a tampered receipt at", size)
                counts["refused"] += 1
        transparent = bytes.fromhex(case["transparent_statement"])
        must([r.hex() for r in scitt_cose.extract_receipts(transparent)] == case["receipts"], "receipts of", case["index"])
        must(verifies(transparent, pem(case["publisher_public_key"])), "the transparent statement of", case["index"])
        attached = scitt_cose.attach_receipts(bytes.fromhex(leaf), [bytes.fromhex(r) for r in case["receipts"]])
        must(attached == transparent, "attaching gives the same bytes for", case["index"])
        must(not verifies(changed(transparent, len(transparent) - 1), pem(case["publisher_public_key"])), "tampered", case["index"])
        counts["transparent"] += 1
        counts["refused"] += 1
    # The other library leaves issuer, subject and kid to its caller, understands the critical label 395, and lets the unprotected header
    # hold more (spec/log.md §10.5 is stricter). All the rest it refuses too.
    its_caller_asks = {"another kid", "a kid that is a text", "another issuer", "no issuer", "another subject", "no subject"}
    it_allows = {"crit", "something else in the unprotected header"}
    by_leaf = {entry["event_id"]: entry["statement"] for entry in read("logs/small.json")["entries"]}
    for case in fixture["refused"]:
        result = scitt_cose.verify_receipt(bytes.fromhex(case["receipt"]), leaf_entry_hex=by_leaf[case["leaf_hash"]], log_public_key_pem=key)
        if case["rule"] in it_allows:
            must(result.ok, case["rule"], "is refused here alone")
        elif case["rule"] in its_caller_asks:
            kid = result.protected_header_ext.get(4)
            asked = (result.issuer, result.subject, kid) == (fixture["issuer"], case["subject"], bytes.fromhex(fixture["kid"]))
            must(result.ok, case["rule"], "is a good receipt of something else")
            must(not asked, case["rule"])
        else:
            must(not result.ok, case["rule"])
        counts["refused"] += 1


def trees():
    for name in ("small", "verdicts", "order", "edges", "contents", "claims", "void-beginning", "protocol2"):
        path = f"logs/{name}.json"
        log = read(path)
        entries = [entry["statement"] for entry in log["entries"]]
        for root in log["roots"]:
            must(scitt_cose.merkle_root(entries[: root["size"]]) == root["root"], "root of", path, "at", root["size"])
    numbers = [index.to_bytes(8, "big").hex() for index in range(300)]
    for case in read("proofs/inclusion.json")["cases"]:
        entries = numbers[: case["size"]]
        must(scitt_cose.inclusion_proof(entries, case["index"]) == case["proof"], "the inclusion proof of", case["index"], case["size"])
        must(scitt_cose.verify_inclusion(entries[case["index"]], case["index"], case["size"], case["proof"], case["root"]), "inclusion")
    for case in read("proofs/consistency.json")["cases"]:
        if case["old_size"] == 0:
            continue
        proof = scitt_cose.consistency_proof(numbers[: case["new_size"]], case["old_size"], case["new_size"])
        must(proof == case["proof"], "the consistency proof of", case["old_size"], case["new_size"])


statements()
receipts()
trees()
print(" ".join(f"{name}={count}" for name, count in counts.items()))
