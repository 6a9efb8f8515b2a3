//! The `args` of each type, written and read (`docs/protocol.md` §3.3, CDDL there).

use alloc::{string::String, vec::Vec};

use super::cbor::Value;
use super::codes::{
    Channel, CheckBy, Clause, Code, Deadline, EndReason, Holding, Instrument, LineState, Mode, OnSilence, Ownership,
    Part, StatementAnswer,
};
use super::kind::Kind;
use super::what::{Offered, What};
use crate::ids::{EntryRef, Party, PostId};
use crate::limits;
use crate::time::{Timestamp, Window};

impl What {
    /// The `args` of this entry; `None` for a type that has none.
    pub fn args(&self) -> Option<Value> {
        let uint = Value::Uint;
        let list = match self {
            What::Charter(args) => return Some(args.clone()),
            What::Amend { number, charter } => {
                let mut list = alloc::vec![uint(*number)];
                list.extend(charter.as_ref().map(|c| Value::bytes(c)));
                list
            }
            What::Key { serial, keys, root, proof } => alloc::vec![
                uint(*serial),
                Value::Array(keys.iter().map(|k| Value::bytes(k)).collect()),
                Value::bytes(root),
                Value::bytes(proof),
            ],
            What::Post { post, holding, from, until } => {
                let mut list = alloc::vec![Value::text(post.as_str()), uint(holding.number()), uint(from.0)];
                list.extend(until.map(|t| uint(t.0)));
                list
            }
            What::State { state, until } => optional(state.number(), until.map(|t| t.0)),
            What::Check { by } => alloc::vec![uint(by.number())],
            What::Overdue { clause } => alloc::vec![uint(clause.number())],
            What::Ask { mode, private } => alloc::vec![uint(mode.number()), Value::Bool(*private)],
            What::Alerting { channel } => alloc::vec![uint(channel.number())],
            What::Defer { code, until } => optional(code.number(), until.map(|t| t.0)),
            What::Decline { code } | What::Cancel { code } => alloc::vec![uint(code.number())],
            What::Lapse { deadline } => alloc::vec![uint(deadline.number())],
            What::Offer { windows, on_silence, code } => {
                let windows = windows.iter().map(offered).collect();
                let mut list = alloc::vec![Value::Array(windows), uint(on_silence.number())];
                list.extend(code.map(|c| uint(c.number())));
                list
            }
            What::Accept { window } => interval((*window)?),
            What::Joined { part } => alloc::vec![uint(part.number())],
            What::Ended { by, reason } => alloc::vec![uint(by.number()), uint(reason.number())],
            What::Talk { when, instrument, posts } => {
                let mut list = interval(*when);
                list.extend([uint(instrument.number()), texts(posts.iter().map(PostId::as_str))]);
                list
            }
            What::Sheet { when, posts, languages } => {
                let mut list = interval(*when);
                list.extend([texts(posts.iter().map(PostId::as_str)), texts(languages.iter().map(String::as_str))]);
                list
            }
            What::Notice { format, number } => alloc::vec![uint(*format), uint(*number)],
            What::Statement { sentences } => sentences
                .iter()
                .map(|(code, at)| Value::Array(alloc::vec![uint(*code), uint(at.party.number()), uint(at.index)]))
                .collect(),
            What::StatementReply { answer } => alloc::vec![uint(answer.number())],
            What::Approach { channel, post } => {
                alloc::vec![uint(channel.number()), Value::text(post.as_str())]
            }
            What::ApproachReply { ownership } | What::Adopt { ownership } => {
                alloc::vec![uint(ownership.number())]
            }
            What::Attempt { channel, address, result } => {
                alloc::vec![uint(channel.number()), Value::text(address), uint(*result)]
            }
            _ => return None,
        };
        Some(Value::Array(list))
    }
}

fn optional(first: u64, second: Option<u64>) -> Vec<Value> {
    let mut list = alloc::vec![Value::Uint(first)];
    list.extend(second.map(Value::Uint));
    list
}

fn interval(window: Window) -> Vec<Value> {
    alloc::vec![Value::Uint(window.start().0), Value::Uint(window.end().0)]
}

fn offered(offered: &Offered) -> Value {
    let mut list = interval(offered.window);
    list.push(Value::text(&offered.zone));
    Value::Array(list)
}

fn texts<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::Array(items.map(Value::text).collect())
}

/// Reads `args` of a type; `None` if they are not as the type has them, or over a limit.
pub fn read(kind: Kind, args: Option<&Value>) -> Option<What> {
    let Some(args) = args else {
        return without_args(kind);
    };
    if kind == Kind::Charter {
        return Some(What::Charter(args.clone()));
    }
    let list = args.as_array()?;
    match kind {
        Kind::Offer | Kind::Talk | Kind::Sheet | Kind::Statement | Kind::Attempt | Kind::Approach => {
            read_long(kind, list)
        }
        _ => read_short(kind, list),
    }
}

fn without_args(kind: Kind) -> Option<What> {
    Some(match kind {
        Kind::Received => What::Received,
        Kind::CheckReply => What::CheckReply,
        Kind::Seen => What::Seen,
        Kind::Referred => What::Referred,
        Kind::Renew => What::Renew,
        Kind::Suspend => What::Suspend,
        Kind::Resume => What::Resume,
        Kind::Answer => What::Answer,
        Kind::Withdraw => What::Withdraw,
        Kind::Ready => What::Ready,
        Kind::Accept => What::Accept { window: None },
        Kind::Missed => What::Missed,
        Kind::Text => What::Text,
        Kind::Read => What::Read,
        Kind::Retract => What::Retract,
        Kind::Memo => What::Memo,
        Kind::Heard => What::Heard,
        _ => return None,
    })
}

fn read_short(kind: Kind, list: &[Value]) -> Option<What> {
    let number = |at: usize| list.get(at).and_then(Value::as_uint);
    let exactly = |n: usize| (list.len() == n).then_some(());
    // An optional last item: absent, or a time.
    let until = |at: usize| match list.len() {
        n if n == at => Some(None),
        n if n == at + 1 => Timestamp::new(number(at)?).map(Some),
        _ => None,
    };
    Some(match kind {
        Kind::Amend => {
            let charter = match list.len() {
                1 => None,
                2 => Some(list.get(1)?.as_bytes()?.into()),
                _ => return None,
            };
            What::Amend { number: number(0)?, charter }
        }
        Kind::Key => {
            exactly(4)?;
            let [station, link, word] = list.get(1)?.as_array()? else {
                return None;
            };
            let keys = [station.as_array_of()?, link.as_array_of()?, word.as_array_of()?];
            What::Key {
                serial: number(0)?,
                keys,
                root: list.get(2)?.as_array_of()?,
                proof: list.get(3)?.as_array_of()?,
            }
        }
        Kind::Post => What::Post {
            post: PostId::parse(list.first()?.as_text()?)?,
            holding: Holding::from_number(number(1)?)?,
            from: Timestamp::new(number(2)?)?,
            until: until(3)?,
        },
        Kind::State => What::State { state: LineState::from_number(number(0)?)?, until: until(1)? },
        Kind::Defer => What::Defer { code: Code::from_number(number(0)?)?, until: until(1)? },
        Kind::Ask => {
            exactly(2)?;
            What::Ask { mode: Mode::from_number(number(0)?)?, private: list.get(1)?.as_bool()? }
        }
        Kind::Accept => {
            exactly(2)?;
            What::Accept { window: Some(read_interval(list)?) }
        }
        Kind::Ended => {
            exactly(2)?;
            What::Ended { by: Party::from_number(number(0)?)?, reason: EndReason::from_number(number(1)?)? }
        }
        Kind::Notice => {
            exactly(2)?;
            What::Notice { format: number(0)?, number: number(1)? }
        }
        _ => {
            exactly(1)?;
            read_single(kind, number(0)?)?
        }
    })
}

fn read_single(kind: Kind, number: u64) -> Option<What> {
    Some(match kind {
        Kind::Check => What::Check { by: CheckBy::from_number(number)? },
        Kind::Overdue => What::Overdue { clause: Clause::from_number(number)? },
        Kind::Alerting => What::Alerting { channel: Channel::from_number(number)? },
        Kind::Decline => What::Decline { code: Code::from_number(number)? },
        Kind::Cancel => What::Cancel { code: Code::from_number(number)? },
        Kind::Lapse => What::Lapse { deadline: Deadline::from_number(number)? },
        Kind::Joined => What::Joined { part: Part::from_number(number)? },
        Kind::StatementReply => What::StatementReply { answer: StatementAnswer::from_number(number)? },
        Kind::ApproachReply => What::ApproachReply { ownership: Ownership::from_number(number)? },
        Kind::Adopt => What::Adopt { ownership: Ownership::from_number(number)? },
        _ => return None,
    })
}

fn read_long(kind: Kind, list: &[Value]) -> Option<What> {
    let number = |at: usize| list.get(at).and_then(Value::as_uint);
    Some(match (kind, list) {
        (Kind::Offer, [windows, on_silence, code @ ..]) => {
            let windows = bounded(windows.as_array()?, limits::WINDOWS_MAX, read_offered)?;
            let code = match code {
                [] => None,
                [code] => Some(Code::from_number(code.as_uint()?)?),
                _ => return None,
            };
            let on_silence = OnSilence::from_number(on_silence.as_uint()?)?;
            if windows.is_empty() {
                return None;
            }
            What::Offer { windows, on_silence, code }
        }
        (Kind::Talk, [_, _, instrument, posts]) => What::Talk {
            when: read_interval(list)?,
            instrument: Instrument::from_number(instrument.as_uint()?)?,
            posts: read_posts(posts)?,
        },
        (Kind::Sheet, [_, _, posts, languages]) => What::Sheet {
            when: read_interval(list)?,
            posts: read_posts(posts)?,
            languages: bounded(languages.as_array()?, limits::LIST_MAX, short_text)?,
        },
        (Kind::Statement, [_, ..]) => What::Statement { sentences: bounded(list, limits::LIST_MAX, read_sentence)? },
        (Kind::Approach, [_, post]) => {
            What::Approach { channel: Instrument::from_number(number(0)?)?, post: PostId::parse(post.as_text()?)? }
        }
        (Kind::Attempt, [_, address, _]) => What::Attempt {
            channel: Instrument::from_number(number(0)?)?,
            address: short_text(address)?,
            result: number(2).filter(|r| *r <= 2)?,
        },
        _ => return None,
    })
}

fn bounded<T>(items: &[Value], max: usize, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    if items.len() > max { None } else { items.iter().map(read).collect() }
}

fn short_text(value: &Value) -> Option<String> {
    value.as_text().filter(|t| t.len() <= limits::SHORT_TEXT_MAX).map(String::from)
}

fn read_posts(value: &Value) -> Option<Vec<PostId>> {
    bounded(value.as_array()?, limits::LIST_MAX, |p| PostId::parse(p.as_text()?))
}

fn read_interval(list: &[Value]) -> Option<Window> {
    let [start, end, ..] = list else { return None };
    Window::new(Timestamp::new(start.as_uint()?)?, Timestamp::new(end.as_uint()?)?)
}

fn read_offered(value: &Value) -> Option<Offered> {
    let list @ [_, _, zone] = value.as_array()? else {
        return None;
    };
    let window = read_interval(list)?;
    let short = window.end().since(window.start()) <= limits::WINDOW_LENGTH_MAX_MS;
    if !short {
        return None;
    }
    Some(Offered { window, zone: short_text(zone)? })
}

fn read_sentence(value: &Value) -> Option<(u64, EntryRef)> {
    let [code, party, index] = value.as_array()? else {
        return None;
    };
    Some((code.as_uint()?, EntryRef { party: Party::from_number(party.as_uint()?)?, index: index.as_uint()? }))
}
