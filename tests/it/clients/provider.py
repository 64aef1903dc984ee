"""Providers that speak SOAP, one for each WSDL in a folder, and one that speaks REST: whatever reaches them is judged by libxml2.

    provider.py FOLDER      prints the port of the loopback address that it listens on

SOAP: POST /<path of the WSDL>, answers of ANSWERS in turn, a fault for what names Z99.99. REST: /papers, described by papers.yaml. GET /seen: how many requests came in, and
what was wrong with those that broke their schema.
"""

import itertools
import json
import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"

TYPES = 'xmlns:t="http://types.organisations.example/"'
ORGANISATION = (
    '<return code="H01.01" active="false"><name>Sở &lt;Nội vụ&gt; &amp; ban</name><founded>2001-02-28</founded>'
    "<budget>12345678901234567890.120</budget><staff>9007199254740993</staff>"
    '<parts code="H01.02"><name>Phòng một</name><founded xsi:nil="true"/></parts>'
    '<parts code="H01.03" active="0"><name/><founded>0001-01-01+07:00</founded><budget>+0.10</budget>'
    '<parts code="H01.04"><name>a</name><founded>9999-12-31Z</founded></parts></parts></return>'
)
DOSSIER = (
    "<d:HoSo><d:MaHoSo>H98-1</d:MaHoSo><d:NgayTiepNhan>2026-01-31T08:30:00.5+07:00</d:NgayTiepNhan><d:NgayTra xsi:nil='1'/>"
    "<d:LePhi>-0.50</d:LePhi><d:TrangThai>DaTiepNhan</d:TrangThai><d:TepDinhKem>JVBE\nRi0x</d:TepDinhKem></d:HoSo>"
)
CITIZEN = (
    "<CongDan><SoDinhDanh>001080000001</SoDinhDanh><HoVaTen><Ho>Nguyễn</Ho><ChuDem/><Ten>A</Ten></HoVaTen>"
    "<NgayThangNamSinh><Nam>1980</Nam></NgayThangNamSinh><ThuongTru/></CongDan>"
)
# For each WSDL the answers that its provider gives in turn, by the local name of what is asked.
ANSWERS = {
    "java/organisations.wsdl": {
        "getOrganisation": [
            f"<t:getOrganisationResponse {TYPES}>{ORGANISATION}</t:getOrganisationResponse>",
            f"<t:getOrganisationResponse {TYPES}/>",
        ],
        "notify": [""],
    },
    "dotnet/HoSoService.wsdl": {
        "LayHoSo": [
            f'<LayHoSoResponse xmlns="http://tempuri.org/"><LayHoSoResult xmlns:d="http://tempuri.org/data">{DOSSIER}'
            f"<d:HoSo xsi:nil='true'/>{DOSSIER}</LayHoSoResult></LayHoSoResponse>",
            '<LayHoSoResponse xmlns="http://tempuri.org/"><LayHoSoResult/></LayHoSoResponse>',
            '<LayHoSoResponse xmlns="http://tempuri.org/"/>',
        ],
        "Ping": ['<PingResponse xmlns="http://tempuri.org/"/>'],
    },
    "rpc/registry.wsdl": {
        "count": [
            '<r:countResponse xmlns:r="urn:registry"><total>123456789012345678901234567890</total></r:countResponse>',
            '<r:countResponse xmlns:r="urn:registry"><total>-0</total></r:countResponse>',
        ],
        "touch": ['<r:touchResponse xmlns:r="urn:registry"/>'],
    },
    "attachments/documents.wsdl": {
        "store": ['<storeResponse xmlns="urn:documents"><id>18446744073709551615</id></storeResponse>'],
        "send": [""],
    },
    "population/service037.wsdl": {
        "TraCuuThongTinCongDan": [
            f'<CongdanCollection xmlns="http://www.mic.gov.vn/dancu/1.0">{CITIZEN}{CITIZEN}</CongdanCollection>',
            '<CongdanCollection xmlns="http://www.mic.gov.vn/dancu/1.0"/>',
        ],
    },
}
# rpc/literal has no elements in its schema: the wrappers as WSDL 1.1, section 3.5 has them.
WRAPPERS = {
    "rpc/registry.wsdl": """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:r="urn:registry" targetNamespace="urn:registry">
        <xs:include schemaLocation="0.xsd"/>
        <xs:element name="count"><xs:complexType><xs:sequence>
            <xs:element name="province" type="xs:string"/><xs:element name="period" type="r:Period"/></xs:sequence></xs:complexType></xs:element>
        <xs:element name="countResponse"><xs:complexType><xs:sequence><xs:element name="total" type="xs:integer"/></xs:sequence></xs:complexType></xs:element>
        <xs:element name="touch"><xs:complexType/></xs:element>
        <xs:element name="touchResponse"><xs:complexType/></xs:element></xs:schema>""",
}


def schemas(folder, name, work):
    """All schemas of a WSDL and of those that it imports, as one for libxml2."""
    found, waiting = [], [folder / name]
    while waiting:
        at = waiting.pop()
        root = etree.parse(at).getroot()
        waiting += [at.parent / i.get("location") for i in root.iter(WSDL + "import")]
        found += [(at.parent, s) for s in root.iter(XS + "schema")]
    own = {s.get("targetNamespace"): f"{i}.xsd" for i, (_, s) in enumerate(found)}
    main = []
    for i, (base, schema) in enumerate(found):
        for link in itertools.chain(schema.iter(XS + "import"), schema.iter(XS + "include")):
            place = link.get("schemaLocation")
            link.set("schemaLocation", str((base / place).resolve()) if place else own[link.get("namespace")])
            if schema.get("targetNamespace") is None:
                main.append((link.get("namespace"), link.get("schemaLocation")))
        (work / f"{i}.xsd").write_bytes(etree.tostring(schema, with_tail=False))
        if schema.get("targetNamespace") is not None:
            main.append((schema.get("targetNamespace"), f"{i}.xsd"))
    if name in WRAPPERS:
        (work / "wrappers.xsd").write_text(WRAPPERS[name])
        main = [("urn:registry", "wrappers.xsd")]
    lines = "".join(f'<xs:import namespace="{n}" schemaLocation="{p}"/>' for n, p in main)
    (work / "all.xsd").write_text(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{lines}</xs:schema>')
    return etree.XMLSchema(file=str(work / "all.xsd"))


def envelope(inner, namespace=SOAP11):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<e:Envelope xmlns:e="{namespace}" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>{inner}</e:Body></e:Envelope>'
    ).encode()


def fault(code, reason, detail="", namespace=SOAP11):
    if namespace == SOAP12:
        code = {"Client": "Sender", "Server": "Receiver"}[code]
        detail = f"<e:Detail>{detail}</e:Detail>" if detail else ""
        inner = f'<e:Code><e:Value>e:{code}</e:Value></e:Code><e:Reason><e:Text xml:lang="en">{reason}</e:Text></e:Reason>{detail}'
    else:
        detail = f"<detail>{detail}</detail>" if detail else ""
        inner = f"<faultcode>e:{code}</faultcode><faultstring>{reason}</faultstring>{detail}"
    return envelope(f"<e:Fault>{inner}</e:Fault>", namespace)


class Soap:
    def __init__(self, folder, name, work):
        self.schema = schemas(folder, name, work)
        self.answers = {asked: itertools.cycle(all_) for asked, all_ in ANSWERS[name].items()}
        for answer in itertools.chain.from_iterable(ANSWERS[name].values()):
            body = etree.fromstring(envelope(answer))[0]
            for element in body:
                self.schema.assertValid(element)

    def answer(self, body):
        """Status, body, and what was wrong with the request."""
        try:
            root = etree.fromstring(body)
        except etree.XMLSyntaxError as e:
            return 500, fault("Client", "not XML"), f"not XML: {e}"
        namespace = etree.QName(root).namespace
        asked = [e for e in root.find(f"{{{namespace}}}Body") if isinstance(e.tag, str)]
        if len(asked) != 1:
            return 500, fault("Client", "one element", namespace=namespace), f"{len(asked)} elements in the body"
        if not self.schema.validate(asked[0]):
            return 500, fault("Client", "invalid", namespace=namespace), str(self.schema.error_log.last_error)
        if b"Z99.99" in body:
            detail = f"<t:NotFound {TYPES}><code>Z99.99</code></t:NotFound>"
            return 500, fault("Client", "Không có", detail, namespace), None
        answer = next(self.answers[etree.QName(asked[0]).localname])
        if answer == "":
            return 202, b"", None
        return 200, envelope(answer, namespace), None


DATE = re.compile(r"\d{4}-\d\d-\d\d")
PROBLEM = "application/problem+json"


class Papers:
    """Papers as they were sent in, digit by digit."""

    def __init__(self):
        self.kept = {}

    def answer(self, method, path, body):
        """Status, content type, body, and what was wrong with the request."""
        if method == "POST" and path == "/papers":
            paper = json.loads(body)
            wrong = [k for k, t in {"no": int, "kind": str, "issued": str, "tags": list}.items() if not isinstance(paper.get(k), t)]
            if not wrong and not DATE.fullmatch(paper["issued"]):
                wrong = ["issued"]
            if wrong:
                return 422, PROBLEM, b'{"type":"about:blank","title":"Invalid","status":422}', f"paper: {wrong} in {body!r}"
            self.kept[str(paper["no"])] = body
            return 201, "application/json", body, None
        no = path.removeprefix("/papers/")
        if path == "/papers" and method == "GET":
            return 200, "application/json", b"[" + b",".join(self.kept.values()) + b"]", None
        if no not in self.kept:
            problem = {"type": "urn:papers:missing", "title": "Không có", "status": 404, "detail": f"There is no paper {no}."}
            return 404, PROBLEM, json.dumps(problem).encode(), None
        if method == "DELETE":
            del self.kept[no]
            return 204, None, b"", None
        return 200, "application/json", self.kept[no], None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        server, name = self.server, path.removeprefix("/")
        if path == "/seen":
            kind, status, answer = "application/json", 200, json.dumps(server.seen).encode()
        elif path.startswith("/papers"):
            status, kind, answer, wrong = server.papers.answer(self.command, path, body)
            self.note("papers", wrong)
        elif name in server.soap:
            status, answer, wrong = server.soap[name].answer(body)
            kind = "text/xml; charset=utf-8"
            if SOAP12.encode() in answer:
                kind = "application/soap+xml; charset=utf-8"
            self.note(name, wrong and f"{wrong}: {body.decode(errors='replace')}")
        else:
            kind, status, answer = "text/plain", 404, b"nothing is here"
        self.send_response(status)
        if kind and status != 204:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def note(self, name, wrong):
        seen = self.server.seen.setdefault(name, {"requests": 0, "wrong": []})
        seen["requests"] += 1
        if wrong:
            seen["wrong"].append(wrong)


folder = Path(sys.argv[1])
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.seen, server.papers, server.soap = {}, Papers(), {}
with tempfile.TemporaryDirectory() as work:
    for name in ANSWERS:
        (Path(work) / name).mkdir(parents=True)
        server.soap[name] = Soap(folder, name, Path(work) / name)
print(server.server_port, flush=True)
server.serve_forever()
