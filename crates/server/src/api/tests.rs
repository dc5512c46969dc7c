//! The table of operations and the document made from it.

use super::*;

#[test]
fn the_document_names_every_operation_and_nothing_else() {
    let document = openapi::document("1.2.3");
    let mut described: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    let mut known: Vec<String> =
        operations().iter().map(|operation| format!("{} {BASE}{}", operation.method, operation.path)).collect();
    described.sort();
    known.sort();
    assert_eq!(described, known);
    let mut names: Vec<&str> = operations().iter().map(|operation| operation.id).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), known.len(), "an operation's name stands for it alone");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = openapi::document("1.2.3");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    let mut seen = 0;
    for reference in text.split("\"$ref\":\"").skip(1) {
        let path = reference.split('"').next().unwrap();
        let name = path.strip_prefix("#/components/schemas/").unwrap_or_else(|| panic!("{path}"));
        assert!(schemas.contains_key(name), "{path}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}
