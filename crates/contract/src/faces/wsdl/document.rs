//! The WSDL 1.1 around the schema.

use super::names::{escape, xml_name};
use super::{SoapFaceOperation, SoapFaceOptions};
use crate::openapi::OpenApi;
use lgsp_schema::model::Element;
use std::fmt::Write as _;

/// To generators of JAX-WS (2.3, section 8.7.3; other tools pass it over): methods take and give whole messages. Otherwise each member is a
/// parameter, and one that request and answer both have, of different types, is refused.
const WHOLE_MESSAGES: &str = "<jaxws:bindings xmlns:jaxws=\"http://java.sun.com/xml/ns/jaxws\"><jaxws:enableWrapperStyle>false</jaxws:enableWrapperStyle></jaxws:bindings>";

pub fn write(
    api: &OpenApi,
    options: &SoapFaceOptions,
    operations: &[SoapFaceOperation],
    fault: &Element,
    xsd: &str,
) -> String {
    let namespace = escape(&options.target_namespace);
    let service = escape(&xml_name(&options.service));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<wsdl:definitions xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" xmlns:soap=\"http://schemas.xmlsoap.org/wsdl/soap/\" xmlns:soap12=\"http://schemas.xmlsoap.org/wsdl/soap12/\" xmlns:tns=\"{namespace}\" name=\"{service}\" targetNamespace=\"{namespace}\">\n<wsdl:documentation>{} {}</wsdl:documentation>\n{WHOLE_MESSAGES}\n<wsdl:types>\n{xsd}</wsdl:types>\n",
        escape(&api.title),
        escape(&api.version)
    );
    let fault = escape(&fault.name.local);
    let _ = writeln!(
        out,
        "<wsdl:message name=\"{fault}\"><wsdl:part name=\"fault\" element=\"tns:{fault}\"/></wsdl:message>"
    );
    for operation in operations {
        for element in [&operation.input, &operation.output] {
            let name = escape(&element.name.local);
            let _ = writeln!(
                out,
                "<wsdl:message name=\"{name}\"><wsdl:part name=\"parameters\" element=\"tns:{name}\"/></wsdl:message>"
            );
        }
    }
    let _ = writeln!(out, "<wsdl:portType name=\"{service}\">");
    for operation in operations {
        let (input, output) = (escape(&operation.input.name.local), escape(&operation.output.name.local));
        let _ = writeln!(out, "<wsdl:operation name=\"{input}\">");
        if let Some(text) = api.operation(&operation.name).and_then(|o| o.summary.as_deref()) {
            let _ = writeln!(out, "<wsdl:documentation>{}</wsdl:documentation>", escape(text));
        }
        let _ = writeln!(
            out,
            "<wsdl:input message=\"tns:{input}\"/>\n<wsdl:output message=\"tns:{output}\"/>\n<wsdl:fault name=\"{fault}\" message=\"tns:{fault}\"/>\n</wsdl:operation>"
        );
    }
    out.push_str("</wsdl:portType>\n");
    for (prefix, suffix) in [("soap", "Soap11"), ("soap12", "Soap12")] {
        binding(&mut out, operations, &service, &fault, prefix, suffix);
    }
    let _ = writeln!(out, "<wsdl:service name=\"{service}\">");
    for (prefix, suffix) in [("soap", "Soap11"), ("soap12", "Soap12")] {
        let _ = writeln!(
            out,
            "<wsdl:port name=\"{service}{suffix}\" binding=\"tns:{service}{suffix}\"><{prefix}:address location=\"{{address}}\"/></wsdl:port>"
        );
    }
    out.push_str("</wsdl:service>\n</wsdl:definitions>\n");
    out
}

fn binding(
    out: &mut String,
    operations: &[SoapFaceOperation],
    service: &str,
    fault: &str,
    p: &str,
    suffix: &str,
) {
    let _ = writeln!(
        out,
        "<wsdl:binding name=\"{service}{suffix}\" type=\"tns:{service}\">\n<{p}:binding style=\"document\" transport=\"http://schemas.xmlsoap.org/soap/http\"/>"
    );
    for operation in operations {
        let (name, action) = (escape(&operation.input.name.local), escape(&operation.soap_action));
        let _ = writeln!(
            out,
            "<wsdl:operation name=\"{name}\"><{p}:operation soapAction=\"{action}\" style=\"document\"/><wsdl:input><{p}:body use=\"literal\"/></wsdl:input><wsdl:output><{p}:body use=\"literal\"/></wsdl:output><wsdl:fault name=\"{fault}\"><{p}:fault name=\"{fault}\" use=\"literal\"/></wsdl:fault></wsdl:operation>"
        );
    }
    out.push_str("</wsdl:binding>\n");
}
