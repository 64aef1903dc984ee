//! The peer: nginx from Debian's packages as a plain proxy, and nginx as the provider that both sides call.

use super::load::{OTHER_CORE, PROXY_CORE};
use crate::process::{self, Outcome, Running};
use std::path::Path;
use std::process::Command;

/// 1 KiB of JSON, what the provider answers and a POST carries.
pub fn json_1k() -> String {
    let mut text = String::from("{\"msdn\":\"0101234567\",\"ten\":\"Cong ty thu nghiem\",\"ghi_chu\":\"");
    while text.len() < 1022 {
        text.push('x');
    }
    text.push_str("\"}");
    text
}

/// An nginx and the port it listens on.
pub struct Nginx {
    /// The master process.
    pub process: Running,
    /// Its port of the loopback address.
    pub port: u16,
}

/// The provider: answers every request with 1 KiB of JSON.
pub fn provider(work: &Path) -> Outcome<Nginx> {
    let port = process::free_port()?;
    let location = format!("default_type application/json; return 200 '{}';", json_1k());
    start(
        work,
        "provider",
        OTHER_CORE,
        &Server { port, upstream: "", module: "", listener: "", location: &location },
    )
}

/// The plain proxy to a provider.
pub fn proxy(work: &Path, provider: u16) -> Outcome<Nginx> {
    let port = process::free_port()?;
    let upstream = format!("upstream provider {{ server 127.0.0.1:{provider}; keepalive 512; }}");
    let location = "proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection \"\";";
    start(
        work,
        "proxy",
        PROXY_CORE,
        &Server { port, upstream: &upstream, module: "", listener: "", location },
    )
}

/// Two proxies with mutual TLS 1.3 between them, connections reused on every leg: caller, first, second, provider.
pub fn two_hops(work: &Path, provider: u16) -> Outcome<[Nginx; 2]> {
    certificates(work)?;
    let certificate = |whose: &str| work.join(whose).display().to_string();
    let proxy = "proxy_http_version 1.1; proxy_set_header Connection \"\";";
    let (first, second) = (process::free_port()?, process::free_port()?);
    let upstream = format!("upstream provider {{ server 127.0.0.1:{provider}; keepalive 512; }}");
    let (authority, key, shown) = (certificate("ca.pem"), certificate("hop.key"), certificate("hop.pem"));
    let listener = format!(
        "ssl_certificate {shown}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;\n\
         ssl_client_certificate {authority}; ssl_verify_client on;"
    );
    let location = format!("proxy_pass http://provider; {proxy}");
    let server =
        Server { port: second, upstream: &upstream, module: "", listener: &listener, location: &location };
    let second_hop = start(work, "hop-2", PROXY_CORE, &server)?;
    let upstream = format!("upstream second {{ server 127.0.0.1:{second}; keepalive 512; }}");
    let location = format!(
        "proxy_pass https://second; {proxy} proxy_ssl_protocols TLSv1.3; proxy_ssl_certificate {shown};\n\
         proxy_ssl_certificate_key {key}; proxy_ssl_trusted_certificate {authority}; proxy_ssl_verify on; proxy_ssl_name hop;"
    );
    let server = Server { port: first, upstream: &upstream, module: "", listener: "", location: &location };
    Ok([start(work, "hop-1", PROXY_CORE, &server)?, second_hop])
}

/// Debian's package of nginx's XSLT filter, and where it puts it.
const XSLT: (&str, &str) =
    ("libnginx-mod-http-xslt-filter", "/usr/lib/nginx/modules/ngx_http_xslt_filter_module.so");

/// A proxy that gives the SOAP answer at `url` as JSON: it sends this envelope, whatever it is asked, and runs a stylesheet over the answer.
pub fn xslt(work: &Path, provider: u16, file: &str, envelope: &str, stylesheet: &Path) -> Outcome<Nginx> {
    if !Path::new(XSLT.1).is_file() {
        process::install(XSLT.0)?;
    }
    let port = process::free_port()?;
    let upstream = format!("upstream provider {{ server 127.0.0.1:{provider}; keepalive 512; }}");
    let location = format!(
        "proxy_pass http://provider/files/{file}; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
         proxy_method POST; proxy_set_body '{envelope}'; proxy_set_header Content-Type \"text/xml; charset=utf-8\";\n\
         proxy_buffers 32 8k; xslt_stylesheet {};",
        stylesheet.display()
    );
    let server = Server { port, upstream: &upstream, module: XSLT.1, listener: "", location: &location };
    start(work, &format!("xslt-{file}"), PROXY_CORE, &server)
}

/// An authority and one certificate that both hops show each other: P-256, as between nodes.
fn certificates(work: &Path) -> Outcome<()> {
    let openssl = |arguments: &[&str]| {
        let made = Command::new("openssl").current_dir(work).args(arguments).output();
        let made = made.map_err(|e| format!("openssl does not start: {e}"))?;
        if made.status.success() {
            return Ok(());
        }
        Err(format!("openssl {}: {}", arguments.join(" "), String::from_utf8_lossy(&made.stderr)))
    };
    let request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30";
    let with = |more: &str| format!("{request} {more}");
    let all = |text: &str| openssl(&text.split_whitespace().collect::<Vec<_>>());
    all(&with("-subj /CN=bench -keyout ca.key -out ca.pem"))?;
    all(&with(
        "-subj /CN=hop -addext subjectAltName=DNS:hop -addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key -keyout hop.key -out hop.pem",
    ))
}

/// What one nginx is told beside what all are.
struct Server<'a> {
    port: u16,
    upstream: &'a str,
    /// A module to load, a file; none: what it was built with.
    module: &'a str,
    /// Directives that secure its listener; none: it speaks plain HTTP.
    listener: &'a str,
    location: &'a str,
}

fn start(work: &Path, name: &str, core: &str, server: &Server<'_>) -> Outcome<Nginx> {
    let Server { port, upstream, module, listener, location } = *server;
    let module = if module.is_empty() { String::new() } else { format!("load_module {module};\n") };
    let ssl = if listener.is_empty() { "" } else { " ssl" };
    let folder = work.join(name);
    std::fs::create_dir_all(folder.join("tmp")).map_err(|e| format!("{}: {e}", folder.display()))?;
    let tmp = folder.join("tmp");
    let tmp = tmp.display();
    let configuration = format!(
        "{module}worker_processes 1;\ndaemon off;\npid {f}/nginx.pid;\nerror_log {f}/error.log;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n  access_log off;\n  tcp_nodelay on;\n  keepalive_requests 100000000;\n  client_max_body_size 0;\n\
         client_body_temp_path {tmp}; proxy_temp_path {tmp}; fastcgi_temp_path {tmp}; uwsgi_temp_path {tmp}; scgi_temp_path {tmp};\n\
         {upstream}\n  server {{ listen 127.0.0.1:{port}{ssl}; {listener} location / {{ {location} }} }}\n}}\n",
        f = folder.display(),
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration).map_err(|e| format!("{}: {e}", file.display()))?;
    let nginx = process::find("nginx").ok_or("nginx is gone")?;
    let process = Running::start(
        Command::new("taskset").args(["-c", core]).arg(nginx).arg("-p").arg(&folder).arg("-c").arg(&file),
    )?;
    wait_for(port)?;
    Ok(Nginx { process, port })
}

/// Waits until something accepts connections on a port.
pub fn wait_for(port: u16) -> Outcome<()> {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::time::Instant::now() < until {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Err(format!("nothing listens on port {port} after 20 s"))
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = self.process.pid().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
