"""A caller that never sees XML (requests). Facts on standard input."""

import json
import sys

import requests

FACTS = json.load(sys.stdin)
SESSION = requests.Session()
SESSION.headers["apikey"] = FACTS["key"]
STATED = {"lgsp-officer": "cb-01", "lgsp-dossier": "H98-1"}


def ask(method, service, path, status=200, **more):
    answer = SESSION.request(method, FACTS["services"][service] + path, **more)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    kind = answer.headers.get("content-type", "").split(";")[0]
    wanted = "application/json" if status < 400 else "application/problem+json"
    assert kind == wanted or not answer.content, (path, kind)
    return answer.json() if answer.content else None


def population():
    """Service 037 as a resource: the path and the query fill the message, the platform adds what the operator set."""
    who = FACTS["citizens"][0]
    question = {"name": who["name"], "born": who["born"]}
    found = ask("GET", "dancu037", f"/citizens/{who['id']}", params=question, headers=STATED)
    assert found["SoDinhDanh"] == who["id"] and found["HoVaTen"]["Ho"] == who["name"].split()[0], found
    # Nobody of that name has this number.
    assert ask("GET", "dancu037", f"/citizens/{who['id']}", params={**question, "name": "Không Có"}, headers=STATED) is None
    for path, params, named in (
        ("/citizens/12", question, "SoDinhDanh"),
        (f"/citizens/{who['id']}", {"name": who["name"]}, "NgayThangNamSinh"),
        (f"/citizens/{who['id']}", {**question, "x": "1"}, "x"),
    ):
        problem = ask("GET", "dancu037", path, 422, params=params, headers=STATED)
        assert named in problem["detail"], problem
    problem = ask("GET", "dancu037", f"/citizens/{who['id']}", 403, params=question)
    assert "lgsp-" in problem["detail"], problem


def organisations():
    """Attributes, nil, decimals, long integers, nested and repeated elements; a declared fault; an operation without an answer."""
    found = ask("POST", "organisations", "/getOrganisation", json={"code": "H01.01", "depth": 2})["return"]
    assert found == {
        "@code": "H01.01", "@active": False, "name": "Sở <Nội vụ> & ban", "founded": "2001-02-28", "budget": "12345678901234567890.120",
        "staff": "9007199254740993", "parts": [
            {"@code": "H01.02", "@active": True, "name": "Phòng một", "founded": None},
            {"@code": "H01.03", "@active": False, "name": "", "founded": "0001-01-01+07:00", "budget": "+0.10", "parts": [
                {"@code": "H01.04", "@active": True, "name": "a", "founded": "9999-12-31Z"}]}],
    }, found  # fmt: skip
    assert ask("POST", "organisations", "/getOrganisation", json={"code": "H01.01"}) == {}
    problem = ask("POST", "organisations", "/getOrganisation", 422, json={"code": "Z99.99"})
    assert problem["fault"]["reason"] == "Không có" and "NotFound" in json.dumps(problem["fault"]["detail"]), problem
    assert ask("POST", "organisations", "/notify", 202, json={"code": ["H01.01", "H01.02"]}) is None
    for body, named in (({"code": "x"}, "/code"), ({}, "code"), ({"code": "H01.01", "y": 1}, "y"), ({"code": "H01.01", "depth": "a"}, "/depth")):
        assert named in ask("POST", "organisations", "/getOrganisation", 422, json=body)["detail"]
    assert ask("POST", "organisations", "/getOrganisation", 400, data="{", headers={"content-type": "application/json"})
    assert ask("POST", "organisations", "/getOrganisation", 415, data="a", headers={"content-type": "text/plain"})


def others():
    """A service of .NET's over SOAP 1.1, one in rpc style, and binary data."""
    dossiers = ask("POST", "dossiers", "/LayHoSo", json={"maHoSo": "x", "trang": 1})["LayHoSoResult"]["HoSo"]
    assert dossiers[1] is None and dossiers[0]["LePhi"] == "-0.50" and dossiers[0]["NgayTra"] is None, dossiers
    assert dossiers[0]["NgayTiepNhan"] == "2026-01-31T08:30:00.5+07:00"
    assert ask("POST", "dossiers", "/LayHoSo", json={"trang": -2147483648}) == {"LayHoSoResult": {}}
    assert ask("POST", "dossiers", "/Ping", json={}) == {}
    period = {"from": "2026-01-01"}
    assert ask("POST", "registry", "/count", json={"province": "Hà Giang", "period": period}) == {"total": "123456789012345678901234567890"}
    assert ask("POST", "registry", "/touch") == {}
    assert ask("POST", "documents", "/store", json={"name": "a", "content": "JVBERi0="}) == {"id": "18446744073709551615"}


def documents():
    """Every face has its document, and it names the platform's address."""
    for service, address in FACTS["services"].items():
        if service in ("business", "papers"):
            continue
        document = ask("GET", service, "/openapi.json")
        assert document["openapi"].startswith("3.") and document["servers"][0]["url"] == address, (service, document["servers"])


for test in (population, organisations, others, documents):
    test()
    print(test.__name__)
