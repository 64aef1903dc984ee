//! Business registration as the national platform offers it over REST: a token, details of a company, a list of dossiers, an update.
//! Every path is met with and without the version segment; what is not found is said in the body with HTTP status 200, as there.

use crate::Counters;
use crate::company::Company;
use crate::server::{Answer, Read, header, reply};
use http::{Method, StatusCode};
use lgsp_kernel::{Clock, Millis, Secret};
use lgsp_wire::{credentials, json};
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use time::Date;
use time::macros::format_description;

/// How long a token is good.
const TOKEN_SECONDS: i64 = 3600;
/// Tokens kept at a time; with one more, the oldest goes.
const TOKENS_MAX: usize = 1024;
/// Days that a list may span, both ends counted.
const WINDOW_DAYS: i64 = 5;
/// Rows of one page at most.
const PAGE_MAX: usize = 100;
/// The longest company name, characters.
const NAME_MAX: usize = 300;

/// Who may ask, and with what.
#[derive(Debug, Clone)]
pub struct BusinessCredentials {
    /// Consumer key.
    pub client_id: String,
    /// Consumer secret.
    pub client_secret: Secret,
    /// A token that is always good, for callers that do not ask for one.
    pub bearer: Option<Secret>,
}

/// The system.
pub(crate) struct Business {
    companies: Vec<Company>,
    by_code: HashMap<String, usize>,
    /// Places in `companies`, by day of registration.
    by_day: Vec<usize>,
    allowed: BusinessCredentials,
    tokens: Mutex<Vec<(String, Millis)>>,
    renamed: RwLock<HashMap<usize, String>>,
    clock: Clock,
    counters: Arc<Counters>,
}

impl Business {
    pub(crate) fn new(
        companies: Vec<Company>,
        allowed: BusinessCredentials,
        clock: Clock,
        counters: &Arc<Counters>,
    ) -> Self {
        let by_code = companies.iter().enumerate().map(|(i, c)| (c.tax_code.clone(), i)).collect();
        let mut by_day: Vec<usize> = (0..companies.len()).collect();
        by_day.sort_by_key(|i| companies[*i].registered);
        let (tokens, renamed) = (Mutex::default(), RwLock::default());
        Self { companies, by_code, by_day, allowed, tokens, renamed, clock, counters: counters.clone() }
    }

    pub(crate) fn companies(&self) -> &[Company] {
        &self.companies
    }

    pub(crate) fn name_now(&self, code: &str) -> Option<String> {
        self.by_code.get(code).map(|i| self.name_of(*i))
    }

    fn name_of(&self, i: usize) -> String {
        self.renamed.read().get(&i).cloned().unwrap_or_else(|| self.companies[i].name.clone())
    }

    pub(crate) async fn answer(&self, request: Read) -> Answer {
        let path = request.uri().path();
        if path == "/health" {
            return answer(StatusCode::OK, &json!({"status": "UP"}));
        }
        if path == "/token" {
            return self.token(&request);
        }
        let operation = path.strip_prefix("/apiCSDLDKDN/").map(|p| p.strip_prefix("1.0/").unwrap_or(p));
        let (method, counter) = match operation {
            Some("chiTietDoanhNghiep") => (Method::GET, &self.counters.details),
            Some("danhSachHoSo") => (Method::GET, &self.counters.lists),
            Some("capNhatDoanhNghiep") => (Method::POST, &self.counters.updates),
            _ => return refusal(StatusCode::NOT_FOUND, 900_906, "No matching resource found"),
        };
        if request.method() != method {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, 900_907, "Method not allowed");
        }
        crate::count(counter);
        if !self.bearer_fits(header(&request, "authorization")) {
            crate::count(&self.counters.refused);
            return refusal(StatusCode::UNAUTHORIZED, 900_901, "Invalid Credentials");
        }
        match operation {
            Some("chiTietDoanhNghiep") => self.detail(&request),
            Some("danhSachHoSo") => self.list(&request),
            _ => self.update(&request),
        }
    }

    fn token(&self, request: &Read) -> Answer {
        if request.method() != Method::POST {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, 900_907, "Method not allowed");
        }
        crate::count(&self.counters.tokens);
        let Ok(fields) = credentials::form(request.body()) else {
            return answer(StatusCode::BAD_REQUEST, &json!({"error": "invalid_request"}));
        };
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let stated = credentials::basic(header(request, "authorization"))
            .or_else(|| Some((field("client_id")?, Secret::new(field("client_secret")?))));
        let fits = |(id, secret): (String, Secret)| {
            id == self.allowed.client_id && secret == self.allowed.client_secret
        };
        if !stated.is_some_and(fits) {
            crate::count(&self.counters.refused);
            let text = "A valid OAuth client could not be found for client_id";
            return answer(
                StatusCode::UNAUTHORIZED,
                &json!({"error": "invalid_client", "error_description": text}),
            );
        }
        if field("grant_type").as_deref() != Some("client_credentials") {
            return answer(StatusCode::BAD_REQUEST, &json!({"error": "unsupported_grant_type"}));
        }
        let Some(token) = self.new_token() else {
            return answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "server_error"}));
        };
        let scope = "am_application_scope default";
        let body = json!({"access_token": token, "scope": scope, "token_type": "Bearer", "expires_in": TOKEN_SECONDS});
        answer(StatusCode::OK, &body)
    }

    fn new_token(&self) -> Option<String> {
        let mut random = [0u8; 16];
        aws_lc_rs::rand::fill(&mut random).ok()?;
        let token = hex::encode(random);
        let now = self.clock.now();
        let mut tokens = self.tokens.lock();
        tokens.retain(|(_, until)| now < *until);
        if tokens.len() == TOKENS_MAX {
            tokens.remove(0);
        }
        tokens.push((token.clone(), now.plus_seconds(TOKEN_SECONDS)));
        Some(token)
    }

    fn bearer_fits(&self, authorization: &str) -> bool {
        let Some(token) = credentials::bearer(authorization) else { return false };
        let now = self.clock.now();
        self.allowed.bearer.as_ref().is_some_and(|b| *b == Secret::new(token))
            || self.tokens.lock().iter().any(|(t, until)| t == token && now < *until)
    }

    fn detail(&self, request: &Read) -> Answer {
        let query = query(request);
        let code = query.iter().find(|(n, _)| n == "msdn").map_or("", |(_, v)| v.as_str());
        match self.by_code.get(code) {
            Some(i) => answer(StatusCode::OK, &detail_of(&self.companies[*i], &self.name_of(*i))),
            None => not_found(code),
        }
    }

    fn list(&self, request: &Read) -> Answer {
        let query = query(request);
        let text = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let day = |name: &str| {
            text(name).and_then(|t| Date::parse(t, format_description!("[day]/[month]/[year]")).ok())
        };
        let number = |name: &str, default: usize| text(name).map_or(Some(default), |t| t.parse().ok());
        let (Some(from), Some(to)) = (day("from_date"), day("to_date")) else {
            return failed("from_date and to_date must be given as dd/MM/yyyy");
        };
        if !(0..WINDOW_DAYS).contains(&(to - from).whole_days()) {
            return failed("from_date and to_date must span at most 5 days");
        }
        let (Some(offset), Some(limit)) = (number("offset", 0), number("limit", PAGE_MAX)) else {
            return failed("offset and limit must be numbers");
        };
        let start = self.by_day.partition_point(|i| self.companies[*i].registered < from);
        let end = self.by_day.partition_point(|i| self.companies[*i].registered <= to);
        let rows: Vec<Value> = self.by_day[start..end]
            .iter()
            .skip(offset)
            .take(limit.min(PAGE_MAX))
            .map(|i| dossier_of(&self.companies[*i], &self.name_of(*i)))
            .collect();
        answer(StatusCode::OK, &json!({"Data": rows, "DataCount": end - start, "Status": 1, "Message": ""}))
    }

    fn update(&self, request: &Read) -> Answer {
        let parsed = json::guard(request.body())
            .ok()
            .and_then(|()| serde_json::from_slice::<Value>(request.body()).ok());
        let Some(body) = parsed else { return failed("the body is not JSON") };
        let (Some(code), Some(name)) = (body["msdn"].as_str(), body["NAME"].as_str()) else {
            return failed("msdn and NAME are needed");
        };
        if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            return failed("NAME is empty, too long or holds control characters");
        }
        match self.by_code.get(code) {
            Some(i) => {
                self.renamed.write().insert(*i, name.trim().to_owned());
                answer(StatusCode::OK, &json!({"Status": 1, "Message": "Cập nhật thành công"}))
            }
            None => not_found(code),
        }
    }
}

fn query(request: &Read) -> Vec<(String, String)> {
    credentials::form(request.uri().query().unwrap_or_default().as_bytes()).unwrap_or_default()
}

fn vn_date(day: Date) -> String {
    format!("{:02}/{:02}/{:04}", day.day(), u8::from(day.month()), day.year())
}

fn detail_of(company: &Company, name: &str) -> Value {
    let seat = &company.seat;
    json!({
        "MainInformation": {
            "ENTERPRISE_GDT_CODE": company.tax_code,
            "NAME": name,
            "ENTERPRISE_STATUS": company.status,
            "LEGAL_NAMES": company.representative.full(),
            "CAPITAL_AMOUNT": company.capital.to_string(),
            "FOUNDING_DATE": vn_date(company.registered),
        },
        "HOAdress": {
            "CityID": seat.province,
            "CityName": seat.province_name,
            "DistrictID": seat.district,
            "WardID": seat.ward,
            "AddressFullText": format!("{}, {}", seat.detail, seat.province_name),
        },
        "BusinessActivity": [{"Code": company.activity.0, "Name": company.activity.1, "IsMain": true}],
        "Member": [{"Name": company.representative.full(), "CapitalAmount": company.capital.to_string()}],
        "DataCount": 1,
        "Status": 1,
        "Message": "",
    })
}

fn dossier_of(company: &Company, name: &str) -> Value {
    json!({
        "MSDN": company.tax_code,
        "NAME": name,
        "ENTERPRISE_STATUS": company.status,
        "DATE": vn_date(company.registered),
    })
}

fn not_found(code: &str) -> Answer {
    failed(&format!("Không tìm thấy doanh nghiệp có mã số {}", code.chars().take(20).collect::<String>()))
}

fn failed(message: &str) -> Answer {
    answer(StatusCode::OK, &json!({"DataCount": 0, "Status": 0, "Message": message}))
}

fn refusal(status: StatusCode, code: u32, message: &str) -> Answer {
    answer(status, &json!({"fault": {"code": code, "message": message, "description": message}}))
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    reply(status, "application/json; charset=utf-8", body.to_string())
}
