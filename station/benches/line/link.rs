//! Two network namespaces of our own, and a link between them that can be made thin.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::report::Samples;

/// Delay each way in seconds, loss, bits a second.
pub const THIN: &str = "thin 0.3 0.05 64000";
const ECHOES: usize = 30;

/// Two network namespaces and what carries packets between them; dropped, they go.
pub struct Link {
    pub names: [String; 2],
    carrier: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Link {
    /// `None`: this machine does not let us.
    pub fn make() -> Option<Link> {
        let names = ["a", "b"].map(|side| format!("cp-thin-{side}-{}", std::process::id()));
        let made = names.iter().all(|name| ip(&["netns", "add", name]));
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/thin_link.py");
        let mut python = Command::new("python3");
        let spawned = python.arg(tool).args(&names).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut carrier = spawned.ok().filter(|_| made)?;
        let (to, from) = (carrier.stdin.take()?, BufReader::new(carrier.stdout.take()?));
        let mut link = Link { names, carrier, to, from };
        (link.answer() == "up").then_some(link)
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim().into()
    }

    pub fn say(&mut self, command: &str) -> String {
        writeln!(self.to, "{command}").unwrap();
        self.to.flush().unwrap();
        self.answer()
    }

    /// Milliseconds for one bare packet there and one back, of those that were not lost.
    pub fn floor(&mut self, [there, back]: [usize; 2]) -> Samples {
        let mut samples = Samples::default();
        while samples.count() < ECHOES {
            if let Ok(us) = self.say(&format!("echo {there} {back}")).parse::<u64>() {
                samples.add(us / 1_000);
            }
        }
        samples
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.carrier.kill();
        let _ = self.carrier.wait();
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).status().is_ok_and(|status| status.success())
}
