//! The population database's service 037 in SOAP 1.1. Answers on every path; faults carry HTTP status 500 as the SOAP 1.1 binding asks,
//! refused credentials 401. What is compared: the number, then the name (letter case and spacing aside), then the birth.

mod question;

use crate::Counters;
use crate::citizen::{Citizen, PersonName};
use crate::server::{Answer, Read, header, reply};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use lgsp_kernel::{Clock, Millis, Secret};
use lgsp_wire::soap::{self, SoapVersion};
use lgsp_wire::{credentials, xml};
use question::Question;
use std::collections::HashMap;
use std::sync::Arc;

/// Namespace of requests.
pub const NAMESPACE: &str = "http://dancuquocgia.bca";
/// Namespace of what is found.
pub const REPLY_NAMESPACE: &str = "http://www.mic.gov.vn/dancu/1.0";
const OPERATION: &str = "TraCuuThongTinCongDan";
/// How far a `Timestamp` may be from the service's clock, either way.
const TIMESTAMP_WINDOW_MS: i64 = 5 * 60 * 1000;

/// Who may ask, and with what.
#[derive(Debug, Clone)]
pub struct PopulationCredentials {
    /// The officer's account.
    pub user: String,
    /// Its shared secret.
    pub secret: Secret,
    /// The text that is hashed first.
    pub auth_url: String,
}

impl PopulationCredentials {
    /// The `Authorization` header for this `Timestamp`: `Basic b64(user:sha256hex(authURL + user + timestamp + secret))`.
    pub fn authorization(&self, timestamp: Millis) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.hash(&timestamp.0.to_string()))))
    }

    fn hash(&self, timestamp: &str) -> String {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in
            [self.auth_url.as_bytes(), self.user.as_bytes(), timestamp.as_bytes(), self.secret.expose()]
        {
            context.update(part);
        }
        hex::encode(context.finish())
    }
}

/// The envelope that asks for a citizen by personal number, name and date of birth.
pub fn lookup_request(request_id: &str, citizen: &Citizen) -> String {
    let mut out =
        format!("<soapenv:Envelope xmlns:soapenv=\"{}\" xmlns:dc=\"{NAMESPACE}\">", soap::ENVELOPE_11);
    out += "<soapenv:Header/><soapenv:Body><dc:TraCuuThongTinCongDan>";
    element(&mut out, "dc:MaYeuCau", request_id);
    element(&mut out, "dc:MaDVC", "1.001193");
    element(&mut out, "dc:MaTichHop", "037");
    element(&mut out, "dc:MaCanBo", "cb-01");
    element(&mut out, "dc:SoDinhDanh", &citizen.id);
    element(&mut out, "dc:HoVaTen", &citizen.name.full());
    out += "<dc:NgayThangNamSinh>";
    element(&mut out, "dc:NgayThangNam", &citizen.birth_date());
    out += "</dc:NgayThangNamSinh></dc:TraCuuThongTinCongDan></soapenv:Body></soapenv:Envelope>";
    out
}

/// The system.
pub(crate) struct Population {
    citizens: Vec<Citizen>,
    by_id: HashMap<String, usize>,
    by_old_id: HashMap<String, usize>,
    allowed: PopulationCredentials,
    clock: Clock,
    counters: Arc<Counters>,
}

impl Population {
    pub(crate) fn new(
        citizens: Vec<Citizen>,
        allowed: PopulationCredentials,
        clock: Clock,
        counters: &Arc<Counters>,
    ) -> Self {
        let by_id = citizens.iter().enumerate().map(|(i, c)| (c.id.clone(), i)).collect();
        let old = |(i, c): (usize, &Citizen)| c.old_id.clone().map(|o| (o, i));
        let by_old_id = citizens.iter().enumerate().filter_map(old).collect();
        Self { citizens, by_id, by_old_id, allowed, clock, counters: counters.clone() }
    }

    pub(crate) fn citizens(&self) -> &[Citizen] {
        &self.citizens
    }

    pub(crate) async fn answer(&self, request: Read) -> Answer {
        if request.uri().path() == "/health" {
            return reply(StatusCode::OK, "text/plain", "ok\n");
        }
        if request.method() != Method::POST {
            return reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "POST a SOAP envelope\n");
        }
        crate::count(&self.counters.lookups);
        if let Err(why) = self.check_credentials(&request) {
            crate::count(&self.counters.refused);
            return fault(StatusCode::UNAUTHORIZED, why);
        }
        match self.question(&request) {
            Ok(question) => {
                reply(StatusCode::OK, SoapVersion::V11.content_type(), self.collection(&question))
            }
            Err(why) => fault(StatusCode::INTERNAL_SERVER_ERROR, &why),
        }
    }

    fn check_credentials(&self, request: &Read) -> Result<(), &'static str> {
        let timestamp = header(request, "timestamp");
        let stated: i64 =
            timestamp.parse().map_err(|_| "the header Timestamp is missing or not epoch milliseconds")?;
        if self.clock.now().0.abs_diff(stated) > TIMESTAMP_WINDOW_MS.unsigned_abs() {
            return Err("the header Timestamp is more than five minutes away");
        }
        let refused = "the header Authorization is missing or wrong";
        let (user, hash) = credentials::basic(header(request, "authorization")).ok_or(refused)?;
        let expected = Secret::new(self.allowed.hash(timestamp));
        if user == self.allowed.user && hash == expected { Ok(()) } else { Err(refused) }
    }

    fn question(&self, request: &Read) -> Result<Question, String> {
        let body = request.body();
        let announced = SoapVersion::of_content_type(header(request, "content-type"));
        if announced.is_none_or(|(version, _)| version != SoapVersion::V11) {
            return Err("the content type must be text/xml".into());
        }
        let envelope = soap::inspect(body).map_err(|e| e.to_string())?;
        envelope.expect_version(SoapVersion::V11).map_err(|e| e.to_string())?;
        if envelope.body_namespace != NAMESPACE || envelope.body_element != OPERATION {
            return Err(format!("the operation is not {OPERATION} of {NAMESPACE}"));
        }
        Question::read(body)
    }

    fn find(&self, question: &Question) -> Option<&Citizen> {
        let by_id = question.id.as_ref().map(|id| self.by_id.get(id));
        let place = by_id.or_else(|| question.old_id.as_ref().map(|id| self.by_old_id.get(id)))??;
        let citizen = &self.citizens[*place];
        let born = citizen.birth_date();
        let birth_fits = question.birth_date.as_ref().is_none_or(|d| *d == born)
            && question.birth_year.as_ref().is_none_or(|y| *y == born[..4]);
        (birth_fits && plain(&citizen.name.full()) == plain(&question.name)).then_some(citizen)
    }

    fn collection(&self, question: &Question) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"{}\">",
            soap::ENVELOPE_11
        );
        out += &format!("<soap:Body><CongdanCollection xmlns=\"{REPLY_NAMESPACE}\">");
        if let Some(citizen) = self.find(question) {
            write_citizen(&mut out, citizen);
        }
        out += "</CongdanCollection></soap:Body></soap:Envelope>";
        out
    }
}

/// A name as it is compared.
fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn fault(status: StatusCode, why: &str) -> Answer {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"{}\">",
        soap::ENVELOPE_11
    );
    out += "<soap:Body><soap:Fault>";
    element(&mut out, "faultcode", "soap:Client");
    element(&mut out, "faultstring", why);
    out += "</soap:Fault></soap:Body></soap:Envelope>";
    reply(status, SoapVersion::V11.content_type(), out)
}

fn element(out: &mut String, name: &str, text: &str) {
    out.extend(["<", name, ">"]);
    xml::escape_into(out, text);
    out.extend(["</", name, ">"]);
}

fn group(out: &mut String, name: &str, inner: impl FnOnce(&mut String)) {
    out.extend(["<", name, ">"]);
    inner(out);
    out.extend(["</", name, ">"]);
}

fn write_name(out: &mut String, name: &PersonName) {
    group(out, "HoVaTen", |out| {
        element(out, "Ho", &name.family);
        element(out, "ChuDem", &name.middle);
        element(out, "Ten", &name.given);
    });
}

fn write_citizen(out: &mut String, c: &Citizen) {
    let place = |out: &mut String, name: &str| {
        group(out, name, |out| {
            element(out, "MaTinhThanh", c.home.province);
            element(out, "MaQuanHuyen", &c.home.district);
            element(out, "MaPhuongXa", &c.home.ward);
            element(out, "ChiTiet", &c.home.detail);
            element(out, "QuocGia", "VN");
        });
    };
    group(out, "CongDan", |out| {
        element(out, "SoDinhDanh", &c.id);
        if let Some(old) = &c.old_id {
            element(out, "SoCMND", old);
        }
        write_name(out, &c.name);
        element(out, "GioiTinh", if c.female { "2" } else { "1" });
        element(out, "DanToc", c.ethnicity);
        element(out, "TonGiao", c.religion);
        element(out, "TinhTrangHonNhan", &c.marital.to_string());
        element(out, "NhomMau", c.blood);
        group(out, "NgayThangNamSinh", |out| {
            element(out, "Nam", &c.born.0.to_string());
            element(out, "NgayThangNam", &c.birth_date());
        });
        for name in ["NoiDangKyKhaiSinh", "QueQuan", "ThuongTru", "NoiOHienTai"] {
            place(out, name);
        }
        element(out, "QuocTich", "VN");
        group(out, "Cha", |out| write_name(out, &c.father));
        group(out, "Me", |out| write_name(out, &c.mother));
        group(out, "ChuHo", |out| {
            element(out, "QuanHe", "02");
            write_name(out, &c.father);
        });
        element(out, "SoSoHoKhau", &c.household);
    });
}
