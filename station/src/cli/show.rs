//! `lines`, `status`, `record`, `doctor`: from the station that serves, or from the directory that none serves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{address, escaped};
use super::export::taken_out;
use super::unserved::Unserved;
use super::{Context, Exit};
use crate::api::doctor::{Report, examine};
use crate::api::fault::{Code, Told};
use crate::api::talks::{TalkerView, TalkingView};
use crate::api::views::{self, LineRow, RecordPage, RecordQuery, RequestsView, UnreadView};
use crate::view::figures::{FiguresView, figures};
use crate::view::lines::{LineView, StandingView};
use crate::view::request::RequestView;
use crate::view::terms::{AgreedView, agreed};
use crate::view::text;
use crate::words::clean;
use crate::words::clocks::Telling;

#[derive(Subcommand, Debug)]
pub(super) enum ShowCommand {
    Lines {
        #[arg(long, group = "instead")]
        figures: bool,
        #[arg(long, group = "instead")]
        terms: bool,
        #[arg(long, requires = "figures")]
        year: Option<u64>,
        #[arg(long, requires = "instead")]
        line: Option<String>,
    },
    Status {
        name: Option<String>,
        #[arg(long, conflicts_with = "name")]
        all: bool,
        #[arg(long, value_name = "NUMBER")]
        epoch: Option<u64>,
        #[arg(long)]
        line: Option<String>,
    },
    Record {
        #[arg(long)]
        line: Option<String>,
        #[arg(long, value_name = "NUMBER")]
        epoch: Option<u64>,
        #[arg(long, value_name = "COUNT", conflicts_with = "from")]
        offset: Option<u64>,
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
        #[arg(long)]
        words: bool,
        #[arg(long, value_name = "FILE", conflicts_with_all = ["epoch", "offset", "from", "limit", "words"])]
        entries: Option<PathBuf>,
    },
    Doctor,
}

impl ShowCommand {
    pub async fn run(self, context: &Context) -> Result<Exit, Told> {
        context.has_data()?;
        match self {
            ShowCommand::Lines { figures: true, year, line, .. } => context.figures(line, year).await,
            ShowCommand::Lines { terms: true, line, .. } => context.terms(line).await,
            ShowCommand::Lines { .. } => context.lines().await,
            ShowCommand::Status { name: Some(name), line, epoch, .. } => context.status(&name, line, epoch).await,
            ShowCommand::Status { name: None, line, all, epoch } => context.requests(line, all, epoch).await,
            ShowCommand::Record { line, entries: Some(file), .. } => taken_out(context, line, &file).await,
            ShowCommand::Record { line, epoch, offset, from, limit, words, .. } => {
                context.record(RecordQuery { line, epoch, offset, from, limit, words }).await
            }
            ShowCommand::Doctor => context.doctor().await,
        }
    }
}

impl Context {
    /// The station's answer, or what the directory holds if no station answers.
    async fn view<T: Serialize + DeserializeOwned>(
        &self,
        path: &str,
        unserved: impl FnOnce(&Unserved<'_>) -> Result<T, Told>,
    ) -> Result<(Value, T), Told> {
        let client = self.client();
        match client.get(path).await {
            Ok(value) => {
                let view = client.typed(&value)?;
                Ok((value, view))
            }
            Err(told) if told.code == Code::NoStation.word() => {
                let view = unserved(&Unserved::open(&self.data, &self.words, self.now())?)?;
                Ok((serde_json::to_value(&view).map_err(|e| self.machine(e))?, view))
            }
            Err(told) => Err(told),
        }
    }

    async fn lines(&self) -> Result<Exit, Told> {
        let (value, rows): (_, Vec<LineRow>) = self.view("/api/v1/lines", |unserved| Ok(unserved.lines())).await?;
        let text = |view: &LineView| {
            let signs = [&view.ours, &view.theirs].map(|side| side.call_sign.as_str());
            let clocks = self.clocks(signs, [&view.ours.zone, &view.theirs.zone]);
            text::line(view, &Telling { words: &self.words, clocks: &clocks })
        };
        let (_, unread): (_, Vec<UnreadView>) =
            self.view("/api/v1/lines/unread", |unserved| Ok(unserved.unread())).await?;
        self.show(&value, || {
            let texts: Vec<String> =
                rows.iter().map(|row| text(&row.view)).chain(unread.iter().map(not_served)).collect();
            Ok(if texts.is_empty() { self.say("lines-none", &[]) } else { texts.join("\n") })
        })?;
        let halted = rows.iter().any(|row| matches!(row.view.standing, StandingView::Halted { .. }));
        Ok(match (halted, unread.is_empty()) {
            (true, _) => Exit::Misconduct,
            (false, true) => Exit::Done,
            (false, false) => Exit::Machine,
        })
    }

    async fn figures(&self, line: Option<String>, year: Option<u64>) -> Result<Exit, Told> {
        let path = address("/api/v1/figures", &[("line", line.clone()), ("year", year.map(|y| y.to_string()))]);
        let unserved = |unserved: &Unserved<'_>| {
            let each = unserved.each(line.as_deref(), |sight| figures(sight, year))?;
            Ok(each.into_iter().collect())
        };
        let (value, views): (_, BTreeMap<String, FiguresView>) = self.view(&path, unserved).await?;
        let text = |view: &FiguresView| {
            let clocks = self.clocks(signs(&view.call_signs), signs(&view.zones));
            text::figures(view, &Telling { words: &self.words, clocks: &clocks })
        };
        self.show(&value, || Ok(views.values().map(text).collect::<Vec<_>>().join("\n")))?;
        Ok(Exit::Done)
    }

    async fn terms(&self, line: Option<String>) -> Result<Exit, Told> {
        let path = address("/api/v1/lines/terms", &[("line", line.clone())]);
        let unserved = |unserved: &Unserved<'_>| {
            let each = unserved.each(line.as_deref(), agreed)?;
            Ok(each.into_iter().map(|(_, view)| view).collect())
        };
        let (value, views): (_, Vec<AgreedView>) = self.view(&path, unserved).await?;
        let text = |view: &AgreedView| {
            let head = format!("{} ({})", clean(&view.name), clean(&view.call_sign));
            format!("{head}\n{}", text::sentences(&view.terms.sentences))
        };
        self.show(&value, || {
            let texts: Vec<String> = views.iter().map(text).collect();
            Ok(if texts.is_empty() { self.say("lines-none", &[]) } else { texts.join("\n") })
        })?;
        Ok(Exit::Done)
    }

    async fn status(&self, name: &str, line: Option<String>, epoch: Option<u64>) -> Result<Exit, Told> {
        let asked = [("line", line.clone()), ("epoch", epoch.map(|n| n.to_string()))];
        let path = address(&format!("/api/v1/requests/{}", escaped(name)), &asked);
        let unserved =
            |unserved: &Unserved<'_>| unserved.one(line.as_deref(), epoch, |sight| views::status(sight, name))?;
        let (value, view): (_, RequestView) = self.view(&path, unserved).await?;
        let clocks = self.clocks(signs(&view.call_signs), signs(&view.zones));
        let on_call = self.on_call(&view).await;
        self.show(&value, || {
            let text = text::request(&view, &Telling { words: &self.words, clocks: &clocks });
            Ok([Some(text), on_call].into_iter().flatten().collect::<Vec<_>>().join("\n"))
        })?;
        Ok(Exit::Done)
    }

    /// Who is on the call of a request now, where a station that serves knows of one. It is of this moment, and of no record.
    async fn on_call(&self, view: &RequestView) -> Option<String> {
        view.talk.as_ref()?;
        let asked = [("line", Some(view.line.clone())), ("on", Some(view.request.at.clone()))];
        let client = self.client();
        let told = client.get(&address("/api/v1/talks", &asked)).await.ok()?;
        let talking: TalkingView = client.typed(&told).ok()?;
        let parts = |people: &[TalkerView]| {
            let parts: Vec<String> =
                people.iter().map(|person| self.say("talking-part", &[("part", person.part.clone())])).collect();
            if parts.is_empty() { self.say("status-nobody", &[]) } else { parts.join(", ") }
        };
        let is_empty = talking.standing == "over" || talking.ours.is_empty() && talking.theirs.is_empty();
        let [ours, theirs] = [&talking.ours, &talking.theirs].map(|people| parts(people));
        (!is_empty).then(|| self.say("status-on-call", &[("ours", ours), ("theirs", theirs)]))
    }

    async fn requests(&self, line: Option<String>, all: bool, epoch: Option<u64>) -> Result<Exit, Told> {
        let asked = [("line", line.clone()), ("all", Some(all.to_string())), ("epoch", epoch.map(|n| n.to_string()))];
        let path = address("/api/v1/requests", &asked);
        let unserved = |unserved: &Unserved<'_>| {
            let each = unserved.each_in(line.as_deref(), epoch, |sight| views::requests(sight, all))?;
            Ok(each.into_iter().map(|(_, view)| view).collect())
        };
        let (value, views): (_, Vec<RequestsView>) = self.view(&path, unserved).await?;
        self.show(&value, || {
            let requests = views.iter().flat_map(|view| view.theirs.iter().chain(&view.ours));
            let mut lines: Vec<String> = requests.map(|view| text::request_line(view, &self.words)).collect();
            if lines.is_empty() {
                lines.push(self.say(if epoch.is_some() { "requests-none-broken" } else { "requests-none" }, &[]));
            }
            let began =
                views.iter().filter_map(|view| view.began.as_ref()).filter(|began| !began.broken_off.is_empty());
            lines.extend(began.flat_map(text::epoch));
            Ok(lines.join("\n"))
        })?;
        Ok(Exit::Done)
    }

    async fn record(&self, query: RecordQuery) -> Result<Exit, Told> {
        let path = address(
            "/api/v1/record",
            &[
                ("line", query.line.clone()),
                ("epoch", query.epoch.map(|n| n.to_string())),
                ("offset", query.offset.map(|n| n.to_string())),
                ("from", query.from.clone()),
                ("limit", query.limit.map(|n| n.to_string())),
                ("words", Some(query.words.to_string())),
            ],
        );
        let (value, page): (_, RecordPage) = self.view(&path, |unserved| unserved.page(&query)).await?;
        let clocks = self.clocks(signs(&page.record.call_signs), signs(&page.record.zones));
        let telling = Telling { words: &self.words, clocks: &clocks };
        self.show(&value, || {
            let list = if query.words { text::record_list } else { text::record };
            let heads = page.heads.iter().map(|head| {
                let args =
                    [("sign", head.call_sign.clone()), ("size", head.size.to_string()), ("root", head.root.clone())];
                self.say("record-head", &args)
            });
            let epoch = (page.epoch > 0 || query.epoch.is_some())
                .then(|| self.say("record-epoch", &[("number", page.epoch.to_string())]));
            let foot: Vec<String> = epoch.into_iter().chain(heads).collect();
            Ok(format!("{}\n{}", list(&page.record, &telling), foot.join("\n")))
        })?;
        Ok(Exit::Done)
    }

    async fn doctor(&self) -> Result<Exit, Told> {
        let client = self.client();
        let (value, report) = match client.get("/api/v1/doctor").await {
            Ok(value) => {
                let report: Report = client.typed(&value)?;
                (value, report)
            }
            Err(told) if told.code == Code::NoStation.word() => {
                let report = examine(&self.data, false, self.clock.now(), &self.words);
                (serde_json::to_value(&report).map_err(|e| self.machine(e))?, report)
            }
            Err(told) => return Err(told),
        };
        self.show(&value, || {
            let lines = report.findings.iter().flat_map(|finding| {
                let mark = if finding.well { "+" } else { "!" };
                let found = format!("{mark} {}", finding.sentence);
                [Some(found), finding.instead.as_ref().map(|instead| format!("    {instead}"))].into_iter().flatten()
            });
            Ok(lines.collect::<Vec<_>>().join("\n"))
        })?;
        Ok(match (report.well, report.halted) {
            (_, true) => Exit::Misconduct,
            (true, false) => Exit::Done,
            (false, false) => Exit::Machine,
        })
    }
}

/// A line that cannot be read.
pub(super) fn not_served(view: &UnreadView) -> String {
    format!("{}\n    {}", clean(&view.sentence), view.instead)
}

fn signs(both: &[String; 2]) -> [&str; 2] {
    both.each_ref().map(String::as_str)
}
