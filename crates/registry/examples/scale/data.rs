//! A declaration of any size, for measuring: systems of one agency, REST services with a few operations, and grants among them.

use std::fmt::Write as _;

/// A manifest with so many services and grants.
pub fn manifest(services: usize, grants: usize) -> String {
    let systems = (services / 10).max(1);
    let mut out = String::from(
        "agencies:\n  - { code: H98, name: Tỉnh Mẫu, kind: province, aliases: [000.00.00.H98] }\nsystems:\n",
    );
    // Writing to a String does not fail.
    for i in 0..systems {
        let _ = writeln!(out, "  - id: sys-{i}\n    agency: 000.00.00.H98\n    name: Hệ thống số {i}");
    }
    out.push_str("services:\n");
    for i in 0..services {
        let _ = writeln!(
            out,
            "  - id: svc-{i}\n    system: sys-{}\n    title: Dịch vụ số {i}\n    protocol: rest\n    versions:\n      - version: \"1.0\"\n        lifecycle: published\n        targets:\n          - url: http://10.{}.{}.4:8080/base\n        auth:\n          type: basic\n          user: lgsp\n          password: {{ value: mat-khau-{i} }}\n        operations:\n          - {{ name: chiTiet, method: GET, path: \"/chiTiet/{{id}}\" }}\n          - {{ name: danhSach, method: GET, path: /danhSach }}\n          - {{ name: capNhat, method: POST, path: /capNhat, consumes: [application/json] }}",
            i % systems,
            (i / 250) % 250,
            i % 250
        );
    }
    out.push_str("grants:\n");
    for i in 0..grants {
        let (service, round) = (i % services, i / services);
        let consumer = (service * 7 + round + 1) % systems;
        let _ = writeln!(
            out,
            "  - id: grant-{i}\n    consumer: sys-{consumer}\n    service: svc-{service}\n    operations: [chiTiet, \"POST /capNhat\"]\n    purpose: Kiểm tra thông tin khi tiếp nhận hồ sơ số {i}\n    legal_basis: Nghị định 47/2020/NĐ-CP, Điều 5\n    valid_until: 2030-01-01\n    rate: {{ per_second: 50, burst: 100 }}\n    daily_quota: 100000\n    sources: [10.0.0.0/8]"
        );
    }
    out
}
