"""A caller that only has a SOAP library (zeep), and knows nothing but the WSDLs that the platform serves. Facts on standard input."""

import datetime
import json
import sys
from decimal import Decimal

import requests
import zeep
import zeep.exceptions

FACTS = json.load(sys.stdin)


def library(service, port=None, **headers):
    session = requests.Session()
    session.headers.update({"apikey": FACTS["key"], **headers})
    client = zeep.Client(FACTS["services"][service] + "?wsdl", transport=zeep.Transport(session=session))
    return client.bind(port_name=port) if port else client.service


def fault_of(call, **arguments):
    try:
        answer = call(**arguments)
    except zeep.exceptions.Fault as fault:
        return fault
    raise AssertionError(f"no fault: {answer}")


def population():
    """SOAP to SOAP: the provider's own contract, at the platform's address."""
    service, who = library("dancu037"), FACTS["citizens"][0]
    question = dict(
        MaYeuCau="1", MaDVC="1.001193", MaTichHop="037", MaCanBo="cb-01", HoVaTen=who["name"],
        SoDinhDanh=who["id"], NgayThangNamSinh={"NgayThangNam": who["born"]},
    )  # fmt: skip
    found = service.TraCuuThongTinCongDan(**question)
    assert len(found) == 1 and found[0].SoDinhDanh == who["id"], found
    assert found[0].HoVaTen.Ho == who["name"].split()[0], found
    assert not service.TraCuuThongTinCongDan(**{**question, "HoVaTen": "Không Có Ai"})
    # zeep does not hold requests against patterns: the platform does, and says it in the caller's protocol.
    fault = fault_of(service.TraCuuThongTinCongDan, **{**question, "SoDinhDanh": "12"})
    assert "SoDinhDanh" in fault.message and fault.code.endswith("Client"), vars(fault)


def organisations():
    """The platform's address and imports in the place of the provider's; a declared fault, passed on."""
    service = library("organisations")
    found = service.getOrganisation(code="H01.01", depth=2)
    assert found.name == "Sở <Nội vụ> & ban" and found.founded == datetime.date(2001, 2, 28), found
    assert found.budget == Decimal("12345678901234567890.120") and found.staff == 9007199254740993
    assert [p.code for p in found.parts] == ["H01.02", "H01.03"] and found.parts[0].founded is None
    assert service.getOrganisation(code="H01.01") is None
    fault = fault_of(service.getOrganisation, code="Z99.99")
    assert fault.message == "Không có" and fault.detail[0].tag.endswith("NotFound"), vars(fault)
    assert len(library("dossiers", "HoSoServiceSoap12").LayHoSo(maHoSo="x", trang=1)) == 3
    assert library("registry").count(province="Hà Giang", period={"from": datetime.date(2026, 1, 1)}) == 123456789012345678901234567890


PAPER = dict(
    no=12345678901234567890,
    kind="birth",
    holder={"name": "Nguyễn <Văn> & A", "citizenId": "001080000001"},
    issued=datetime.date(2026, 1, 31),
    registered=datetime.datetime(2026, 1, 31, 8, 30, tzinfo=datetime.timezone.utc),
    fee=Decimal("12345678901234567890.10"),
    copies=3,
    valid=True,
    tags=["gốc", "a & b"],
)


def papers():
    """SOAP to REST: the provider has no idea of XML."""
    service = library("papers")
    sent = {**PAPER, "parts": [{**PAPER, "no": 2, "tags": []}]}
    kept = service.addPaper(**sent)
    for held in (kept, service.getPaper(no=PAPER["no"])):
        for name, value in PAPER.items():
            if name != "holder":
                assert getattr(held, name) == value, (name, held)
        assert held.holder.name == PAPER["holder"]["name"] and held.note is None
        assert [p.no for p in held.parts] == [2] and held.parts[0].tags == []
    assert str(kept.fee) == "12345678901234567890.10"
    service.addPaper(**{**PAPER, "no": 7, "tags": []})
    assert [p.no for p in service.listPapers()] == [PAPER["no"], 7]
    service.removePaper(no=7)
    fault = fault_of(service.getPaper, no=7)
    assert fault.message == "There is no paper 7." and fault.code.endswith("Client"), vars(fault)
    told = {e.tag.split("}")[1]: e.text for e in fault.detail[0]}
    assert told["status"] == "404" and told["type"] == "urn:papers:missing", told
    # zeep checks neither enumerations nor patterns: the platform refuses them before the provider is asked.
    for wrong in ({"kind": "death"}, {"holder": {"name": "a", "citizenId": "12"}}, {"holder": {"name": ""}}):
        fault = fault_of(service.addPaper, **{**PAPER, "no": 8, **wrong})
        assert fault.code.endswith("Client"), vars(fault)


def business():
    """The same with a stand-in for a national system."""
    service, company = library("business"), FACTS["company"]
    found = service.chiTietDoanhNghiep(msdn=company["code"])
    assert found.Status == 1 and found.MainInformation.NAME == company["name"], found
    assert found.MainInformation.CAPITAL_AMOUNT == company["capital"] and found.BusinessActivity[0].IsMain is True
    assert service.chiTietDoanhNghiep(msdn="0").Status == 0
    assert service.capNhatDoanhNghiep(msdn=company["code"], NAME="CÔNG TY <ĐỔI> TÊN & CON").Status == 1
    assert service.chiTietDoanhNghiep(msdn=company["code"]).MainInformation.NAME == "CÔNG TY <ĐỔI> TÊN & CON"


for test in (population, organisations, papers, business):
    test()
    print(test.__name__)
