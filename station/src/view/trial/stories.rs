//! Scenarios, as a terminal shows them.

use super::*;
use crate::view::text;
use Party::{Inviter, Joiner};

#[test]
fn look() {
    let mut trial = Trial::new();
    trial.mark = Mark::Exercise;
    let ask = trial.ask(Inviter);
    trial.wait_ms(1_100);
    trial.carry();
    let show = |trial: &Trial, party| {
        trial.look(party, |s| {
            println!("{}", text::request(&request(s, ask).unwrap(), &s.telling));
            println!("{}", text::line(&crate::view::lines::line(s, &[]), &s.telling));
            for r in crate::view::ring::ringing(s) {
                println!("{}", text::ring(&r, &s.telling));
            }
        })
    };
    show(&trial, Inviter);
    show(&trial, Joiner);
    trial.alerting(ask);
    trial.wait_ms(5 * HOUR);
    trial.seen(ask);
    trial.defer(ask, Some(trial.now.plus(HOUR * 3)));
    trial.carry();
    let offer = trial.offer(Joiner, ask);
    trial.carry();
    show(&trial, Inviter);
    trial.wait_ms(11 * HOUR);
    trial.turn(Joiner, vec![], 0);
    trial.carry();
    show(&trial, Inviter);
    let _ = offer;
    trial.look(Inviter, |s| println!("{}", text::figures(&crate::view::figures::figures(s, None), &s.telling)));
    let page = Page { from: crate::view::record::From::Offset(0), limit: 100, with_words: true };
    let r = trial.record(Inviter, page);
    trial.look(Inviter, |s| println!("{}\n{}", text::record(&r, &s.telling), text::record_list(&r, &s.telling)));
}
