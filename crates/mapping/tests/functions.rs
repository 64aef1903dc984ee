//! The platform's functions as a mapping calls them: a table of program, message and result.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use lgsp_mapping::{CallVars, Limits, Mapping, Pool, PoolConfig, Tables};
use std::time::Duration;
use tokio::time::Instant;

/// Program, message, and the result or what the error says.
const TABLE: &[(&str, &str, Result<&str, &str>)] = &[
    // names
    ("split_name", r#""Nguyễn Thị Minh Khai""#, Ok(r#"{"Ho":"Nguyễn","ChuDem":"Thị Minh","Ten":"Khai"}"#)),
    ("split_name", r#""Khai""#, Ok(r#"{"Ho":"","ChuDem":"","Ten":"Khai"}"#)),
    ("split_name", r#"" ""#, Err("empty name")),
    ("split_name", "null", Err("not a string")),
    ("split_name | join_name", r#""  Nguyễn  Thị Minh Khai ""#, Ok(r#""Nguyễn Thị Minh Khai""#)),
    ("join_name", r#"{"Ho":"Lê","ChuDem":null,"Ten":"An"}"#, Ok(r#""Lê An""#)),
    ("join_name", r#"{"Ten":"An"}"#, Ok(r#""An""#)),
    ("join_name", "{}", Ok(r#""""#)),
    // letters
    ("nfc", r#""Nguye\u0302\u0303n""#, Ok(r#""Nguyễn""#)),
    ("upper_vi", r#""đặng thị ươm""#, Ok(r#""ĐẶNG THỊ ƯƠM""#)),
    ("lower_vi", r#""ĐẶNG THỊ ƯƠM""#, Ok(r#""đặng thị ươm""#)),
    ("upper_vi", "1", Err("not a string")),
    ("nfc", "null", Err("not a string")),
    // codes
    ("code(\"gioi-tinh\")", "1", Ok(r#""M""#)),
    ("code(\"gioi-tinh\"; .x)", r#"{"x":"2"}"#, Ok(r#""F""#)),
    ("code(\"gioi-tinh\")", "null", Err("there is no code to look up")),
    ("code_or(\"gioi-tinh\"; \"O\")", "null", Ok(r#""O""#)),
    ("code_or(\"gioi-tinh\"; .x; \"O\")", r#"{"x":7}"#, Ok(r#""O""#)),
    ("code_back(\"gioi-tinh\")", r#""M""#, Ok(r#""1""#)),
    ("code_back(\"gioi-tinh\")", r#""X""#, Err("nothing that becomes \"X\"")),
    ("code_back(\"gioi-tinh\"; .x)", r#"{"x":"F"}"#, Ok(r#""2""#)),
    ("code_back_or(\"gioi-tinh\"; \"0\")", r#""X""#, Ok(r#""0""#)),
    ("code_back_or(\"gioi-tinh\"; \"0\")", "null", Ok(r#""0""#)),
    ("code_back_or(\"gioi-tinh\"; .x; \"0\")", r#"{"x":"F"}"#, Ok(r#""2""#)),
    ("code(.t; .v)", r#"{"t":"none","v":1}"#, Err("there is no code table \"none\"")),
    // dates
    ("date_from(\"d/M/yyyy\")", r#""1/2/1980""#, Ok(r#""1980-02-01""#)),
    ("date_from(\"ddMMyyyy\")", r#""30021980""#, Err("cannot read \"30021980\" as ddMMyyyy")),
    ("date_from(\"yyyy\")", "1980", Err("not a string")),
    ("date_to(\"dd/MM/yyyy\")", r#""1980-12-31""#, Ok(r#""31/12/1980""#)),
    ("date_to(\"dd/MM/yyyy HH:mm\")", r#""2023-12-31T18:30:00Z""#, Ok(r#""01/01/2024 01:30""#)),
    ("date_to(\"yyyy\")", r#""1980""#, Ok(r#""1980""#)),
    ("date_to(\"dd/MM/yyyy\")", r#""1980-02""#, Err("does not state that much")),
    ("date_to(\"dd/MM/yyyy\")", r#""31/12/1980""#, Err("not a date as in XML Schema")),
    ("date_to(\"MM\"; 1)", r#""1980-02""#, Err("")),
    // decimals
    ("decimal_add(.b)", "0.1", Err("")),
    (
        "[.a | decimal_add(0.2), decimal_sub(\"0.30\"), decimal_mul(-3)]",
        r#"{"a":0.1}"#,
        Ok(r#"["0.3","-0.20","-0.3"]"#),
    ),
    ("decimal_round(2)", "1.005", Ok(r#""1.01""#)),
    ("decimal_round(0)", r#""-0.5""#, Ok(r#""-1""#)),
    ("decimal_round(-1)", "1", Err("0 to 100 places")),
    ("[decimal_compare(1.0), decimal_compare(\"1.01\"), decimal_compare(0)]", "1.00", Ok("[0,-1,1]")),
    ("decimal_add(1)", "1e3", Err("cannot read 1e3 as a decimal")),
    ("decimal_add(1)", r#""""#, Err("cannot read")),
    ("(0.5 * 3) | decimal_add(1)", "1", Err("binary fraction")),
    ("decimal_mul(1)", "null", Err("cannot read null as a decimal")),
    // masks and what must be there
    ("mask_keep(3)", r#""012345678901""#, Ok(r#""*********901""#)),
    ("mask_keep(3)", r#""901""#, Ok(r#""***""#)),
    ("mask_keep(3)", "12345", Ok(r#""**345""#)),
    ("mask_keep(3)", "null", Ok("null")),
    ("require(.a)", r#"{"a":false}"#, Ok("false")),
    ("require(.a[].b)", r#"{"a":[]}"#, Err("a[].b is required")),
];

#[tokio::test]
async fn each_function_gives_what_the_documentation_says() {
    let test = std::env::current_exe().unwrap();
    let worker = test.parent().unwrap().parent().unwrap().join("examples/mapping_worker");
    let limits = Limits { time: Duration::from_secs(5), ..Limits::default() };
    let pool = Pool::new(PoolConfig { command: Some((worker, Vec::new())), limits, ..PoolConfig::default() });
    let mut tables = Tables::default();
    tables.add_csv("gioi-tinh", "1,M\n2,F\n3,M\n").unwrap();
    let mut wrong = Vec::new();
    for (text, input, wanted) in TABLE {
        let got = match Mapping::compile("t.jq", text, tables.clone()) {
            Err(problems) => Err(problems[0].to_string()),
            Ok(mapping) => {
                let deadline = Instant::now() + Duration::from_secs(60);
                let input = Bytes::from_static(input.as_bytes());
                let got = pool.run(&mapping, input, &CallVars::default(), deadline).await;
                got.map(|b| String::from_utf8_lossy(&b).into_owned()).map_err(|e| e.to_string())
            }
        };
        let fits = match (&got, wanted) {
            (Ok(got), Ok(wanted)) => got == wanted,
            (Err(got), Err(wanted)) => got.contains(wanted),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{input} | {text}: wanted {wanted:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
