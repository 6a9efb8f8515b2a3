//! The ask with which tests of several kinds begin.

use counterpart_core::act::Act;
use counterpart_core::ids::PostId;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::Mode;

/// One minister asks the other to talk, until that is withdrawn.
pub fn ask(precedence: Precedence) -> Act {
    let minister = || PostId::parse("minister").unwrap();
    Act::Ask {
        from: minister(),
        to: minister(),
        precedence,
        mark: Mark::Exercise,
        mode: Mode::Voice,
        private: false,
        valid_until: None,
        again: None,
    }
}
