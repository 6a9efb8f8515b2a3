//! What the operator says: one TOML file. Every error names the file, the line, the key, what is wrong and what to write.
//!
//! Lengths and counts are those of the charter into which most of this goes (§9).

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::words::Sentence;

mod desk;
mod fault;
mod raw;
mod starter;
mod voice;
mod webhook;

pub use fault::ConfigError;
pub use starter::Starter;
pub use webhook::Webhook;

/// The file's name in the data directory.
pub const CONFIG_FILE: &str = "counterpart.toml";
/// Where a station listens unless told otherwise, for QUIC (UDP) and TLS (TCP) alike.
pub const LISTEN_DEFAULT: &str = "0.0.0.0:7411";
/// Entries a second that a peer may send on one line, unless told otherwise.
pub const ENTRIES_PER_SECOND_DEFAULT: u32 = 50;
/// Entries that a peer may send at once, unless told otherwise.
pub const BURST_DEFAULT: u32 = 500;
/// Entries that a peer may have stored in a day on one line, unless told otherwise.
pub const ENTRIES_PER_DAY_DEFAULT: u32 = 50_000;
/// The same of entries and bodies together, in units of 2^20 bytes.
pub const MEBIBYTES_PER_DAY_DEFAULT: u32 = 256;
/// Minutes from one watch check to the next, unless told otherwise.
pub const CHECK_MINUTES_DEFAULT: u32 = 60;
/// The file is refused beyond this, in bytes: nobody writes so much by hand.
pub const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The port that an address with https:// and no port means.
const HTTPS_PORT: u16 = 443;

/// A configuration, read and valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose station this is.
    pub organisation: Organisation,
    /// Whom one can reach here; 1 to 64.
    pub posts: Vec<Post>,
    /// How it meets its peers.
    pub link: Link,
    /// What new invitations propose for watch checks.
    pub checks: Checks,
    /// Where the desk is served to browsers; `None`: nowhere.
    pub desk: Option<Desk>,
    /// Where browsers reach its voice; `None`: nowhere.
    pub voice: Option<Voice>,
    /// Where entries are posted as they come; at most 8.
    pub webhooks: Vec<Webhook>,
}

/// Where browsers reach the voice of this station.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Voice {
    /// On UDP; port 0 is any.
    pub listen: SocketAddr,
    /// The address that browsers are told, if another leads there; port 0 is that on which it listens.
    pub announce: Option<SocketAddr>,
    /// Calls at one time, 1 to 64.
    pub calls_max: usize,
}

/// Where the desk is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Desk {
    /// Where browsers, or the proxy, find it.
    pub listen: SocketAddr,
    /// The names under which browsers ask for it, `host` or `host:port`; at most 16. Numbers of the loopback and `localhost` need none.
    pub names: Vec<String>,
    /// The certificate and its private key, two PEM files: the desk speaks HTTPS itself.
    pub tls: Option<[PathBuf; 2]>,
    /// From where a proxy calls that speaks HTTPS to browsers. Nobody else is then answered.
    pub proxies: Vec<IpAddr>,
}

impl Desk {
    /// Whether browsers reach it over HTTPS alone.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some() || !self.proxies.is_empty()
    }

    /// The host under which browsers find it: the first name, with its port where the desk itself speaks HTTPS on another than theirs
    /// and the name has none; without a name, where it listens.
    pub fn host(&self, listening: SocketAddr) -> String {
        let Some(name) = self.names.first() else { return listening.to_string() };
        let port = listening.port();
        let is_bare = name.rsplit_once(':').is_none_or(|(_, end)| end.parse::<u16>().is_err());
        if self.tls.is_some() && is_bare && port != HTTPS_PORT { format!("{name}:{port}") } else { name.clone() }
    }
}

/// Whose station this is.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its name, 1 to 200 bytes.
    pub name: String,
    /// Said aloud before a number: "Northland 112"; 1 to 32 bytes.
    pub call_sign: String,
    /// BCP 47, the first preferred; 1 to 16.
    pub languages: Vec<String>,
    /// The zone of its watch: an IANA name that is known here, or empty for UTC. Local times are read in it, and charters name it.
    pub zone: String,
    /// The line of classification on every page and print; may be empty.
    pub banner: String,
}

/// An office that can be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    /// 1 to 32 of `a`–`z`, `0`–`9`, `-`.
    pub id: String,
    /// The highest precedence that it accepts: 0 ROUTINE, 1 PRIORITY, 2 IMMEDIATE, 3 FLASH.
    pub highest: u8,
    /// Reachable by day and night; otherwise by day.
    pub night: bool,
}

/// How the station meets its peers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Where it listens, on UDP and TCP alike.
    pub listen: SocketAddr,
    /// `host:port`, as peers are to dial it; at most 16. Empty: it only dials.
    pub announce: Vec<String>,
    /// `host:port` of something neutral that answers on TCP when the network works; tells PATH from UNKNOWN. At most 16.
    pub references: Vec<String>,
    /// Entries a second that a peer may send on one line.
    pub entries_per_second: u32,
    /// Entries that it may send at once.
    pub burst: u32,
    /// Entries that it may have stored here in a day on one line; what it leaves over is saved up for a fortnight.
    pub entries_per_day: u32,
    /// The same of entries and bodies together, in units of 2^20 bytes.
    pub mebibytes_per_day: u32,
}

/// When a watch check is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checks {
    /// Every so many minutes, counted from midnight UTC; 0: never.
    Every {
        /// 0 to 1,440.
        minutes: u32,
    },
    /// At these minutes of the UTC day, in order.
    At {
        /// Each under 1,440.
        minutes_utc: Vec<u32>,
    },
}

impl Config {
    /// Reads the file of the station that keeps its data in `data`.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing wrong, with the line and what to write instead.
    pub fn load(data: &Path) -> Result<Config, ConfigError> {
        let path = data.join(CONFIG_FILE);
        let whole = |wrong| ConfigError { file: path.clone(), line: None, key: String::new(), wrong };
        let unread = |e: std::io::Error| whole(Sentence::new("config-unread").with("cause", e));
        let size = fs::metadata(&path).map_err(unread)?.len();
        if size > FILE_BYTES_MAX {
            return Err(whole(Sentence::new("config-file-too-long").with("size", size).with("max", FILE_BYTES_MAX)));
        }
        let text = fs::read_to_string(&path).map_err(unread)?;
        Config::parse(&text, &path)
    }

    /// Reads a configuration; `file` is only named in errors.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing wrong, with the line and what to write instead.
    pub fn parse(text: &str, file: &Path) -> Result<Config, ConfigError> {
        raw::read(text).map_err(|fault| fault.in_file(file, text))
    }
}

/// Writes a first configuration, commented, into `data`; an existing file is left alone.
///
/// # Errors
/// [`ConfigError`] if there is one already, if the answers given do not make a valid one, or if the disk fails.
pub fn write_starter(data: &Path, starter: &Starter<'_>) -> Result<Config, ConfigError> {
    let path: PathBuf = data.join(CONFIG_FILE);
    let text = starter.text();
    let config = Config::parse(&text, &path)?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|e: std::io::Error| ConfigError {
        file: path.clone(),
        line: None,
        key: String::new(),
        wrong: Sentence::new("config-unwritten").with("cause", e),
    })?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_desk_has_a_port_where_browsers_need_one_and_its_name_has_none() {
        let host = |listen: &str, name: Option<&str>, is_tls: bool| {
            let tls = is_tls.then(|| ["c.pem", "k.pem"].map(PathBuf::from));
            let names = name.iter().map(|name| (*name).to_owned()).collect();
            let desk = Desk { listen: listen.parse().unwrap(), names, tls, proxies: Vec::new() };
            desk.host(desk.listen)
        };

        assert_eq!(host("0.0.0.0:8443", Some("desk.example"), true), "desk.example:8443");
        assert_eq!(host("0.0.0.0:443", Some("desk.example"), true), "desk.example");
        assert_eq!(host("0.0.0.0:8443", Some("desk.example:9000"), true), "desk.example:9000", "as it is written");
        assert_eq!(host("[::1]:8443", Some("[::1]"), true), "[::1]:8443");
        assert_eq!(host("10.0.0.2:7412", Some("desk.example"), false), "desk.example", "the port is the proxy's");
        assert_eq!(host("127.0.0.1:7412", None, false), "127.0.0.1:7412");
    }
}
