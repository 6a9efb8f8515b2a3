use super::*;

/// Everything that a sentence of the catalogue names.
fn named() -> Vec<&'static str> {
    let catalogue = include_str!("../../../../words/en.ftl");
    let name = |rest: &'static str| rest.split(|c: char| !c.is_ascii_lowercase()).next();
    catalogue.split('$').skip(1).filter_map(name).collect()
}

#[test]
fn every_fault_has_a_sentence_and_says_what_to_do() {
    let words = Words::english();
    for code in Code::ALL {
        // A sentence that names anything else, or is not there, stops the test.
        let told = named().into_iter().fold(Fault::new(*code), |fault, name| fault.with(name, "7")).tell(&words);

        assert!(!told.what.is_empty() && !told.instead.is_empty(), "{}", told.code);
    }
}

#[test]
fn an_error_has_one_shape() {
    let told = Fault::new(Code::LineUnknown).with("said", "x").with("known", "Southland").tell(&Words::english());
    let json = serde_json::to_value(ErrorBody { error: told }).unwrap();

    let error = json.get("error").and_then(|e| e.as_object()).unwrap();
    assert_eq!(error.get("code").unwrap(), "line-unknown");
    assert_eq!(error.get("fault").unwrap(), "usage");
    assert!(error.contains_key("what") && error.contains_key("do") && !error.contains_key("fact"));
}

#[test]
fn no_two_faults_share_a_code() {
    let words: std::collections::BTreeSet<&str> = Code::ALL.iter().map(|c| c.word()).collect();
    assert_eq!(words.len(), Code::ALL.len());
}
