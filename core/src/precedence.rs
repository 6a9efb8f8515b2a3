//! Precedence and marks (`docs/protocol.md` §2.6).

/// How urgent (ACP 127; the names of RFC 4412 namespace `dsn`). The order is the order of urgency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Precedence {
    /// 0.
    Routine,
    /// 1.
    Priority,
    /// 2.
    Immediate,
    /// 3.
    Flash,
}

impl Precedence {
    /// All, from the least urgent.
    pub const ALL: [Precedence; 4] =
        [Precedence::Routine, Precedence::Priority, Precedence::Immediate, Precedence::Flash];

    /// 0 to 3.
    pub fn number(self) -> u64 {
        self as u64
    }

    /// `None` beyond 3.
    pub fn from_number(number: u64) -> Option<Precedence> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The word as ACP 127 writes it.
    pub fn word(self) -> &'static str {
        match self {
            Precedence::Routine => "ROUTINE",
            Precedence::Priority => "PRIORITY",
            Precedence::Immediate => "IMMEDIATE",
            Precedence::Flash => "FLASH",
        }
    }

    /// Reads the word, in either case.
    pub fn parse(word: &str) -> Option<Precedence> {
        Self::ALL.into_iter().find(|p| p.word().eq_ignore_ascii_case(word))
    }
}

/// What a thing is for. An EXERCISE looks different everywhere and never rings as OPERATION.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mark {
    /// 0: meant.
    Operation,
    /// 1: people practise.
    Exercise,
    /// 2: a test of the system.
    Test,
}

impl Mark {
    /// All.
    pub const ALL: [Mark; 3] = [Mark::Operation, Mark::Exercise, Mark::Test];

    /// 0 to 2.
    pub fn number(self) -> u64 {
        self as u64
    }

    /// `None` beyond 2.
    pub fn from_number(number: u64) -> Option<Mark> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The word as screens and commands write it.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Operation => "OPERATION",
            Mark::Exercise => "EXERCISE",
            Mark::Test => "TEST",
        }
    }

    /// Reads the word, in either case.
    pub fn parse(word: &str) -> Option<Mark> {
        Self::ALL.into_iter().find(|m| m.word().eq_ignore_ascii_case(word))
    }
}
