//! What is searched: how often each thing may happen.

/// How often each thing may happen.
pub type Bounds = &'static [(&'static str, usize)];

pub const ONE: (&str, Bounds) = ("A restored", &[("A writes", 2), ("B writes", 1), ("A restored", 1), ("epoch", 1)]);
pub const UNKNOWN: (&str, Bounds) =
    ("A restored, unmarked", &[("A writes", 3), ("A restored unmarked", 1), ("epoch", 1)]);
/// The same, and its peer has named what the copy has lost.
pub const FORKED: (&str, Bounds) =
    ("A restored, unmarked, B writes", &[("A writes", 2), ("B writes", 1), ("A restored unmarked", 1), ("epoch", 1)]);
pub const BOTH: (&str, Bounds) =
    ("both restored", &[("A writes", 1), ("A restored", 1), ("B restored", 1), ("epoch", 1)]);
pub const HONEST: [(&str, Bounds); 6] = [
    ONE,
    UNKNOWN,
    FORKED,
    BOTH,
    ("A restored twice, over an epoch", &[("A writes", 1), ("A restored", 2), ("epoch", 2)]),
    ("A restored, both open epochs", &[("A restored", 1), ("epoch", 1), ("needless epoch", 1)]),
];
/// Wider than what is searched to its end: only to find what a missing mend breaks, which comes early.
pub const WIDER: (&str, Bounds) = (
    "both restored, and both open epochs",
    &[("A writes", 1), ("B writes", 1), ("A restored", 1), ("B restored", 1), ("epoch", 2)],
);

/// It makes up heads of the epoch that has ended, and answers there when it has joined the next.
pub const MAKES_UP: (&str, Bounds) = (
    "liar that makes up heads: A opens an epoch",
    &[("A writes", 1), ("liar joins", 1), ("liar answers", 1), ("needless epoch", 1)],
);
/// It joins, in any order, what A has opened, keeps back what it likes, and answers in the epoch that has ended.
pub const JOINS_LATE: (&str, Bounds) = (
    "liar that joins late: A opens two epochs",
    &[("A writes", 1), ("liar joins", 2), ("liar answers", 1), ("needless epoch", 2)],
);
/// It keeps back what another life of A's joined, and names it when it joins what A has opened since.
pub const ANOTHER_LIFE: (&str, Bounds) = (
    "liar that joins late: A is restored, both open an epoch",
    &[("A writes", 1), ("liar joins", 1), ("liar's epoch", 1), ("A restored", 1), ("epoch", 1)],
);
pub const THIEF: (&str, Bounds) = (
    "liar and thief: A renews its keys and is restored",
    &[("A writes", 1), ("A restored", 1), ("epoch", 1), ("needless epoch", 1)],
);
pub const LIAR: [(&str, Bounds); 9] = [
    MAKES_UP,
    JOINS_LATE,
    ANOTHER_LIFE,
    (
        "liar that joins late: both open an epoch",
        &[
            ("A writes", 1),
            ("liar joins", 1),
            ("liar answers", 1),
            ("needless epoch", 1),
            ("epoch", 1),
            ("liar's epoch", 1),
        ],
    ),
    (
        "liar that makes up heads: A is restored",
        &[("A writes", 1), ("liar joins", 1), ("liar answers", 1), ("A restored", 1), ("epoch", 1)],
    ),
    ("liar: A restored", &[("A writes", 2), ("A restored", 1), ("epoch", 2), ("liar's epoch", 1)]),
    THIEF,
    ("liar: A restored twice", &[("A writes", 1), ("A restored", 2), ("epoch", 3)]),
    (
        "liar that writes, and thief: A renews its keys and is restored",
        &[("A writes", 1), ("liar writes", 1), ("A restored", 1), ("needless epoch", 1)],
    ),
];

pub const ROTATED: [(&str, Bounds); 3] = [
    ("both rotate", &[("A writes", 1), ("B writes", 1), ("A rotates", 1), ("B rotates", 1)]),
    TO_BEFORE,
    ("A restored, B rotates", &[("A writes", 1), ("B rotates", 1), ("A restored", 1), ("epoch", 1)]),
];
pub const TO_BEFORE: (&str, Bounds) =
    ("A restored to before its rotation", &[("A writes", 1), ("A rotates", 1), ("A restored", 1), ("epoch", 1)]);
pub const ROTATED_LIAR: [(&str, Bounds); 3] = [
    ("liar and thief: A rotates twice", &[("A rotates", 2)]),
    ("liar and thief: A rotates", &[("A writes", 1), ("A rotates", 1), ("epoch", 1)]),
    (
        "liar and thief: A rotates and is restored",
        &[("A writes", 1), ("A rotates", 1), ("A restored", 1), ("epoch", 2)],
    ),
];
