//! `restore`: what lines of a restored station wait for, beside root's list if it is at hand; what is taken or not of what the other
//! side shows; and the ceremony with the root key that opens a new epoch ([`super::opening`]).

use std::path::{Path, PathBuf};

use clap::Args;
use counterpart_core::ids::{LineId, unhex};
use serde_json::json;

use super::client::address;
use super::show::not_served;
use super::{Context, Exit};
use crate::api::fault::{Code, Fault, Told};
use crate::api::restore::{JudgeForm, JudgedView};
use crate::api::returned::PeopleView;
use crate::api::sight::hexadecimal;
use crate::api::views::UnreadView;
use crate::keys::{Granted, KeyError, granted_file};
use crate::view::restore::{PartView, RestoreView, ShownView};
use crate::words::clean;

// What a restore is told.
#[derive(Args, Debug)]
pub(super) struct RestoreCommand {
    #[arg(long)]
    pub line: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub keys_list: Option<PathBuf>,
    #[arg(long, value_name = "NAME")]
    pub part: Vec<String>,
    #[arg(long, value_name = "INDEX", requires = "part", conflicts_with_all = ["take", "refuse", "open"])]
    pub from: Option<u64>,
    #[arg(long, conflicts_with_all = ["refuse", "open"])]
    pub take: bool,
    #[arg(long, value_name = "INDEX", requires = "take")]
    pub up_to: Option<u64>,
    #[arg(long, conflicts_with = "open")]
    pub refuse: bool,
    #[arg(long, requires_all = ["root_key", "backup"])]
    pub open: bool,
    #[arg(long, value_name = "FILE", requires = "open")]
    pub root_key: Option<PathBuf>,
    #[arg(long, value_name = "DIR", requires = "open")]
    pub backup: Option<PathBuf>,
    #[arg(long, requires = "open")]
    pub peer_is_dark: bool,
    #[arg(long, conflicts_with_all = ["line", "keys_list", "part", "take", "refuse", "open"])]
    pub people: bool,
}

impl RestoreCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let client = context.client();
        if self.people {
            let value = client.post("/api/v1/restore/people", &json!({})).await?;
            let people: PeopleView = client.typed(&value)?;
            context.show(&value, || Ok(context.words.say("done-restore-people", &people.args())))?;
            return Ok(Exit::Done);
        }
        if let ([part, more @ ..], false, false, false) = (self.part.as_slice(), self.take, self.refuse, self.open) {
            return context.show_part(&self, part, more).await;
        }
        let value = client.get(&address("/api/v1/restore", &[("line", self.line.clone())])).await?;
        let views: Vec<RestoreView> = client.typed(&value)?;
        if let (true, Some(root_key), Some(backup)) = (self.open, &self.root_key, &self.backup) {
            return context.open_epochs(&self, &views, root_key, backup).await;
        }
        if self.take || self.refuse {
            return context.judge(&self, &views).await;
        }
        let mut texts: Vec<String> = if self.line.is_none() { context.returned().await? } else { Vec::new() };
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
}

/// What waits of a line: the line and the part.
pub(super) type Waiting<'a> = (&'a RestoreView, &'a ShownView);

/// A line's keys by root's list, oldest first, 64 hexadecimal digits each.
pub(super) struct Listed(pub Vec<String>);

impl Listed {
    /// Whether the list has a later key than this one.
    pub fn has_ended(&self, key: &String) -> bool {
        self.0.contains(key) && self.0.last() != Some(key)
    }
}

impl Context {
    /// The root key or root's list cannot be used.
    pub(super) fn root_file(&self, error: &KeyError) -> Told {
        if error.is_of_place() { self.tell(Fault::new(Code::RootFile).because(error)) } else { self.failed(error) }
    }

    /// That those who may sign in and call wait for a person's word, if they do.
    pub(super) async fn returned(&self) -> Result<Vec<String>, Told> {
        let client = self.client();
        let people: PeopleView = client.typed(&client.get("/api/v1/restore/people").await?)?;
        Ok(people.told(&self.words).into_iter().collect())
    }

    /// The keys that root's list names for a line.
    pub(super) fn listed(&self, view: &RestoreView, list: &Path) -> Result<Listed, Told> {
        let line = LineId(unhex(&view.line).unwrap_or_default());
        let charter = unhex(&view.charter_key).unwrap_or_default();
        let keys = Granted::keys(list, line, &charter);
        let keys = keys.map_err(|e| self.root_file(&e))?;
        let mut keys: Vec<String> = keys.iter().map(|key| hexadecimal(key)).collect();
        // Written for an opening that did not come: a key that never served has ended none before it.
        keys.pop_if(|newest| view.drawn.as_ref() == Some(newest));
        Ok(Listed(keys))
    }

    /// What a line waits for, what is shown, and beside root's list whose that can be.
    fn waits(&self, view: &RestoreView, list: Option<&Path>) -> Result<String, Told> {
        let mut told: Vec<String> = view.sentences.iter().map(|sentence| clean(sentence)).collect();
        let waiting = view.shown.iter().any(|shown| shown.waits);
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
        // Beside the list it has been said of each part what to type: what is left to say is short.
        if waiting && list.is_some() {
            told.push(self.say("restore-no-way-back", &[]));
            told.extend((view.waits == "judgement").then(|| self.say("restore-then-open", &[])));
        } else {
            told.extend(view.instead.iter().map(|instead| clean(instead)));
        }
        Ok(told.join("\n"))
    }

    /// Every entry of one part, a page at a time, with all of their words.
    async fn show_part(&self, command: &RestoreCommand, part: &str, more: &[String]) -> Result<Exit, Told> {
        if !more.is_empty() {
            let known = command.part.join(", ");
            return Err(self.tell(Fault::new(Code::RestorePartWhich).with("known", known)));
        }
        let from = command.from.map(|from| from.to_string());
        let asked = [("line", command.line.clone()), ("part", Some(part.to_owned())), ("from", from)];
        let client = self.client();
        let value = client.get(&address("/api/v1/restore", &asked)).await?;
        let views: Vec<RestoreView> = client.typed(&value)?;
        self.show(&value, || {
            let told = views.iter().flat_map(|view| &view.shown).flat_map(|shown| &shown.sentences);
            Ok(told.map(|sentence| clean(sentence)).collect::<Vec<_>>().join("\n"))
        })?;
        Ok(Exit::Done)
    }

    /// A person's word on what the other side shows. No epoch is opened.
    async fn judge(&self, command: &RestoreCommand, views: &[RestoreView]) -> Result<Exit, Told> {
        let list = command.list().ok_or_else(|| self.tell(Fault::new(Code::RestoreNoList)))?;
        let meant = self.meant(command, views)?;
        let Some((view, _)) = meant.first() else { return Err(self.tell(Fault::new(Code::RestoreNothingWaits))) };
        if meant.iter().any(|(other, _)| other.line != view.line) {
            let known: Vec<String> = meant.iter().map(|(view, _)| format!("{} ({})", view.peer, view.line)).collect();
            return Err(self.tell(Fault::new(Code::LineWhich).with("known", known.join(", "))));
        }
        let parts: Vec<PartView> = meant.iter().map(|(_, shown)| shown.part.clone()).collect();
        let [take, refuse] = if command.take { [parts, Vec::new()] } else { [Vec::new(), parts] };
        let (line, granted) = (view.line.clone(), self.listed(view, &list)?.0);
        let form = JudgeForm { line, granted, take, refuse, up_to: command.up_to };
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

    /// What these parts are called, and where they stand.
    pub(super) fn names(&self, of: &[Waiting<'_>]) -> String {
        let told = |(view, shown): &Waiting<'_>| {
            let args = [
                ("part", shown.name.clone()),
                ("peer", view.peer.clone()),
                ("epoch", shown.part.epoch.to_string()),
                ("from", shown.from.to_string()),
                ("last", shown.part.to.saturating_sub(1).to_string()),
            ];
            self.say("restore-part", &args)
        };
        of.iter().map(told).collect::<Vec<_>>().join(", ")
    }

    /// The parts that were named, of those that wait. Only what is named is taken or refused: what a person does not name they may not
    /// have seen.
    pub(super) fn meant<'a>(
        &self,
        command: &RestoreCommand,
        views: &'a [RestoreView],
    ) -> Result<Vec<Waiting<'a>>, Told> {
        let all = || views.iter().flat_map(|view| view.shown.iter().map(move |shown| (view, shown)));
        let waiting: Vec<Waiting<'a>> = all().filter(|(_, shown)| shown.waits).collect();
        if waiting.is_empty() {
            return Err(self.tell(Fault::new(Code::RestoreNothingWaits)));
        }
        if command.part.is_empty() {
            return Err(self.tell(Fault::new(Code::RestorePartWhich).with("known", self.names(&waiting))));
        }
        let one = |said: &String| {
            let called: Vec<Waiting<'a>> =
                waiting.iter().filter(|(_, shown)| shown.part.is_called(said)).copied().collect();
            match called.as_slice() {
                [one] => Ok(*one),
                [] => {
                    let fault = Fault::new(Code::RestorePartUnknown).with("said", said);
                    Err(self.tell(fault.with("known", self.names(&waiting))))
                }
                several => Err(self.tell(Fault::new(Code::RestorePartWhich).with("known", self.names(several)))),
            }
        };
        command.part.iter().map(one).collect()
    }
}
