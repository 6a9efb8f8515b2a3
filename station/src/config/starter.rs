//! The configuration that `init` writes: commented, valid, and to be read by a person once.

/// What `init` was told about the station.
#[derive(Clone, Copy, Debug)]
pub struct Starter<'a> {
    /// The organisation's name.
    pub name: &'a str,
    /// Its call sign.
    pub call_sign: &'a str,
    /// IANA name of its zone; may be empty.
    pub zone: &'a str,
    /// `ip:port` to listen at.
    pub listen: &'a str,
    /// `host:port` at which peers reach it; empty if it only dials.
    pub announce: &'a [String],
    /// `ip:port` of the desk; empty: none is served.
    pub desk: &'a str,
}

impl Starter<'_> {
    /// The text of the file. Answers are quoted as TOML needs it, so none can add a key.
    pub fn text(&self) -> String {
        let quote = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let desk = if self.desk.is_empty() {
            "# [desk]\n# listen = \"127.0.0.1:7412\"".into()
        } else {
            format!("[desk]\nlisten = {}", quote(self.desk))
        };
        let announce: Vec<String> = self.announce.iter().map(|a| quote(a)).collect();
        format!(
            r#"# This station's configuration. After a change run `counterpart doctor`, then start the station again.
# What goes into a charter (names, languages, posts, addresses, zone) holds for lines paired from then on.

[organisation]
# As it stands in charters; up to 200 bytes.
name = {name}
# Said aloud before a number, "Northland 112"; up to 32 bytes.
call_sign = {call_sign}
# Tags of BCP 47, the preferred first.
languages = ["en"]
# The zone of the watch, a name of the IANA database, as charters say it: local times here are read and shown in it, and
# the other side sees them beside its own. Empty: UTC.
zone = {zone}
# The line of classification on every page and print; may be empty.
banner = ""

[link]
# Numeric address and port, for UDP and TCP alike.
listen = {listen}
# host:port at which peers dial this station. Empty: it dials them.
announce = [{announce}]
# host:port of something neutral that answers on TCP while your network works. When a peer cannot be reached, it tells
# a broken path from an unknown cause.
references = []
# What a peer may send on one line: entries a second, and at once.
entries_per_second = 50
burst = 500
# What it may have stored here in a day; what it leaves over is saved up for a fortnight. Beyond it is read slowly, and nothing
# is lost. Raise it before a peer sends its whole log again.
entries_per_day = 50000
mebibytes_per_day = 256

[checks]
# What invitations propose for watch checks: every so many minutes (0: never), or at_utc = ["09:00", "17:00"].
every_minutes = 60

# The desk in a browser. Plain HTTP is for this machine alone; for others give names = ["desk.example"] and either certificate and
# private_key, two PEM files, or proxies = ["10.0.0.1"], from where a proxy calls that speaks HTTPS.
{desk}

# Without a section [voice] browsers reach this station in a call, on UDP, at the desk's own address and a port that the system chooses.
# With it, at listen = "10.0.0.2:7413"; announce = "192.0.2.7:7413" if another address leads there, as browsers are told.

# Whom one can reach here. highest: ROUTINE, PRIORITY, IMMEDIATE or FLASH. night: by day and night, otherwise by day.
[[post]]
id = "duty-officer"
highest = "FLASH"
night = true

[[post]]
id = "minister"
highest = "FLASH"
night = false
"#,
            name = quote(self.name),
            call_sign = quote(self.call_sign),
            zone = quote(self.zone),
            listen = quote(self.listen),
            announce = announce.join(", "),
        )
    }
}
