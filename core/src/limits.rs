//! Every maximum of the protocol, with its reason (`docs/protocol.md` §9). A limit here is fixed by the specification:
//! what exceeds one is void or refused on both sides alike. Rates and queue lengths are a station's own and never decide
//! a status.

/// A frame of the link, in bytes: what a station must hold before it can judge anything.
pub const FRAME_MAX: usize = 65_536;
/// What is signed of an entry, its payload, in bytes. An entry and its body fit one frame.
pub const ENTRY_MAX: usize = 12_288;
/// The content of a body, in bytes: some 8,000 words.
pub const BODY_CONTENT_MAX: usize = 48 * 1024;
/// Nesting of CBOR: the deepest of our own is 5.
pub const CBOR_DEPTH_MAX: usize = 8;
/// Items in one CBOR array or map.
pub const CBOR_ITEMS_MAX: usize = 1_024;
/// The name of a post, in characters.
pub const POST_ID_MAX: usize = 32;
/// Posts that a charter names on one side.
pub const POSTS_MAX: usize = 64;
/// The name of an organisation, in bytes of UTF-8.
pub const NAME_MAX: usize = 200;
/// A call sign, in bytes of UTF-8: it is said aloud.
pub const CALL_SIGN_MAX: usize = 32;
/// Languages, addresses, witnesses or relays of one side.
pub const CHARTER_LIST_MAX: usize = 16;
/// An address, language tag, zone or other short text, in bytes.
pub const SHORT_TEXT_MAX: usize = 128;
/// Windows in one offer: more are a calendar, not an offer.
pub const WINDOWS_MAX: usize = 8;
/// A window, in milliseconds: one week.
pub const WINDOW_LENGTH_MAX_MS: u64 = 7 * 86_400_000;
/// Open asks of one side on one line.
pub const OPEN_ASKS_MAX: usize = 64;
/// Entries of one side that belong to one request: what is read through for each entry on it. It can be closed all the same.
pub const REQUEST_ENTRIES_MAX: u64 = 2_048;
/// Texts and notices of one side, from PRIORITY up and not read, that ring: the most urgent of them, and of those the latest. What
/// rings is looked through at every turn, and nobody hears the two hundred and fifty-seventh.
pub const RINGING_TEXTS_MAX: usize = 256;
/// The requests that came last to an agreed time, of which a list of talks to come is made.
pub const AGREED_TALKS_MAX: usize = 256;
/// The last entries of a side among which the talks are looked for that it joined and has not ended.
pub const UNENDED_ENTRIES_MAX: u64 = 10_000;
/// Proposals of one side, each a whole charter, after the last of them that was countersigned.
pub const PROPOSALS_MAX: usize = 64;
/// Sentences in a statement, posts in a talk or a sheet.
pub const LIST_MAX: usize = 32;
/// Indexes that one entry may name as `lacking`.
pub const LACKING_MAX: usize = 64;
/// How far a new epoch's number may stand above the highest known: a jump beyond it is Misconduct.
pub const EPOCH_JUMP_MAX: u64 = 1_000;
/// Entries of a chain that is shown at once.
pub const CHAIN_MAX: usize = 128;
/// Epochs of one line.
pub const EPOCHS_MAX: usize = 64;
/// Epochs of one line that one party opens: neither can use up those of the other.
pub const EPOCHS_OPENED_MAX: usize = 31;
/// Entries of our own log, in one epoch, that a peer may show and that are kept beside the log: a person takes or refuses
/// them, and is shown the next. So many of what waits for a person, of what else stops us, and of evidence.
pub const SHOWN_MAX: usize = 16_384;
/// Branches of our own log, in one epoch, that are kept of each of these.
pub const BRANCHES_MAX: usize = 4;
/// A peer that names more of our log than we hold shows the next entry of it within this time, in milliseconds.
pub const SHOW_WITHIN_MS: u64 = 30_000;
/// A station waits this long for an entry of its own to carry the head before it writes `received`, in milliseconds.
pub const RECEIVED_WAIT_MS: u64 = 250;
/// Versions of the protocol that a hello offers.
pub const VERSIONS_MAX: usize = 16;
/// Entries of ours that a session asks its station for at once.
pub const PUSH_ENTRIES_MAX: u64 = 64;
/// What a side tells of one call, as encoded, in bytes: four people and four reports take at most 180.
pub const CALL_STATE_MAX: usize = 256;
/// A packet of voice, in bytes: a header of 15 and at least one of payload.
pub const VOICE_PACKET_MIN: usize = 16;
/// A packet of voice, in bytes: it fits into a QUIC datagram on a path of 1,200 bytes.
pub const VOICE_PACKET_MAX: usize = 1_115;
/// Packets of voice that a side may send in a second on one line: eight calls of four people, each with one every 10 ms.
pub const VOICE_PACKETS_PER_SECOND: u32 = 3_200;
/// So many that are none end a session: fewer are a fault of one call.
pub const MALFORMED_VOICE_MAX: u32 = 100;
/// Candidates of one invitation: a stolen one must not fill the store, and a person compares no more.
pub const CANDIDATES_MAX: usize = 8;
/// A span of time that a charter names, in seconds: ten years.
pub const SPAN_MAX_S: u64 = 10 * 366 * 86_400;
/// A charter as encoded, in bytes: with both signatures and a header it fits the entry at index 0.
pub const CHARTER_MAX: usize = ENTRY_MAX - 512;
/// The text of an invitation, in bytes: the longest of ours has some 19,000.
pub const INVITATION_TEXT_MAX: usize = 32_768;
