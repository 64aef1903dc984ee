//! The chosen port's operations: `portType` and `binding` read together (sections 2.4, 2.5 and 3 of the Note).

use super::content::{Direction, Reader};
use super::index::{At, Index, soap_binding};
use super::load::Loaded;
use super::policy;
use super::{
    BodyShape, Choose, FaultShape, OPERATIONS_MAX, SOAP11, SOAP12, Service, SoapVersion, Style, WSDL, Wsdl,
    WsdlOperation,
};
use lgsp_schema::bundle::Bundle;
use lgsp_schema::{Problem, xsd};
use std::collections::HashMap;
use std::sync::Arc;

/// The transports that are HTTP.
const TRANSPORTS: [&str; 3] = [
    "http://schemas.xmlsoap.org/soap/http",
    "http://www.w3.org/2003/05/soap/bindings/HTTP/",
    // Written by older CXF and Axis for SOAP 1.2.
    "http://schemas.xmlsoap.org/soap/http/",
];

/// Reads the operations of the port that is meant.
pub(super) fn wsdl(
    bundle: &Bundle,
    loaded: &Loaded,
    index: &Index<'_>,
    choose: &Choose,
) -> Result<Wsdl, Vec<Problem>> {
    let mut warnings = loaded.warnings.clone();
    let mut services: Vec<Service> = index.services.iter().map(|s| s.0.clone()).collect();
    for (service, (_, places)) in services.iter_mut().zip(&index.services) {
        for (port, place) in service.ports.iter_mut().zip(places) {
            let binding = index.follow("binding", *place, "binding", &mut Vec::new());
            port.version = binding.ok().and_then(soap_binding).map(|b| b.0);
            if port.version.is_none() {
                warnings.push(
                    place.problem("wsdl:port", format!("port {} is not SOAP and is passed over", port.name)),
                );
            }
        }
    }
    let chosen = pick(&services, choose).map_err(|message| vec![problem("wsdl:port", message)])?;
    let port = index.services[chosen.0].1[chosen.1];
    let binding = index.follow("binding", port, "binding", &mut warnings).map_err(|p| vec![p])?;
    let (version, soap) =
        soap_binding(binding).ok_or_else(|| vec![port.problem("soap:binding", "the port is not SOAP")])?;
    check_transport(soap, version).map_err(|p| vec![p])?;
    let port_type = index.follow("portType", binding, "type", &mut warnings).map_err(|p| vec![p])?;

    let schemas = xsd::read(bundle, &loaded.schemas)?;
    warnings.extend(schemas.warnings.iter().cloned());
    let mtom = policy::mtom(loaded, bundle, binding);
    policy::warn_of_addressing(binding, port_type, &mut warnings);
    let mut reader = Reader::new(index, schemas, warnings);
    let operations = Operations { reader: &mut reader, version, soap, port_type, mtom }.all(binding)?;
    let root = &loaded.trees[0];
    let doc = port.tree.documentation(service_of(port)).or_else(|| root.documentation(0));
    let target_namespace = root.attribute(0, "targetNamespace").unwrap_or_default().into();
    let Reader { schemas, warnings, .. } = reader;
    Ok(Wsdl {
        target_namespace,
        doc,
        services,
        chosen,
        version,
        operations,
        model: Arc::new(schemas.model),
        warnings,
    })
}

fn problem(construct: &str, message: String) -> Problem {
    Problem { place: None, construct: construct.into(), message }
}

/// The service element that holds a port.
fn service_of(port: At<'_>) -> usize {
    let mut services = port.tree.children(0, WSDL, "service");
    services.find(|s| port.tree.node(*s).children.contains(&port.id)).unwrap_or(0)
}

/// The port that is meant.
fn pick(services: &[Service], choose: &Choose) -> Result<(usize, usize), String> {
    let named = |s: &Service| choose.service.as_ref().is_none_or(|c| *c == *s.name.local);
    let mut found = Vec::new();
    for (i, service) in services.iter().enumerate().filter(|(_, s)| named(s)) {
        for (j, port) in service.ports.iter().enumerate() {
            let wanted = choose.port.as_ref().is_none_or(|c| *c == *port.name);
            if let (true, Some(version)) = (wanted, port.version) {
                found.push((version == SoapVersion::V12, i, j));
            }
        }
    }
    let Some(first) = found.iter().min() else {
        let all: Vec<String> = services
            .iter()
            .flat_map(|s| s.ports.iter().map(|p| format!("{}/{}", s.name.local, p.name)))
            .collect();
        return Err(match (&choose.service, &choose.port) {
            (None, None) => format!("no port speaks SOAP; there are: {}", listed(&all)),
            _ => format!("no SOAP port of that name; there are: {}", listed(&all)),
        });
    };
    if found.iter().any(|f| f.1 != first.1) {
        let names: Vec<String> = services.iter().map(|s| s.name.local.to_string()).collect();
        return Err(format!(
            "several services have SOAP ports; name the one that is meant: {}",
            listed(&names)
        ));
    }
    Ok((first.1, first.2))
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => names.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn check_transport(soap: At<'_>, version: SoapVersion) -> Result<(), Problem> {
    match soap.attribute("transport") {
        Some(t) if TRANSPORTS.contains(&t) => Ok(()),
        // Left out by hand-made documents; HTTP is all that was ever meant.
        None => Ok(()),
        Some(t) => Err(soap.problem(
            "soap:binding",
            format!("the transport {t:?} of SOAP {} is not HTTP; publish an HTTP port", version.as_str()),
        )),
    }
}

/// What operations are read with.
struct Operations<'r, 'a> {
    reader: &'r mut Reader<'a>,
    version: SoapVersion,
    soap: At<'a>,
    port_type: At<'a>,
    mtom: bool,
}

impl<'a> Operations<'_, 'a> {
    fn all(&mut self, binding: At<'a>) -> Result<Vec<WsdlOperation>, Vec<Problem>> {
        // By name, so that thousands of operations stay linear.
        let mut abstract_ones: HashMap<&str, Vec<At<'a>>> = HashMap::new();
        for operation in self.port_type.children(WSDL, "operation") {
            abstract_ones.entry(operation.attribute("name").unwrap_or_default()).or_default().push(operation);
        }
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        let mut names = std::collections::HashSet::new();
        for bound in binding.children(WSDL, "operation") {
            if found.len() == OPERATIONS_MAX {
                problems
                    .push(bound.problem("wsdl:operation", format!("more than {OPERATIONS_MAX} operations")));
                break;
            }
            let name = bound.attribute("name").unwrap_or_default();
            let candidates = abstract_ones.get(name).map_or(&[][..], Vec::as_slice);
            let Some(plain) = same_operation(bound, candidates) else {
                let port_type = self.port_type.attribute("name").unwrap_or_default();
                problems.push(
                    bound
                        .problem("wsdl:operation", format!("portType {port_type} has no operation {name:?}")),
                );
                continue;
            };
            let operation = self.operation(bound, plain, candidates.len() > 1);
            if !names.insert(operation.name.clone()) {
                problems.push(bound.problem("wsdl:operation", format!("operation {name:?} is bound twice")));
            }
            found.push(operation);
        }
        if found.is_empty() && problems.is_empty() {
            problems.push(binding.problem("wsdl:binding", "it has no operations"));
        }
        if problems.is_empty() { Ok(found) } else { Err(problems) }
    }

    fn operation(&mut self, bound: At<'a>, plain: At<'a>, overloaded: bool) -> WsdlOperation {
        let ns = self.namespace();
        let soap = bound.child(ns, "operation");
        let style = soap.and_then(|s| s.attribute("style")).or_else(|| self.soap.attribute("style"));
        let mut unsupported = Vec::new();
        let style = match style {
            Some("rpc") => Style::Rpc,
            None | Some("document") => Style::Document,
            Some(other) => {
                unsupported
                    .push(bound.problem("soap:operation", format!("the style {other:?} is not of SOAP")));
                Style::Document
            }
        };
        let own_name = plain.attribute("name").unwrap_or_default();
        let input_name = plain.child(WSDL, "input").and_then(|i| i.attribute("name"));
        let name = match input_name {
            Some(input) if overloaded => format!("{own_name}.{input}"),
            _ => own_name.to_owned(),
        };
        let mut operation = WsdlOperation {
            name: name.into(),
            soap_action: soap.and_then(|s| s.attribute("soapAction")).map(Into::into),
            version: self.version,
            style,
            wrapped: false,
            input: BodyShape::default(),
            output: None,
            faults: Vec::new(),
            mtom: self.mtom || policy::mtom_at(bound),
            doc: plain.tree.documentation(plain.id),
            unsupported,
        };
        let (input, output) = (plain.child(WSDL, "input"), plain.child(WSDL, "output"));
        self.check_pattern(plain, &mut operation);
        if let Some(input) = input {
            operation.input = self.message(bound, input, Direction::Input, own_name, &mut operation);
        }
        if let Some(output) = output {
            operation.output = Some(self.message(bound, output, Direction::Output, own_name, &mut operation));
        }
        self.faults(bound, plain, &mut operation);
        operation.wrapped = self.is_wrapped(&operation, own_name);
        operation
    }

    fn namespace(&self) -> &'static str {
        match self.version {
            SoapVersion::V11 => SOAP11,
            SoapVersion::V12 => SOAP12,
        }
    }

    /// Request-response and one-way only (section 2.4): the others begin at the provider.
    fn check_pattern(&self, plain: At<'a>, operation: &mut WsdlOperation) {
        let first = plain.all().find(|c| c.is(WSDL, "input") || c.is(WSDL, "output"));
        let has_input = plain.child(WSDL, "input").is_some();
        let kind = match first {
            Some(first) if first.is(WSDL, "output") && has_input => "solicit-response",
            Some(first) if first.is(WSDL, "output") => "notification",
            None => "an operation without input and output",
            _ => return,
        };
        let message = format!("{kind} is not supported: the platform calls, it is not called back");
        operation.unsupported.push(plain.problem("wsdl:operation", message));
    }

    fn message(
        &mut self,
        bound: At<'a>,
        plain: At<'a>,
        direction: Direction,
        name: &str,
        operation: &mut WsdlOperation,
    ) -> BodyShape {
        let part = match direction {
            Direction::Input => "input",
            Direction::Output => "output",
        };
        let bound = bound.child(WSDL, part);
        match self.reader.shape(plain, bound, self.namespace(), operation.style, direction, name) {
            Ok(shape) => shape,
            Err(problems) => {
                operation.unsupported.extend(problems);
                BodyShape::default()
            }
        }
    }

    fn faults(&mut self, bound: At<'a>, plain: At<'a>, operation: &mut WsdlOperation) {
        let ns = self.namespace();
        let encoded: Vec<&str> = bound
            .children(WSDL, "fault")
            .filter(|f| f.child(ns, "fault").and_then(|s| s.attribute("use")) == Some("encoded"))
            .filter_map(|f| f.attribute("name"))
            .collect();
        for fault in plain.children(WSDL, "fault") {
            let name = fault.attribute("name").unwrap_or_default();
            if encoded.contains(&name) {
                let warning = "use=\"encoded\" faults are passed on without their detail being read";
                self.reader.warnings.push(fault.problem("soap:fault", warning));
                continue;
            }
            // A fault that cannot be read is still a fault; only its detail stays unread.
            match self.reader.fault(fault) {
                Ok(element) => operation.faults.push(FaultShape { name: name.into(), element }),
                Err(mut problems) => self.reader.warnings.append(&mut problems),
            }
        }
    }

    /// Whether the body's elements only wrap parameters: the request's is named after the operation and its type has no attributes.
    fn is_wrapped(&self, operation: &WsdlOperation, name: &str) -> bool {
        operation.style == Style::Document
            && operation
                .input
                .element
                .as_ref()
                .is_some_and(|e| &*e.name.local == name && self.reader.wraps(e))
    }
}

/// The operation of the port type that a binding's operation means: of overloaded ones the one whose input and output have its names.
fn same_operation<'a>(bound: At<'a>, candidates: &[At<'a>]) -> Option<At<'a>> {
    if let [one] = candidates {
        return Some(*one);
    }
    let name = |at: At<'a>, part| at.child(WSDL, part).and_then(|p| p.attribute("name"));
    let fits = |c: &&At<'a>| {
        ["input", "output"].iter().all(|part| name(bound, part).is_none_or(|n| name(**c, part) == Some(n)))
    };
    candidates.iter().find(fits).copied()
}
