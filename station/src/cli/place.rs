//! `init` and `backup`: what makes a data directory.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::{Context, Exit};
use crate::api::fault::{Code, Fault, Told};
use crate::config::{CONFIG_FILE, Config, ConfigError, LISTEN_DEFAULT, Starter, write_starter};
use crate::keys::{Keys, granted_file};
use crate::store::{Store, StoreError, back_up};
use crate::words::Sentence;

#[derive(Subcommand, Debug)]
pub(super) enum PlaceCommand {
    Init {
        #[arg(long)]
        name: String,
        #[arg(long)]
        call_sign: String,
        #[arg(long, default_value = "UTC")]
        zone: String,
        #[arg(long, value_name = "ADDRESS", default_value = LISTEN_DEFAULT)]
        listen: String,
        #[arg(long, value_name = "ADDRESS")]
        announce: Vec<String>,
        #[arg(long, value_name = "ADDRESS", default_value = "")]
        desk: String,
        #[arg(long, value_name = "FILE")]
        root_key: Option<PathBuf>,
    },
    Backup {
        #[arg(value_name = "DIR")]
        to: PathBuf,
    },
}

impl PlaceCommand {
    pub fn run(self, context: &Context) -> Result<Exit, Told> {
        match self {
            PlaceCommand::Init { name, call_sign, zone, listen, announce, desk, root_key } => {
                let (name, call_sign, zone) = (name.as_str(), call_sign.as_str(), zone.as_str());
                let starter = Starter { name, call_sign, zone, listen: &listen, announce: &announce, desk: &desk };
                context.init(&starter, root_key)
            }
            PlaceCommand::Backup { to } => context.backup(to),
        }
    }
}

/// What of the configuration `init` is told, by which flag, and what would be right.
const FLAGS: [(&str, &str, &str); 6] = [
    ("organisation.name", "--name", "\"Ministry of Northland\""),
    ("organisation.call_sign", "--call-sign", "Northland"),
    ("organisation.zone", "--zone", "Europe/Oslo"),
    ("link.listen", "--listen", LISTEN_DEFAULT),
    ("link.announce", "--announce", "hotline.northland.example:7411"),
    ("desk.listen", "--desk", "127.0.0.1:7412"),
];

/// What is wrong with an answer, by the flag that gave it: the file for which it was meant is not there yet.
fn unfit(error: &ConfigError) -> Fault {
    let Some((_, flag, example)) = FLAGS.iter().find(|(key, ..)| *key == error.key) else {
        return Fault::new(Code::Configuration).because(error);
    };
    let wrong = Sentence::new("init-unfit").with("flag", flag).with("example", example);
    Fault::new(Code::InitUnfit).because(&wrong.saying("wrong", error.wrong.clone()))
}

impl Context {
    fn init(&self, starter: &Starter<'_>, root_key: Option<PathBuf>) -> Result<Exit, Told> {
        let config_file = self.data.join(CONFIG_FILE);
        let file = |path: &std::path::Path, cause: &dyn std::fmt::Display| {
            self.tell(Fault::new(Code::File).with("path", path.display()).with("cause", cause))
        };
        let unfit = |e: ConfigError| self.tell(unfit(&e));
        // The answers are judged before anything is made, and the configuration is written last: it says that all is there.
        Config::parse(&starter.text(), &config_file).map_err(unfit)?;
        let is_new = !self.data.exists();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.data);
        made.map_err(|e| file(&self.data, &e))?;
        let root_key = root_key.unwrap_or_else(|| {
            let mut beside = self.data.as_os_str().to_owned();
            beside.push(".root-key");
            beside.into()
        });
        if config_file.exists() {
            write_starter(&self.data, starter).map_err(unfit)?;
        }
        self.found(&self.data, &root_key).inspect_err(|_| {
            // A directory that was made for nothing goes; one that holds anything stays.
            let _ = if is_new { std::fs::remove_dir(&self.data) } else { Ok(()) };
        })?;
        write_starter(&self.data, starter).map_err(unfit)?;
        let granted = granted_file(&root_key);
        let [data, root, list, config] =
            [&self.data, &root_key, &granted, &config_file].map(|path| path.display().to_string());
        let value = json!({ "data": data, "root_key": root, "keys_list": list, "config": config });
        self.show(&value, || {
            let made = self.say("done-init", &[("data", data.clone()), ("root", root.clone()), ("list", list.clone())]);
            let next = self.say("done-init-next", &[("data", data.clone()), ("config", config.clone())]);
            Ok(format!("{made}\n{next}"))
        })?;
        Ok(Exit::Done)
    }

    /// Makes the keys and the empty record of a new station in this directory.
    pub(super) fn found(&self, data: &Path, root_key: &Path) -> Result<(), Told> {
        Keys::generate(data, root_key).map_err(|e| {
            let code = if e.is_of_place() { Code::Keys } else { Code::Unmade };
            self.tell(Fault::new(code).because(&e))
        })?;
        Store::create(data).map_err(|e| {
            let code = if e.is_of_place() { Code::Keys } else { Code::Unmade };
            self.tell(Fault::new(code).because(&e))
        })
    }

    fn backup(&self, to: PathBuf) -> Result<Exit, Told> {
        self.has_data()?;
        let code = |e: &StoreError| if e.is_of_place() { Code::BackupPlace } else { Code::Backup };
        back_up(&self.data, &to).map_err(|e| self.tell(Fault::new(code(&e)).because(&e)))?;
        let to = to.display().to_string();
        self.show(&json!({ "to": to }), || Ok(self.say("done-backup", &[("to", to.clone())])))?;
        Ok(Exit::Done)
    }
}
