//! What a test does where the machine denies it what it needs.

/// A test that this machine denies what it needs fails, and says so. `./test` looks first what root is denied here: it then sets
/// `COUNTERPART_DENIED`, such tests are let be, and it ends by naming what was not tested.
pub fn denied(what: &str) {
    assert!(
        std::env::var_os("COUNTERPART_DENIED").is_some(),
        "this test needs {what}: run it as root, on a machine that lets root have it"
    );
    println!("NOT TESTED: this machine denies {what}");
}
