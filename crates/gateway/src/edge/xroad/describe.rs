//! Descriptions of services that have none registered: what the registry knows of their operations, as OpenAPI or WSDL. Names, methods, paths
//! and actions; of the content of messages the registry knows nothing.

use super::names::soap_code;
use bytes::Bytes;
use lgsp_kernel::snapshot::{Operation, Service, Version};
use lgsp_wire::xml::escape_into;
use lgsp_xroad::meta::ENDPOINT;
use serde_json::{Map, Value, json};

/// OpenAPI 3.0 of a REST version.
pub(super) fn open_api(service: &Service, version: &Version) -> Bytes {
    let mut paths: Map<String, Value> = Map::new();
    for operation in &version.operations {
        let spec = &operation.spec;
        let (Some(method), Some(path)) = (&spec.method, &spec.path) else { continue };
        let path = path.as_str().replace("*}", "}");
        let parameters: Vec<Value> = path.split('/').filter_map(parameter).collect();
        let entry = json!({
            "operationId": spec.name,
            "parameters": parameters,
            "responses": { "default": { "description": "As the provider answers." } },
        });
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method.to_ascii_lowercase()] = entry;
    }
    let info = json!({ "title": service.spec.title, "version": version.spec.version });
    json!({ "openapi": "3.0.3", "info": info, "paths": paths }).to_string().into()
}

fn parameter(segment: &str) -> Option<Value> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
}

/// WSDL 1.1 of a SOAP version: document/literal, an answer named as its request with `Response`.
pub(super) fn wsdl(service: &Service, version: &Version) -> Bytes {
    let name = text(service.spec.id.as_str());
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><wsdl:definitions \
         xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\" \
         xmlns:tns=\"urn:lgsp:service:{name}\" targetNamespace=\"urn:lgsp:service:{name}\" name=\"{name}\">"
    );
    let operations: Vec<(String, &Operation)> =
        version.operations.iter().map(|o| (text(soap_code(o)), &**o)).collect();
    for (code, operation) in &operations {
        let element = operation.spec.element.as_deref().unwrap_or_default();
        let namespace = element.strip_prefix('{').and_then(|e| e.split_once('}')).map_or("", |(n, _)| n);
        for (message, suffix) in [("Request", ""), ("Answer", "Response")] {
            out.push_str(&format!(
                "<wsdl:message name=\"{code}{message}\"><wsdl:part name=\"body\" xmlns:e=\"{}\" element=\"e:{code}{suffix}\"/></wsdl:message>",
                text(if namespace.is_empty() { "urn:lgsp:unqualified" } else { namespace })
            ));
        }
    }
    out.push_str("<wsdl:portType name=\"PortType\">");
    for (code, _) in &operations {
        out.push_str(&format!(
            "<wsdl:operation name=\"{code}\"><wsdl:input message=\"tns:{code}Request\"/><wsdl:output message=\"tns:{code}Answer\"/></wsdl:operation>"
        ));
    }
    out.push_str(
        "</wsdl:portType><wsdl:binding name=\"Binding\" type=\"tns:PortType\"><soap:binding style=\"document\" transport=\"http://schemas.xmlsoap.org/soap/http\"/>",
    );
    for (code, operation) in &operations {
        let action = text(operation.spec.soap_action.as_deref().unwrap_or_default());
        out.push_str(&format!(
            "<wsdl:operation name=\"{code}\"><soap:operation soapAction=\"{action}\"/><wsdl:input><soap:body use=\"literal\"/></wsdl:input><wsdl:output><soap:body use=\"literal\"/></wsdl:output></wsdl:operation>"
        ));
    }
    out.push_str(&format!(
        "</wsdl:binding><wsdl:service name=\"{name}\"><wsdl:port name=\"Port\" binding=\"tns:Binding\"><soap:address location=\"{ENDPOINT}\"/></wsdl:port></wsdl:service></wsdl:definitions>"
    ));
    out.into()
}

fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    escape_into(&mut out, raw);
    out
}
