//! The bell: the first channel. A stream of what rings, one JSON line a change, level-triggered; and the only way to say that a
//! device rings: by the session that was handed the ring, while its stream is open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use counterpart_core::ids::{EntryRef, Epoch, LineId, unhex};
use counterpart_core::line::broken::Tally;
use counterpart_core::line::ringing::Ring;
use counterpart_core::record::codes::Channel;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Api;
use super::acts::Unfit;
use super::door::Who;
use super::fault::{Code, Fault, Told};
use super::receive::{Form, Name};
use super::sight::{hexadecimal, serves};
use super::stream::{Looks, Stream};
use crate::entropy;
use crate::record::entry_key;
use crate::view::Named;
use crate::view::broken::read_tally;
use crate::view::names;
use crate::view::ring::{RingView, ringing, told};
use crate::words::Arg;

/// Bells open at one time.
pub const BELLS_MAX: usize = 16;
/// Lines that wait for a bell that reads slowly.
const WAITING_MAX: usize = 4;
/// An empty line at the latest after so long without a change: a bell that hears none is cut off.
pub const BEAT: Duration = Duration::from_secs(20);

/// One line of the stream: what rings now, and what has changed since the line before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BellView {
    /// The session, for `POST /api/v1/bell/{session}/rang`.
    pub session: String,
    /// Everything that rings.
    pub rings: Vec<Rung>,
    /// What began to ring.
    pub begun: Vec<Rung>,
    /// What stopped.
    pub stopped: Vec<Stopped>,
}

/// A ring and its line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rung {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The epoch in which it rings, as "1/" and 16 hexadecimal digits.
    pub epoch: String,
    /// What rings.
    pub ring: RingView,
}

/// A ring that stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Stopped {
    /// The line.
    pub line: String,
    /// What rang.
    pub entry: Named,
    /// That as a sentence.
    pub sentence: String,
}

/// A device has rung: on which line, for which entry ("0:12").
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RangForm {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The entry.
    pub at: String,
    /// The epoch in which it rang, as it was handed; it may be left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<String>,
}

/// What became of a ring that was confirmed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RangView {
    /// Whether it is in the record as ALERTING; of a text, a check or an act it is not.
    pub recorded: bool,
}

/// Somebody here takes note of an act of theirs that rings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotedForm {
    /// The line, if there are several.
    pub line: Option<String>,
    /// The act, by its name.
    pub on: String,
    /// The epoch that was looked at; as of an act.
    #[serde(default)]
    pub epoch: Option<String>,
    /// Of what broke off, which rings at a charter: what its list was known by, as it was told. Nothing is noted of what came since.
    #[serde(default)]
    pub tally: Option<String>,
}

/// Of what somebody took note.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NotedView {
    /// The line.
    pub line: String,
    /// The act.
    pub entry: Named,
    /// That as a sentence.
    pub sentence: String,
}

/// What becomes of it when a channel says that it has rung.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Becomes {
    /// An `alerting` in the record.
    Alerting,
    /// It has been told, and stops.
    Told,
    /// Nothing.
    Nothing,
}

/// The rings that each open bell has been handed, what a confirmation of each becomes, and in which epoch.
type Handed = BTreeMap<(LineId, EntryRef), (Becomes, Epoch)>;

/// The bells that are open.
#[derive(Clone, Default)]
pub struct Bells(Arc<Mutex<BTreeMap<String, Handed>>>);

impl Bells {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Handed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn open(&self, name: String) -> Option<Session> {
        let mut bells = self.lock();
        if bells.len() >= BELLS_MAX {
            return None;
        }
        bells.insert(name.clone(), Handed::new());
        Some(Session { name, bells: self.clone() })
    }

    fn hand(&self, session: &str, rings: Handed) {
        if let Some(handed) = self.lock().get_mut(session) {
            *handed = rings;
        }
    }

    fn handed(&self, session: &str, ring: (LineId, EntryRef)) -> Result<(Becomes, Epoch), Fault> {
        let bells = self.lock();
        let handed = bells.get(session).ok_or_else(|| Fault::new(Code::NoSuchSession))?;
        handed.get(&ring).copied().ok_or_else(|| Fault::new(Code::NotHanded))
    }
}

/// An open bell; dropped with its stream, it is closed.
struct Session {
    name: String,
    bells: Bells,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.bells.lock().remove(&self.name);
    }
}

/// `GET /api/v1/bell`.
pub(super) async fn open(State(api): State<Api>) -> Result<Response, Told> {
    let name = hexadecimal(&entropy::bytes::<16>().map_err(|e| api.failed(&e))?);
    let session = api.bells.open(name.clone());
    let session = session.ok_or_else(|| api.tell(Fault::new(Code::TooManyBells).with("max", BELLS_MAX)))?;
    let (to, lines) = mpsc::channel(WAITING_MAX);
    let stream = Body::new(Stream::new(lines, session));
    tokio::spawn(ring(api, name, to));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], stream).into_response())
}

/// Follows what is published until the caller goes or the station stops.
async fn ring(api: Api, session: String, to: mpsc::Sender<Bytes>) {
    let mut looks = Looks::of_bell(&api);
    let mut last: Option<Vec<Rung>> = None;
    let mut shown = BTreeMap::new();
    while looks.begin() {
        let Ok(rings) = rings(&api, &mut shown).await else { return };
        // Only a change of what rings is told; else a beat.
        let line = if last.as_ref() == Some(&rings) {
            Bytes::from_static(b"\n")
        } else {
            let Ok(line) = change(&api, &session, last.as_deref().unwrap_or_default(), &rings).await else { return };
            api.bells.hand(&session, handed(&rings));
            last = Some(rings);
            line
        };
        if to.send(line).await.is_err() || !looks.next(BEAT, &to).await {
            return;
        }
    }
}

/// What a line rings, of which epoch and what is known of it, and how that is shown.
type Shown = BTreeMap<LineId, (Epoch, (Vec<Ring>, Option<Tally>), Vec<RingView>)>;

/// What rings on every line. A line is looked at only when its rings have changed since they were `shown`.
async fn rings(api: &Api, shown: &mut Shown) -> Result<Vec<Rung>, Told> {
    let view = api.parts.keeper.published().borrow().clone();
    shown.retain(|line, _| view.lines.get(line).is_some_and(|l| !l.rings.is_empty()));
    for (line, published) in view.lines.iter().filter(|(_, l)| !l.rings.is_empty()) {
        // What broke off may become more while its ring stays the same.
        let is_same = |(epoch, (rings, tally), _): &(Epoch, (Vec<Ring>, Option<Tally>), Vec<RingView>)| {
            *epoch == published.epoch && *rings == published.rings && *tally == published.tally
        };
        if !shown.get(line).is_some_and(is_same) {
            let needed = told(published.rings.clone()).iter().flat_map(|ring| [ring.at, ring.thing]).collect();
            let (epoch, found) = api.see_with(*line, needed, |sight| (sight.epoch, ringing(sight))).await?;
            shown.insert(*line, (epoch, (published.rings.clone(), published.tally), found));
        }
    }
    let rung = |line: &LineId, epoch: &Epoch, ring: &RingView| Rung {
        line: line.to_string(),
        epoch: epoch.to_string(),
        ring: ring.clone(),
    };
    let all = shown.iter().flat_map(|(line, (epoch, _, found))| found.iter().map(move |ring| (line, epoch, ring)));
    Ok(all.map(|(line, epoch, ring)| rung(line, epoch, ring)).collect())
}

fn handed(rings: &[Rung]) -> Handed {
    let becomes = |ring: &RingView| match (ring.climbs, ring.briefly) {
        (true, _) => Becomes::Alerting,
        (_, true) => Becomes::Told,
        _ => Becomes::Nothing,
    };
    let handed = |rung: &Rung| {
        let becomes = (becomes(&rung.ring), epoch(&rung.epoch)?);
        Some((read(&rung.line, &rung.ring.entry.at)?, becomes))
    };
    rings.iter().filter_map(handed).collect()
}

fn epoch(said: &str) -> Option<Epoch> {
    let (number, id) = said.split_once('/')?;
    Some(Epoch { number: number.parse().ok()?, id: unhex(id)? })
}

fn read(line: &str, at: &str) -> Option<(LineId, EntryRef)> {
    let (party, index) = at.split_once(':')?;
    let party = counterpart_core::ids::Party::from_number(party.parse().ok()?)?;
    Some((LineId(unhex(line)?), EntryRef { party, index: index.parse().ok()? }))
}

/// The difference, and everything that rings now, as one line.
async fn change(api: &Api, session: &str, before: &[Rung], now: &[Rung]) -> Result<Bytes, Told> {
    let key = |r: &Rung| (r.line.clone(), r.epoch.clone(), r.ring.entry.at.clone());
    let keys = |rings: &[Rung]| -> BTreeSet<(String, String, String)> { rings.iter().map(key).collect() };
    let (had, has) = (keys(before), keys(now));
    let mut stopped = Vec::new();
    for rung in before.iter().filter(|r| !has.contains(&key(r))) {
        stopped.push(Stopped {
            line: rung.line.clone(),
            entry: rung.ring.entry.clone(),
            sentence: stopped_by(api, rung).await?,
        });
    }
    let view = BellView {
        session: session.into(),
        rings: now.to_vec(),
        begun: now.iter().filter(|r| !had.contains(&key(r))).cloned().collect(),
        stopped,
    };
    // A view is plain text and numbers: it always has a JSON form; without one the beat alone would be sent.
    let mut line = serde_json::to_vec(&view).unwrap_or_default();
    line.push(b'\n');
    Ok(line.into())
}

/// That a ring has stopped, why, and if somebody here stopped it who that was.
async fn stopped_by(api: &Api, rung: &Rung) -> Result<String, Told> {
    let name = ("name", Arg::from(rung.ring.thing.name.clone()));
    let Some((line, at)) = read(&rung.line, &rung.ring.entry.at) else {
        return Ok(api.words.say("ring-stops", &[name]));
    };
    let rang_in = epoch(&rung.epoch);
    let stop = api.see(line, move |sight| {
        let same = rang_in == Some(sight.epoch);
        let key = |at: EntryRef| entry_key(line, sight.epoch, at);
        same.then(|| sight.stopped(at)).map(|stop| (stop.ours.map(key), stop.why))
    });
    let (ours, why) = stop.await?.unwrap_or_else(|| (None, api.words.say("stop-epoch", &[])));
    let user = match ours {
        None => None,
        Some(key) => {
            let reader = api.parts.reader.clone();
            let actor = tokio::task::spawn_blocking(move || reader.actor(key)).await.map_err(|e| api.machine(e))?;
            actor.map_err(|e| api.machine(e))?.map(|actor| actor.user)
        }
    };
    Ok(match user {
        None => api.words.say("ring-stops-why", &[name, ("why", why.into())]),
        Some(user) => api.words.say("ring-stops-user", &[name, ("why", why.into()), ("user", user.into())]),
    })
}

/// `POST /api/v1/bell/{session}/rang`: a device rings, for a ring that this open bell was handed.
pub(super) async fn rang(
    State(api): State<Api>,
    Name(session): Name,
    Form(form): Form<RangForm>,
) -> Result<axum::Json<RangView>, Told> {
    let ring = read(&form.line, &form.at).ok_or_else(|| api.tell(Fault::new(Code::NotHanded)))?;
    let (becomes, handed) = api.bells.handed(&session, ring).map_err(|fault| api.tell(fault))?;
    if form.epoch.is_some_and(|said| epoch(&said) != Some(handed)) {
        return Err(api.tell(Fault::new(Code::NotHanded)));
    }
    let ((line, at), keeper) = (ring, &api.parts.keeper);
    let kept = match becomes {
        Becomes::Alerting => keeper.alerting(line, handed, at, Channel::Terminal).await.map(drop),
        Becomes::Told => keeper.noted(line, handed, (at, None), "bell".into()).await,
        Becomes::Nothing => Ok(()),
    };
    match kept {
        Ok(()) => Ok(axum::Json(RangView { recorded: becomes == Becomes::Alerting })),
        Err(fault) => Err(api.refused(line, fault).await),
    }
}

/// `POST /api/v1/noted`: somebody here takes note of what they did, and it rings no more. Nothing of it leaves.
pub(super) async fn noted(
    State(api): State<Api>,
    who: Who,
    Form(form): Form<NotedForm>,
) -> Result<axum::Json<NotedView>, Told> {
    api.take_note(form, who.name).await.map(axum::Json)
}

impl Api {
    /// A person of this name takes note of what they did.
    ///
    /// # Errors
    /// What to tell them: it is not known, or does not ring.
    pub(crate) async fn take_note(&self, form: NotedForm, user: String) -> Result<NotedView, Told> {
        let line = self.line(form.line).await?;
        let (on, said) = (form.on, form.epoch);
        let tally = form.tally.as_deref().and_then(read_tally);
        let found = self.see(line, move |sight| {
            if let Some(said) = &said
                && !serves(sight.line, said)?
            {
                return Err(Unfit::Ended(line));
            }
            let at = names::parse(sight.line, &on)?;
            let rings = ringing(sight).into_iter().any(|ring| ring.tells && ring.entry.at == at.to_string());
            Ok((sight.epoch, at, sight.named(at), rings))
        });
        let (epoch, at, entry, rings) = match found.await? {
            Ok(found) => found,
            Err(unfit) => return Err(self.unfit(unfit).await),
        };
        if !rings {
            return Err(self.tell(Fault::new(Code::NotRinging).with("name", entry.name)));
        }
        if let Err(fault) = self.parts.keeper.noted(line, epoch, (at, tally), user).await {
            return Err(self.refused(line, fault).await);
        }
        let sentence = self.words.say("noted", &[("name", (&entry.name).into())]);
        Ok(NotedView { line: line.to_string(), entry, sentence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use counterpart_core::ids::Party;

    const RING: (LineId, EntryRef) = (LineId([7; 16]), EntryRef { party: Party::Inviter, index: 1 });

    #[test]
    fn only_a_ring_that_was_handed_to_an_open_session_is_confirmed() {
        let bells = Bells::default();
        let session = bells.open("a".into()).unwrap();
        let code = |name: &str| bells.handed(name, RING).map_err(|f| f.code());

        assert_eq!(code("a"), Err(Code::NotHanded));
        bells.hand("a", [(RING, (Becomes::Alerting, Epoch::FIRST))].into());
        assert_eq!(code("a"), Ok((Becomes::Alerting, Epoch::FIRST)));
        assert_eq!(code("b"), Err(Code::NoSuchSession));
        bells.hand("a", Handed::new());
        assert_eq!(code("a"), Err(Code::NotHanded), "it has stopped");
        drop(session);
        assert_eq!(code("a"), Err(Code::NoSuchSession), "the stream has ended");
    }

    #[test]
    fn there_are_so_many_bells_and_no_more() {
        let bells = Bells::default();
        let open: Vec<Session> = (0..BELLS_MAX).filter_map(|n| bells.open(n.to_string())).collect();

        assert_eq!(open.len(), BELLS_MAX);
        assert!(bells.open("one more".into()).is_none());
        drop(open);
        assert!(bells.open("one more".into()).is_some());
    }
}
