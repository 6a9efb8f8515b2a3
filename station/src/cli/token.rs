//! `token`: which programs may call over TCP, and as what. Through a station that serves.

use clap::Subcommand;

use super::{Context, Exit};
use crate::api::fault::Told;
use crate::api::people::NameForm;
use crate::api::times::write;
use crate::api::tokens::{TokenForm, TokenMade, TokenView};

#[derive(Subcommand, Debug)]
pub(super) enum TokenCommand {
    Add {
        name: String,
        #[arg(long, value_name = "watch|admin|auditor|calendar")]
        role: String,
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    List,
    Revoke {
        name: String,
    },
}

impl TokenCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let client = context.client();
        match self {
            TokenCommand::Add { name, role, until } => {
                let until = until.map(|said| context.times()?.end_at(&said).map(write)).transpose();
                let until = until.map_err(|fault| context.tell(fault))?;
                let value = client.post("/api/v1/tokens", &TokenForm { name, role, until }).await?;
                let made: TokenMade = client.typed(&value)?;
                context.show(&value, || Ok(made.address.unwrap_or(made.token)))?;
            }
            TokenCommand::List => {
                let value = client.get("/api/v1/tokens").await?;
                let tokens: Vec<TokenView> = client.typed(&value)?;
                let line = |token: &TokenView| {
                    let end = token.until.map_or_else(
                        || context.say("token-no-end", &[]),
                        |until| {
                            let id = if token.ended { "token-ended" } else { "token-until" };
                            context.say(id, &[("time", until.to_string())])
                        },
                    );
                    let args = [("name", token.name.clone()), ("role", token.role.clone()), ("end", end)];
                    context.say("token-line", &[&args[..], &[("time", token.added.to_string())]].concat())
                };
                context.show(&value, || Ok(tokens.iter().map(line).collect::<Vec<_>>().join("\n")))?;
            }
            TokenCommand::Revoke { name } => {
                let value = client.post("/api/v1/tokens/revoke", &NameForm { name: name.clone() }).await?;
                context.show(&value, || Ok(context.say("done-token-revoke", &[("name", name)])))?;
            }
        }
        Ok(Exit::Done)
    }
}
