//! The desks of a story while it is played, and who looks at them: a spectator signs in as *auditor*, reads everything and does nothing,
//! so that the story goes on as it is written. Where it ends in a call, an officer of each side can sign in too.

use axum::extract::State;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Context, demo};
use crate::api::fault::{Code, Fault, Told};
use crate::api::people::{self, UserForm};
use crate::api::receive::Form;
use crate::people::Role;
use crate::serving::Serving;
use crate::web::listen::Listener;
use crate::web::{self, Desk};

/// Both desks.
pub(super) struct Desks {
    stop: watch::Sender<bool>,
    served: Vec<JoinHandle<()>>,
}

impl Desks {
    /// Serves the desk of each station, as its configuration says, and prints a link to it.
    ///
    /// # Errors
    /// What our machine did not do; nothing is served.
    pub async fn open(context: &Context, stations: [&Serving; 2]) -> Result<Desks, Told> {
        let mut desks = Desks { stop: watch::Sender::new(false), served: Vec::new() };
        for serving in stations {
            if let Err(told) = desks.add(context, serving).await {
                desks.close().await;
                return Err(told);
            }
        }
        Ok(desks)
    }

    async fn add(&mut self, context: &Context, serving: &Serving) -> Result<(), Told> {
        let config = &serving.station.config;
        let desk = config.desk.as_ref().ok_or_else(|| context.tell(Fault::new(Code::DeskNone)))?;
        let listener = Listener::bind(desk).await.map_err(|e| context.tell(Fault::new(Code::Start).because(&e)))?;
        let mut stopped = self.stop.subscribe();
        let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
        let desk = Desk::new(serving.api.clone(), desk)?;
        let api = serving.api.clone();
        self.served.push(tokio::spawn(async move {
            let ended = async move {
                until.await;
                api.close();
            };
            web::router::serve(desk, listener, ended).await;
        }));
        link(context, serving, "story-spectator", Role::Auditor).await
    }

    /// Serves no more, once callers have ended.
    pub async fn close(self) {
        self.stop.send_replace(true);
        for served in self.served {
            // It ends by itself within its own time.
            let _ = served.await;
        }
    }
}

/// Prints a link to a station's desk for somebody who acts there.
///
/// # Errors
/// What our machine did not do.
pub(super) async fn officer(context: &Context, serving: &Serving) -> Result<(), Told> {
    link(context, serving, "demo-officer", Role::Watch).await
}

async fn link(context: &Context, serving: &Serving, called: &'static str, role: Role) -> Result<(), Told> {
    let name = context.say(called, &[]);
    let form = UserForm { name: name.clone(), role: role.word().into(), password: None };
    drop(people::add(State(serving.api.clone()), Form(form)).await?);
    let link = serving.api.make_link(&name, "story".into()).await?;
    let sign = serving.station.config.organisation.call_sign.clone();
    let value = json!({ "event": "station", "name": sign, "data": serving.station.data, "link": link.url });
    demo::told(context, &value, || context.say("demo-link", &[("name", sign.clone()), ("url", link.url.clone())]));
    Ok(())
}
