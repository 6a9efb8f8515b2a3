//! `restore`: what lines of a restored station wait for, and the ceremony with the root key that opens a new epoch. The root key is
//! read here, signs here, and never goes to the station.

use std::path::{Path, PathBuf};

use clap::Args;
use counterpart_core::ids::{LineId, unhex};
use counterpart_core::record::entry::Header;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_ENTRY, to_be_signed};
use counterpart_core::record::what::What;

use super::client::address;
use super::{Context, Exit};
use crate::api::fault::{Code, Fault, Told};
use crate::api::restore::{EpochForm, KeysForm, KeysView, OpenedView, UnsignedView};
use crate::api::sight::hexadecimal;
use crate::keys::{Granted, RootKey, granted_file};
use crate::view::restore::RestoreView;
use crate::words::clean;

/// How often root signs again because the record has moved meanwhile.
const DRAFTS_MAX: usize = 5;

/// What each line waits for before this station signs on it again; with --open, opens a new epoch.
#[derive(Args, Debug)]
pub(super) struct RestoreCommand {
    /// One line; all unless said otherwise.
    #[arg(long)]
    line: Option<String>,
    /// Open a new epoch on every line that waits for one, or on the line that is named.
    #[arg(long, requires_all = ["root_key", "backup"])]
    open: bool,
    /// The root key's file. It is read by this command alone.
    #[arg(long, value_name = "FILE", requires = "open")]
    root_key: Option<PathBuf>,
    /// Root's list of the keys that it granted; beside the root key unless said otherwise. The new grant is added to it.
    #[arg(long, value_name = "FILE", requires = "open")]
    keys_list: Option<PathBuf>,
    /// A new folder for a backup with the new keys, made before they serve.
    #[arg(long, value_name = "DIR", requires = "open")]
    backup: Option<PathBuf>,
    /// Take into our log what a key that root has ended could have made.
    #[arg(long, conflicts_with = "refuse", requires = "open")]
    take: bool,
    /// Keep it beside our log, as evidence.
    #[arg(long, requires = "open")]
    refuse: bool,
    /// Your word that the other side cannot be reached: what it holds is not waited for.
    #[arg(long, requires = "open")]
    peer_is_dark: bool,
}

impl RestoreCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let client = context.client();
        let value = client.get(&address("/api/v1/restore", &[("line", self.line.clone())])).await?;
        let views: Vec<RestoreView> = client.typed(&value)?;
        if let (true, Some(root_key), Some(backup)) = (self.open, &self.root_key, &self.backup) {
            return context.open_epochs(&self, &views, root_key, backup).await;
        }
        context.show(&value, || {
            let told = |view: &RestoreView| {
                let lines = view.sentences.iter().chain(&view.instead);
                lines.map(|sentence| clean(sentence)).collect::<Vec<_>>().join("\n")
            };
            let texts: Vec<String> = views.iter().map(told).collect();
            Ok(if texts.is_empty() { context.say("lines-none", &[]) } else { texts.join("\n\n") })
        })?;
        Ok(Exit::Done)
    }

    /// Whether this line is to be opened: one that waits for it, or the one that was named.
    fn wants(&self, view: &RestoreView) -> bool {
        self.line.is_some() || view.waits != "nothing"
    }

    /// What a person says of what a key that root has ended could have made. Where there is none, nothing needs to be said.
    fn verdict(&self, view: &RestoreView, granted: &[String]) -> Option<String> {
        let ended = |key: &String| granted.contains(key) && granted.last() != Some(key);
        match (self.take, self.refuse) {
            (true, _) => Some("take".into()),
            (_, true) => Some("refuse".into()),
            _ if view.shown.iter().any(|part| !part.branch && ended(&part.key)) => None,
            _ => Some("refuse".into()),
        }
    }
}

impl Context {
    async fn open_epochs(
        &self,
        command: &RestoreCommand,
        views: &[RestoreView],
        root_key: &Path,
        backup: &Path,
    ) -> Result<Exit, Told> {
        let unread = |e: crate::keys::KeyError| self.tell(Fault::new(Code::Keys).because(&e));
        let root = RootKey::load(root_key).map_err(unread)?;
        let list = command.keys_list.clone().unwrap_or_else(|| granted_file(root_key));
        let chosen: Vec<&RestoreView> = views.iter().filter(|view| command.wants(view)).collect();
        if chosen.is_empty() {
            return Err(self.tell(Fault::new(Code::RestoreNothing)));
        }
        // Read whole before anything is drawn or granted.
        let mut lists = Vec::new();
        for view in &chosen {
            let line = LineId(unhex(&view.line).unwrap_or_default());
            let granted = Granted::keys(&list, line).map_err(unread)?;
            lists.push((line, granted.iter().map(|key| hexadecimal(key)).collect::<Vec<String>>()));
        }
        let absolute = std::path::absolute(backup);
        let file = |cause| self.tell(Fault::new(Code::File).with("path", backup.display()).with("cause", cause));
        let form =
            KeysForm { lines: chosen.iter().map(|view| view.line.clone()).collect(), backup: absolute.map_err(file)? };
        let client = self.client();
        let keys: KeysView = client.typed(&client.post("/api/v1/restore/keys", &form).await?)?;
        let mut opened = Vec::new();
        for (view, (line, granted)) in chosen.into_iter().zip(lists) {
            let form = EpochForm {
                line: view.line.clone(),
                station: keys.station.clone(),
                peer_is_dark: command.peer_is_dark,
                ended: command.verdict(view, &granted),
                granted: Some(granted),
                drafted: None,
                signature: None,
            };
            opened.push(self.open_epoch(form, line, &root, &list).await?);
        }
        let value = serde_json::to_value(&opened).map_err(|e| self.machine(e))?;
        self.show(&value, || {
            let backup = self.say("restore-keys-kept", &[("backup", keys.backup.display().to_string())]);
            let told = opened.iter().map(|view| clean(&view.sentence));
            Ok(std::iter::once(backup).chain(told).collect::<Vec<_>>().join("\n"))
        })?;
        Ok(Exit::Done)
    }

    /// Root signs what the station says is to be signed, and again if the record has moved meanwhile.
    async fn open_epoch(
        &self,
        mut form: EpochForm,
        line: LineId,
        root: &RootKey,
        list: &Path,
    ) -> Result<OpenedView, Told> {
        let client = self.client();
        let mut listed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            (form.drafted, form.signature) = (None, None);
            let unsigned: UnsignedView = client.typed(&client.post("/api/v1/restore/draft", &form).await?)?;
            if unsigned.root != hexadecimal(&root.public()) {
                return Err(self.tell(Fault::new(Code::RootOther)));
            }
            let message = bytes(&unsigned.message).ok_or_else(|| self.tell(Fault::new(Code::RestoreMalformed)))?;
            let station = unhex(&form.station).unwrap_or_default();
            // Root signs the opening of an epoch with this key on this line, and nothing else that it may be handed.
            let opens = opening(&message, line, &station);
            let epoch = opens.ok_or_else(|| self.tell(Fault::new(Code::RestoreMalformed)))?;
            if !listed {
                let granted = Granted { line: Some(line), epoch, station };
                granted.append(list).map_err(|e| self.tell(Fault::new(Code::Keys).because(&e)))?;
                listed = true;
            }
            form.signature = Some(hexadecimal(&root.sign(&message)));
            form.drafted = Some(unsigned.drafted);
            match client.post("/api/v1/restore/open", &form).await {
                Ok(value) => return client.typed(&value),
                Err(told) if told.code == Code::RestoreMoved.word() && tries < DRAFTS_MAX => {}
                Err(told) => return Err(told),
            }
        }
    }
}

/// The number of the epoch that these bytes, once signed, open with this station key on this line; `None` if they say anything else.
fn opening(message: &[u8], line: LineId, station: &[u8; 32]) -> Option<u64> {
    let empty = to_be_signed(AAD_ENTRY, &[]);
    let (_, before) = empty.split_last()?;
    let payload = match message.strip_prefix(before)? {
        [0x58, _, payload @ ..] | [0x59, _, _, payload @ ..] => payload,
        _ => return None,
    };
    let header = Header::decode(payload).ok().filter(|header| header.line == line && header.own.size == 0)?;
    let Ok(What::Charter(args)) = &header.what else { return None };
    let whole = to_be_signed(AAD_ENTRY, payload) == message;
    match Opening::read(args)? {
        Opening::Opened { keys: [granted, ..], .. } if whole && granted == *station => Some(header.epoch.number),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}
