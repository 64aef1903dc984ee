// A caller in Java: knows nothing but what wsimport generated from the WSDLs that the platform serves.
// Arguments: API key; number, name and birth of a citizen of the sandbox.

import bca.dancuquocgia.DanCuService;
import bca.dancuquocgia.NgayThangNamSinhType;
import example.organisations.types.Organisation;
import example.organisations.ws.NotFound;
import example.organisations.ws.OrganisationService;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import javax.xml.datatype.DatatypeFactory;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.soap.SOAPFaultException;
import lgsp.service.papers.AddPaper;
import lgsp.service.papers.AddPaperBodyHolder;
import lgsp.service.papers.AddPaperResponse;
import lgsp.service.papers.GetPaper;
import lgsp.service.papers.GetPaperResponse;
import lgsp.service.papers.ListPapers;
import lgsp.service.papers.Papers_Service;
import lgsp.service.papers.Problem_Exception;
import vn.gov.mic.dancu._1.CongDanType;

public class Caller {
    private static String key;

    public static void main(String[] facts) throws Exception {
        key = facts[0];
        population(facts[1], facts[2], facts[3]);
        organisations();
        papers();
    }

    private static <T> T with(T port) {
        ((BindingProvider) port).getRequestContext().put(MessageContext.HTTP_REQUEST_HEADERS, Map.of("apikey", List.of(key)));
        return port;
    }

    private static void same(Object is, Object should) {
        if (!should.equals(is)) {
            throw new AssertionError("is " + is + ", should be " + should);
        }
    }

    private static void population(String id, String name, String born) {
        var port = with(new DanCuService().getDanCuSoap11());
        var birth = new NgayThangNamSinhType();
        birth.setNgayThangNam(born);
        List<CongDanType> found = port.traCuuThongTinCongDan("1", "1.001193", "037", "cb-01", null, null, null, id, null, name, birth);
        same(found.size(), 1);
        same(found.get(0).getSoDinhDanh(), id);
        try {
            port.traCuuThongTinCongDan("1", "1.001193", "037", "cb-01", null, null, null, "12", null, name, birth);
            throw new AssertionError("no fault");
        } catch (SOAPFaultException e) {
            same(e.getMessage().contains("SoDinhDanh"), true);
        }
    }

    private static void organisations() throws Exception {
        var port = with(new OrganisationService().getOrganisationPort());
        Organisation found = port.getOrganisation("H01.01", 2);
        same(found.getName(), "Sở <Nội vụ> & ban");
        same(found.getBudget(), new BigDecimal("12345678901234567890.120"));
        same(found.getFounded().toXMLFormat(), "2001-02-28");
        same(found.isActive(), false);
        same(found.getParts().get(1).getParts().get(0).getCode(), "H01.04");
        same(String.valueOf(port.getOrganisation("H01.01", null)), "null");
        try {
            port.getOrganisation("Z99.99", null);
            throw new AssertionError("no fault");
        } catch (NotFound e) {
            same(e.getMessage(), "Không có");
        }
        port.notify(List.of("H01.01", "H01.02"));
    }

    private static void papers() throws Exception {
        var port = with(new Papers_Service().getPapersSoap11());
        var paper = new AddPaper();
        paper.setNo(new BigInteger("12345678901234567890"));
        paper.setKind("birth");
        paper.setHolder(new AddPaperBodyHolder());
        paper.getHolder().setName("Nguyễn <Văn> & A");
        paper.setIssued(DatatypeFactory.newInstance().newXMLGregorianCalendar("2026-01-31"));
        paper.setFee(new BigDecimal("12345678901234567890.10"));
        paper.getTags().addAll(List.of("gốc", "a & b"));
        AddPaperResponse kept = port.addPaper(paper);
        same(kept.getFee(), paper.getFee());
        var asked = new GetPaper();
        asked.setNo(paper.getNo());
        GetPaperResponse found = port.getPaper(asked);
        same(found.getNo(), paper.getNo());
        same(found.getHolder().getName(), paper.getHolder().getName());
        same(found.getIssued().toXMLFormat(), "2026-01-31");
        same(found.getTags(), paper.getTags());
        same(port.listPapers(new ListPapers()).getBody().size(), 1);
        asked.setNo(BigInteger.ONE);
        try {
            port.getPaper(asked);
            throw new AssertionError("no fault");
        } catch (Problem_Exception e) {
            same(e.getMessage(), "There is no paper 1.");
            same(e.getFaultInfo().getStatus(), 404);
        }
    }
}
