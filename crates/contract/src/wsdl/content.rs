//! What is in a message: its parts as `soap:body`, `soap:header` and the MIME binding distribute them (sections 2.3, 3.5, 3.7, 5).

use super::index::{At, Index};
use super::{BodyShape, HeaderShape, MIME, Style, WSDL, mime, rpc};
use lgsp_schema::Problem;
use lgsp_schema::model::{Content, Element, TypeId};
use lgsp_schema::xsd::Reading;
use std::sync::Arc;

/// Which message of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Input,
    Output,
}

/// What messages are read with.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    index: &'a Index<'a>,
    pub(super) schemas: Reading,
    pub(super) warnings: Vec<Problem>,
}

type Found<T> = Result<T, Vec<Problem>>;

impl<'a> Reader<'a> {
    pub(super) fn new(index: &'a Index<'a>, schemas: Reading, warnings: Vec<Problem>) -> Self {
        Self { index, schemas, warnings }
    }

    /// The shape of an input or output: `plain` in the port type, `bound` in the binding.
    pub(super) fn shape(
        &mut self,
        plain: At<'a>,
        bound: Option<At<'a>>,
        ns: &'static str,
        style: Style,
        direction: Direction,
        operation: &str,
    ) -> Found<BodyShape> {
        let message =
            self.index.follow("message", plain, "message", &mut self.warnings).map_err(|p| vec![p])?;
        let parts: Vec<At<'a>> = message.children(WSDL, "part").collect();
        let Some(bound) = bound else {
            let why = "the binding does not say how this message is sent";
            return Err(vec![plain.problem("soap:body", why)]);
        };
        let multipart = bound.child(MIME, "multipartRelated");
        let (root, attachments) = match multipart {
            Some(multipart) => mime::related(multipart, ns).map_err(|p| vec![p])?,
            None => (bound, Vec::new()),
        };
        let Some(body) = root.child(ns, "body") else {
            return Err(vec![
                bound.problem("soap:body", "there is no soap:body of the binding's SOAP version"),
            ]);
        };
        refuse_encoded(body).map_err(|p| vec![p])?;
        let mut headers = Vec::new();
        let mut header_parts = Vec::new();
        for header in root.children(ns, "header") {
            let (shape, own_part) = self.header(header, message)?;
            headers.extend(shape);
            header_parts.extend(own_part);
        }
        let attached = |name: &str| attachments.iter().any(|a| &*a.part == name);
        let listed: Option<Vec<&str>> = body.attribute("parts").map(|p| p.split_whitespace().collect());
        let mut of_body = Vec::new();
        for part in &parts {
            let name = part.attribute("name").unwrap_or_default();
            let wanted = match &listed {
                Some(listed) => listed.contains(&name),
                None => !header_parts.contains(&name),
            };
            if wanted && !attached(name) {
                of_body.push(*part);
            }
        }
        if let Some(unknown) =
            listed.iter().flatten().find(|l| !parts.iter().any(|p| p.attribute("name") == Some(l)))
        {
            return Err(vec![body.problem("soap:body", format!("the message has no part {unknown:?}"))]);
        }
        let (element, key) = match style {
            Style::Document => {
                let element = self.document(&of_body)?;
                let key = element.as_ref().map(|e| e.name.clone());
                (element, key)
            }
            Style::Rpc => {
                let namespace = self.rpc_namespace(body, bound);
                let made = rpc::wrapper(&mut self.schemas, &of_body, namespace, operation, direction)?;
                (Some(made.1), Some(made.0))
            }
        };
        Ok(BodyShape { element, key, headers, attachments })
    }

    /// The one element of a document body (WS-I Basic Profile 1.1, R2201, R2210).
    fn document(&self, parts: &[At<'a>]) -> Found<Option<Arc<Element>>> {
        match parts {
            [] => Ok(None),
            [part] => self.element_part(*part).map(Some),
            [_, second, ..] => Err(vec![second.problem(
                "wsdl:part",
                "a document body of several parts is not supported (WS-I BP 1.1, R2210): bind one of them with soap:body parts=\"...\"",
            )]),
        }
    }

    fn element_part(&self, part: At<'a>) -> Found<Arc<Element>> {
        if let Some(name) = part.qname("element").map_err(|p| vec![p])? {
            return self.schemas.element(&name);
        }
        let name = part.attribute("name").unwrap_or_default();
        Err(vec![part.problem(
            "wsdl:part type",
            format!(
                "the part {name:?} names a type in document style, where an element is needed (WS-I BP 1.1, R2204): declare an element and name it by element=\"...\""
            ),
        )])
    }

    fn rpc_namespace(&mut self, body: At<'a>, bound: At<'a>) -> Arc<str> {
        if let Some(namespace) = body.attribute("namespace") {
            return namespace.into();
        }
        let target = body.tree.attribute(0, "targetNamespace").unwrap_or_default();
        self.warnings.push(bound.problem(
            "soap:body",
            "rpc style without a namespace (WS-I BP 1.1, R2717): the target namespace is taken",
        ));
        target.into()
    }

    /// A declared header, and the part's name where it is one of the body's own message.
    fn header(&mut self, header: At<'a>, message: At<'a>) -> Found<(Option<HeaderShape>, Option<&'a str>)> {
        let named =
            self.index.follow("message", header, "message", &mut self.warnings).map_err(|p| vec![p])?;
        let wanted = header.attribute("part").unwrap_or_default();
        let part = named.children(WSDL, "part").find(|p| p.attribute("name") == Some(wanted));
        let part = part.ok_or_else(|| {
            vec![header.problem("soap:header", format!("the message has no part {wanted:?}"))]
        })?;
        let own = (named == message).then_some(wanted);
        let required = header.tree.attribute_in(header.id, WSDL, "required") == Some("true");
        match refuse_encoded(header).map_err(|p| vec![p]).and_then(|()| self.element_part(part)) {
            Ok(element) => Ok((Some(HeaderShape { element, required }), own)),
            Err(problems) if required => Err(problems),
            // A header that need not be sent hinders nothing.
            Err(problems) => {
                self.warnings.extend(problems);
                Ok((None, own))
            }
        }
    }

    /// The element of a declared fault's detail: its message has one part (section 3.6).
    pub(super) fn fault(&mut self, fault: At<'a>) -> Found<Arc<Element>> {
        let message =
            self.index.follow("message", fault, "message", &mut self.warnings).map_err(|p| vec![p])?;
        let mut parts = message.children(WSDL, "part");
        match (parts.next(), parts.next()) {
            (Some(part), None) => self.element_part(part),
            _ => Err(vec![message.problem("soap:fault", "a fault's message has one part")]),
        }
    }

    /// Whether an element only holds parameters: a sequence, no attributes.
    pub(super) fn wraps(&self, element: &Element) -> bool {
        match element.ty {
            TypeId::Simple(_) => false,
            TypeId::Complex(id) => {
                let ty = self.schemas.model.complex(id);
                ty.attributes.is_empty() && !matches!(ty.content, Content::Simple(_))
            }
        }
    }
}

fn refuse_encoded(at: At<'_>) -> Result<(), Problem> {
    match at.attribute("use") {
        Some("encoded") => Err(at.problem(
            "soap:body use=\"encoded\"",
            "SOAP encoding is not supported (WS-I BP 1.1, R2706): ask the provider for a literal binding, or publish the service without conversion",
        )),
        None | Some("literal") => Ok(()),
        Some(other) => Err(at.problem("soap:body", format!("use={other:?} is neither literal nor encoded"))),
    }
}
