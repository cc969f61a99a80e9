//! How deep a request may be nested, and how much an element may hold: said before anything takes it apart, which goes as deep as
//! the request does. Must know nothing of operations. JSON and CBOR are bounded by their readers (128 and 256 levels).

use quick_xml::Reader;
use quick_xml::events::Event;

use super::call::Protocol;
use crate::world::Refusal;

/// Of a query's name, as `Filter.1.Value.2`. AWS's deepest have a dozen.
const MOST_PARTS: usize = 32;
/// Of a document: elements open at once, and attributes of one. Documents of CloudFront and S3 have less than a dozen, and one.
const MOST_OPEN: usize = 64;
const MOST_ATTRIBUTES: usize = 64;

/// # Errors
/// Where a request in this protocol is deeper than any of AWS's.
pub(crate) fn check(protocol: Protocol, query: &str, body: &[u8]) -> Result<(), Refusal> {
    match protocol {
        Protocol::Query | Protocol::Ec2Query => {
            let form = if body.is_empty() { query.as_bytes() } else { body };
            parameters(form).map_err(|why| Refusal::new("MalformedQueryString", why))
        }
        Protocol::RestXml | Protocol::S3 => {
            document(body).map_err(|why| Refusal::new("MalformedXML", format!("The XML document is malformed: {why}")))
        }
        Protocol::Json | Protocol::Cbor => Ok(()),
    }
}

fn parameters(form: &[u8]) -> Result<(), String> {
    for (name, _) in form_urlencoded::parse(form) {
        let parts = name.split('.').count();
        if parts > MOST_PARTS {
            let begin: String = name.chars().take(40).collect();
            return Err(format!(
                "the parameter '{begin}…' has {parts} parts, of {MOST_PARTS} at most"
            ));
        }
    }
    Ok(())
}

fn document(body: &[u8]) -> Result<(), String> {
    let mut reader = Reader::from_reader(body);
    // As patient as the most patient of those that read after it: none may see more than this one does.
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut open = 0_usize;
    loop {
        let tag = match reader.read_event() {
            Ok(Event::Start(tag)) => {
                open += 1;
                tag
            }
            Ok(Event::Empty(tag)) => tag,
            Ok(Event::End(_)) => {
                open = open.saturating_sub(1);
                continue;
            }
            // What is no XML its reader refuses, or takes for none.
            Ok(Event::Eof) | Err(_) => return Ok(()),
            Ok(_) => continue,
        };
        if open > MOST_OPEN {
            return Err(format!("more than {MOST_OPEN} elements are open at once"));
        }
        // Without the reader's own look for names that are there twice, which takes the square of their number
        // (RUSTSEC-2026-0194).
        let mut attributes = tag.attributes();
        if attributes.with_checks(false).take(MOST_ATTRIBUTES + 1).count() > MOST_ATTRIBUTES {
            return Err(format!("an element has more than {MOST_ATTRIBUTES} attributes"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(protocol: Protocol, body: &str) -> String {
        check(protocol, "", body.as_bytes()).map_or_else(|refusal| refusal.message, |()| String::new())
    }

    #[test]
    fn a_name_of_thousands_of_dots_is_refused_however_it_is_written() {
        for dots in [".", "%2E"] {
            let name = vec!["a"; 3000].join(dots);
            let said = refused(Protocol::Query, &format!("Action=GetCallerIdentity&{name}=1"));
            assert!(said.contains("has 3000 parts"), "{said}");
        }
        let allowed = vec!["a"; MOST_PARTS].join(".");
        assert_eq!(refused(Protocol::Ec2Query, &format!("{allowed}=1")), "");
    }

    #[test]
    fn thousands_of_open_elements_are_refused_and_thousands_of_closed_ones_are_not() {
        for protocol in [Protocol::RestXml, Protocol::S3] {
            assert!(refused(protocol, &"<a>".repeat(5000)).contains("open at once"));
            let list = "<a><b/></a>".repeat(5000);
            assert_eq!(refused(protocol, &format!("<list>{list}</list>")), "");
        }
    }

    #[test]
    fn an_element_of_thousands_of_attributes_is_refused() {
        let attributes: String = (0..20_000).map(|number| format!(" a{number}=\"\"")).collect();
        for body in [format!("<a{attributes}/>"), format!("<a{attributes}>")] {
            assert!(refused(Protocol::S3, &body).contains("attributes"), "{}", &body[..20]);
        }
    }
}
