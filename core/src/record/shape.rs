//! Which header fields each type has (`docs/protocol.md` §3.3). An entry with a field that its type has not, or without one
//! that it must have, is malformed and so void: a field that is shown but does nothing would be a trick.

use super::entry::Header;
use super::kind::Kind;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    No,
    May,
    Must,
}
use Need::{May, Must, No};

struct Shape {
    refers: Need,
    posts: Need,
    precedence: Need,
    mark: Need,
    deadline: Need,
    body: Need,
}

const PLAIN: Shape = Shape { refers: No, posts: No, precedence: No, mark: No, deadline: No, body: May };
const ACT: Shape = Shape { refers: Must, ..PLAIN };
const OPENS: Shape = Shape { precedence: Must, mark: Must, ..PLAIN };

fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Ask => Shape { refers: May, posts: Must, deadline: May, ..OPENS },
        Kind::Text | Kind::Notice => Shape { posts: Must, body: Must, ..OPENS },
        Kind::Check => OPENS,
        Kind::Renew => Shape { precedence: May, deadline: May, ..ACT },
        Kind::Offer | Kind::Ready => Shape { deadline: Must, ..ACT },
        Kind::Charter | Kind::Received => Shape { body: No, ..PLAIN },
        Kind::Amend => Shape { refers: May, ..PLAIN },
        Kind::Memo | Kind::Heard => Shape { body: Must, ..PLAIN },
        Kind::Key | Kind::Post | Kind::State | Kind::Statement | Kind::Approach | Kind::Attempt => PLAIN,
        _ => ACT,
    }
}

/// Whether the header has just the fields of its type.
pub(super) fn fits(kind: Kind, header: &Header) -> bool {
    let shape = shape(kind);
    let ok = |need: Need, there: bool| need == May || there == (need == Must);
    ok(shape.refers, header.refers.is_some())
        && ok(shape.posts, header.from.is_some())
        && ok(shape.posts, header.to.is_some())
        && ok(shape.precedence, header.precedence.is_some())
        && ok(shape.mark, header.mark.is_some())
        && ok(shape.deadline, header.deadline.is_some())
        && ok(shape.body, header.body.is_some())
}
