//! `invite`, `join`, `confirm`, `abandon`, `pairings`: how a line begins.

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use super::{Context, Exit};
use crate::api::ceremony::{AbandonForm, ConfirmForm, InviteForm, InvitedView, JoinForm, PairingView};
use crate::api::fault::{Code, Fault, Told};
use crate::api::files::PrivateFile;
use crate::view::terms::TermsView;
use crate::view::text;
use crate::words::clean;

/// Bytes of an invitation.
const INVITATION_MAX: u64 = 64 * 1024;

#[derive(Subcommand, Debug)]
pub(super) enum PairCommand {
    Invite {
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        terms: InviteForm,
    },
    Join {
        #[arg(value_name = "FILE")]
        invitation: PathBuf,
    },
    Confirm {
        #[arg(required_unless_present = "differ")]
        digits: Vec<String>,
        #[arg(long, requires = "digits")]
        alike: bool,
        #[arg(long, conflicts_with = "digits")]
        differ: bool,
        #[arg(long, requires = "differ", value_name = "KEY")]
        candidate: Option<String>,
        #[arg(long)]
        line: Option<String>,
    },
    Abandon {
        #[arg(long)]
        line: Option<String>,
    },
    Pairings,
}

impl PairCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let client = context.client();
        let at = |path: &str| format!("/api/v1/pairings/{path}");
        match self {
            PairCommand::Invite { out, terms } => return context.invite(out, &terms).await,
            PairCommand::Join { invitation } => {
                let form = JoinForm { invitation: context.read(&invitation)? };
                context.pairing(&client.post(&at("join"), &form).await?)?;
            }
            PairCommand::Confirm { digits, alike, differ, candidate, line } => {
                let digits = (!digits.is_empty()).then(|| digits.join(" "));
                let form = ConfirmForm { line, digits, alike, differ, candidate };
                context.pairing(&client.post(&at("confirm"), &form).await?)?;
            }
            PairCommand::Abandon { line } => {
                context.pairing(&client.post(&at("abandon"), &AbandonForm { line }).await?)?;
            }
            PairCommand::Pairings => {
                let value = client.get("/api/v1/pairings").await?;
                let views: Vec<PairingView> = client.typed(&value)?;
                context.show(&value, || {
                    let told: Vec<String> = views.iter().map(|v| context.told(v)).collect();
                    Ok(if told.is_empty() { context.say("pairings-none", &[]) } else { told.join("\n\n") })
                })?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Context {
    async fn invite(&self, out: Option<PathBuf>, terms: &InviteForm) -> Result<Exit, Told> {
        // The file is made first: where none can be, nobody is invited.
        let file = out.map(|out| PrivateFile::create(&out)).transpose().map_err(|fault| self.tell(fault))?;
        let done = self.invited(file.as_ref(), terms).await;
        if done.is_err() {
            file.iter().for_each(PrivateFile::remove);
        }
        done.map(|()| Exit::Done)
    }

    async fn invited(&self, file: Option<&PrivateFile>, terms: &InviteForm) -> Result<(), Told> {
        let client = self.client();
        let value = client.post("/api/v1/pairings/invite", terms).await?;
        let view: InvitedView = client.typed(&value)?;
        let done = self.say("done-invite", &[("line", view.line.clone())]);
        let told = format!("{done}\n{}", self.to_be_signed(&view.terms));
        let Some(file) = file else {
            return self.show(&value, || Ok(format!("{told}\n{}", view.invitation)));
        };
        if let Err(fault) = file.write(view.invitation.as_bytes()) {
            // Nobody can take up an invitation that nobody has.
            client.post("/api/v1/pairings/abandon", &AbandonForm { line: Some(view.line) }).await?;
            return Err(self.tell(fault));
        }
        self.show(&value, || Ok(told))
    }

    fn read(&self, file: &PathBuf) -> Result<String, Told> {
        let mut text = String::new();
        let read = if file.as_os_str() == "-" {
            std::io::stdin().take(INVITATION_MAX).read_to_string(&mut text)
        } else {
            std::fs::File::open(file).and_then(|open| open.take(INVITATION_MAX).read_to_string(&mut text))
        };
        let fault = |cause| self.tell(Fault::new(Code::File).with("path", file.display()).with("cause", cause));
        read.map(|_| text).map_err(fault)
    }

    fn pairing(&self, value: &Value) -> Result<(), Told> {
        let view: PairingView = self.client().typed(value)?;
        self.show(value, || Ok(self.told(&view)))
    }

    /// What both sides sign, under a heading.
    fn to_be_signed(&self, terms: &TermsView) -> String {
        format!("{}\n{}", self.say("pairing-terms", &[]), text::sentences(&terms.sentences))
    }

    fn told(&self, view: &PairingView) -> String {
        let name = match view.candidates.as_slice() {
            [one] => one.name.clone(),
            _ => String::new(),
        };
        let named = if name.is_empty() { "no" } else { "yes" }.to_owned();
        let standing = [("standing", view.said_standing().to_owned()), ("named", named), ("name", name)];
        let mut lines = vec![format!("{}  {}", view.line, self.say("pairing-standing", &standing))];
        lines.extend(view.sentences.iter().map(|sentence| clean(sentence)));
        lines.extend(view.terms.iter().map(|terms| self.to_be_signed(terms).trim_end().to_owned()));
        for candidate in &view.candidates {
            let name = ("name", candidate.name.clone());
            let args = [
                name.clone(),
                ("sign", candidate.call_sign.clone()),
                ("zone", candidate.zone.clone()),
                ("digits", candidate.digits.clone()),
            ];
            lines.push(self.say("candidate-said", &args));
            lines.push(format!("  {}", clean(&candidate.posts)));
            lines.extend(candidate.alike.iter().chain(&candidate.mixed).map(|sentence| clean(sentence)));
            if view.candidates.len() > 1 {
                lines.push(self.say("candidate-differ", &[name.clone(), ("key", candidate.key.clone())]));
            }
            if candidate.they_confirmed {
                lines.push(self.say("candidate-confirmed", &[name]));
            }
        }
        lines.join("\n")
    }
}
