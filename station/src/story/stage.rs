//! The two stations of a story: real stores, a real link on loopback, one told clock. The clock goes from one thing that falls due
//! to the next, and never while something is on its way, so that the record reads as it would have been written.

use std::fs::DirBuilder;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::ladder::Rung;
use counterpart_core::precedence::Mark;
use counterpart_core::record::codes::Channel;
use counterpart_core::record::entry::Head;
use counterpart_core::time::Timestamp;

use super::script::{Script, SideTerms};
use crate::api::fault::{Code, Fault, Told};
use crate::api::form::ActForm;
use crate::clock::Clock;
use crate::config::{CONFIG_FILE, Starter, write_starter};
use crate::keys::Keys;
use crate::pairing::pair;
use crate::record::Keeper;
use crate::serving::{ServeFault, Serving};
use crate::station::StartFault;
use crate::store::Store;
use crate::words::{Sentence, Words};

/// How long both stations may take to hold the same, in milliseconds of real time.
const EVEN_MAX_MS: u64 = 30_000;
/// How often they are looked at while nothing new is published.
const LOOK: Duration = Duration::from_millis(20);
/// Ports tried for a station: another program may take one between asking and using.
const PORTS_TRIED_MAX: usize = 8;

/// Both stations.
pub(super) struct Stage<'w> {
    words: &'w Words,
    clock: Clock,
    sides: [Player; 2],
    line: LineId,
    link_up: bool,
}

struct Player {
    data: PathBuf,
    serving: Serving,
    /// The scripted bell is set.
    bell: bool,
}

/// What is seen of one station when one looks at its record thread.
struct Seen {
    heads: [Head; 2],
    /// Linked, both records even as far as the link has shown, and no receipt owed.
    rests: bool,
    next: Option<Timestamp>,
    /// What rings and has not been confirmed to ring.
    unconfirmed: Vec<EntryRef>,
}

impl<'w> Stage<'w> {
    /// Makes both stations in `place`, in directories named as the story names its sides, starts them at `begin` and pairs them. With
    /// desks, each configuration names an address of loopback for one.
    ///
    /// # Errors
    /// What our machine did not do.
    pub async fn set(
        script: &Script,
        place: &Path,
        (begin, with_desks): (Timestamp, bool),
        words: &'w Words,
    ) -> Result<Stage<'w>, Told> {
        let clock = Clock::told(begin.0);
        let [first, second] = &script.sides;
        let first = Player::start(place, (first, with_desks), &clock, words).await?;
        let second = match Player::start(place, (second, with_desks), &clock, words).await {
            Ok(second) => second,
            Err(told) => {
                let _ = first.serving.stop().await;
                return Err(told);
            }
        };
        let paired = pair(&first.serving.ceremony, &second.serving.ceremony, &script.terms).await;
        let mut stage = Stage { words, clock, sides: [first, second], line: LineId([0; 16]), link_up: true };
        match paired {
            Ok(line) => stage.line = line,
            Err(fault) => {
                stage.strike().await;
                return Err(Fault::new(Code::Pairing).because(&fault).tell(words));
            }
        }
        if let Err(told) = stage.rest().await {
            stage.strike().await;
            return Err(told);
        }
        Ok(stage)
    }

    /// Stops both stations; what they recorded stays.
    pub async fn strike(self) {
        for side in self.sides {
            let _ = side.serving.stop().await;
        }
    }

    /// Both stations, the inviter's first.
    pub fn stations(&self) -> [&Serving; 2] {
        self.sides.each_ref().map(|side| &side.serving)
    }

    /// The data directory of a side.
    pub fn data(&self, side: usize) -> &Path {
        let [first, second] = &self.sides;
        if side == 0 { &first.data } else { &second.data }
    }

    fn side(&mut self, side: usize) -> &mut Player {
        let [first, second] = &mut self.sides;
        if side == 0 { first } else { second }
    }

    /// Moves the clock to `to`, by way of everything that falls due until then, each at its own time. Returns how much that was;
    /// at most `due_max`, beyond which it stops where it is.
    ///
    /// # Errors
    /// As [`Stage::rest`].
    pub async fn advance(&mut self, to: Timestamp, due_max: usize) -> Result<usize, Told> {
        let mut count = 0;
        loop {
            let next = self.look().await?.iter().filter_map(|seen| seen.next).min();
            let due = next.filter(|next| *next <= to && next.0 > self.clock.now());
            if due.is_some() && count == due_max {
                return Ok(count + 1);
            }
            let step = due.unwrap_or(to);
            self.clock.advance_to(step.0).map_err(|e| self.machine(e))?;
            self.sides.iter().for_each(|side| side.serving.station.keeper.clock_moved());
            self.rest().await?;
            if due.is_none() {
                return Ok(count);
            }
            count += 1;
        }
    }

    /// The clock goes on by a second.
    ///
    /// # Errors
    /// The clock cannot be moved.
    pub fn moves_on(&self) -> Result<(), Told> {
        self.clock.advance_to(self.clock.now() + 1_000).map_err(|e| self.machine(e))?;
        self.sides.iter().for_each(|side| side.serving.station.keeper.clock_moved());
        Ok(())
    }

    /// One act, by the way that a command takes. Who did it at home is written down as the story.
    ///
    /// # Errors
    /// What the station says: it is not done.
    pub async fn act(&mut self, side: usize, form: &ActForm) -> Result<(), Told> {
        let api = self.side(side).serving.api.clone();
        api.act(form.clone(), "story".into()).await.map(drop)
    }

    /// Sets the scripted bell of a side, or takes it away.
    pub fn bell(&mut self, side: usize, on: bool) {
        self.side(side).bell = on;
    }

    /// Takes the link down, or lets both sides meet again.
    pub async fn link(&mut self, up: bool) {
        if up && !self.link_up {
            self.sides.iter_mut().for_each(|side| side.serving.meet());
        } else if !up && self.link_up {
            for side in &mut self.sides {
                side.serving.station.part().await;
            }
        }
        self.link_up = up;
    }

    /// Waits until nothing is on its way: both stores hold the same two logs, nobody owes a receipt, every bell that is set has
    /// confirmed what rings. Without a link: until each station has dealt with what it has.
    ///
    /// # Errors
    /// A station has stopped, or the two did not become even in time.
    pub async fn rest(&self) -> Result<(), Told> {
        let begun = self.clock.moment();
        let [mut first, mut second] = self.sides.each_ref().map(|side| side.serving.station.keeper.published());
        loop {
            let seen = self.look().await?;
            let [ours, theirs] = &seen;
            if !self.link_up || ours.heads == theirs.heads && ours.rests && theirs.rests {
                if !self.ring(&seen).await? {
                    return Ok(());
                }
                continue;
            }
            if self.clock.moment().ms_since(begun) > EVEN_MAX_MS {
                return Err(Fault::new(Code::StoryLate).with("seconds", EVEN_MAX_MS / 1_000).tell(self.words));
            }
            tokio::select! {
                _ = first.changed() => {}
                _ = second.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Confirms what rings where a bell is set; whether there was anything. Nothing else in a story writes `alerting`.
    async fn ring(&self, seen: &[Seen; 2]) -> Result<bool, Told> {
        let mut rang = false;
        for (side, seen) in self.sides.iter().zip(seen) {
            for at in seen.unconfirmed.iter().filter(|_| side.bell) {
                let keeper = &side.serving.station.keeper;
                // A story has one epoch.
                let done = keeper.alerting(self.line, Epoch::FIRST, *at, Channel::Terminal).await;
                done.map_err(|fault| self.machine(format!("{fault:?}")))?;
                rang = true;
            }
        }
        Ok(rang)
    }

    async fn look(&self) -> Result<[Seen; 2], Told> {
        let [first, second] = &self.sides;
        Ok([self.seen(&first.serving.station.keeper).await?, self.seen(&second.serving.station.keeper).await?])
    }

    async fn seen(&self, keeper: &Keeper) -> Result<Seen, Told> {
        let id = self.line;
        let seen = keeper.look(move |lines| {
            let kept = lines.line(&id)?;
            let (line, view) = (&kept.line, kept.line.facts().all());
            let owes = line.facts().owes_receipt(line.me());
            let rings = counterpart_core::line::ringing::rings(&view, line.me()).into_iter().filter(|ring| ring.climbs);
            let quiet = |at: &EntryRef| view.fact(*at).is_some_and(|f| view.reached(f).rung < Rung::Alerting);
            Some(Seen {
                heads: Party::BOTH.map(|party| line.log(party).head()),
                rests: kept.is_up() && kept.is_even() && !owes,
                next: kept.next_due(),
                unconfirmed: rings.map(|ring| ring.at).filter(quiet).collect(),
            })
        });
        let seen = seen.await.map_err(|_| Fault::new(Code::Stopping).tell(self.words))?;
        seen.ok_or_else(|| Fault::new(Code::LineNone).tell(self.words))
    }

    fn machine(&self, cause: impl std::fmt::Display) -> Told {
        Fault::new(Code::Machine).because(&Sentence::new("machine-said").with("cause", cause)).tell(self.words)
    }
}

impl Player {
    async fn start(
        place: &Path,
        (terms, with_desk): (&SideTerms, bool),
        clock: &Clock,
        words: &Words,
    ) -> Result<Player, Told> {
        let data = place.join(&terms.word);
        let told = |code: Code, cause: &dyn std::fmt::Display| {
            Fault::new(code).with("path", data.display()).with("cause", cause).tell(words)
        };
        DirBuilder::new().mode(0o700).create(&data).map_err(|e| told(Code::File, &e))?;
        Keys::generate(&data, &data.with_extension("root-key")).map_err(|e| told(Code::Keys, &e))?;
        Store::create(&data).map_err(|e| told(Code::Machine, &e))?;
        for tried in 1.. {
            let listen = free_address().map_err(|e| told(Code::Machine, &e))?;
            let desk = if with_desk { free_address().map_err(|e| told(Code::Machine, &e))? } else { String::new() };
            let announce = [listen.clone()];
            let (name, call_sign, zone) = (&terms.name, &terms.call_sign, &terms.zone);
            let starter = Starter { name, call_sign, zone, listen: &listen, announce: &announce, desk: &desk };
            write_starter(&data, &starter).map_err(|e| told(Code::Configuration, &e))?;
            match Serving::start(&data, clock.clone(), Mark::Exercise).await {
                Ok(mut serving) => {
                    serving.meet();
                    return Ok(Player { data, serving, bell: false });
                }
                Err(ServeFault::Start(StartFault::Bind(_))) if tried < PORTS_TRIED_MAX => {
                    std::fs::remove_file(data.join(CONFIG_FILE)).map_err(|e| told(Code::File, &e))?;
                }
                Err(fault) => return Err(told(Code::Start, &fault)),
            }
        }
        Err(told(Code::Start, &"no port"))
    }
}

/// An address on loopback that is free for UDP and TCP at this moment.
fn free_address() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // If UDP is taken there, the next try finds another.
    drop(UdpSocket::bind(address));
    Ok(address.to_string())
}
