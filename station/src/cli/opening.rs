//! `restore --open`: the ceremony with the root key that opens new epochs. The root key is read here, signs here, and never goes to the
//! station. What is done for one line does not hang on another: one that fails is said, and the others go on.

use std::path::Path;

use counterpart_core::ids::{LineId, unhex};
use counterpart_core::record::entry::Header;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_ENTRY, to_be_signed};
use counterpart_core::record::what::What;
use serde::{Deserialize, Serialize};

use super::client::address;
use super::restore::{RestoreCommand, Waiting};
use super::{Context, Exit};
use crate::api::drawn::{KeysForm, KeysView};
use crate::api::fault::{Code, Fault, Told};
use crate::api::restore::{EpochForm, OpenedView, UnsignedView};
use crate::api::sight::hexadecimal;
use crate::keys::{Granted, RootKey};
use crate::link::withheld::WITHHELD_AFTER_MS;
use crate::view::restore::{RestoreView, ShownView};
use crate::words::clean;

/// How often root signs again because the record has moved meanwhile.
const DRAFTS_MAX: usize = 5;

/// What became of one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Outcome {
    /// The line, 32 hexadecimal digits.
    line: String,
    /// The call sign of the other side.
    peer: String,
    /// The epoch that was opened.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    opened: Option<OpenedView>,
    /// Why none was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    error: Option<Told>,
}

impl Outcome {
    fn of(view: &RestoreView, result: Result<OpenedView, Told>) -> Outcome {
        let (opened, error) = match result {
            Ok(opened) => (Some(opened), None),
            Err(told) => (None, Some(told)),
        };
        Outcome { line: view.line.clone(), peer: view.peer.clone(), opened, error }
    }
}

impl RestoreCommand {
    /// Whether this line is to be opened: one that waits for it, or the one that was named.
    fn wants(&self, view: &RestoreView) -> bool {
        self.line.is_some() || view.waits != "nothing"
    }
}

impl Context {
    pub(super) async fn open_epochs(
        &self,
        command: &RestoreCommand,
        views: &[RestoreView],
        root_key: &Path,
        backup: &Path,
    ) -> Result<Exit, Told> {
        if command.peer_is_dark && command.line.is_none() && views.len() > 1 {
            return Err(self.tell(Fault::new(Code::RestoreDarkWhich)));
        }
        let root = RootKey::load(root_key).map_err(|e| self.root_file(&e))?;
        let list = command.list().unwrap_or_default();
        let chosen: Vec<&RestoreView> = views.iter().filter(|view| command.wants(view)).collect();
        let named = if command.part.is_empty() { Vec::new() } else { self.meant(command, views)? };
        // What is seen to fail now is said before anything is drawn or granted.
        let mut outcomes = Vec::new();
        let mut ready = Vec::new();
        for view in &chosen {
            match self.form((command, &named), view, &root, &list) {
                Ok(form) => ready.push((*view, form)),
                Err(told) => outcomes.push(Outcome::of(view, Err(told))),
            }
        }
        let mut kept = None;
        if !ready.is_empty() {
            let absolute = std::path::absolute(backup);
            let file = |cause| self.tell(Fault::new(Code::File).with("path", backup.display()).with("cause", cause));
            let lines = ready.iter().map(|(view, _)| view.line.clone()).collect();
            let form = KeysForm { lines, backup: absolute.map_err(file)? };
            let client = self.client();
            let drawn = client.post("/api/v1/restore/keys", &form).await;
            match drawn.and_then(|drawn| client.typed::<KeysView>(&drawn)) {
                Ok(keys) => {
                    for (view, form) in ready {
                        let form = EpochForm { station: keys.station.clone(), ..form };
                        outcomes.push(Outcome::of(view, self.open_epoch(view, form, &root, &list).await));
                    }
                    let told = self.say("restore-keys-kept", &[("backup", keys.backup.display().to_string())]);
                    kept = Some(
                        std::iter::once(told)
                            .chain(self.returned().await.unwrap_or_default())
                            .collect::<Vec<_>>()
                            .join("\n"),
                    );
                }
                Err(told) => outcomes.extend(ready.iter().map(|(view, _)| Outcome::of(view, Err(told.clone())))),
            }
        }
        self.report(kept, outcomes)
    }

    /// Tells what became of each line; the worst decides how the command ends.
    fn report(&self, kept: Option<String>, mut outcomes: Vec<Outcome>) -> Result<Exit, Told> {
        if outcomes.is_empty() {
            return Err(self.tell(Fault::new(Code::RestoreNothing)));
        }
        if let ([Outcome { error, .. }], true) = (outcomes.as_mut_slice(), kept.is_none())
            && let Some(told) = error.take()
        {
            return Err(told);
        }
        let value = serde_json::to_value(&outcomes).map_err(|e| self.machine(e))?;
        // Without keys nothing was opened, and there is nothing to say but why.
        if self.json || kept.is_some() {
            self.show(&value, || {
                let opened = outcomes.iter().filter_map(|outcome| outcome.opened.as_ref());
                Ok(kept.into_iter().chain(opened.map(|opened| clean(&opened.sentence))).collect::<Vec<_>>().join("\n"))
            })?;
        }
        for Outcome { peer, error, .. } in outcomes.iter().filter(|_| !self.json) {
            if let Some(told) = error {
                let what = self.say("restore-not-opened", &[("peer", clean(peer)), ("cause", told.what.clone())]);
                self.complain(&Told { what, ..told.clone() });
            }
        }
        let exits = outcomes.iter().filter_map(|outcome| outcome.error.as_ref()).map(Exit::of);
        Ok(exits.max_by_key(|exit| *exit as u8).unwrap_or(Exit::Done))
    }

    /// What is asked of the station for a line, but for the keys; or why it cannot be.
    fn form(
        &self,
        (command, named): (&RestoreCommand, &[Waiting<'_>]),
        view: &RestoreView,
        root: &RootKey,
        list: &Path,
    ) -> Result<EpochForm, Told> {
        if view.root_key != hexadecimal(&root.public()) {
            return Err(self.tell(Fault::new(Code::RootOther)));
        }
        let listed = self.listed(view, list)?;
        if !listed.0.contains(&view.key) {
            let key: String = view.key.chars().take(16).collect();
            return Err(self.tell(Fault::new(Code::RestoreNotListed).with("key", key)));
        }
        if command.peer_is_dark && view.link_up {
            return Err(self.tell(Fault::new(Code::RestorePeerUp).with("peer", &view.peer)));
        }
        if view.waits == "peer" && !command.peer_is_dark && view.silent_ms < WITHHELD_AFTER_MS {
            return Err(self.tell(Fault::new(Code::RestoreUnheard).with("peer", &view.peer)));
        }
        // What comes late, of an epoch that has ended, holds nothing back, and is no matter of an opening.
        let holding = || view.shown.iter().filter(|shown| shown.waits && shown.part.epoch >= view.epoch);
        if holding().any(|shown| listed.has_ended(&shown.signer)) {
            return Err(self.tell(Fault::new(Code::RestoreUnjudged).with("peer", &view.peer)));
        }
        // Whoever has the key that the list has last, if it was stolen, could have made the rest: a person has to have seen each part.
        let is_named =
            |shown: &ShownView| named.iter().any(|(line, of)| line.line == view.line && of.part == shown.part);
        let unnamed: Vec<Waiting<'_>> = holding().filter(|shown| !is_named(shown)).map(|shown| (view, shown)).collect();
        if !unnamed.is_empty() {
            let known = self.names(&unnamed);
            return Err(self.tell(Fault::new(Code::RestoreUnnamed).with("peer", &view.peer).with("known", known)));
        }
        // What comes between this look and the opening was seen by nobody: it waits.
        Ok(EpochForm {
            line: view.line.clone(),
            station: String::new(),
            peer_is_dark: command.peer_is_dark,
            take: holding().map(|shown| shown.part.clone()).collect(),
            granted: listed.0,
            drafted: None,
            signature: None,
        })
    }

    /// Root signs what the station says is to be signed, and again if the record has moved meanwhile. The grant is on root's list before
    /// root signs; if no epoch is opened with it, the list says so.
    async fn open_epoch(
        &self,
        view: &RestoreView,
        mut form: EpochForm,
        root: &RootKey,
        list: &Path,
    ) -> Result<OpenedView, Told> {
        let client = self.client();
        let line = LineId(unhex(&view.line).unwrap_or_default());
        let mut granted: Option<Granted> = None;
        let mut tries = 0;
        let failed = loop {
            tries += 1;
            (form.drafted, form.signature) = (None, None);
            let drafted = client.post("/api/v1/restore/draft", &form).await;
            let unsigned: UnsignedView = match drafted.and_then(|value| client.typed(&value)) {
                Ok(unsigned) => unsigned,
                Err(told) => break told,
            };
            let signed = match self.sign(&unsigned, (view, line, &form), root, list, &mut granted) {
                Ok(signed) => signed,
                Err(told) => break told,
            };
            form.signature = Some(signed);
            form.drafted = Some(unsigned.drafted);
            match client.post("/api/v1/restore/open", &form).await {
                Ok(value) => return client.typed(&value),
                Err(told) if told.code == Code::RestoreMoved.word() && tries < DRAFTS_MAX => {}
                Err(told) => break told,
            }
        };
        match granted {
            None => Err(failed),
            Some(granted) => Err(self.withdraw(view, granted, list, failed).await),
        }
    }

    /// Root's signature over the opening of an epoch with these keys on this line, and over nothing else that it may be handed.
    fn sign(
        &self,
        unsigned: &UnsignedView,
        (view, line, form): (&RestoreView, LineId, &EpochForm),
        root: &RootKey,
        list: &Path,
        granted: &mut Option<Granted>,
    ) -> Result<String, Told> {
        if unsigned.root != hexadecimal(&root.public()) {
            return Err(self.tell(Fault::new(Code::RootOther)));
        }
        let malformed = || self.tell(Fault::new(Code::RestoreMalformed));
        let message = bytes(&unsigned.message).ok_or_else(malformed)?;
        let station = unhex(&form.station).ok_or_else(malformed)?;
        let epoch = opening(&message, line, &station).ok_or_else(malformed)?;
        if granted.is_none() {
            let file = |e| self.root_file(&e);
            // A try that was cut off left a grant that no opening used.
            if let Some(left) = view.drawn.as_deref().and_then(unhex) {
                Granted::withdraw_newest(list, line, &left).map_err(file)?;
            }
            let grant = Granted { line: Some(line), epoch, station };
            grant.append(list).map_err(file)?;
            *granted = Some(grant);
        }
        Ok(hexadecimal(&root.sign(&message)))
    }

    /// After a failure: takes the grant back if the station says that the key does not serve. If it says nothing, nobody knows.
    async fn withdraw(&self, view: &RestoreView, granted: Granted, list: &Path, failed: Told) -> Told {
        let client = self.client();
        let unanswered =
            [Code::NoStation, Code::NotUnderstood, Code::TimedOut].map(Code::word).contains(&&*failed.code);
        let looked = client.get(&address("/api/v1/restore", &[("line", Some(view.line.clone()))])).await;
        let now = looked.and_then(|value| client.typed::<Vec<RestoreView>>(&value));
        let serves = |views: &Vec<RestoreView>| views.iter().any(|view| view.key == hexadecimal(&granted.station));
        match now {
            Ok(views) if !unanswered && !serves(&views) => match granted.withdraw(list) {
                Ok(()) => failed,
                Err(e) => self.root_file(&e),
            },
            _ => Told { instead: self.say("restore-grant-stays", &[]), ..failed },
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
