//! `round`: one subject asked on several lines at once, and how far each has come. Through a station that serves.

use std::io;

use clap::{Args, Subcommand};

use super::acts::words;
use super::{Context, Exit};
use crate::api::fault::Told;
use crate::api::form::WordsForm;
use crate::api::rounds::{RoundAsk, RoundForm, RoundRow, RoundTo, RoundView};
use crate::words::clean;

#[derive(Subcommand, Debug)]
pub(super) enum RoundCommand {
    Ask(Box<RoundAsked>),
    List,
    Show { number: u64 },
}

// What is asked.
#[derive(Args, Debug)]
pub(super) struct RoundAsked {
    words: Option<String>,
    #[arg(long, value_name = "POST")]
    from: String,
    #[arg(long = "on", value_name = "LINE=POST", required = true, value_parser = to)]
    on: Vec<RoundTo>,
    #[arg(long)]
    precedence: Option<String>,
    #[arg(long)]
    mark: Option<String>,
    #[arg(long)]
    mode: Option<String>,
    #[arg(long)]
    private: bool,
    #[arg(long, value_name = "NUMBER")]
    round: Option<u64>,
    #[arg(long)]
    language: Option<String>,
    #[arg(long)]
    token: Option<String>,
}

/// A line and a post, as one argument. A post has no `=` in it.
fn to(said: &str) -> Result<RoundTo, &'static str> {
    let parts = said.rsplit_once('=').filter(|(line, to)| !line.is_empty() && !to.is_empty());
    let (line, to) = parts.ok_or("LINE=POST")?;
    Ok(RoundTo { line: line.into(), to: to.into() })
}

impl RoundCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        let client = context.client();
        match self {
            RoundCommand::Ask(asked) => {
                let form = asked.form(context)?;
                let value = client.post("/api/v1/rounds", &form).await?;
                let view: RoundView = client.typed(&value)?;
                context.show(&value, || Ok(context.round(&view)))?;
                let is_whole = view.asks.iter().all(|ask| ask.request.is_some());
                Ok(if is_whole { Exit::Done } else { Exit::Refused })
            }
            RoundCommand::List => {
                let value = client.get("/api/v1/rounds").await?;
                let rows: Vec<RoundRow> = client.typed(&value)?;
                context.show(&value, || {
                    let rows: Vec<String> = rows.iter().map(|row| context.round_row(row)).collect();
                    Ok(if rows.is_empty() { context.say("rounds-none", &[]) } else { rows.join("\n") })
                })?;
                Ok(Exit::Done)
            }
            RoundCommand::Show { number } => {
                let value = client.get(&format!("/api/v1/rounds/{number}")).await?;
                let view: RoundView = client.typed(&value)?;
                context.show(&value, || Ok(context.round(&view)))?;
                Ok(Exit::Done)
            }
        }
    }
}

impl RoundAsked {
    fn form(self, context: &Context) -> Result<RoundForm, Told> {
        let text = words(self.words, &mut io::stdin().lock()).map_err(|fault| context.tell(fault))?;
        Ok(RoundForm {
            round: self.round,
            token: Some(self.token.map_or_else(|| context.token(), Ok)?),
            from: self.from,
            asks: self.on,
            precedence: self.precedence,
            mark: self.mark,
            mode: self.mode,
            private: self.private.then_some(true),
            words: text.map(|text| WordsForm { language: self.language, text }),
        })
    }
}

impl Context {
    fn round_row(&self, row: &RoundRow) -> String {
        let begun = self.say("round-lede", &[("name", clean(&row.user)), ("time", row.begun.to_string())]);
        let title = self.say("round-title", &[("number", row.round.to_string())]);
        let lines = self.words.say("rounds-lines", &[("count", row.lines.into())]);
        let subject = row.subject.as_ref().map_or_else(String::new, |said| format!("  {}", clean(&said.text)));
        format!("{title}, {begun}, {lines}{subject}")
    }

    fn round(&self, view: &RoundView) -> String {
        let ask = |ask: &RoundAsk| {
            let told = match &ask.request {
                Some(request) => format!("{}  {}", clean(&request.request.name), request.headline),
                None => self.say("round-not-asked", &[]),
            };
            format!("  {}  {told}", clean(&ask.call_sign))
        };
        let is_whole = view.asks.iter().all(|ask| ask.request.is_some());
        let cut = (!is_whole).then(|| self.say("round-not-whole", &[]));
        let lines = std::iter::once(self.round_row(&view.row)).chain(view.asks.iter().map(ask)).chain(cut);
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_round_is_named_with_a_post() {
        let read = |said: &str| to(said).ok().map(|to| (to.line, to.to));

        assert_eq!(read("southland=minister"), Some(("southland".into(), "minister".into())));
        assert_eq!(read("a=b=minister"), Some(("a=b".into(), "minister".into())), "a call sign may have that sign");
        assert_eq!((read("southland"), read("=minister"), read("southland=")), (None, None, None));
    }
}
