//! `user`: who may sign in at the desk. Through a station that serves; `add` and `change` also in a directory that none serves.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Subcommand;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::json;

use super::{Context, Exit};
use crate::api::fault::{Code, Fault, Told};
use crate::api::people::{ChangeForm, LinkView, NameForm, UserForm, UserView, read, read_change};
use crate::store::{Batch, People, Store, served_by};

/// Bytes of a line that is read as a password.
const LINE_MAX: u64 = 4_096;

#[derive(Subcommand, Debug)]
pub(super) enum UserCommand {
    Add {
        name: String,
        #[arg(long, value_name = "watch|admin|auditor")]
        role: String,
        #[arg(long)]
        no_password: bool,
    },
    Change {
        name: String,
        #[arg(long, value_name = "watch|admin|auditor", required_unless_present_any = ["password", "no_password"])]
        role: Option<String>,
        #[arg(long, conflicts_with = "no_password")]
        password: bool,
        #[arg(long)]
        no_password: bool,
    },
    List,
    End {
        name: String,
    },
    SignOut {
        name: String,
    },
    Link {
        name: String,
    },
}

impl UserCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let client = context.client();
        match self {
            UserCommand::Add { name, role, no_password } => {
                let password = if no_password { None } else { Some(context.password()?) };
                let form = UserForm { name, role, password };
                if served_by(&context.data).is_some() {
                    client.post("/api/v1/users", &form).await?;
                } else {
                    context.add_unserved(&form)?;
                }
                context.told_of("done-user", &form.name)?;
            }
            UserCommand::Change { name, role, password, no_password } => {
                let password = if password { Some(context.password()?) } else { None };
                let form = ChangeForm { name, role, password, no_password };
                if served_by(&context.data).is_some() {
                    client.post("/api/v1/users/change", &form).await?;
                } else {
                    context.change_unserved(&form)?;
                }
                context.told_of("done-user-change", &form.name)?;
            }
            UserCommand::List => {
                let value = client.get("/api/v1/users").await?;
                let users: Vec<UserView> = client.typed(&value)?;
                let line = |user: &UserView| {
                    let args = [("name", user.name.clone()), ("role", user.role.clone())];
                    context.say("user-line", &[&args[..], &[("count", user.sessions.to_string())]].concat())
                };
                context.show(&value, || Ok(users.iter().map(line).collect::<Vec<_>>().join("\n")))?;
            }
            UserCommand::End { name } => {
                client.post("/api/v1/users/end", &NameForm { name: name.clone() }).await?;
                context.told_of("done-user-end", &name)?;
            }
            UserCommand::SignOut { name } => {
                client.post("/api/v1/users/sign-out", &NameForm { name: name.clone() }).await?;
                context.told_of("done-user-sign-out", &name)?;
            }
            UserCommand::Link { name } => {
                let value = client.post("/api/v1/users/link", &NameForm { name }).await?;
                let link: LinkView = client.typed(&value)?;
                context.show(&value, || Ok(link.url))?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Context {
    fn told_of(&self, id: &str, name: &str) -> Result<(), Told> {
        self.show(&json!({ "name": name }), || Ok(self.say(id, &[("name", name.to_owned())])))
    }

    fn add_unserved(&self, form: &UserForm) -> Result<(), Told> {
        let now = self.now().0;
        let user = read(form, now).map_err(|fault| self.tell(fault))?;
        let there = Fault::new(Code::UserThere).with("said", &form.name);
        self.keep_unserved(now, People::User(user), &form.name, |is_known| if is_known { Some(there) } else { None })
    }

    fn change_unserved(&self, form: &ChangeForm) -> Result<(), Told> {
        let change = read_change(form).map_err(|fault| self.tell(fault))?;
        let unknown = Fault::new(Code::UserUnknown).with("said", &form.name);
        self.keep_unserved(self.now().0, change, &form.name, |is_known| if is_known { None } else { Some(unknown) })
    }

    /// Keeps a change, unless whether there is a user of this name speaks against it.
    fn keep_unserved(
        &self,
        now: u64,
        change: People,
        name: &str,
        bars: impl FnOnce(bool) -> Option<Fault>,
    ) -> Result<(), Told> {
        let mut store = Store::open(&self.data).map_err(|e| self.failed(&e))?;
        let known = store.reader().and_then(|reader| reader.user(name)).map_err(|e| self.failed(&e))?;
        if let Some(fault) = bars(known.is_some()) {
            return Err(self.tell(fault));
        }
        store.commit(&Batch { now, people: vec![change], ..Batch::default() }).map_err(|e| self.failed(&e))
    }

    /// Reads a password without showing it.
    fn password(&self) -> Result<String, Told> {
        let file = |e: &dyn std::fmt::Display| {
            let path = self.say("standard-input", &[]);
            self.tell(Fault::new(Code::File).with("path", path).with("cause", e))
        };
        let input = io::stdin();
        let before = if input.is_terminal() { tcgetattr(&input).ok() } else { None };
        if let Some(before) = &before {
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            let _ = write!(io::stderr(), "{} ", self.say("password-prompt", &[])).and_then(|()| io::stderr().flush());
            tcsetattr(&input, OptionalActions::Now, &hidden).map_err(|e| file(&e))?;
        }
        let mut line = String::new();
        let read = io::Read::take(input.lock(), LINE_MAX).read_line(&mut line);
        if let Some(before) = &before {
            // Best effort: a terminal that is gone shows nothing.
            let _ = tcsetattr(&input, OptionalActions::Now, before);
            let _ = writeln!(io::stderr());
        }
        read.map_err(|e| file(&e))?;
        Ok(line.trim_end_matches(['\n', '\r']).to_owned())
    }
}
