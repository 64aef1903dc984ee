//! Declarations that are not acceptable, and exactly what is said of each.

use super::Case;

pub(super) const CASES: &[Case] = &[
    Case {
        what: "not YAML",
        yaml: "grants:\n  - id: [a\n    consumer: x\n",
        problems: &["t.yaml:3:13 grants[0].id: this is not YAML: illegal placement of ':' indicator"],
    },
    Case {
        what: "a tab",
        yaml: "agencies:\n\t- code: H99\n",
        problems: &[
            "t.yaml:2:2 agencies: this is not YAML: tabs disallowed within this context (block indentation)",
        ],
    },
    Case {
        what: "not a map",
        yaml: "- a\n- b\n",
        problems: &["t.yaml:1:1: expected the lists agencies, systems, credentials, services, grants"],
    },
    Case {
        what: "an unknown list",
        yaml: "grant:\n  - id: a\n",
        problems: &[
            "t.yaml:1:1: unknown list \"grant\"; there are: agencies, systems, credentials, services, grants; did you mean \"grants\"?",
        ],
    },
    Case {
        what: "a list that is none",
        yaml: "systems: motcua\n",
        problems: &["t.yaml:1:10 systems: expected a list"],
    },
    Case {
        what: "a key twice",
        yaml: "systems:\n  - id: x\n    name: a\n    name: b\n    agency: H98\n",
        problems: &["t.yaml:4:5 systems[0].name: \"name\" is given twice in the same place, first at line 3"],
    },
    Case {
        what: "an alias bomb",
        yaml: "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
        problems: &[
            "t.yaml:4:29 d[7]: aliases (*name) repeat more than 10000 nodes in this file: write them out",
        ],
    },
    Case {
        what: "an alias of itself",
        yaml: "systems: &a\n  - *a\n",
        problems: &["t.yaml:2:5 systems[0]: an alias (*name) inside the node that it names"],
    },
    Case {
        what: "nested too deep",
        yaml: "systems: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
        problems: &["t.yaml:1:42 systems: this is not YAML: recursion limit exceeded"],
    },
    Case {
        what: "a tag",
        yaml: "systems:\n  - !!python/object x\n",
        problems: &["t.yaml:2:21 systems[0]: a tag (!name) has no meaning here: leave it out"],
    },
    Case {
        what: "three mistakes of form in one item, one in the next",
        yaml: "\
systems:
  - id: moi
    agancy: H98
    name: [a]
    suspended: maybe
  - id: \"hai ba\"
    agency: H98
    name: x
",
        problems: &[
            "t.yaml:2:5 systems[0]: the field `agency` is missing",
            "t.yaml:3:5 systems[0].agancy: unknown field \"agancy\"; did you mean \"agency\"?",
            "t.yaml:4:11 systems[0].name: expected text, found a list",
            "t.yaml:5:16 systems[0].suspended: expected true or false, found text",
            "t.yaml:6:9 systems[1].id: character ' ' at position 3 is not allowed; use letters, digits, '.', '_' and '-', starting with a letter or digit",
        ],
    },
    Case {
        what: "bad codes",
        yaml: "agencies:\n  - { code: H98/1, name: x, kind: department }\n  - { code: H97, name: '', kind: tinh }\n",
        problems: &[
            "t.yaml:2:13 agencies[0].code: \"H98/1\" is not an agency code: use groups of 0-9 and A-Z separated by dots, at most 35 characters, such as H01.15.02 or 000.00.15.H01",
            "t.yaml:3:34 agencies[1].kind: \"tinh\" is none of ministry, province, department, district, commune, enterprise, other",
        ],
    },
    Case {
        what: "missing fields",
        yaml: "grants:\n  - id: g\n    consumer: motcua\n",
        problems: &[
            "t.yaml:2:5 grants[0]: the field `service` is missing",
            "t.yaml:2:5 grants[0]: the field `operations` is missing",
            "t.yaml:2:5 grants[0]: the field `purpose` is missing",
            "t.yaml:2:5 grants[0]: the field `legal_basis` is missing",
        ],
    },
    Case {
        what: "agencies that do not fit",
        yaml: "\
agencies:
  - { code: H97, name: Một, kind: province, aliases: [000.00.15.H98] }
  - { code: H96, name: Hai, kind: department, parent: H89 }
  - { code: H95, name: Ba, kind: department, parent: H94 }
  - { code: H94, name: Bốn, kind: department, parent: H95 }
  - { code: H93, name: Năm, kind: department, parent: H93, aliases: [H93, H92, H92] }
",
        problems: &[
            "t.yaml:2:55 agencies[0].aliases[0]: 000.00.15.H98 is a code of agency H98.15 (Sở Nội vụ tỉnh Mẫu) already",
            "t.yaml:3:55 agencies[1].parent: there is no agency H89; did you mean \"H98\"?",
            "t.yaml:4:54 agencies[2].parent: goes in a circle: H95 -> H94 -> H95",
            "t.yaml:5:55 agencies[3].parent: goes in a circle: H94 -> H95 -> H94",
            "t.yaml:6:55 agencies[4].parent: agency H93 cannot be above itself",
            "t.yaml:6:70 agencies[4].aliases[0]: H93 is the agency's own code already",
            "t.yaml:6:80 agencies[4].aliases[2]: H92 is listed twice",
        ],
    },
    Case {
        what: "a system of no agency",
        yaml: "systems:\n  - { id: moi, agency: H98.20, name: Mới }\n  - { id: moi2, agency: G09, name: Mới }\n",
        problems: &[
            "t.yaml:2:24 systems[0].agency: there is no agency H98.20; did you mean \"H98.02\"?",
            "t.yaml:3:25 systems[1].agency: there is no agency G09",
        ],
    },
    Case {
        what: "credentials",
        yaml: "\
credentials:
  - { id: a, system: motcau, kind: client, secret: { value: ngan } }
  - { id: b, system: motcua, kind: client }
  - { id: c, system: motcua, kind: api_key, secret: { value: khoa-api-cua-mot-cua } }
  - { id: d, system: motcua, kind: certificate }
  - { id: e, system: motcua, kind: certificate, fingerprint: 'AB:CD' }
  - { id: f, system: motcua, kind: client, secret: mat-khau-tran }
  - { id: g, system: motcua, kind: client, secret: { value: a-secret-of-enough-length, env: X } }
  - { id: h, system: motcua, kind: client, secret: { env: LGSP_NOT_SET } }
",
        problems: &[
            "t.yaml:2:52 credentials[0].secret: too short: 4 characters, at least 16 are needed",
            "t.yaml:5:5 credentials[3].fingerprint: a certificate credential needs the SHA-256 fingerprint of the certificate",
            "t.yaml:6:62 credentials[4].fingerprint: not a SHA-256 fingerprint: 64 hexadecimal digits, colons allowed",
            "t.yaml:7:52 credentials[5].secret: expected {env: NAME}, {file: PATH} or {value: TEXT}, found text",
            "t.yaml:8:52 credentials[6].secret: a secret has exactly one of `env`, `file` and `value`, not several",
            "t.yaml:9:52 credentials[7].secret: `env` and `file` are read where a file is applied from, not here: send `value`",
        ],
    },
    Case {
        what: "credentials that could be read",
        yaml: "\
credentials:
  - { id: a, system: motcau, kind: client, secret: { value: a-secret-of-enough-length } }
  - { id: b, system: motcua, kind: client }
  - { id: c, system: motcua, kind: api_key, secret: { value: khoa-api-cua-mot-cua } }
  - { id: d, system: motcua, kind: certificate }
  - { id: motcua-client, system: canbo, kind: client, valid_from: 2026-02-01, valid_until: 2026-01-01 }
",
        problems: &[
            "t.yaml:2:22 credentials[0].system: there is no system \"motcau\"; did you mean \"motcua\"?",
            "t.yaml:3:5 credentials[1].secret: a new client credential needs a secret",
            "t.yaml:4:53 credentials[2].secret: credential \"motcua-key\" has the same: who calls could not be told",
            "t.yaml:5:5 credentials[3].fingerprint: a certificate credential needs the SHA-256 fingerprint of the certificate",
            "t.yaml:6:34 credentials[4].system: credential \"motcua-client\" belongs to system \"motcua\" and cannot pass to another: declare a new one",
            "t.yaml:6:92 credentials[4].valid_until: must be after `valid_from`: the first instant at which it is no longer valid",
        ],
    },
    Case {
        what: "a service",
        yaml: "\
services:
  - id: Token
    system: kho-du-lieu
    title: x
    protocol: rest
    default_version: '2.0'
    versions:
      - version: '1.0'
        lifecycle: publishd
        targets: []
        operations: []
",
        problems: &[
            "t.yaml:9:20 services[0].versions[0].lifecycle: \"publishd\" is none of draft, published, deprecated, retired; did you mean \"published\"?",
        ],
    },
    Case {
        what: "a service whose rules are broken",
        yaml: "\
services:
  - id: Token
    system: kho-du-lieu-2
    title: ' '
    protocol: rest
    default_version: '1.1'
    versions:
      - version: '1.0'
        lifecycle: published
        targets:
          - url: ftp://h/x
          - url: http://lgsp:bi-mat@h/x
          - url: http://169.254.169.254/
            weight: 0
        upstream: { retries: 9, total_timeout_ms: 0, health: { path: x } }
        auth: { type: header, name: Content-Length, value: { value: 'a' } }
        operations:
          - { name: a, method: get, path: /a }
          - { name: a, method: GET, path: '/b/{x}' }
          - { name: c, method: GET, path: '/b/{y}', consumes: [json] }
          - { name: d, path: /d }
          - { name: e e, soap_action: x }
      - version: '1.0'
        lifecycle: published
        targets: [{ url: 'http://h' }]
        operations: []
  - id: DoanhNghiep
    system: kho-du-lieu
    title: x
    protocol: soap
    versions: []
",
        problems: &[
            "t.yaml:2:9 services[0].id: \"Token\" is one of the platform's own addresses: choose another id",
            "t.yaml:3:13 services[0].system: there is no system \"kho-du-lieu-2\"; did you mean \"kho-du-lieu\"?",
            "t.yaml:4:12 services[0].title: must not be empty",
            "t.yaml:6:22 services[0].default_version: there is no version \"1.1\"; did you mean \"1.0\"?",
            "t.yaml:11:18 services[0].versions[0].targets[0].url: \"ftp://h/x\": \"ftp\" is not carried, only http and https",
            "t.yaml:12:18 services[0].versions[0].targets[1].url: \"http://[user]@h/x\" has a user before the host: give the provider's credential as `auth`",
            "t.yaml:13:18 services[0].versions[0].targets[2].url: \"http://169.254.169.254/\" is a link-local address: those are never called",
            "t.yaml:14:21 services[0].versions[0].targets[2].weight: 0 is out of range: 1 to 1000",
            "t.yaml:15:30 services[0].versions[0].upstream.retries: 9 is out of range: 0 to 5",
            "t.yaml:15:51 services[0].versions[0].upstream.total_timeout_ms: 0 is out of range: 1 to 3600000",
            "t.yaml:15:70 services[0].versions[0].upstream.health.path: must be a path that starts with '/'",
            "t.yaml:16:37 services[0].versions[0].auth.name: \"Content-Length\" is set by the platform and cannot carry a credential",
            "t.yaml:18:32 services[0].versions[0].operations[0].method: \"get\" is none of the methods GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; did you mean \"GET\"?",
            "t.yaml:19:21 services[0].versions[0].operations[1].name: two operations are called \"a\"",
            "t.yaml:20:43 services[0].versions[0].operations[2].path: the same calls as operation \"a\": which is meant could not be told",
            "t.yaml:20:64 services[0].versions[0].operations[2].consumes[0]: \"json\" is not a content type such as application/json",
            "t.yaml:21:13 services[0].versions[0].operations[3]: an operation of a REST service needs `method`, such as GET",
            "t.yaml:22:13 services[0].versions[0].operations[4]: an operation of a REST service has `method` and `path`, not `soap_action` or `element`, unless it has a SOAP face",
            "t.yaml:22:13 services[0].versions[0].operations[4]: an operation of a REST service needs `method`, such as GET",
            "t.yaml:22:21 services[0].versions[0].operations[4].name: character ' ' at position 1 is not allowed; use letters, digits, '.', '_' and '-', starting with a letter or digit",
            "t.yaml:23:18 services[0].versions[1].version: version \"1.0\" is declared twice",
            "t.yaml:26:21 services[0].versions[1].operations: a version that is in use needs at least one operation",
            "t.yaml:27:9 services[1].id: differs from service \"doanhnghiep\" in the case of letters only",
            "t.yaml:31:15 services[1].versions: a service needs at least one version",
        ],
    },
    Case {
        what: "a provider's credential",
        yaml: "\
services:
  - id: moi
    system: kho-du-lieu
    title: x
    protocol: rest
    versions:
      - version: '1.0'
        lifecycle: draft
        targets: [{ url: 'http://h' }]
        auth: { type: basic, user: u, password: mat-khau-tran }
        operations: []
      - version: '1.1'
        lifecycle: draft
        targets: [{ url: 'http://h' }]
        auth: { type: basic, user: u, pasword: { value: x } }
        operations: []
      - version: '1.2'
        lifecycle: draft
        targets: [{ url: 'http://h' }]
        auth: { type: bassic }
        operations: []
",
        problems: &[
            "t.yaml:10:49 services[0].versions[0].auth.password: a secret is written as {env: NAME}, {file: PATH} or {value: TEXT}",
            "t.yaml:15:15 services[0].versions[1].auth: the field `password` is missing",
            "t.yaml:15:39 services[0].versions[1].auth.pasword: unknown field \"pasword\"; did you mean \"password\"?",
            "t.yaml:20:23 services[0].versions[2].auth.type: \"bassic\" is none of none, basic, bearer, timestamp_hash, header; did you mean \"basic\"?",
        ],
    },
    Case {
        what: "lifecycles",
        yaml: "\
services:
  - id: doanhnghiep
    system: kho-du-lieu
    title: Tra cứu doanh nghiệp
    protocol: soap
    versions:
      - version: '1.0'
        lifecycle: draft
        targets: [{ url: 'http://10.0.3.4:8080/dn' }]
        operations: []
  - id: canbo037
    system: canbo
    title: Tra cứu cán bộ
    protocol: soap
    versions:
      - version: '2.0'
        lifecycle: published
        sunset: 2027-01-01
        targets: [{ url: 'http://h' }]
        operations: [{ name: TraCuu2, element: TraCuu }]
",
        problems: &[
            "t.yaml:5:15 services[0].protocol: the protocol of a service that was published cannot change: declare another service",
            "t.yaml:8:20 services[0].versions[0].lifecycle: version \"1.0\" is published and cannot become draft: a version goes draft, published, deprecated, retired; only deprecated may return to published",
            "t.yaml:16:7 services[1].versions: version \"1.0\" is published and cannot be left out: retire it first",
            "t.yaml:18:17 services[1].versions[0].sunset: only a deprecated version has a sunset",
            "grant \"motcua-canbo\" (in the registry).operations[0]: service \"canbo037\" has no SOAPAction \"urn:tra-cuu\"",
            "grant \"motcua-dn\" (in the registry).operations[0]: service \"doanhnghiep\" speaks SOAP: name the operation, or write action:<SOAPAction>, in place of GET and a path",
            "grant \"motcua-dn\" (in the registry).operations[1]: service \"doanhnghiep\" has no operation \"capNhat\"",
        ],
    },
    Case {
        what: "grants of form",
        yaml: "\
grants:
  - id: a
    consumer: motcua
    service: doanhnghiep
    operations: [GET]
    purpose: x
    legal_basis: y
    rate: { per_second: -1 }
    sources: [10.0.0.1, 10.0.0.0/33]
    valid_from: 01/02/2026
    require: [oficer]
",
        problems: &[
            "t.yaml:8:25 grants[0].rate.per_second: -1 is out of range: expected a whole number up to 4,294,967,295",
            "t.yaml:9:15 grants[0].sources[0]: not a network: write 10.0.0.0/8, or 10.1.2.3/32 for one address",
            "t.yaml:9:25 grants[0].sources[1]: not a network: write 10.0.0.0/8, or 10.1.2.3/32 for one address",
            "t.yaml:10:17 grants[0].valid_from: \"01/02/2026\" is not a time: write 2026-01-31 or 2026-01-31T08:00:00+07:00",
            "t.yaml:11:15 grants[0].require[0]: \"oficer\" is none of officer, purpose, dossier; did you mean \"officer\"?",
        ],
    },
    Case {
        what: "grants",
        yaml: "\
grants:
  - id: a
    consumer: motcau
    service: doanhnghiep
    versions: ['1.1', '2.7']
    operations: [chitiet, 'PUT /x', '/chiTiet', 'GET chiTiet']
    purpose: ''
    legal_basis: ' '
    rate: { per_second: 0, burst: 0 }
    daily_quota: 0
    valid_from: 2026-02-01
    valid_until: 2026-02-01
    require: [officer, officer]
  - id: b
    consumer: motcua
    service: doanh-nghiep
    operations: []
    purpose: x
    legal_basis: y
  - id: c
    consumer: motcua
    service: canbo037
    operations: ['action:urn:tracuu', 'POST /', tra_cuu, '*', '*']
    purpose: x
    legal_basis: y
  - id: d
    consumer: motcua
    service: doanhnghiep
    operations: [chitiet, 'PUT /x']
    purpose: x
    legal_basis: y
  - { id: d, consumer: motcua, service: doanhnghiep, operations: ['*'], purpose: x, legal_basis: y }
",
        problems: &[
            "t.yaml:3:15 grants[0].consumer: there is no system \"motcau\"; did you mean \"motcua\"?",
            "t.yaml:5:16 grants[0].versions[0]: service \"doanhnghiep\" has no version \"1.1\"; did you mean \"1.0\"?",
            "t.yaml:5:23 grants[0].versions[1]: service \"doanhnghiep\" has no version \"2.7\"",
            "t.yaml:6:37 grants[0].operations[2]: \"/chiTiet\" lacks its method: write `GET /chiTiet`, or `* /chiTiet` for any method",
            "t.yaml:6:49 grants[0].operations[3]: \"chiTiet\" is not a path pattern: it must start with '/'",
            "t.yaml:7:14 grants[0].purpose: must not be empty",
            "t.yaml:8:18 grants[0].legal_basis: must not be empty",
            "t.yaml:9:25 grants[0].rate.per_second: 0 is out of range: 1 to 1000000",
            "t.yaml:9:35 grants[0].rate.burst: 0 is out of range: 1 to 1000000",
            "t.yaml:10:18 grants[0].daily_quota: 0 would allow no call at all: use `suspended: true` for that",
            "t.yaml:12:18 grants[0].valid_until: must be after `valid_from`: the first instant at which it is no longer valid",
            "t.yaml:13:24 grants[0].require[1]: is listed twice",
            "t.yaml:16:14 grants[1].service: there is no service \"doanh-nghiep\"; did you mean \"doanhnghiep\"?",
            "t.yaml:17:17 grants[1].operations: name at least one operation, or `*` for all",
            "t.yaml:23:18 grants[2].operations[0]: service \"canbo037\" has no SOAPAction \"urn:tracuu\"; did you mean \"urn:tra-cuu\"?",
            "t.yaml:23:39 grants[2].operations[1]: service \"canbo037\" speaks SOAP: name the operation, or write action:<SOAPAction>, in place of POST and a path",
            "t.yaml:23:49 grants[2].operations[2]: service \"canbo037\" has no operation \"tra_cuu\"; did you mean \"TraCuu\"?",
            "t.yaml:23:63 grants[2].operations[4]: \"*\" is listed twice",
            "t.yaml:32:11 grants[4].id: grant \"d\" is declared twice, first as grants[3] of t.yaml",
        ],
    },
    Case {
        what: "what is there already no longer fits",
        yaml: "\
agencies:
  - { code: H98.02, name: Trung tâm, kind: department, parent: H98 }
services:
  - id: canbo037
    system: canbo
    title: Tra cứu cán bộ
    protocol: soap
    versions:
      - version: '1.0'
        lifecycle: published
        targets: [{ url: 'https://canbo.tinhmau.example/ws' }]
        operations: [{ name: TraCuu, element: TraCuu }]
",
        problems: &[
            "grant \"motcua-canbo\" (in the registry).operations[0]: service \"canbo037\" has no SOAPAction \"urn:tra-cuu\"",
            "system \"motcua\" (in the registry).agency: there is no agency 000.00.02.H98; did you mean \"000.00.00.H98\"?",
        ],
    },
    Case {
        what: "the same agency twice",
        yaml: "agencies:\n  - { code: H97, name: Một, kind: province }\n---\nagencies:\n  - { code: h97, name: Một, kind: province }\n",
        problems: &[
            "t.yaml:5:13 agencies[0].code: agency \"H97\" is declared twice, first as agencies[0] of t.yaml",
        ],
    },
    Case {
        what: "no item, a null and a number",
        yaml: "grants:\nsystems: [null, 7]\n",
        problems: &[
            "t.yaml:2:11 systems[0]: expected a map, found nothing",
            "t.yaml:2:17 systems[1]: expected a map, found text",
        ],
    },
    Case {
        what: "the form of legs",
        yaml: "\
services:
  - id: moi
    system: kho-du-lieu
    title: x
    protocol: rest
    versions:
      - version: '1.0'
        lifecycle: draft
        routes:
          - { kind: peer, node: ngsp, targets: [] }
          - { kind: pear, node: ngsp }
          - { kind: direct }
          - { kind: peer, nod: ngsp }
          - { kind: direct, targets: [{ url: 'http://h', weight: x }], upstream: { retries: many } }
          - { kind: direct, targets: [{ url: 'http://h' }], auth: { type: bearer, token: tran } }
          - { node: ngsp }
        operations: []
",
        problems: &[
            "t.yaml:10:13 services[0].versions[0].routes[0]: a leg of kind peer has no `targets`; it has: node, via, service, version, mode",
            "t.yaml:11:21 services[0].versions[0].routes[1].kind: \"pear\" is none of peer, xroad, direct; did you mean \"peer\"?",
            "t.yaml:12:13 services[0].versions[0].routes[2]: a leg of kind direct needs `targets`",
            "t.yaml:13:13 services[0].versions[0].routes[3]: a leg of kind peer needs `node`",
            "t.yaml:13:27 services[0].versions[0].routes[3].nod: unknown field \"nod\"; did you mean \"node\"?",
            "t.yaml:14:66 services[0].versions[0].routes[4].targets[0].weight: expected a whole number up to 65,535, found text",
            "t.yaml:14:93 services[0].versions[0].routes[4].upstream.retries: expected a whole number up to 255, found text",
            "t.yaml:15:90 services[0].versions[0].routes[5].auth.token: a secret is written as {env: NAME}, {file: PATH} or {value: TEXT}",
            "t.yaml:16:13 services[0].versions[0].routes[6]: the field `kind` is missing",
        ],
    },
    Case {
        what: "legs",
        yaml: "\
services:
  - id: moi
    system: kho-du-lieu
    title: x
    protocol: rest
    versions:
      - version: '1.0'
        lifecycle: draft
        targets: [{ url: 'http://h' }]
        auth: { type: bearer, token: { value: x } }
        upstream: { retries: 1, total_timeout_ms: 500 }
        routes:
          - { kind: peer, node: ngsp, via: ngsp }
          - { kind: peer, node: ngsp, via: ngsp }
          - { kind: direct, targets: [] }
          - { kind: direct, targets: [{ url: 'ftp://h' }], upstream: { retries: 9 }, auth: { type: basic, user: '', password: { value: x } } }
          - { kind: xroad, targets: [{ url: 'http://h' }], client: VN/GOV/H98, service: 'VN/GOV/G01/a b/c' }
        operations: []
",
        problems: &[
            "t.yaml:10:15 services[0].versions[0].auth: a version with `routes` has none of its own: give it with the leg it is for",
            "t.yaml:11:30 services[0].versions[0].upstream.retries: with `routes` this is given with each leg; here are only the times and the breaker for legs of kind peer",
            "t.yaml:13:11 services[0].versions[0].routes: a version has `targets` or `routes`, not both: make the targets a leg of kind direct",
            "t.yaml:13:44 services[0].versions[0].routes[0].via: this is the provider's node itself: leave `via` out",
            "t.yaml:14:13 services[0].versions[0].routes[1]: the same way twice",
            "t.yaml:14:44 services[0].versions[0].routes[1].via: this is the provider's node itself: leave `via` out",
            "t.yaml:15:38 services[0].versions[0].routes[2].targets: this leg needs at least one target",
            "t.yaml:16:46 services[0].versions[0].routes[3].targets[0].url: \"ftp://h\": \"ftp\" is not carried, only http and https",
            "t.yaml:16:81 services[0].versions[0].routes[3].upstream.retries: 9 is out of range: 0 to 5",
            "t.yaml:16:113 services[0].versions[0].routes[3].auth.user: must have 1 to 256 characters, without ':' and control characters",
            "t.yaml:17:68 services[0].versions[0].routes[4].client: has 3 parts: write instance/class/member/subsystem",
            "t.yaml:17:89 services[0].versions[0].routes[4].service: \"a b\" cannot be a part of an X-Road identifier",
        ],
    },
    Case {
        what: "systems of other nodes",
        yaml: "\
systems:
  - { id: motcua, agency: H98.02, name: x, remote: { node: ngsp } }
  - { id: a, agency: H98, name: x, remote: { node: ngsp, system: r } }
  - { id: r, agency: H98, name: x, remote: { node: ngsp } }
  - { id: b, agency: H98, name: x, remote: { node: 'n g' } }
credentials:
  - { id: k, system: a, kind: api_key, secret: { value: khoa-cua-he-thong-a } }
",
        problems: &[
            "t.yaml:5:52 systems[3].remote.node: character ' ' at position 1 is not allowed; use letters, digits, '.', '_' and '-', starting with a letter or digit",
        ],
    },
    Case {
        what: "systems of other nodes, of form right",
        yaml: "\
systems:
  - { id: motcua, agency: H98.02, name: x, remote: { node: ngsp } }
  - { id: a, agency: H98, name: x, remote: { node: ngsp, system: r } }
  - { id: r, agency: H98, name: x, remote: { node: ngsp } }
credentials:
  - { id: k, system: a, kind: api_key, secret: { value: khoa-cua-he-thong-a } }
",
        problems: &[
            "t.yaml:4:44 systems[2].remote: \"r\" of node \"ngsp\" is declared as system \"a\" already",
            "t.yaml:6:22 credentials[0].system: system \"a\" is one of node \"ngsp\": its calls come signed from there, without a credential",
            "credential \"motcua-client\" (in the registry).system: system \"motcua\" is one of node \"ngsp\": its calls come signed from there, without a credential",
            "credential \"motcua-key\" (in the registry).system: system \"motcua\" is one of node \"ngsp\": its calls come signed from there, without a credential",
        ],
    },
    Case {
        what: "hidden fields",
        yaml: "\
grants:
  - { id: a, consumer: motcua, service: doanhnghiep, operations: ['*'], purpose: x, legal_basis: y, hide: [a, /a, /a, '/b/', '//p:c', '/{urn:x'] }
",
        problems: &[
            "t.yaml:2:108 grants[0].hide[0]: \"a\": it must begin with /",
            "t.yaml:2:115 grants[0].hide[2]: is listed twice",
            "t.yaml:2:135 grants[0].hide[5]: \"/{urn:x\": a namespace ends with }",
        ],
    },
];
