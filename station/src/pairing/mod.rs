//! The station around the state machines of pairing (`counterpart_core::pairing`): it commits, sends and shows what they say,
//! dials the inviter, answers joiners, and does what persons decide.
//!
//! A person invites, and gives the text to the other side in confidence; a person there joins with it. Both stations then
//! show sixteen groups of digits, which the two persons compare over another channel; each confirms at its own station. When
//! both have, the record holds the line and the switchboard dials by itself.

mod alike;
mod calls;
mod dial;
mod digits;
mod fault;
mod machine;
mod pair;
mod proposal;
mod seats;
mod steps;
mod terms;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use counterpart_core::ids::{LineId, Party};
use counterpart_core::pairing::draft::DraftFault;
use counterpart_core::pairing::invitation::{Invitation, Secret};
use counterpart_core::pairing::inviter::Inviter;
use counterpart_core::pairing::joiner::Joiner;
use counterpart_core::pairing::{End, Refusal, Standing};
use counterpart_core::record::charter::{Checks, PartyTerms};
use counterpart_core::record::merkle::Hash;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::alike::{Bearer, alike};
use self::machine::{Machine, Next};
use self::seats::{Door, Seats};
use self::steps::Kept;
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::entropy;
use crate::keys::Ring;
use crate::link::Endpoint;
use crate::link::damper::Damper;
use crate::record::{ActFault, Keeper, Lines};
use crate::store::Reader;

pub use alike::Alike;
pub use digits::DigitsFault;
pub use fault::Fault;
pub use pair::pair;
pub use proposal::{Proposal, Term, TermFault, Unfit};
pub use view::{Awaited, CandidateView, PairingView};

/// Pairings under way at a time, invited and joined together.
pub const PENDING_MAX: usize = 64;

/// What a ceremony works with.
pub struct Needs<'a> {
    /// The way into the record.
    pub keeper: Keeper,
    /// Reads what is stored of pairings.
    pub reader: Reader,
    /// Sign charters and index 0.
    pub keys: Ring,
    /// What this station says of itself, and what it proposes for checks.
    pub config: &'a Config,
    /// The only clock.
    pub clock: Clock,
    /// Dials inviters.
    pub endpoint: Arc<Endpoint>,
}

/// All pairings of this station; cheap to clone.
#[derive(Clone)]
pub struct Ceremony(Arc<Inner>);

struct Inner {
    keeper: Keeper,
    keys: Ring,
    /// As the configuration has them, with the keys of `init`; [`Ceremony::own`] puts in those that serve.
    terms: PartyTerms,
    checks: Checks,
    clock: Clock,
    endpoint: Arc<Endpoint>,
    /// How often the record was copied by a backup on its way here.
    generation: u32,
    hall: tokio::sync::Mutex<BTreeMap<LineId, Kept>>,
    seats: Seats,
    door: Door,
    /// For lines of the log that strangers cause.
    damper: Damper,
    begun: Moment,
    changes: watch::Sender<u64>,
    /// Where the tasks run, whoever calls.
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ceremony")
    }
}

impl Ceremony {
    /// Reads all pairings from the store and goes on with them, in tasks on the present runtime. Open invitations that came
    /// here in a backup are burned first (§4.6). A pairing that cannot be read is logged and left where it is.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Record`].
    pub async fn start(needs: Needs<'_>) -> Result<Ceremony, Fault> {
        let reader = needs.reader;
        let read = tokio::task::spawn_blocking(move || Ok::<_, Fault>((reader.generation()?, reader.pairings()?)));
        let (generation, rows) = read.await.map_err(|_| ActFault::Stopping)??;
        let ceremony = Ceremony(Arc::new(Inner {
            damper: Damper::default(),
            begun: needs.clock.moment(),
            terms: terms::own(needs.config, needs.keys.first().public()),
            checks: terms::checks(needs.config),
            keeper: needs.keeper,
            keys: needs.keys,
            clock: needs.clock,
            endpoint: needs.endpoint,
            generation,
            hall: tokio::sync::Mutex::default(),
            seats: Seats::default(),
            door: Door::default(),
            changes: watch::Sender::new(0),
            runtime: Handle::current(),
            tasks: Mutex::default(),
        }));
        ceremony.load(rows).await?;
        ceremony.spawn(ceremony.clone().follow());
        Ok(ceremony)
    }

    async fn load(&self, rows: Vec<([u8; 16], Vec<u8>)>) -> Result<(), Fault> {
        let mut hall = self.0.hall.lock().await;
        for (id, bytes) in rows {
            let line = LineId(id);
            let (machine, generation) = match Machine::decode(&bytes) {
                Ok(read) => read,
                Err(fault) => {
                    tracing::error!(%line, %fault, "a pairing is left where it is");
                    continue;
                }
            };
            match machine.burned().filter(|_| generation < self.0.generation) {
                Some(burned) => self.begin(&mut hall, burned).await?,
                None => drop(hall.insert(line, Kept::new(machine))),
            }
        }
        hall.values_mut().for_each(|kept| self.keep_dialling(kept));
        Ok(())
    }

    /// Makes an invitation. The text is for the other side alone, and nothing of it is shown again. It is committed when
    /// this returns.
    ///
    /// # Errors
    /// [`Fault::NoAddress`], [`Fault::TooMany`], [`Fault::Draft`] if configuration and proposal make no charter,
    /// [`Fault::NoEntropy`], [`Fault::Record`].
    pub async fn invite(&self, proposal: &Proposal) -> Result<(LineId, String), Fault> {
        let own = self.own();
        if own.addresses.is_empty() {
            return Err(Fault::NoAddress);
        }
        let line = LineId(entropy::bytes()?);
        let draft = terms::draft(line, &own, &self.0.checks, proposal)?;
        let secret = Secret::new(entropy::bytes()?);
        let invitation = Invitation::new(draft, own.addresses, secret)?;
        let text = invitation.to_text();
        let ceremony = self.clone();
        self.whole(async move {
            let mut hall = ceremony.0.hall.lock().await;
            has_room(&hall)?;
            ceremony.begin(&mut hall, Machine::invited(Inviter::new(invitation))).await
        })
        .await?;
        Ok((line, text))
    }

    /// Takes an invitation up: commits that, then dials the inviter until the line is open or the pairing has ended. The same
    /// text again tries again after a refusal, and begins anew after an end.
    ///
    /// # Errors
    /// [`Fault::Invitation`], [`Fault::Draft`] if both sides' terms make no charter, [`Fault::IsOpen`], [`Fault::TooMany`],
    /// [`Fault::Refused`] if this pairing was ended because this station was restored, [`Fault::Record`].
    pub async fn join(&self, text: &str) -> Result<LineId, Fault> {
        let invitation = Invitation::parse(text)?;
        let line = invitation.line();
        let ceremony = self.clone();
        self.whole(async move {
            let mut hall = ceremony.0.hall.lock().await;
            let is_line = ceremony.0.keeper.published().borrow().lines.contains_key(&line);
            match hall.get(&line).map(|kept| (kept.machine.me(), kept.machine.standing())) {
                Some((Party::Inviter, _)) => return Err(DraftFault::SharedKey.into()),
                Some((Party::Joiner, Standing::Ended(End::Restored))) => {
                    return Err(Refusal::Ended(End::Restored).into());
                }
                Some((Party::Joiner, Standing::Open)) => return Err(Fault::IsOpen(line)),
                None if is_line => return Err(Fault::IsOpen(line)),
                Some((Party::Joiner, Standing::Ended(_))) | None => {
                    has_room(&hall)?;
                    let joiner = Joiner::new(invitation, ceremony.own())?;
                    let dialling = hall.get(&line).is_some_and(|kept| kept.dialling);
                    ceremony.begin(&mut hall, Machine::joined(joiner)).await?;
                    if let Some(kept) = hall.get_mut(&line) {
                        kept.dialling = dialling;
                    }
                }
                Some((Party::Joiner, _)) => {}
            }
            if let Some(kept) = hall.get_mut(&line) {
                kept.rest = None;
                ceremony.keep_dialling(kept);
            }
            ceremony.changed();
            Ok(line)
        })
        .await
    }

    /// Dials the inviter again after it has turned us away.
    ///
    /// # Errors
    /// [`Fault::NoSuchPairing`].
    pub async fn retry(&self, line: LineId) -> Result<(), Fault> {
        let mut hall = self.0.hall.lock().await;
        hall.get_mut(&line).ok_or(Fault::NoSuchPairing(line))?.rest = None;
        self.changed();
        Ok(())
    }

    /// A person has compared all sixteen groups with the other side over another channel, and gives what was heard. Only the
    /// candidate with exactly these digits is confirmed; one whose name could be taken for another's only with `alike`: the person
    /// has made sure who it is.
    ///
    /// # Errors
    /// [`Fault::Digits`] if they are not sixteen groups, [`Fault::Refused`] with `OtherDigits` if they are nobody's,
    /// [`Fault::Alike`], [`Fault::NoSuchPairing`], [`Fault::Record`].
    pub async fn confirm(&self, line: LineId, digits: &str, alike: bool) -> Result<(), Fault> {
        let fingerprint = digits::read(digits)?;
        let ceremony = self.clone();
        self.whole(async move {
            let mut hall = ceremony.0.hall.lock().await;
            // Looked at and confirmed with nobody between: of two with one name the second is told so.
            if !alike && let Some(found) = ceremony.taken_for(&hall, line, &fingerprint).await? {
                return Err(Fault::Alike(found));
            }
            let confirm =
                |machine: &Machine| machine.confirm(&fingerprint, &ceremony.means(&ceremony.keys_of(machine)));
            ceremony.step(&mut hall, line, confirm).await
        })
        .await
    }

    /// The digits differ from those of the candidate with this link key: it goes, and the invitation stands. Who joined has
    /// but one candidate, the inviter, and the pairing ends.
    ///
    /// # Errors
    /// [`Fault::Refused`], [`Fault::NoSuchPairing`], [`Fault::Record`].
    pub async fn differ(&self, line: LineId, which: &Hash) -> Result<(), Fault> {
        let which = *which;
        self.act(line, move |machine| machine.refuse(&which)).await
    }

    /// Ends a pairing before there is a line; the other side is told, now or when it next connects.
    ///
    /// # Errors
    /// [`Fault::Refused`] with `Written` once our index 0 is written, [`Fault::NoSuchPairing`], [`Fault::Record`].
    pub async fn abandon(&self, line: LineId) -> Result<(), Fault> {
        self.act(line, Machine::abandon).await
    }

    /// Forgets a pairing that has ended. Who still comes with it is told that there is no such invitation.
    ///
    /// # Errors
    /// [`Fault::NotEnded`], [`Fault::NoSuchPairing`], [`Fault::Record`].
    pub async fn forget(&self, line: LineId) -> Result<(), Fault> {
        let ceremony = self.clone();
        self.whole(async move {
            let mut hall = ceremony.0.hall.lock().await;
            let standing = hall.get(&line).ok_or(Fault::NoSuchPairing(line))?.machine.standing();
            if !matches!(standing, Standing::Ended(_)) {
                return Err(Fault::NotEnded(standing));
            }
            ceremony.0.keeper.pairing(line, None, None).await?;
            hall.remove(&line);
            ceremony.changed();
            Ok(())
        })
        .await
    }

    /// Every pairing that is kept: under way, open and ended ones.
    pub async fn list(&self) -> Vec<PairingView> {
        let hall = self.0.hall.lock().await;
        // A station that is stopping shows what it has.
        let bearers = self.bearers(&hall).await.unwrap_or_default();
        let views = hall.iter().map(|(line, kept)| view::of(kept, &self.0.seats.connected(*line), &bearers)).collect();
        drop(hall);
        self.named(views).await
    }

    /// One pairing.
    ///
    /// # Errors
    /// [`Fault::NoSuchPairing`].
    pub async fn view(&self, line: LineId) -> Result<PairingView, Fault> {
        let hall = self.0.hall.lock().await;
        let kept = hall.get(&line).ok_or(Fault::NoSuchPairing(line))?;
        let bearers = self.bearers(&hall).await.unwrap_or_default();
        let view = view::of(kept, &self.0.seats.connected(line), &bearers);
        drop(hall);
        self.named(vec![view]).await.pop().ok_or(Fault::NoSuchPairing(line))
    }

    /// Puts in the names of peers that only the record knows: an inviter's pairing forgets them when the line opens.
    async fn named(&self, mut views: Vec<PairingView>) -> Vec<PairingView> {
        let open = |view: &&mut PairingView| view.peer.is_none() && view.standing == Standing::Open;
        let asked: Vec<(LineId, Party)> = views.iter_mut().filter(open).map(|v| (v.line, v.me.peer())).collect();
        if asked.is_empty() {
            return views;
        }
        let name = |lines: &Lines, (id, peer): (LineId, Party)| {
            Some((id, lines.line(&id)?.line.charter().party(peer).name.clone()))
        };
        let look = move |lines: &Lines| asked.into_iter().filter_map(|asked| name(lines, asked)).collect();
        // A station that is stopping shows what it has.
        let names: BTreeMap<LineId, String> = self.0.keeper.look(look).await.unwrap_or_default();
        for view in &mut views {
            view.peer = view.peer.take().or_else(|| names.get(&view.line).cloned());
        }
        views
    }

    /// Counts changes of what is shown, so that one can wait for the next.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Ends all tasks and connections. What is committed is gone on with at the next start.
    pub fn stop(&self) {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.0.seats.close();
    }

    fn changed(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// Our side of a line that is being paired, if it is.
    async fn role(&self, line: LineId) -> Option<Party> {
        self.0.hall.lock().await.get(&line).map(|kept| kept.machine.me())
    }

    /// A person's act on one pairing.
    async fn act(
        &self,
        line: LineId,
        act: impl FnOnce(&Machine) -> Result<Next, Refusal> + Send + 'static,
    ) -> Result<(), Fault> {
        let ceremony = self.clone();
        self.whole(async move {
            let mut hall = ceremony.0.hall.lock().await;
            ceremony.step(&mut hall, line, act).await
        })
        .await
    }

    async fn step(
        &self,
        hall: &mut BTreeMap<LineId, Kept>,
        line: LineId,
        act: impl FnOnce(&Machine) -> Result<Next, Refusal>,
    ) -> Result<(), Fault> {
        let kept = hall.get_mut(&line).ok_or(Fault::NoSuchPairing(line))?;
        let step = act(&kept.machine)?;
        self.take(kept, step).await?;
        self.keep_dialling(kept);
        Ok(())
    }

    /// What the candidate with this fingerprint could be taken for.
    async fn taken_for(
        &self,
        hall: &BTreeMap<LineId, Kept>,
        line: LineId,
        fingerprint: &Hash,
    ) -> Result<Option<Alike>, Fault> {
        let Some(machine) = hall.get(&line).map(|kept| &kept.machine).filter(|machine| machine.is_pending()) else {
            return Ok(None);
        };
        let charters = machine.charters();
        let meant = charters.iter().find(|charter| charter.fingerprint() == *fingerprint);
        let Some(charter) = meant else { return Ok(None) };
        Ok(alike(charter, machine.me().peer(), &self.bearers(hall).await?))
    }

    /// Who bears names here: this organisation, the peers of lines that nobody has closed, and who was confirmed and has no line yet.
    async fn bearers(&self, hall: &BTreeMap<LineId, Kept>) -> Result<Vec<Bearer>, Fault> {
        let look = |lines: &Lines| {
            let open = lines.iter().map(|kept| &kept.line).filter(|line| line.facts().all().line_closed().is_none());
            let read = open.map(|line| {
                let peer = line.me().peer();
                Bearer::of(Some(line.id()), line.charter().party(peer), Some(line.keys(peer).link))
            });
            let unread = lines.unread().map(|unread| {
                let sign = unread.name.split(" (").next().unwrap_or_default();
                Bearer { line: Some(unread.id), names: vec![sign.to_owned()], link: None }
            });
            read.chain(unread).collect::<Vec<_>>()
        };
        let mut bearers = self.0.keeper.look(look).await?;
        bearers.push(Bearer::of(None, &self.own(), None));
        let confirmed = |kept: &&Kept| matches!(kept.machine.standing(), Standing::Confirmed | Standing::Countersigned);
        for kept in hall.values().filter(confirmed) {
            let peer = kept.machine.me().peer();
            bearers.extend(kept.machine.charters().iter().map(|charter| {
                let terms = charter.party(peer);
                Bearer::of(Some(charter.line), terms, Some(terms.keys.link))
            }));
        }
        Ok(bearers)
    }

    /// Runs a step to its end even if its caller goes away: what is committed must also be taken over.
    async fn whole<T: Send + 'static>(
        &self,
        step: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        self.0.runtime.spawn(step).await.unwrap_or(Err(Fault::Record(ActFault::Stopping)))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.0.runtime);
    }
}

fn has_room(hall: &BTreeMap<LineId, Kept>) -> Result<(), Fault> {
    let pending = hall.values().filter(|kept| kept.machine.is_pending()).count();
    if pending < PENDING_MAX { Ok(()) } else { Err(Fault::TooMany) }
}
