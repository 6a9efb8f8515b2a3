//! `restore`: what lines of a restored station wait for, beside root's list if it is at hand; what is taken or not of what the other
//! side shows; and the ceremony with the root key that opens a new epoch ([`super::opening`]).

use std::path::{Path, PathBuf};

use clap::Args;
use counterpart_core::ids::{LineId, unhex};

use super::client::address;
use super::show::not_served;
use super::{Context, Exit};
use crate::api::fault::{Code, Fault, Told};
use crate::api::restore::{JudgeForm, JudgedView};
use crate::api::sight::hexadecimal;
use crate::api::views::UnreadView;
use crate::keys::{Granted, granted_file};
use crate::view::restore::{PartView, RestoreView, ShownView};
use crate::words::clean;

/// What each line waits for before this station signs on it again. With --take or --refuse, a person's word on what the other side shows
/// of our own log; with --open, opens a new epoch.
#[derive(Args, Debug)]
pub(super) struct RestoreCommand {
    /// One line; all unless said otherwise.
    #[arg(long)]
    pub line: Option<String>,
    /// Root's list of the keys that it granted. Beside the root key unless said otherwise; with --open the new grant is added to it.
    #[arg(long, value_name = "FILE")]
    pub keys_list: Option<PathBuf>,
    /// Take what waits into our log, as it was signed: it counts again.
    #[arg(long, group = "verdict")]
    pub take: bool,
    /// Leave what a key that root has ended could have made beside our log, as evidence. Nobody is asked about it again.
    #[arg(long, group = "verdict")]
    pub refuse: bool,
    /// Only this part, by the name under which it is shown; may be given several times.
    #[arg(long, value_name = "NAME", requires = "verdict")]
    pub part: Vec<String>,
    /// Open a new epoch on every line that waits for one, or on the line that is named.
    #[arg(long, requires_all = ["root_key", "backup"])]
    pub open: bool,
    /// The root key's file. It is read by this command alone.
    #[arg(long, value_name = "FILE", requires = "open")]
    pub root_key: Option<PathBuf>,
    /// A new folder for a backup with the new keys, made before they serve.
    #[arg(long, value_name = "DIR", requires = "open")]
    pub backup: Option<PathBuf>,
    /// Your word that the other side cannot be reached: what it holds is not waited for.
    #[arg(long, requires = "open")]
    pub peer_is_dark: bool,
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
        if self.take || self.refuse {
            return context.judge(&self, &views).await;
        }
        let mut texts = Vec::new();
        for view in &views {
            texts.push(context.waits(view, self.keys_list.as_deref())?);
        }
        if self.line.is_none() {
            let unread: Vec<UnreadView> = client.typed(&client.get("/api/v1/lines/unread").await?)?;
            texts.extend(unread.iter().map(not_served));
        }
        context
            .show(&value, || Ok(if texts.is_empty() { context.say("lines-none", &[]) } else { texts.join("\n\n") }))?;
        Ok(Exit::Done)
    }

    /// Root's list: the file that was named, or the one beside the root key.
    pub fn list(&self) -> Option<PathBuf> {
        self.keys_list.clone().or_else(|| self.root_key.as_deref().map(granted_file))
    }

    /// The parts that wait on a line, and of those that were named only these.
    pub fn meant<'a>(&self, view: &'a RestoreView) -> Vec<&'a ShownView> {
        let named = |shown: &ShownView| self.part.is_empty() || self.part.contains(&shown.name);
        view.shown.iter().filter(|shown| shown.waits && named(shown)).collect()
    }
}

/// A line's keys by root's list, oldest first, 64 hexadecimal digits each.
pub(super) struct Listed(pub Vec<String>);

impl Listed {
    /// Whether the list has a later key than this one.
    pub fn has_ended(&self, key: &String) -> bool {
        self.0.contains(key) && self.0.last() != Some(key)
    }
}

impl Context {
    /// The keys that root's list names for a line.
    pub(super) fn listed(&self, view: &RestoreView, list: &Path) -> Result<Listed, Told> {
        let line = LineId(unhex(&view.line).unwrap_or_default());
        let charter = unhex(&view.charter_key).unwrap_or_default();
        let keys = Granted::keys(list, line, &charter);
        let keys = keys.map_err(|e| self.tell(Fault::new(Code::RootFile).because(&e)))?;
        let mut keys: Vec<String> = keys.iter().map(|key| hexadecimal(key)).collect();
        // Written for an opening that did not come: a key that never served has ended none before it.
        keys.pop_if(|newest| view.drawn.as_ref() == Some(newest));
        Ok(Listed(keys))
    }

    /// What a line waits for, what is shown, and beside root's list whose that can be.
    fn waits(&self, view: &RestoreView, list: Option<&Path>) -> Result<String, Told> {
        let mut told: Vec<String> = view.sentences.iter().map(|sentence| clean(sentence)).collect();
        if let Some(list) = list {
            let listed = self.listed(view, list)?;
            told.extend(view.shown.iter().filter(|shown| shown.waits).map(|shown| {
                let id = match (listed.has_ended(&shown.signer), listed.0.contains(&shown.key)) {
                    (_, false) => "restore-key-unlisted",
                    (true, true) => "restore-key-ended",
                    (false, true) => "restore-key-last",
                };
                let args = [
                    ("part", shown.name.clone()),
                    ("line", view.line.chars().take(8).collect()),
                    ("list", list.display().to_string()),
                ];
                self.say(id, &args)
            }));
        }
        told.extend(view.instead.iter().map(|instead| clean(instead)));
        Ok(told.join("\n"))
    }

    /// A person's word on what the other side shows. No epoch is opened.
    async fn judge(&self, command: &RestoreCommand, views: &[RestoreView]) -> Result<Exit, Told> {
        let list = command.list().ok_or_else(|| self.tell(Fault::new(Code::RestoreNoList)))?;
        let waiting: Vec<&RestoreView> = views.iter().filter(|view| !command.meant(view).is_empty()).collect();
        let view = match waiting.as_slice() {
            [view] => *view,
            [] => return Err(self.nothing_meant(command, views)),
            several => {
                let known: Vec<String> = several.iter().map(|view| format!("{} ({})", view.peer, view.line)).collect();
                return Err(self.tell(Fault::new(Code::LineWhich).with("known", known.join(", "))));
            }
        };
        let listed = self.listed(view, &list)?;
        let form = JudgeForm {
            line: view.line.clone(),
            parts: Some(self.parts(command, view, &listed)?),
            granted: listed.0,
            ended: if command.take { "take" } else { "refuse" }.into(),
        };
        let client = self.client();
        let value = client.post("/api/v1/restore/judge", &form).await?;
        let judged: JudgedView = client.typed(&value)?;
        // What comes next stands below what was done.
        let next = client.get(&address("/api/v1/restore", &[("line", Some(view.line.clone()))])).await?;
        let next: Vec<RestoreView> = client.typed(&next)?;
        self.show(&value, || {
            let next = next.iter().flat_map(|view| view.sentences.first().into_iter().chain(&view.instead));
            let told = std::iter::once(&judged.sentence).chain(next).map(|sentence| clean(sentence));
            Ok(told.collect::<Vec<_>>().join("\n"))
        })?;
        Ok(Exit::Done)
    }

    /// The parts that are meant, as the person has seen them. What was named and cannot be refused is said before anything is done.
    pub(super) fn parts(
        &self,
        command: &RestoreCommand,
        view: &RestoreView,
        listed: &Listed,
    ) -> Result<Vec<PartView>, Told> {
        let meant = command.meant(view);
        if command.part.iter().any(|name| meant.iter().all(|shown| shown.name != *name)) {
            return Err(self.nothing_meant(command, std::slice::from_ref(view)));
        }
        let ours = meant.iter().find(|shown| !listed.has_ended(&shown.signer) && listed.0.contains(&shown.key));
        if let (Some(shown), true, false) = (ours, command.refuse, command.part.is_empty()) {
            let key: String = shown.signer.chars().take(16).collect();
            return Err(self.tell(Fault::new(Code::RestoreNotEnded).with("key", key)));
        }
        Ok(meant.into_iter().map(|shown| shown.part.clone()).collect())
    }

    /// Nothing waits on these lines, or nothing that was named.
    fn nothing_meant(&self, command: &RestoreCommand, views: &[RestoreView]) -> Told {
        let waiting = views.iter().flat_map(|view| &view.shown).filter(|shown| shown.waits);
        let known: Vec<&str> = waiting.map(|shown| shown.name.as_str()).collect();
        let strange = command.part.iter().find(|name| !known.contains(&name.as_str()));
        self.tell(match strange.filter(|_| !known.is_empty()) {
            Some(said) => Fault::new(Code::RestorePartUnknown).with("said", said).with("known", known.join(", ")),
            None => Fault::new(Code::RestoreNothingWaits),
        })
    }
}
