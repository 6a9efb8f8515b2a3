# Every sentence that Counterpart says in English (Project Fluent). Nothing is said anywhere else: `station/src/words.rs`.
#
# A sentence says what an entry says and whose statement it is. Nothing is inferred from silence. DESIGN.md §2 names the
# words that never occur here; a test reads this file for them.
#
# $side is "ours" or "theirs". Names are those said aloud: "Northland 112", "Northland #4071".

## Times. Twenty-four hours; the day when it is not today; the place beside each clock.

weekday = { $day ->
    [1] Mon
    [2] Tue
    [3] Wed
    [4] Thu
    [5] Fri
    [6] Sat
   *[7] Sun
}
month = { $month ->
    [1] Jan
    [2] Feb
    [3] Mar
    [4] Apr
    [5] May
    [6] Jun
    [7] Jul
    [8] Aug
    [9] Sep
    [10] Oct
    [11] Nov
   *[12] Dec
}
date = { $weekday } { $day } { $month }
date-year = { $weekday } { $day } { $month } { $year }
time-on-day = { $date } { $time }
time-one = { $time } { $zone }
time-both = { $ours } { $here }, { $theirs } { $there }
time-window-zone = { $window } ({ $span } { $zone })
time-window-unknown = { $window } (named for the zone { $zone }, which is not known here)
duration-days = { $days } d { $hours } h
duration-hours = { $hours } h { $minutes } min
duration-minutes = { $minutes } min { $seconds } s
duration-seconds = { $seconds }.{ $tenths } s
span-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
span-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
span-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
span-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}

## Marks and modes as parts of a sentence

mark-prefix = { $mark }: { $sentence }
mark-banner = { $mark }  { $mark }  { $mark }
mode-voice = by voice
mode-writing = in writing
mode-meeting = in a meeting

## Codes of deferral and decline

code-engaged = in another engagement
code-travelling = on a journey
code-out-of-hours = outside working hours there
code-no-interpreter = no interpreter at hand
code-level = another level should speak
code-not-competent = another office is competent
code-in-writing = wanted in writing
code-other-channel = wanted on another channel
code-conditions = conditions are not met
code-awaiting-instructions = waiting for instructions
code-post-vacant = nobody holds the post
code-identity-doubt = in doubt who asks
code-no-confirmation = a time was named and not confirmed: taken as closed
code-unstated = no reason stated
code-said = { $code } ({ $meaning })

## The ladder of facts

rung-sent = { $side ->
    [ours] It is in our record.
   *[theirs] It is in their record.
}
rung-delivered = { $side ->
    [ours] Their station holds it.
   *[theirs] Our station holds it.
}
rung-alerting = { $side ->
    [ours] Their station states that a device rings.
   *[theirs] A device here has confirmed that it rings.
}
rung-seen = { $side ->
    [ours] Their station states that their watch has seen it; not the { $post }.
   *[theirs] Our watch has seen it; not the { $post }.
}
rung-referred = { $side ->
    [ours] Their station states that it is with the office of the { $post }.
   *[theirs] It is with the office of the { $post } here.
}

## Outcomes

outcome-open = No outcome is recorded.
outcome-answered = They talk at once.
outcome-agreed = A time is agreed.
outcome-declined = The other side says no.
outcome-withdrawn = Its owner took it back.
outcome-lapsed = Its deadline passed, and its owner wrote that.
outcome-crossed = Two acts crossed: closed, nothing is agreed.
shown-accepted-here = ACCEPTED HERE
shown-answered-here = ANSWERED HERE
shown-declined-here = DECLINED HERE
shown-withdrawn-here = WITHDRAWN HERE
shown-lapsed-here = LAPSED HERE
shown-broken-off = BROKEN OFF
outcome-broken-off = Broken off: open when its epoch ended. Nothing is agreed.

## Talks

talk-none = There is no talk.
talk-planned = Nobody has said more of the talk.
talk-joined = { $by ->
    [ours] We have joined; neither side has said that they talked.
    [theirs] They have joined; neither side has said that they talked.
   *[both] Both sides have joined; neither has said that they talked.
}
talk-cancelled = { $by ->
    [ours] We have cancelled the talk.
    [theirs] They have cancelled the talk.
   *[both] Both sides have cancelled the talk.
}
talk-missed = { $by ->
    [ours] We state that they did not come.
    [theirs] They state that we did not come.
   *[both] Each side states that the other did not come.
}
talk-stated = { $by ->
    [ours] We state that we talked; they have not said so.
   *[theirs] They state that they talked; we have not said so.
}
talk-talked = Both state that they talked.
talk-crossed = Crossed: the two sides say different things of the talk.
talk-says-talked = { $side ->
    [ours] We state that we talked: { $window } ({ $instrument })
   *[theirs] They state that they talked: { $window } ({ $instrument })
}
talk-says-ended = { $side ->
    [ours] We state that we talked, over this line; { $ended }
   *[theirs] They state that they talked, over this line; { $ended }
}
talk-says-missed = { $side ->
    [ours] We state that they did not come
   *[theirs] They state that we did not come
}
talk-says-cancelled = { $side ->
    [ours] We cancelled the talk: { $code }
   *[theirs] They cancelled the talk: { $code }
}
talk-says-joined = { $side ->
    [ours] We joined ({ $part })
   *[theirs] They joined ({ $part })
}
# As what the first of a side was there.
talk-part = { $part ->
    [principal] the principal
    [interpreter] the interpreter
    [note-taker] the note-taker
   *[watch] the watch
}
# Which side ended it, and why.
talk-ended = { $how ->
    [done-ours] ended by us
    [done-theirs] ended by them
    [lost-ours] nobody of ours came back into it
    [lost-theirs] nobody of theirs came back into it
   *[broken] it broke off with the line
}
word-none = no word yet
word-joined = joined
word-missed = the other side did not come
word-cancelled = cancelled
word-talked = we talked

## Headlines. The highest fact, then what is not.

headline-sent = { $side ->
    [ours] Sent { $time }, not held by their station.
   *[theirs] Held here, our receipt is not written yet.
}
headline-delivered = { $side ->
    [ours] Delivered { $time }, not seen by the watch.
   *[theirs] Delivered { $time }, not seen by our watch.
}
headline-alerting = { $side ->
    [ours] Alerting { $time }, not seen by the watch.
   *[theirs] Alerting { $time }, not seen by our watch.
}
headline-seen = { $side ->
    [ours] Seen { $time }: their station states that their watch has seen it; not the { $post }.
   *[theirs] Seen by our watch { $time }, not answered.
}
headline-seen-beside = { $side ->
    [ours] Seen { $time }, their station states; not by the { $post }.
   *[theirs] Seen by our watch { $time }, not answered.
}
headline-deferred = { $side ->
    [ours] Deferred { $time }, { $code }: not now{ $until ->
        [none] {""}
       *[other] , until { $until } { $place }
    }.
   *[theirs] Deferred here { $time }, { $code }: not now{ $until ->
        [none] {""}
       *[other] , until { $until } { $place }
    }.
}
headline-referred = { $side ->
    [ours] Referred { $time }, not answered.
   *[theirs] Referred here { $time }, not answered.
}
headline-offer = { $side ->
    [ours] We offer { $count ->
        [one] a time
       *[other] { $count } times
    }.
   *[theirs] They offer { $count ->
        [one] a time
       *[other] { $count } times
    }.
}
headline-ready = { $side ->
    [ours] We are ready to take it now.
   *[theirs] They are ready to take it now.
}
headline-offer-lapsed = { $side ->
    [ours] Our offer lapsed { $time }; no answer to it is in the record.
   *[theirs] Their offer lapsed { $time }; no answer to it is in the record.
}
headline-offer-crossed = { $side ->
    [ours] Our offer crossed: nothing is agreed by it.
   *[theirs] Their offer crossed: nothing is agreed by it.
}
headline-suspended = { $side ->
    [ours] Suspended by us.
   *[theirs] Suspended by them.
}
headline-answered = { $side ->
    [ours] Answered by us { $time }: we take it at once.
   *[theirs] Answered by them { $time }: they take it at once.
}
headline-agreed = Agreed: { $window }.
headline-talk-broken = The talk broke off: its epoch ended before it.
headline-cancelled = { $side ->
    [ours] Cancelled by us { $time }.
    [theirs] Cancelled by them { $time }.
   *[both] Cancelled by both sides.
}
headline-was-agreed = The talk was agreed for { $window }.
headline-was-answered = The request was answered { $time }.
headline-declined = { $side ->
    [ours] Declined by us { $time }, { $code }.
   *[theirs] Declined by them { $time }, { $code }.
}
headline-withdrawn = { $side ->
    [ours] Withdrawn by us { $time }.
   *[theirs] Withdrawn by them { $time }.
}
headline-lapsed = Lapsed { $time }.
headline-crossed = Crossed: nothing is agreed.
headline-broken-off = Broken off: open when its epoch ended. Nothing is agreed.
headline-accepted-here = Accepted here. They do not hold it yet.
headline-answered-here = Answered here. They do not hold it yet.
headline-declined-here = Declined here. They do not hold it yet.
headline-withdrawn-here = Withdrawn here. They do not hold it yet.
headline-lapsed-here = Lapsed here. They do not hold it yet.
headline-and = { $first } { $second }

## The plain lines of a request: asked, reached, owed by whom until when, what is not known

plain-asked = { $side ->
    [ours] Our { $from } asks to talk with their { $to } { $mode }: { $name }, { $precedence }, { $time }.
   *[theirs] Their { $from } asks to talk with our { $to } { $mode }: { $name }, { $precedence }, { $time }.
}
plain-subject = Subject: { $subject }
plain-again = It asks again after { $name }, which is closed.
plain-concerted = Both sides asked at once: { $name } is the same request from the other side. No first mover.
plain-renewed = Renewed { $count ->
        [one] once
       *[other] { $count } times
    }, last { $time } ({ $name }); the request still stands.
plain-renewed-closed = Renewed { $count ->
        [one] once
       *[other] { $count } times
    } before it was closed, last { $time } ({ $name }).
plain-renewed-early = { $name } came sooner than the charter’s pace (clause 7): no attempt, and it rings nowhere. From { $from } on one does.
plain-valid-until = It is valid until { $time }.
plain-was-valid-until = It was valid until { $time }.
plain-earlier = An earlier attempt came further: { $rung } { $time } ({ $name }).
plain-deferred = { $side ->
    [ours] We deferred it { $time } ({ $name }): { $code }.
   *[theirs] They deferred it { $time } ({ $name }): { $code }.
}
plain-deferred-until = { $side ->
    [ours] We deferred it { $time } ({ $name }): { $code }, until { $until }.
   *[theirs] They deferred it { $time } ({ $name }): { $code }, until { $until }.
}
plain-offer-open = { $name } offers { $windows }.
plain-ready-open = { $name }: ready to take it now, to be taken up by { $until }.
plain-offer-lapsed = { $name }, an offer of times, lapsed { $time } ({ $by }): no answer to it is in the record. The request is not ended by that.
plain-offer-crossed = { $name }, an offer: its accept and its end crossed ({ $by }). Nothing is agreed by it.
plain-offer-withdrawn = { $name }, an offer of times, was taken back { $time } ({ $by }).
plain-offer-declined = { $name }, an offer of times, was declined { $time } ({ $by }).
plain-overdue-station = Overdue: { $name } notes { $time } that their station did not hold it in time (clause { $clause }).
plain-overdue-watch = Overdue: { $name } notes { $time } that it was not seen by the watch in time (clause { $clause }).
plain-overdue-principal = Overdue: { $name } notes { $time } that neither deferral nor time had come (clause { $clause }).
plain-suspended = { $side ->
    [ours] We are not able at present ({ $name }); it stands and does not ring there.
   *[theirs] They are not able at present ({ $name }); it stands and does not ring here.
}
plain-decided = { $act } by { $name } { $time }.
plain-decided-unheld = { $act } by { $name } { $time }; they do not hold it yet.
plain-crossed = { $first } and { $second } crossed: neither had seen the other.
plain-talk = { $word }. Signed { $time } ({ $name }).
plain-beside = { $name } ({ $act }) crossed the outcome and does not change it.
plain-by-charter = Not in our log, and counted all the same, because the charter with which the other side went on to the next epoch names it: { $names }.

## What is owed, by whom, until when

owed-hold = { $side ->
    [ours] Owed by our station until { $time }: that it holds this (clause { $clause }).
    [ours-late] Owed by our station, overdue since { $time }: that it holds this (clause { $clause }).
    [theirs-late] Owed by their station, overdue since { $time }: that it holds this (clause { $clause }).
   *[theirs] Owed by their station until { $time }: that it holds this (clause { $clause }).
}
owed-see = { $side ->
    [ours] Owed by our watch until { $time }: that it sees this (clause { $clause }).
    [ours-late] Owed by our watch, overdue since { $time }: that it sees this (clause { $clause }).
    [theirs-late] Owed by their watch, overdue since { $time }: that it sees this (clause { $clause }).
   *[theirs] Owed by their watch until { $time }: that it sees this (clause { $clause }).
}
owed-principal = { $side ->
    [ours] Owed by our side until { $time }: a deferral, a time or an answer (clause { $clause }).
    [ours-late] Owed by our side, overdue since { $time }: a deferral, a time or an answer (clause { $clause }).
    [theirs-late] Owed by their side, overdue since { $time }: a deferral, a time or an answer (clause { $clause }).
   *[theirs] Owed by their side until { $time }: a deferral, a time or an answer (clause { $clause }).
}
owed-answer-offer = { $side ->
    [ours] Owed by us until { $time }: accept or decline { $name }; on silence it { $silence }.
    [ours-late] Owed by us, overdue since { $time }: accept or decline { $name }; on silence it { $silence }.
    [theirs-late] Owed by them, overdue since { $time }: accept or decline { $name }; on silence it { $silence }.
   *[theirs] Owed by them until { $time }: accept or decline { $name }; on silence it { $silence }.
}
owed-take-ready = { $side ->
    [ours] Owed by us until { $time }: come to { $name }, or let it lapse.
    [ours-late] Owed by us, overdue since { $time }: come to { $name }, or let it lapse.
    [theirs-late] Owed by them, overdue since { $time }: come to { $name }, or let it lapse.
   *[theirs] Owed by them until { $time }: come to { $name }, or let it lapse.
}
owed-answer = { $side ->
    [ours] Owed by us, without a date: an answer, a time or a decline.
   *[theirs] Owed by them, without a date: an answer, a time or a decline.
}
owed-resume = { $side ->
    [ours] Owed by us, without a date: resume or withdraw. Until then nothing is owed by them.
   *[theirs] Owed by them, without a date: resume or withdraw. Until then nothing is owed by us.
}
owed-come = Owed by both sides from { $time }: that they come.
owed-say-talked = { $side ->
    [ours] Owed by us, without a date: our word on the talk.
   *[theirs] Owed by them, without a date: their word on the talk.
}
owed-read = { $side ->
    [ours] Owed by us, without a date: that { $name } is read.
   *[theirs] Owed by them, without a date: that { $name } is read.
}
owed-check-reply = { $side ->
    [ours] Owed by our watch until { $time }: an answer to check { $name } (clause { $clause }).
    [ours-late] Owed by our watch, overdue since { $time }: an answer to check { $name } (clause { $clause }).
    [theirs-late] Owed by their watch, overdue since { $time }: an answer to check { $name } (clause { $clause }).
   *[theirs] Owed by their watch until { $time }: an answer to check { $name } (clause { $clause }).
}
silence-lapses = lapses
silence-stands = stands

## What is not known. A page drops what stands before the colon: its heading says it.

unknown-held = Not known: whether their station has it. Nothing of theirs that we hold names it.
unknown-rings = Not known: whether anything rings there. No device of theirs has confirmed it.
unknown-attended = Not known: whether anyone is there to hear it.
unknown-told = Not known: whether the { $post } has been told. SEEN is the watch, and REFERRED the office.
unknown-still = Not known: whether their { $post } is at hand now. They last said so { $time }.
unknown-why = Not known: why their watch has not said that it has seen this. Silence is not an answer, and is not recorded as one.
unknown-why-offer = Not known: why no answer to { $offer } was written in time. Silence is not an answer, and is not recorded as one.
unknown-until = Not known: until when. They named no time.
unknown-meanwhile = Not known: what they have written since. A lapse or a withdrawal of theirs may be on its way.
unknown-meanwhile-own = Not known: what they have written since. An answer, a decline or an acceptance of theirs may be on its way.
unknown-talked = Not known: whether they talked. One side states it.
unknown-said = Not known: what was said in it. The record holds that both state the talk, and none of its words.
unknown-come = Not known: whether anyone came. Neither side has said so.
tone-heard = { $tone ->
    [ringing] The tone that you hear: a device of theirs has confirmed that it rings.
   *[trying] The pips that you hear: it is on its way. No device of theirs has confirmed that it rings.
}
tone-stop = Stop the sound
unknown-over = Not known: whether the talk is over. No side has said so.

## The course of things: one sentence an entry, the same at both sides; the words that go with it are no part of it. $sign is its author, $peer the other side, $on what it acts on.

course-charter = { $sign } opens its log with the charter of this line, which both have signed.
course-received = { $sign }’s station states that it holds { $names }.
course-state = { $sign } declares its station { $state }.
course-state-until = { $sign } declares its station { $state } until { $time }.
course-check-schedule = { $sign }’s station tests the line, as the charter’s schedule has it, and waits for a person’s answer.
course-check-person = A person at { $sign } tests the line and waits for a person’s answer.
course-check-reply = A person at { $sign } answers the check { $on }.
course-overdue-station = { $sign } notes that { $peer }’s station did not hold { $on } within the time that the charter gives.
course-overdue-watch = { $sign } notes that { $peer }’s watch did not state within the time that the charter gives that it had seen { $on }.
course-overdue-principal = { $sign } notes that neither a deferral nor a time for { $on } came within the time that the charter gives.
course-ask = { $sign }’s { $from } asks to talk with { $peer }’s { $to } { $mode }, { $precedence }.
course-ask-again = { $sign }’s { $from } asks again after { $on } to talk with { $peer }’s { $to } { $mode }, { $precedence }.
course-text = { $sign }’s { $from } writes to { $peer }’s { $to }, { $precedence }.
course-alerting = { $sign }’s station states that a device ({ $channel }) rings for { $on }.
course-seen = { $sign } states that its watch has seen { $on }{ $post ->
        [none] .
       *[other] ; not that its { $post } has.
    }
course-referred = { $sign } states that { $on } is with the office of { $post ->
        [none] its post.
       *[other] its { $post }.
    }
course-renew = { $sign } renews { $on }: it still stands.
course-renew-early = { $sign } renews { $on } sooner than the charter’s pace: it still stands, and this is no new attempt.
course-suspend = { $sign } is not able at present: { $on } stands and does not ring.
course-resume = { $sign } is able again: { $on } rings as before.
course-defer = { $sign } defers { $on }: { $code }; no time is named.
course-defer-until = { $sign } defers { $on }: { $code }, until { $until }.
course-decline = { $sign } declines { $on }: { $code }.
course-cancel = { $sign } cancels the talk of { $on }: { $code }.
course-offer = { $sign } offers a time for { $on }: { $windows }. To be answered by { $time }; on silence the offer { $silence }.
course-offer-why = { $sign } offers a time for { $on }: { $windows }. To be answered by { $time }; on silence the offer { $silence }. Why not sooner: { $code }.
course-answer = { $sign } answers { $on }: they talk at once.
course-ready = { $sign } is ready to take { $on } now; to be taken up by { $time }.
course-accept = { $sign } accepts { $on }: { $window }.
course-accept-ready = { $sign } comes to { $on }.
course-withdraw = { $sign } takes { $on } back.
course-lapse-valid-until = { $sign } notes that the time until which { $on } was valid has passed.
course-lapse-answer-by = { $sign } notes that the time to answer { $on } has passed: the offer has lapsed, and the request is not ended by that.
course-lapse-recall = { $sign } notes that the time to take up { $on } has passed.
course-talk-telephone = { $sign } states that they talked on { $on } by telephone: { $window }.
course-talk-in-person = { $sign } states that they talked on { $on } in person: { $window }.
course-talk-video = { $sign } states that they talked on { $on } by video: { $window }.
course-talk-writing = { $sign } states that they talked on { $on } in writing: { $window }.
course-talk-other = { $sign } states that they talked on { $on } by other means: { $window }.
course-joined = { $sign } states that it has joined the talk of { $on }: { $part }.
course-ended = { $sign } states that the talk of { $on } over this line is over: { $reason ->
    [done] { $by } ended it
    [lost] nobody of { $by } came back into it
   *[broken-off] it broke off with the line
}.
course-sheet = { $sign } states in its call sheet of the talk on { $on } that it was held { $window }.
course-missed = { $sign } states that { $peer } did not come to the talk of { $on }.
course-read = { $sign } states that a person there has read { $on }.
course-retract = { $sign } takes the text { $on } back.
course-memo = { $sign } notes.
course-other = { $sign } writes an entry of the type “{ $kind }”.
course-unknown = { $sign } writes an entry of a type that this version does not know; it has no effect.
course-renewal = { $request } (as renewed by { $name })
course-crosses = { $sentence } It crossed { $others }: neither had seen the other.
course-void = { $sentence } Void, without effect: { $why }

## Stories: two stations played from a file, and both sides’ accounts read back from their stores

account-of = { $sign }’s account, from its own store
account-request = Request { $name }
account-beside = Beside the requests
account-rests = { $sentence } [{ $names }]
account-row = { $time }. { $sentence } [{ $name }]
account-row-scripted = { $time }. { $sentence } (The bell is the story’s: no device rang.) [{ $name }]
account-receipts = { $count ->
        [one] One more entry is a receipt
       *[other] { $count } more entries are receipts
    } and nothing else; the record shows all.
account-heads = Heads of both logs, by { $sign }’s store:
account-heads-equal = Both stores hold the same two logs, by size and root.
account-heads-differ = The stores hold different logs: one side does not hold yet what the other has written.
account-figures = Times to answer, by { $sign }’s store. What the link takes is no time on a told clock.
story-how = Played on two stations with their own stores and a real link; the clock is told by the story, and all claimed times with it. What follows is read back from the two stores. Times are local to each side, its own first.
story-bell = The bell at { $sign } belongs to the story: the story confirms that it rings, and no device does.
story-playing = Step { $done } of { $steps }: { $time } (UTC)
story-spectator = Spectator
story-told = The story is told. Both desks can be read on; Ctrl-C ends them.
story-call = It is time to talk on { $name }: both desks ring, and whoever signs in by these links can join. Ctrl-C ends the story.
story-kept = Kept in { $path }. The same afterwards: { $command }
story-done = done
story-nothing = nothing
story-at = { $file }, line { $line }, column { $column }: { $wrong }
story-not-text = This is not UTF-8 text.
    .do = Save the story as UTF-8.
story-control = Here is a control character, or one that turns the direction of writing (U+{ $code }).
    .do = Take it out; a story has letters, spaces, tabs and line ends.
story-too-long = A story has at most { $max } bytes.
    .do = Shorten it, or tell it as two stories.
story-line-too-long = A line has at most { $max } characters.
    .do = Shorten it, or write it as two texts.
story-too-many-steps = A story has at most { $max } steps.
    .do = Shorten it, or tell it as two stories.
story-wanted = Here should stand { $wanted }; “{ $found }” does.
    .do = Write it as docs/stories.md says.
story-wanted-at-end = Here should stand { $wanted }; the line ends.
    .do = Write it as docs/stories.md says.
story-time-back = { $said } lies before the step before it, { $before }.
    .do = Put the steps into the order of their times.
story-mark = Everything in a story is marked EXERCISE; it names no mark.
    .do = Leave it out.
story-twice = “{ $key }” is given twice.
    .do = Give it once.
story-not-done = The act was expected not to be done ({ $wanted }); what became of it: { $found }.
    .do = Correct what is expected, or the course before it.
story-status = “{ $name }” was expected to be { $wanted } in { $sign }’s store; there it is { $found }.
    .do = Correct what is expected, or the course before it.
story-too-much-due = More than { $max } things fall due between the steps: scheduled checks, lapses, notes of what is overdue.
    .do = Let the charter’s schedule have fewer checks, or tell a shorter time.
story-want-title = first of all: story "TITLE"
story-want-statement = one of: say, side, terms, a time, expect
story-want-step = a step, or what is expected of one
story-want-side = side WORD "CALL SIGN" "ORGANISATION" zone=AREA/CITY
story-want-side-word = a word for the side that no other has and that is not bell, call, link or wait: 1 to 32 of a–z, 0–9 and “-”
story-want-zone = zone=AREA/CITY, a zone of the IANA database
story-want-two-sides = two sides, no more, before the first step
story-want-term = one of { $known }, each as KEY=VALUE
story-want-duration = a duration such as 90s, 15m, 8h or 2d
story-want-durations = a duration such as 15m, or four by precedence, ROUTINE first: 8h,1h,15m,5m
story-want-checks = never, a duration from 60s to 1d, or times of the UTC day in their order: 09:00,17:00
story-want-shorter = a duration of at most 3660 days
story-want-time = a time in UTC: YYYY-MM-DD HH:MM
story-want-who = one of { $known }, or bell, call, link, wait
story-want-side-of-story = one of the sides { $known }
story-want-up-down = up or down
story-want-on-off = on or off
story-want-act = one of the acts { $known }
story-want-on = the name of what the act is on, in quotation marks: "Northland 2"
story-want-option = one of { $known }
story-want-yes = private=yes, or nothing
story-want-text = a text in quotation marks
story-want-quote = a quotation mark that ends the text
story-want-value = a value after “=”
story-want-space = a space
story-want-end = the end of the line
story-want-act-before = an act before it, and nothing else that is expected of that act
story-want-code = the code of a refusal, such as closed
story-want-expected = not-done CODE, or "NAME" STATUS …
story-want-status = one of { $known }

## Acts, as words for a sentence

act-answer = Answered
act-accept = Accepted
act-decline = Declined
act-withdraw = Withdrawn
act-lapse = Lapsed

## Lines

line-now = Now { $time }; their watch is in { $zone }.
line-now-utc = Now { $time }; their watch names no zone that is known here, so its times are shown in UTC.
line-pending = Pending: pairing is not finished.
line-unjoined = Pending: the other side has not joined epoch { $epoch } yet. It does so by itself when it is connected.
epoch-began = Epoch { $epoch } of this line serves: { $sign } opened it { $time } by its clock, signed with its root key. What was open or agreed before is of an epoch that has ended.
epoch-why = The record gives no reason. An epoch is opened after a restore from a backup, when a log was forked, or when keys were retired.
awaited-coming = Epoch { $epoch } is not settled. { $by ->
    [ours] Our charter
   *[theirs] Their charter
  } of a later epoch names { $log ->
    [ours] our
   *[theirs] their
  } log there up to #{ $last }; held here: { $size } entries of it. The rest counts as it comes.
awaited-alone = Epoch { $epoch } is not settled. { $by ->
    [ours] Our charter
   *[theirs] Their charter
  } of a later epoch names { $log ->
    [ours] our
   *[theirs] their
  } log there up to #{ $last }; held here: { $size } entries of it. What the other charter does not name of that counts once all of it is held. Whether it was ever written is not known here.
awaited-never = Epoch { $epoch } is not settled. { $by ->
    [ours] Our charter
   *[theirs] Their charter
  } of a later epoch names { $log ->
    [ours] our
   *[theirs] their
  } log there with #{ $last } at its end, and the log that is held here was never that one.
awaited-charters = Epoch { $epoch } is not settled: the charters by which both sides close it are not both held here. What comes late still counts.
epoch-do = { $kind ->
        [request] Look at one with: counterpart status "{ $name }" --epoch { $of }.
       *[other] Look at one with: counterpart record --words --epoch { $of } --from "{ $name }".
    } Ask anew for what still stands. Then take note: counterpart noted { $at } --tally { $tally }
broken-open = Broken off: { $name } of epoch { $epoch }, { $precedence }, { $from } → { $to }. It was open when the epoch ended.
broken-agreed = Broken off: { $name } of epoch { $epoch }, { $precedence }, { $from } → { $to }. A talk was agreed for { $window } and still to come when the epoch ended.
broken-unread = Not read: { $kind ->
        [notice] the notice
       *[text] the text
    } { $name } of epoch { $epoch }, { $precedence }, { $from } → { $to }. Nobody here had read it when the epoch ended.
broken-untold = Not noted here when epoch { $epoch } ended: { $sentence }
broken-more = And { $more } more, not listed here. All of an epoch stands in its record: counterpart record --epoch
broken-name = { $name } of epoch { $epoch }
broken-by-charter = { $sentence } It is not in our log: their charter alone counts it.
broken-heading = { $count ->
        [one] One matter with { $peer } broke off
       *[other] { $count } matters with { $peer } broke off
    }
broken-do = Ask anew for what still stands, and say so to the other side. Then take note: it is kept at home alone.
line-halted = Their log is taken no further in this epoch: { $misconduct }
restore-nothing = { $peer }: nothing to restore. This station signs; epoch { $epoch } serves.
restore-peer = { $peer }: restored from a backup. The other side has not been heard since, so what it holds of our log is not known.
    .do = Wait until the line is up. If the other side cannot be reached, and you take that on yourself: counterpart restore --open --peer-is-dark, with the root key.
restore-peer-silent = { $peer }: restored from a backup. The line is up; the other side has not yet shown all that it named of our log. It has been connected for { $lasted } since it last showed anything new.
    .do = Wait. After an hour of connection in which it has shown nothing new, counterpart restore --open goes on without it.
restore-judgement = { $peer }: the other side shows entries of our own log that this station does not hold. Nothing is signed before a person has taken them, or said that they are not to be taken.
    .do = Read them: counterpart restore --part NAME shows every entry of a part. Lay root's list beside them: counterpart restore --keys-list FILE says of each part whose it can be, and what to type. --take puts a part into our log, as it was signed. --refuse leaves it beside our log as evidence, and nobody is asked about it again; in an epoch that has ended it counts all the same, as far as the other side's charter of the next one names it. Neither can be undone. Then open a new epoch: counterpart restore --open, with the root key.
restore-late = { $peer }: this station signs; epoch { $epoch } serves. The other side shows entries of our own log of an epoch that has ended. They wait for a person. They count there as far as a charter of the next epoch names them, whether they are taken or not.
    .do = Read them: counterpart restore --part NAME shows every entry of a part. Lay root's list beside them: counterpart restore --keys-list FILE says of each part whose it can be, and what to type. --take puts a part into our log of that epoch, as it was signed. --refuse leaves it beside our log as evidence, and nobody is asked about it again. Neither can be undone. No epoch is opened by it, and what is open now goes on.
restore-restored = { $peer }: restored from a backup. The other side has been heard and shows nothing more of our log.
    .do = Open a new epoch: counterpart restore --open, with the root key.
restore-branch = { $peer }: the other side shows another course of our own log than this station holds: another copy of it has written, or somebody who has our key.
    .do = Find that copy, or who has the key, and stop it. Then open a new epoch: counterpart restore --open, with the root key.
restore-not-taken = { $peer }: entries of our own log that the other side shows were not taken here. They are signed with our key, so whoever made them has it, or is another copy of this station; nothing is signed beside them.
    .do = Find out who has the key, or where that copy is, and stop it. Then open a new epoch, which ends the key: counterpart restore --open, with the root key.
restore-retired = { $peer }: the other side shows that our link key is retired: this is a copy of a station that went on.
    .do = Find that station. If this copy is to take its place, stop it, and open a new epoch: counterpart restore --open, with the root key.
restore-unnamed = { $peer }: the other side has opened an epoch that does not name the one that we serve.
    .do = Open a further epoch: counterpart restore --open, with the root key.
restore-shown = Part { $part } waits for a person: they show our entries #{ $from } to #{ $last } of epoch { $epoch } ({ $count }), the last signed by our key { $key }….
restore-shown-branch = Part { $part }: they show another course of our log of epoch { $epoch }, from #{ $from } to #{ $last } ({ $count }), the last signed by our key { $key }…. It is kept as evidence and cannot be taken.
restore-shown-kept = Part { $part } was not taken, and is kept: our entries #{ $from } to #{ $last } of epoch { $epoch } ({ $count }), the last signed by our key { $key }….
restore-shown-ended = Part { $part }: they show entries #{ $from } to #{ $last } of epoch { $epoch } ({ $count }), begun under a key of ours that had ended by then, the last signed by our key { $key }…. It is kept as evidence.
restore-shown-unopened = Part { $part }: they show entries #{ $from } to #{ $last } of epoch { $epoch } ({ $count }), which nobody is known to have opened, the last signed by our key { $key }… that is in force. It is kept, and cannot be taken before the opening of that epoch is here.
restore-shown-all = Every entry of it, with all of its words: counterpart restore --line { $line } --part { $part }
restore-shown-more = It goes on: counterpart restore --line { $line } --part { $part } --from { $from }
restore-counts = Part { $part } is not in our log, and counts in epoch { $epoch } up to #{ $last } all the same: the charter with which the other side went on to the next epoch names it.
restore-counts-not-taken = Part { $part } was not taken here, and counts in epoch { $epoch } up to #{ $last } all the same: the charter with which the other side went on to the next epoch names it.
restore-part = { $part } ({ $peer }, epoch { $epoch }, #{ $from } to #{ $last })
restore-shown-entry = #{ $index } { $kind }, { $time }
restore-shown-words = #{ $index } { $kind }, { $time }: “{ $words }”
restore-missing-ours = Their log names our entries #{ $from } to #{ $last } of epoch { $epoch }, which they have not shown.
restore-missing-theirs = Our log names their entries #{ $from } to #{ $last } of epoch { $epoch }, which are not here yet. They are kept when they come.
restore-opened = { $peer }: epoch { $epoch } is open and serves. { $count ->
    [0] Nothing was taken back.
    [one] One entry of ours was taken back.
   *[other] { $count } entries of ours were taken back.
  } What was open before reads “broken off”: ask again. Make a backup now.
restore-judged = { $peer }: { $count ->
    [0] nothing was taken into our log.
    [one] one entry was taken into our log.
   *[other] { $count } entries were taken into our log.
  }{ $left ->
    [0] {""}
    [one] {" "}One part was not taken, and is kept as evidence.
   *[other] {" "}{ $left } parts were not taken, and are kept as evidence.
  }
restore-key-last = Part { $part }: root's list has its key last, so nobody else had it, unless it was stolen. If you have read it and know it to be ours, it is taken back with counterpart restore --open --part { $part }; or now: counterpart restore --line { $line } --keys-list { $list } --take --part { $part }
restore-key-ended = Part { $part }: root's list has a later key, so whoever has this one could have made these entries. If somebody here knows them to be ours: counterpart restore --line { $line } --keys-list { $list } --take --part { $part }. If not: the same with --refuse.
restore-no-way-back = Neither --take nor --refuse can be undone.
restore-people = Who may sign in and call stands as the backup had it. Until a person says that it is as it should be, no password and no token of it serves. { $users ->
    [0] There are no users
   *[other] Users: { $names }
}; { $tokens ->
    [0] there are no tokens.
   *[other] tokens: { $programs }.
}
    .do = End those who had gone since, and change passwords that had been changed: counterpart user end NAME, counterpart token revoke NAME, counterpart user change NAME --password. Then: counterpart restore --people. Meanwhile a link signs somebody in: counterpart user link NAME
restore-then-open = Then open a new epoch: counterpart restore --open, with the root key.
restore-key-unlisted = Part { $part }: root's list does not name its key. It is the list of another station, or a copy of ours that is too old; nothing can be taken by it.
restore-not-opened = { $peer }: no epoch was opened. { $cause }
restore-grant-stays = It is not known whether the epoch was opened: root's list keeps the new key. See counterpart restore, and run the command again if it still waits.
restore-keys-kept = The new keys are in the backup { $backup }.
line-waits = The other side shows entries of our own log that are not here, or another course of it, or that our keys are retired: this station signs nothing here before a person has looked. See counterpart restore.
line-judges = The other side shows entries of our own log of an epoch that has ended: they wait for a person. See counterpart restore.
line-restored = Restored from a backup: this station signs nothing here before a new epoch is open.
line-closed = The line is closed, by { $name }.
state-open = open
state-maintenance = in maintenance
state-suspended = suspended
state-closed = closed
state-until = { $state } until { $time }
observed-open = OPEN
observed-degraded = DEGRADED
observed-silent = SILENT
observed-down = DOWN
observed-unserved = NOT SERVED
cause-path = PATH: no handshake succeeds on any address of theirs, while the reference that this station’s operator named answers.
cause-unknown = UNKNOWN: nothing tells where the path ends.
evidence-none = Nothing is found that speaks against it.
evidence-no-session = No session for { $lasted }.
evidence-no-handshake = { $tries ->
        [one] One try to reach their addresses, without
       *[other] { $tries } tries to reach their addresses, none with
    } a handshake.
evidence-handshakes = { $tries ->
        [one] One try to reach their addresses
       *[other] { $tries } tries to reach their addresses
    }, { $handshakes } with a handshake: the path carries.
evidence-reference-answers = The reference that this station’s operator named answers.
evidence-reference-dark = The reference that this station’s operator named does not answer either.
evidence-silent = SILENT: the link is up; the last watch check has stood for { $lasted } without a person’s answer (the charter gives { $within }).
evidence-stalled = STALLED: they write, but no head of theirs covers { $name }, sent { $lasted } ago.
evidence-tcp = Over TCP: UDP did not get through when this connection began. It is tried again.
evidence-loss = Of 1,000 packets on the link { $permille } are lost.
evidence-slowed = They have used up what they may have stored here in a day: what they send is read slowly, the next in { $lasted }. Nothing is lost.
evidence-clock-ahead = Their clock is { $lasted } ahead of ours: one of the two is wrong. Compare both with a source that you trust, and set the one that is wrong. Each entry tells its author's time.
evidence-clock-behind = Their clock is { $lasted } behind ours: one of the two is wrong. Compare both with a source that you trust, and set the one that is wrong. Each entry tells its author's time.
observed-declared-same = { $observed } = declared { $declared }
observed-declared-differ = { $observed } ≠ declared { $declared }
observed-declared-beside = { $observed }; declared { $declared }
evidence-unserved = No station serves this directory, so nothing is observed of the line.
unserved-without = The record is read without it, with our zone as the charter has it.
records-agree = Records agree to #{ $size }.
records-waiting = Records agree to #{ $size }{ $ours ->
        [0] {""}
       *[other] ; { $ours } of ours they have not yet named
    }{ $theirs ->
        [0] {""}
       *[other] ; { $theirs } of theirs we have not yet named
    }.
records-lacking = Records agree to #{ $size } in what this copy holds; the other side may hold more of our log.
lines-none = No line yet.
lines-no-requests = No open request.

## The record

standing-void = void, without effect: { $why }
standing-unknown = unknown, without effect
standing-waits = kept, waits for what its author had seen
record-page = Entries { $from } to { $to } of { $total }
body-lacking = (its words are not held here)
body-deniable = (deniable)
words-changed = (The words kept here are not those that were signed.)
record-empty = Nothing in the record here.

## Figures

figures-direction = { $side ->
    [ours] Asked by us of { $peer }
   *[theirs] Asked of us by { $peer }
}
figures-none = No request in this time.
figures-clocks = Times run from the asking side’s clock to the answering side’s: two clocks are mixed, and their difference with them.
figures-early = { $count ->
        [one] One time was
       *[other] { $count } times were
    } claimed before the ask and counted as 0.
figures-year = Asked in { $year } (UTC)
figures-all = All years

## The bell

ring-ask = { $peer } asks to talk: their { $from } with our { $to }.
ring-head-ask = { $peer } asks to talk.
ring-head-renew = { $peer } asks still to talk.
ring-head-text = { $peer } has written.
ring-head-notice = { $peer } sends a notice.
ring-renew = { $peer } asks still: their { $from } with our { $to }. The request still stands.
ring-offer = { $peer } offers times on { $name }.
ring-ready = { $peer } is ready to take { $name } now.
ring-text = { $peer } has written: their { $from } to our { $to }.
ring-notice = { $peer } sends a notice: their { $from } to our { $to }.
ring-check = { $peer } tests the line and waits for a person’s answer.
ring-since = Since { $time }, by their clock.
ring-answer = { $peer } answers { $name }: they talk at once.
ring-decline = { $peer } says no to { $name }: { $code }.
ring-cancel = { $peer } cancels the talk of { $name }: { $code }.
ring-defer = { $peer } defers { $name }: { $code }.
ring-defer-until = { $peer } defers { $name }: { $code }, until { $until }.
ring-crossed = { $told } It crossed an act of ours: nothing is agreed by it.
ring-accept = { $peer } takes a time of { $name }: { $window }.
ring-come = { $peer } comes to { $name } now.
ring-overdue-station = { $peer } notes that our station did not hold { $name } in time.
ring-overdue-watch = { $peer } notes that { $name } was not seen by our watch in time.
ring-overdue-principal = { $peer } notes that neither deferral nor time had come for { $name }.
ring-closed = { $peer } has closed the line. Whoever takes note of it takes note of all its texts that still ring.
ring-until-closed = It rings until somebody here takes note: counterpart noted { $at }
ring-until = It rings until somebody here acts on it, or takes note: counterpart noted { $at }
ring-broken-off = { $sign } opened epoch { $epoch } of this line. The epoch before has ended, and this broke off{ $unseen ->
        [0] {""}
       *[other] , or nobody here had read or noted it
    }: { $names }{ $more ->
        [0] .
       *[other] { " " }and { $more } more.
    }
ring-until-noted = It rings until somebody here takes note: counterpart noted { $at } --tally { $tally }
ring-broken-noted = { $sign } opened epoch { $epoch } of this line. What broke off before has been noted here.
noted = Noted: { $name }. It rings no more; nothing of this leaves the station.
ring-stops = { $name }: ringing stops.
ring-stops-why = { $name }: ringing stops. { $why }
ring-stops-user = { $name }: ringing stops. { $why } By { $user }.
stop-ours = { $kind ->
    [seen] Our watch has seen it ({ $name }).
    [referred] It is with our principal’s office ({ $name }).
    [defer] We deferred it ({ $name }).
    [offer] We offered times ({ $name }).
    [ready] We said that we are ready ({ $name }).
    [answer] We answered it ({ $name }).
    [accept] We accepted ({ $name }).
    [decline] We said no ({ $name }).
    [withdraw] We took it back ({ $name }).
    [lapse] Its time is over, as our station wrote ({ $name }).
    [read] It is read ({ $name }).
    [check-reply] We answered the check ({ $name }).
    [ask] We asked again ({ $name }).
   *[other] We dealt with it ({ $name }).
}
stop-theirs = { $kind ->
    [withdraw] They took it back ({ $name }).
    [retract] They took it back ({ $name }).
    [lapse] Its time is over, as their station wrote ({ $name }).
    [suspend] They are not able at present ({ $name }); it stands.
    [renew] They renewed it ({ $name }).
    [check] A later check takes its place ({ $name }).
   *[other] It is closed, by { $name }.
}
stop-noted = It has been told, or somebody here took note of it.
stop-later = It is no longer among those that ring: more urgent ones do, or later ones as urgent.
stop-line = The line is closed, by { $name }.
stop-state = Our station is declared suspended.
stop-epoch = The epoch in which it rang has ended.
ring-exercise = This is an EXERCISE. Nothing in it is meant.
ring-test = This is a TEST of the system. Nothing in it is meant.

## Names in commands

name-malformed = “{ $said }” names no entry.
    .do = Write “{ $example }”, “{ $sign } #12” or “0:12”.
name-unknown-sign = No side of this line is called “{ $said }”.
    .do = The call signs are { $ours } and { $theirs }.
name-none-such = { $name } is not in the record.
    .do = The latest of that side is { $latest }.
name-none-yet = { $name } is not in the record.
    .do = That side has opened nothing yet.
name-of-ended-epoch = { $name } is of epoch { $epoch }, which has ended. Numbers began anew after it.
    .do = Look at it with --epoch { $epoch }. Nothing more can be done on it; ask anew for what still stands.
name-of-serving-epoch = { $name } is not of the epoch that you look at. It is of epoch { $epoch }, which serves.
    .do = Leave --epoch out.
name-ambiguous = “{ $said }” may be { $first } or { $second }.
    .do = Say which.

## Why an act is not done: what, which fact decided it, what may be done. The same sentences say why an entry is void.

refusal-what = Not done: { $act }. Nothing was written.
bar-no-such-thing = It names no entry that counts, or one on which this act cannot act.
    .do = Look the name up in the record and give it again.
bar-closed = { $thing } is closed, by { $fact }{ $other ->
        [none] {""}
       *[other] {" "}and { $other }, which crossed
    }.
    .do = Ask again; the new request names the closed one.
bar-still-open = { $fact } is not closed; only a closed request is asked again.
    .do = Renew it: the request still stands.
bar-not-owner = Only the side that opened { $fact } may do this.
    .do = { $of ->
        [text] Say that it is read, or write a text.
        [offer] Accept or decline it.
       *[request] Defer, offer times, answer or decline.
    }
bar-own-thing = { $fact } was opened by this side; only the other side may do this.
    .do = { $of ->
        [text] Retract it, or wait: they say that it is read.
        [check] Wait: a person of theirs answers it.
        [offer] Withdraw it, or wait for their answer.
       *[request] Renew, suspend or withdraw it.
    }
bar-already = It has been done, by { $fact }.
    .do = Nothing more is needed.
bar-too-many-open = This side has { $max } open requests on the line, as many as the protocol allows.
    .do = Withdraw one that is no longer wanted.
bar-too-many = { $max } entries of this side belong to { $fact }, as many as the protocol allows.
    .do = Answer, decline, withdraw or talk; or ask again.
bar-offer-open = { $fact }, of this side, is still open on that request.
    .do = Withdraw it first, then offer other times.
bar-not-suspended = It is not suspended.
    .do = Nothing more is needed.
bar-met = That response time was met, or nothing is late.
    .do = Nothing more is needed.
bar-not-offered = It is not one of the windows offered.
    .do = Take one of them, or offer other times.
bar-window-mismatch = A ready is accepted without a window, an offer with one of its windows.
    .do = Give the window of the offer; for a ready give none.
bar-unsettled = The agreement is not settled: no head of theirs covers our own act yet.
    .do = Wait until they hold it, or reach them another way.
bar-no-talk = There is no talk to write of: no request is decided by it, or this side has not said that it was held.
    .do = Agree a time or answer first. That a talk was held is said by ending the call, or, if it was held elsewhere, with talk.
bar-word-said = This side’s word on the talk is said, by { $fact }.
    .do = Write a text if more is to be said.
bar-has-joined = This side joined the talk, by { $fact }, which is signed only where somebody of theirs is heard.
    .do = Say with talk that you talked, or write a text.
bar-their-word = The other side has said its word on the talk, by { $fact }.
    .do = Say this side's own word with talk, or write a text.
bar-before-start = It lies ahead: { $time }.
    .do = Say it after that time.
bar-not-joined = This side has not joined the talk.
    .do = If the talk was held elsewhere, write it with talk.
bar-retracted = It is retracted, by { $fact }.
    .do = Nothing more is needed.
bar-line-closed = The line is closed, by { $fact }; only a memo can be written.
    .do = Pair a new line.
bar-unknown-post = The charter names no such post on that side.
    .do = Take one of these. Ours: { $ours }. Theirs: { $theirs }.
bar-precedence-too-high = The charter does not let that post be asked with this precedence.
    .do = Take a lower precedence, or another post.
bar-nothing-new = It names nothing new but receipts.
    .do = Nothing is needed.
bar-not-at-index-zero = A charter stands at index 0 and nowhere else.
    .do = Nothing is needed.
bar-amend-mismatch = An amendment needs the next number and a charter that reads, and is countersigned once, by the other side.
    .do = Read the present charter and propose again.
bar-malformed = A field of this { $kind } is not as the type has it.
    .do = Correct the field and give the act again.
refusal-in-the-past = { $time } has passed.
    .do = Name a time ahead.
refusal-after-windows = The last window ends { $time }, and the answer-by lies after that: nothing would be left to accept.
    .do = Name an answer-by before a window ends, or later windows.
refusal-too-early-valid-until = The valid-until of the request is not reached, or grace has not passed.
    .do = Not before { $time }; to end it sooner, withdraw it.
refusal-too-early-answer-by = The answer-by of the offer is not reached, or grace has not passed.
    .do = Not before { $time }; to end it sooner, withdraw the offer.
refusal-too-early-recall = The recall window is not over, or grace has not passed.
    .do = Not before { $time }; to end it sooner, withdraw it.
refusal-not-even = What they have done meanwhile is not known here: the records are not even since the start or the last reconnection.
    .do = Wait until the records agree, or until grace has passed.
refusal-too-long = It is too long: the most is { $max } bytes.
    .do = Shorten it, or send it as several texts.
refusal-line-not-open = The line is not open: pairing is not finished, or its log is halted.
    .do = See its state under lines.
refusal-restored = This station is restored from a backup and signs nothing before a new epoch is open.
    .do = Look at what the other side shows and open a new epoch with the root key: counterpart restore.
refusal-lacks-rules = The charter in force names rules of version { $version }, which this program lacks.
    .do = Run a program that has them; what comes meanwhile is kept.
refusal-epoch-ended = Another epoch of this line serves by now, and numbers begin anew in it.
    .do = Look again, and name what is meant there. What was open before reads “broken off”: ask again.
refusal-more-broke-off = What broke off with an epoch is not what was told with this, or was not named: some of it may have come since.
    .do = Look again: counterpart lines. Then take note as it says there.
refusal-key-not-held = This station does not hold the key that signs its next entry on this line.
    .do = Take the keys from the latest backup, or open a new epoch with the root key: counterpart restore --open.
refusal-awaits-peer = The other side has not been heard since this station was restored, so what it holds of our log is not known.
    .do = Wait until the line is up; or, if the other side cannot be reached and you take that on yourself, add --peer-is-dark.
refusal-awaits-judgement = The other side shows more of our log than this station holds, and nobody has said yet whether it is taken.
    .do = Look at it with counterpart restore --keys-list FILE, root's list; then add --take or --refuse, or say so before with counterpart restore --take or --refuse.
refusal-part-not-waiting = What was named of our log does not wait to be taken: it is not shown, is in the log already, was judged before, or continues what is not taken with it.
    .do = Look again at what is shown, and name that.
refusal-parts-conflict = Of what was named two parts exclude one another: they differ from some entry on, or the same was to be both taken and left out.
    .do = Look at both, and take one of them.
refusal-not-root = This is not the root key that the charter of this line names.
    .do = Use the root key that was made with this station.
refusal-too-many-epochs = This station has opened { $max } epochs of this line, and neither side opens more.
    .do = Pair a new line with the other side.
refusal-unknown-line = There is no such line here.
    .do = See lines for those there are.

## Misconduct: what the other station did that the protocol forbids. Kept as evidence; the line survives.

misconduct-bad-signature = Over their link came what the key in force of their station has not signed.
misconduct-not-canonical = Their station signed an entry that is not in its one form.
misconduct-wrong-line = Over their link came an entry that belongs to another line.
misconduct-wrong-party = Over their link came an entry of another log as theirs.
misconduct-wrong-epoch = Over their link came an entry of an epoch that no charter opened.
misconduct-wrong-place = Over their link came an entry above the next: one between them is left out.
misconduct-head-went-back = Their station named an older head of our log than it had named before.
misconduct-head-never-ours = Their station named a head that our log never had.
misconduct-fork = Their station signed two histories of one log: two entries for one index, or another root before it.
misconduct-bad-frame = Their station sent a frame that is none, or that may not come there.
misconduct-no-common-version = Their station and ours have no version of the protocol in common.
misconduct-false-claim = Their station says that it holds more of our log than we do, and shows nothing that we signed.
misconduct-epoch-jump = Their station opened an epoch whose number is too far above the last.
misconduct-wrong-body = Their station sent words that are not those that their entry names.
misconduct-other-charter = Their station showed a charter that is not the one agreed on in pairing.
misconduct-stale-grant = Their station showed an old grant of new keys again: its serial is not above the last.
misconduct-voice-flood = Their station sent more packets of voice than a side may send.
misconduct-malformed-voice = Their station sent what is no packet of voice, or told of a call what is not in its form.
misconduct-let-go = It was let go, and nothing of it is kept. The session goes on; a call may sound broken off.
misconduct-halts = The evidence is kept; their log is taken no further in this epoch. A person must speak with them by another channel.
misconduct-ends-session = The evidence is kept; the session ended and is tried again.

## Headings of tables on a terminal

table-rung = Fact
table-ours = { $place } (ours)
table-theirs = { $place } (theirs)
table-by = Stated by
table-statement-ours = our station
table-statement-theirs = their station
table-ask = Ask { $name }
table-renewal = Renewal { $name }
table-renewal-early = Renewal { $name }: sooner than agreed, no attempt
table-offer = Offer { $name }: { $windows }
table-ready = Ready { $name }
table-answer-by = answer by { $time }; on silence it { $silence }
table-talk = Talk { $state }: our word: { $ours }; their word: { $theirs }
table-sheets = Call sheets: { $sentence }
table-sheet = { $name }: held { $window }; present of its own side: { $posts }; languages: { $languages }
table-later = Besides:
table-until = until { $time }
table-deadline = by { $time }
table-accepted = accepted: { $window }
table-ended = { $outcome } { $time } ({ $by })
table-acts = You may: { $acts }
table-requests-theirs = Asked of us
table-requests-ours = Asked by us
table-coming = Agreed, to come
table-unsettled = Not settled
table-owed = Owed by us
table-quiet = { $count ->
        [one] One text of theirs waits to be read. It does not ring.
       *[other] { $count } texts of theirs wait to be read. They do not ring.
    }
table-head-ours = Our log: size { $size }, root { $root }
table-head-theirs = Their log: size { $size }, root { $root }
table-declared-ours = We declare { $state }
table-saw = had seen to #{ $last }
table-saw-nothing = had seen nothing
table-count = Asked
table-answered = Answ.
table-agreed = Agreed
table-declined = Decl.
table-withdrawn = Withdr.
table-lapsed = Lapsed
table-crossed = Crossed
table-open = Open
table-broken-off = Broken
table-talked = Talked
table-median-worst = { $median } / { $worst }
table-spans = Median / worst
table-delivered = To DELIVERED
table-seen = To SEEN
table-first-answer = To a first answer

## Help: what commands say of themselves, and what is wrong with a command line. The parts of a message are the arguments of its command; what a command does not say of one, the command above it says.

help-counterpart = A hotline between organisations that must be able to reach each other and do not trust each other.
    .data = The station’s data directory; without it COUNTERPART_DATA, else ./counterpart-data.
    .json = Print the API’s JSON.
    .speak = Speak this language: en or ru. Without it LC_ALL, LC_MESSAGES or LANG decides; --json is always in English.
    .help = Print this help.
    .version = Print the version.
    .line = The line, by call sign or id, if there are several.
    .language = The language of the words (BCP 47).
    .token = Makes the act stand once, however often it is asked; made if absent.
    .epoch = The number of the epoch that you looked at: nothing is done if another serves by now.
    .name = “Northland 112”, “Northland #4071” or 0:12.
    .words = Words that go with it; “-” reads them from the standard input.
    .from = Our post.
    .to = The counterpart.
    .precedence = ROUTINE, PRIORITY, IMMEDIATE or FLASH; ROUTINE unless said otherwise.
    .mark = OPERATION, EXERCISE or TEST.
    .code = Why: ENGAGED, TRAVELLING, OUT-OF-HOURS, NO-INTERPRETER, LEVEL, NOT-COMPETENT, IN-WRITING, OTHER-CHANNEL, CONDITIONS, AWAITING-INSTRUCTIONS, POST-VACANT, IDENTITY-DOUBT, NO-CONFIRMATION; UNSTATED unless said otherwise.
    .until = Until when: 12:00, “tomorrow 12:00”, “2026-11-24 12:00” or +90m.
help-help = Print this, or the help of a command.
help-init = Make a station: its directory, configuration, keys and empty record.
    .name = The organisation, as it will stand in charters.
    .call-sign = Said aloud before a number: “Northland 112”.
    .zone = The zone of its watch: a name of the IANA database; { $default } unless said otherwise.
    .listen = Where to listen: numeric address and port, for UDP and TCP alike; { $default } unless said otherwise.
    .announce = host:port at which peers reach it; may be given several times.
    .desk = Where the desk is served to browsers on this machine, such as 127.0.0.1:7412; otherwise nowhere.
    .root-key = Where to write the root key, outside the data directory; beside it unless said otherwise.
help-backup = Copy record, keys and configuration, also while the station serves.
    .to = A new directory.
help-serve = Serve this data directory until a signal ends it.
    .exercise = What is opened without a mark is an EXERCISE instead of an OPERATION.
help-demo = Start two stations of invented organisations on this machine; or play a story on two.
    .story = Play this story: february-2013, offer-lapses, crossed, or a file.
    .out = Keep both stations of a story in DIR/SIDE/.
    .pace = So many seconds before each act of a story, 1 to 3600, while spectators read on both desks, until Ctrl-C.
help-invite = Make an invitation, to be given to the other organisation in confidence.
    .out = Write it into this new file, for its owner alone, instead of printing it.
    .station = Each station holds what the other sends within this span; 60s unless said otherwise.
    .watch = Each watch has seen it within: one span, or four by precedence, ROUTINE first; 8h,1h,15m,5m unless said otherwise.
    .principal = A deferral, a time or an answer comes within this span; 2d unless said otherwise.
    .pace = A renewal is an attempt, and rings, from this long after the last: one span, or four by precedence; as the watch’s unless said otherwise.
    .checks = When the line is tested: never, every so often (60s to 1d), or at times of the UTC day such as 09:00,17:00.
    .grace = No lapse is written sooner than this span after its deadline; 60s unless said otherwise.
    .recall = For how long a “ready” can be taken up; 15m unless said otherwise.
help-join = Take up an invitation.
    .invitation = Its file; “-” reads it from the standard input.
help-confirm = The digits have been compared over another channel, all of them, and are those that are given here.
    .digits = The sixteen groups as the other side reads them aloud.
    .alike = Their name looks like another’s, and you have made sure who they are.
    .differ = They differ: refuse that candidate.
    .candidate = Whose differ, by key, if there are several.
    .line = The line, by its id, if several pairings wait.
help-abandon = End a pairing that has not become a line.
    .line = { help-confirm.line }
help-pairings = Every pairing that has not become a line, with the digits to compare.
help-lines = Every line: observed beside declared, how far the records agree, what is open, what we owe.
    .figures = Times to answer instead.
    .terms = What was agreed on instead: response times, pace, grace, posts; clause by clause.
    .year = Figures of what was asked in this year (UTC).
    .line = Figures or terms of this line alone.
help-status = A request: asked, reached, owed by whom until when. Without a name: those that are open.
    .all = Also those that are closed.
    .epoch = In an earlier epoch, by its number: what was open there reads “broken off”.
help-record = The record: both logs in one order, and their heads. Without a place: the last page.
    .epoch = An earlier epoch, by its number.
    .offset = After so many entries.
    .from = From this entry on.
    .limit = Entries on the page, up to 1,000.
    .words = With the words of the entries.
    .entries = Write every entry of the line as it was signed, its words, and the evidence of what the other station broke into this new file, to be checked elsewhere.
help-doctor = Whether everything is in order: configuration, keys, disk, database, every line built again from its entries.
help-user = Who may sign in at the desk.
    .name = The name of the user.
    .no-password = Without a password: only links sign this user in.
help-user-add = Make a user; the password is read from the terminal, or from the first line of the standard input.
    .name = The name: acts are kept under it.
    .role = watch: has the watch. admin: the same, and looks after users. auditor: reads and does nothing.
help-user-change = Give a user another role or password; sessions end.
    .role = watch, admin or auditor. Without it the role stays.
    .password = Read a new password, from the terminal or from the first line of the standard input.
help-user-list = Every user.
help-user-end = A user goes, with all sessions. Acts keep the name.
help-user-sign-out = All sessions of a user end.
help-user-link = A link that signs a user in once, within ten minutes.
help-token = Which programs may call over TCP.
    .name = The name of the token.
help-token-add = Make a token and print it, this once: only its hash is kept.
    .name = The name of the program: acts are kept under it.
    .role = watch: does every act. admin: the same, and looks after users and pairings. auditor: reads and does nothing. calendar: no token, but an address at which a calendar program finds the agreed windows, and nothing else.
    .until = When it ends by itself: a day (2027-03-31, the whole of it), a time, or +90d. Without, it serves until it is revoked.
help-token-list = Every token, without what is secret.
help-token-revoke = A token serves no more, from now on; streams that it opened end. Acts keep its name.
help-round = One subject asked on several lines.
help-round-ask = Ask on several lines: on each an ordinary ask, of which the others learn nothing.
    .words = { help-ask.words }
    .on = A line and the counterpart on it: southland=minister. Given once for each line.
    .mode = { help-ask.mode }
    .private = { help-ask.private }
    .round = Add the lines to this round, by its number.
    .token = Makes the round stand once, however often it is asked; made if absent.
help-round-list = The latest rounds, the newest first.
help-round-show = How far each ask of a round has come.
    .number = The number of the round.
help-restore = What each line waits for before this station signs on it again.
    .more = With --part, every entry of that part of our own log that the other side shows; with --take or --refuse, a person’s word on it; with --open, opens a new epoch; with --people, a person’s word on who may sign in and call.
    .line = One line; all unless said otherwise.
    .keys-list = Root’s list of the keys that it granted. Beside the root key unless said otherwise; with --open the new grant is added to it.
    .part = A part, by the name under which it is shown, or the begin of that with eight or more of its digits; of --take and --refuse several may be given. With --open each part that is taken with it.
    .from = Show the entries of the part from this index on.
    .take = Take the parts into our log, as they were signed: they count again.
    .up-to = Of the part that is taken only the entries up to this one; what stands behind it waits on.
    .refuse = Leave the parts beside our log, as evidence. Nobody is asked about them again.
    .open = Open a new epoch on every line that waits for one, or on the line that is named.
    .root-key = The root key’s file. It is read by this command alone.
    .backup = A new folder for a backup with the new keys, made before they serve.
    .peer-is-dark = Your word that the other side cannot be reached: what it holds is not waited for.
    .people = Your word that who may sign in and call is as it should be: passwords and tokens that came in the backup serve again.
help-bell = Ring in this terminal. Only a bell on a terminal counts as ringing.
    .once = Print what rings now and end.
help-noted = Take note of what they did: it rings here no more. Nothing of it leaves the station.
    .name = What rings: “Northland #4071” or 0:12.
    .conduct = Of all that is kept of what the other station broke: the doctor asks for nobody because of it. The evidence stays.
    .tally = What the list of what broke off is known by, as it was told with it: nothing is noted of what came since.
help-ask = Ask to talk.
    .words = The subject; “-” reads it from the standard input.
    .mode = voice, writing or meeting; voice unless said otherwise.
    .private = Nothing of it in public.
    .valid-until = Until when it stands, such as 12:00, “tomorrow 12:00” or +90m; without, until someone closes it.
    .again = The closed request that is asked again.
help-seen = Our watch has it.
help-refer = It is with the principal’s office.
help-defer = Not now.
help-answer = Yes, at once.
help-decline = No: to a request or to an offer.
help-offer = Name times.
    .window = START/END@Zone, such as “tomorrow 12:00/13:00”; up to 8.
    .answer-by = Until when an answer is awaited, such as 12:00, “tomorrow 12:00” or +90m.
    .on-silence = What silence does: the offer lapses (so unless said otherwise) or stands. Never consent.
    .code = Why not sooner: a code of defer.
help-ready = “We will take it now.”
help-accept = Take one window of an offer, or come to a ready.
    .window = The window, or its number from 1; not needed if there is one.
help-renew = The request still stands, and rings again unless it comes sooner than agreed.
    .valid-until = A later time until which it stands.
    .precedence = A higher precedence.
help-suspend = Not able at present: it stands and does not ring there.
help-resume = Able again.
help-withdraw = Take back a request or an offer.
help-cancel = The agreed talk will not be.
help-missed = The other side did not come.
help-talk = A talk was held elsewhere.
    .when = When: START/END.
    .instrument = telephone, in-person, video, writing or other.
    .post = A post that talked; may be given several times.
help-sheet = A call sheet: what we state of a talk once we have said that it was held. If theirs says the same, it shows as agreed.
    .words = The topics, one a line, each after the call sign of who raised it and “: ”; “-” reads them from the standard input.
    .when = When it was held: START/END.
    .post = A post of ours that was present; may be given several times.
    .spoken = A language in which it was held, as a tag: en, zh-Hant; may be given several times.
help-text = Write.
    .words = The text; “-” reads it from the standard input.
help-read = A person has read a text.
help-retract = Take a text back.
help-memo = A note in our own log. The other side holds it too.
    .words = The note; “-” reads it from the standard input.
help-check = Test the line; a person answers.
help-check-reply = Answer a check.
help-state = Declare the state of our station on a line.
    .state = open, maintenance, suspended or closed (for good: needs --for-good).
    .for-good = closed ends the line for good, and this says that it is meant.
usage-heading = Usage:
usage-commands = Commands
usage-arguments = Arguments
usage-options = Options
usage-of-all = Options of every command
usage-exit-codes = Exit codes:
exit-done = done
exit-refusal = not done: a rule does not allow it, or a story’s expectation was wrong; the answer names the fact that decided
exit-usage = the command, or what it names (a file, a place, keys, the configuration), cannot be used as it is
exit-machine = no station answers, or the machine failed; of doctor: something is not in order
exit-misconduct = the other station broke the protocol: its log is halted
usage-placeholder =
    .options = OPTIONS
    .command = COMMAND
    .dir = DIR
    .tag = TAG
    .name = NAME
    .call-sign = CALL_SIGN
    .zone = ZONE
    .address = ADDRESS
    .file = FILE
    .story = STORY
    .seconds = SECONDS
    .span = SPAN
    .spans = SPANS
    .schedule = SCHEDULE
    .digits = DIGITS
    .key = KEY
    .line = LINE
    .year = YEAR
    .number = NUMBER
    .count = COUNT
    .index = INDEX
    .words = WORDS
    .language = LANGUAGE
    .token = TOKEN
    .post = POST
    .precedence = PRECEDENCE
    .mark = MARK
    .mode = MODE
    .time = TIME
    .code = CODE
    .window = WINDOW
    .on-silence = ON_SILENCE
    .instrument = INSTRUMENT
    .state = STATE
usage-command-unknown = There is no command “{ $said }”.{ $like ->
    [none] {""}
   *[some] {" "}Like it: { $like }.
}
usage-argument-unknown = “{ $said }” is not taken here.{ $as ->
    [word] {" "}Words that belong together stand in quotes: "Northland 1".
   *[option] {" "}Words that begin with a hyphen stand behind “--”.
}{ $like ->
    [none] {""}
   *[some] {" "}Like it: { $like }.
}
usage-value-lacks = { $argument } lacks its value.
usage-value-unfit = “{ $said }” is not what { $argument } takes.
usage-value-none = { $argument } takes no value, and “{ $said }” is one.
usage-lacks = It lacks: { $arguments }.
usage-lacks-command = No command is given.
usage-not-both = { $argument } and { $other } are not given together.
usage-twice = { $argument } is given twice.
usage-not-text = Something in the command is not UTF-8.
usage-otherwise = The command is not written as its help says.

## What a command or a program is told when it cannot be understood, or no station can do it: what, and what to do.

fault-not-json = What was sent is not of the form that this call takes: { $cause }.
    .do = Send the fields that /api/v1/openapi.json names for this call, and no others.
fault-query-unreadable = What stands after “?” in this address cannot be read: { $cause }.
    .do = Write the names that /api/v1/openapi.json lists for this address, each once, and values of the form that it says.
fault-not-object = What was sent is no JSON object.
    .do = Send an object, in braces, with the fields that /api/v1/openapi.json names for this call.
fault-unknown-act = There is no act “{ $said }”.
    .do = Take one of: { $known }.
fault-field-not-taken = { $act } does not take “{ $field }”.
    .do = Leave it out; { $act } takes: { $takes }.
fault-field-missing = { $act } needs “{ $field }”.
    .do = Give it.
fault-unknown-word = “{ $said }” is no { $field }.
    .do = Take one of: { $known }.
fault-post-malformed = “{ $said }” cannot be the name of a post.
    .do = Write 1 to 32 of a–z, 0–9 and “-”, as the charter has it.
fault-time-unreadable = “{ $said }” is not a time that is read here.
    .do = Write 2026-11-24T12:00:00Z; in a command also 12:00, “tomorrow 12:00”, “2026-11-24 12:00” or +90m.
fault-time-skipped = “{ $said }” does not exist in { $zone }: the clocks go forward over it.
    .do = Write { $first } or { $second }.
fault-time-twice = “{ $said }” comes twice in { $zone }: the clocks go back over it.
    .do = Write { $first } or { $second }.
fault-time-out-of-range = “{ $said }” lies outside the years 1970 to 9999.
    .do = Write a time between them.
fault-zone-unknown = No zone is called “{ $said }”.
    .do = Write a name of the IANA database, such as Europe/Oslo.
fault-window-unreadable = “{ $said }” is not a window.
    .do = Write START/END@Zone, such as 2026-11-24T12:00:00Z/2026-11-24T13:00:00Z@Europe/Oslo; in a command also “tomorrow 12:00/13:00”.
fault-window-backwards = “{ $said }” does not end after it starts.
    .do = Write the start before the end. An end that is earlier in the day than its start is of the next day if it is at most twelve hours later.
fault-window-too-long = “{ $said }” is longer than { $days } days.
    .do = Name a shorter window, or several.
fault-window-count = An offer has 1 to { $max } windows.
    .do = Name so many.
fault-window-which = { $name } has { $count ->
        [one] one window
       *[other] { $count } windows
    }, and which is taken is not clear.
    .do = Give its number, from 1, or the window itself.
fault-renewal-no-deadline = { $name } has no valid-until, and a renewal gives it none. Nothing was written.
    .do = It stands until somebody closes it: renew it without a time, or withdraw it and ask again with one.
fault-renewal-not-later = { $name } is valid until { $time } already, and only a later time counts. Nothing was written.
    .do = Name a later time, or renew it without one.
fault-close-asks = “closed” ends this line for good: after it nothing but memos can be written, by either side. Only a new epoch, which root of either side opens after a restore, begins anew, and there this station closes it again when it joins. Nothing was written.
    .do = If that is meant, say so: --for-good, or "for_good": true. For a time there are “maintenance” and “suspended”.
fault-for-good-of-what = Only “closed” is for good.
    .do = Leave --for-good out, or declare “closed”.
fault-too-many-posts = More than { $max } posts are named.
    .do = Name those who spoke.
fault-sheet-unfit = { $wrong ->
    [languages] More than { $max } languages are named.
    [topics] More than { $max } topics of one side are named.
   *[unshown] A topic has a character that shows nothing, or that turns the writing around it: two sheets would differ and look alike.
}
    .do = { $wrong ->
        [languages] Name those in which the talk was held.
        [topics] Put topics together, or write what was said as a text.
       *[unshown] Type that line anew.
    }
fault-line-which = This station has several lines: { $known }.
    .do = Say which, by call sign or by the first digits of its id.
fault-line-unknown = No line is called “{ $said }”.
    .do = Take one of those there are: { $known }.
fault-restore-malformed = What was sent about a restore cannot be read, or is not the opening of an epoch.
    .do = Use counterpart restore of the same version as the station; nothing was signed or opened.
fault-restore-moved = The record has moved since root signed: what was signed is not what would open the epoch now.
    .do = Run the same command again.
fault-restore-nothing = No line waits for a new epoch.
    .do = Name the line with --line if you want one opened all the same; it breaks off what is open there.
fault-restore-peer-up = The line with { $peer } is up: the other side is not dark.
    .do = Wait until it has shown what it holds; see counterpart restore. After an hour of connection in which it has shown nothing new, --open goes on without it. Nothing was opened.
fault-restore-dark-which = --peer-is-dark is a word about one other side, and this station has several lines.
    .do = Say which with --line. Nothing was opened.
fault-restore-not-listed = Root's list does not name our station key { $key }…: it is the list of another station, or a copy of ours that is too old. With it anything could be taken.
    .do = Find root's list of this station, beside its root key (“….granted”), the newest copy. Nothing was taken, signed or opened.
fault-restore-nothing-waits = Nothing that the other side shows waits for a person.
    .do = See counterpart restore.
fault-restore-part-unknown = No part of what the other side shows is called “{ $said }”, or it waits for nobody.
    .do = Take a name that counterpart restore shows, with eight or more of its digits: { $known }. A part that has grown has another name.
fault-restore-part-which = Which part is meant is said by its name, and by nothing else. There are: { $known }.
    .do = Read it: counterpart restore --part NAME. Then say --take or --refuse with that name: eight of its digits or more, as many as tell it from the others.
fault-restore-up-to = --up-to { $said } is no entry of the one part that is named, so it does not say where to cut.
    .do = Name one part with --part, and an index that counterpart restore --part NAME shows. Nothing was taken.
fault-restore-no-list = Without root's list nobody can say which keys had ended.
    .do = Add --keys-list FILE: the file “….granted” that lies beside the root key.
fault-restore-unheard = { $peer } has not been heard since this station was restored, so what it holds of our log is not known.
    .do = Wait until the line is up and it has shown what it holds; see counterpart restore. If it cannot be reached and you take that on yourself, add --peer-is-dark, with --line if there are several. Nothing was drawn or opened.
fault-restore-unnamed = What { $peer } shows of our log was signed last with the key that root has granted last: it is ours, unless that key was stolen. There is: { $known }.
    .do = Read it: counterpart restore --part NAME. What is ours is named with --open: --part NAME, once for each part; eight of the digits of its name are enough. What is not is left with --refuse first. Nothing was drawn or opened.
fault-restore-unjudged = A key that root has ended could have made what { $peer } shows of our log, and nobody has said yet whether it is taken.
    .do = Look at it with counterpart restore --keys-list FILE, and take it or not, as it says there. Then open. Nothing was drawn or opened.
fault-root-file = { $cause }
    .do = Find root's list of this station, beside its root key.
fault-restore-unbound = No backup that this station made holds these keys, or they serve on this line already.
    .do = Draw keys first, as counterpart restore --open does. Nothing was opened.
fault-root-other = This is not the root key that the charter of this line names.
    .do = Use the root key that was made with this station. Nothing was signed or opened.
fault-epoch-unknown = This line has no epoch { $said }.
    .do = Name none for the one that serves; earlier ones are counted from 0.
fault-line-unread = { $cause }
    .do = Stop the station, keep a copy of its data directory, and restore a backup.
fault-line-none = This station has no line yet.
    .do = Make one with “counterpart invite”, or take up an invitation with “counterpart join”.
fault-language-malformed = “{ $said }” is no tag of a language.
    .do = Write a tag of BCP 47, such as en or fr-CA.
fault-words-empty = There are no words.
    .do = Give the text as an argument, or “-” to read it from the standard input.
fault-words-unreadable = The words are not UTF-8 text, or cannot be read.
    .do = Give the text as an argument, or “-” to read it from the standard input.
fault-command-unreadable = { $cause }
    .do = What it takes: { $program } --help
fault-cut-short = The station stopped sending before the end.
    .do = Give the command again; if it persists, run “counterpart doctor”.
fault-token-of-another = Another act was given with this token, and stands in the record as { $at }. Nothing was written now.
    .do = Give a token of its own for each act, or none: then one is made.
fault-token-malformed = A token has 1 to { $max } bytes.
    .do = Give such a one, or none: then one is made.
fault-too-large = More than { $max } bytes were sent.
    .do = Shorten it, or send it as several texts.
fault-no-such-route = There is nothing at { $path }.
    .do = Look the address up in the documentation of /api/v1.
fault-wrong-method = { $path } does not take { $method }.
    .do = Use the method that the documentation of /api/v1 names.
fault-not-a-request = { $name } is no request and belongs to none.
    .do = Name a request; “counterpart status” lists those that are open. What the record holds of anything else: “counterpart record --from "{ $name }"”.
fault-no-such-session = No bell with this session is open.
    .do = Open one: only an open bell can say that a device rings.
fault-not-handed = That does not ring at this bell, or no longer.
    .do = Confirm what the bell was given last.
fault-conduct-none = There is nothing of which nobody has taken note.
    .do = “counterpart doctor” says what is kept of the line; the evidence stays.
fault-not-ringing = { $name } does not ring here until somebody takes note, or no longer.
    .do = See what rings with bell; an attempt is seen, a text read, a check replied to.
fault-too-many-bells = { $max } bells are open, as many as a station serves.
    .do = Close one.
fault-digits-malformed = “{ $said }” are not sixteen groups of five digits.
    .do = Give all sixteen groups as the other side reads them aloud.
fault-no-data = { $path } holds no station.
    .do = Name its data directory with --data, or make one with “counterpart init”.
fault-configuration-gone = { $path } holds a record, and its configuration, counterpart.toml, is gone.
    .do = Put it back from a backup; do not make another station there.
fault-data-closed = This user may not read { $path }.
    .do = Give the command as the user whose station it is, for example with “sudo -u”.
fault-file = { $path }: { $cause }.
    .do = Name a file that this user may read, or a place where nothing is yet.
fault-configuration = { $cause }
    .do = Correct it and give the command again.
fault-keys = The station is not made. { $cause }
    .do = Mend that and give the command again.
fault-unmade = The station is not made. { $cause }
    .do = Mend that and give the command again.
fault-init-unfit = { $cause }
    .do = Give it anew.
fault-pairing = { $cause }
    .do = Mend that and give the command again.
fault-term-unfit = { $cause }
    .do = Give it anew.
fault-pairing-none = No pairing is under way.
    .do = Make an invitation with { "`counterpart invite`" }, or take one up with { "`counterpart join`" }.
fault-pairing-several = Several pairings are under way.
    .do = Say which: { "`--line`" } takes the first eight digits of the line, as { "`counterpart pairings`" } lists them.
fault-pairing-unknown = No pairing is of line “{ $said }”, or more than one.
    .do = Take one of those under way: { $known }.
fault-pairing-candidate = No candidate, or more than one, is meant.
    .do = Say which with { "`--candidate KEY`" }; { "`counterpart pairings`" } lists the key of each.
fault-user-malformed = “{ $said }” cannot be the name of a user.
    .do = Write 1 to { $max } bytes on one line, without space at either end.
fault-password-unfit = The password is too short or too long.
    .do = Take { $min } characters or more, at most 256 bytes.
fault-user-there = A user is called “{ $said }” already.
    .do = Take another name, or change that user: “counterpart user change”, or the key on the page of users.
fault-user-unchanged = Neither a role nor a password was given.
    .do = Say which is to be changed.
fault-admin-last = “{ $said }” is the only user with the role admin.
    .do = Give somebody else that role first. The owner of the station may do it all the same: “counterpart user”.
fault-user-self = That is you.
    .do = Let somebody else with the role admin do it. Your password is changed under Settings.
fault-user-unknown = No user is called “{ $said }”.
    .do = “counterpart user list” shows those there are.
fault-session-ended = Nobody is signed in with this browser: the session has ended.
    .do = Sign in again; a session lasts twelve hours, and can be ended by the person, by another desk or by an administrator.
fault-signer-gone = The session in which the key was pressed had ended before it was signed.
    .do = Look at the request, and press the key again if it is still meant.
fault-form-foreign = This form is not of a page that this desk drew for this session.
    .do = Open the page again and send it from there.
fault-form-unreadable = The form cannot be read.
    .do = Open the page again and send it from there.
fault-not-signed-in = That name and password do not match.
    .do = Try again, or ask an administrator of this station for a link.
fault-tries-spent = Ten tries in a minute have been made for this name from this address.
    .do = Wait { $seconds } s.
fault-address-spent = Sixty tries in a minute have been made from this address, under whatever names.
    .do = Wait { $seconds } s, or sign in by a link: the owner of the station makes one with “counterpart user link”, who looks after users on their page.
fault-link-spent = This link has signed somebody in already, or its ten minutes are over.
    .do = Ask for another: “counterpart user link NAME”.
fault-page-method = { $path } does not take { $method }.
    .do = Go back, and use the key of a page: no address does anything by being opened.
fault-banner-unfit = The line of classification does not fit.
    .do = Write at most { $max } characters on one line, all of which can be seen.
fault-password-other = The password that serves now is another.
    .do = Write it as you signed in with it. If it is lost, a person with the role admin makes a link that signs you in, or a new one.
fault-password-none = You have no password: links sign you in.
    .do = A person with the role admin can give you one, under Users.
fault-address-unreadable = What stands after “?” in this address of { $path } cannot be read: each name may stand there once.
    .do = Go back, and follow a link or a key of a page.
fault-nothing-here = The desk has no page at { $path }.
    .do = Go back to the lines.
fault-too-late = There is nothing to take back: it is signed, or was taken back before, or the station has started anew since: what still waited then was not signed and not sent.
    .do = Look at the request; what is signed stands there, and stays in the record.
fault-role-reads = The role { $role } reads and does no act.
    .do = A person with one of these roles may do it: { $may }.
fault-token-missing = No token came with this call.
    .do = Send it in the header { "`Authorization: Bearer TOKEN`" }, never in an address. { "`counterpart token add NAME --role ROLE`" } makes one.
fault-token-unknown = This token is none of this station's: it was revoked, or never made.
    .do = Ask whoever keeps the station for another: { "`counterpart token add NAME --role ROLE`" }.
fault-round-no-line = No line was chosen.
    .do = Choose one or more of the lines.
fault-round-whole = This round has been asked on every line that there is.
    .do = Go back to the round, and open the request of a line to ask again there.
fault-round-none = This station has no round “{ $said }”.
    .do = Take one of the list of rounds.
fault-people-wait = This station has been restored from a backup, and nobody has said yet that those who may sign in and call in it still may.
    .do = The owner of the station looks at them with “counterpart restore”, and then gives “counterpart restore --people”. Meanwhile “counterpart user link” signs somebody in.
fault-token-ended = This token served until { $time } and serves no more.
    .do = Ask whoever keeps the station for another: { "`counterpart token add NAME --role ROLE`" }, or the desk's page of tokens.
fault-token-until-past = { $said } is over already: a token cannot end before it is made.
    .do = Write a later day, or none, and the token serves until it is revoked.
fault-token-tries-spent = Too many calls with a wrong token have come from this address within a minute.
    .do = Wait { $seconds } s.
fault-role-not = The role { $role } does not do this.
    .do = One of these roles may: { $may }.
fault-owner-alone = This is done on the station's own machine alone, by whoever owns the station; no token may.
    .do = Use the commands there, which speak over the socket in the data directory. Tokens are also made on the desk, by a person with the role admin.
fault-token-name-malformed = “{ $said }” cannot be the name of a token.
    .do = Write 1 to { $max } bytes on one line, without space at either end, that do not begin with “token” or “uid”.
fault-token-there = A token called “{ $said }” serves already.
    .do = Take another name, or revoke that one first: { "`counterpart token revoke NAME`" }.
fault-token-none = No token is called “{ $said }”.
    .do = { "`counterpart token list`" } shows those that serve.
fault-tokens-many = { $max } tokens serve; a station takes no more.
    .do = Revoke one that is not needed: { "`counterpart token revoke NAME`" }.
fault-translation-language = “{ $said }” is no language into which this desk translates.
    .do = Take one of: { $known }.
fault-translation-words = A translation has 1 to { $max } bytes.
    .do = Write it shorter, or in parts.
fault-translation-of-what = { $name } is no text of the other side’s: only those are translated here.
    .do = Open the texts of the line and take one of theirs.
fault-position-unknown = “{ $said }” is no position in this record: it was restored from a backup since, or the position is of another.
    .do = Read the views anew, then follow without a position.
fault-streams-own = { $max } streams are open with this token.
    .do = End one, or give each program a token of its own.
fault-streams-many = { $max } programs follow the record; a station serves no more.
    .do = End one, or ask for the views from time to time.
fault-elsewhere = The call comes from a page of another site, or past the proxy before this station.
    .do = Call from a program, through the address that the station gives for it.
fault-host-other = The station is asked for by a name that is not its own.
    .do = Use one of the names under [desk] in its configuration.
fault-desk-none = This station serves no desk.
    .do = Give it an address under [desk] in its configuration, and start it again.
fault-start = The station does not start. { $cause }
    .do = Mend that and start it again.
fault-start-unfit = The station does not start. { $cause }
    .do = Mend that and start it again.
fault-demo-late = The station in { $path } did not come up in { $seconds } seconds.
    .do = Look at what it wrote to { $log }.
fault-story-late = The two stations of the story did not come to hold the same within { $seconds } seconds.
    .do = Try it again on a machine that has less to do.
fault-story-unknown = There is no story “{ $said }”: { $cause }.
    .do = Name a file, or one that comes with the program: { $known }.
fault-no-station = No station answers at { $path }: { $cause }.
    .do = Start it with “counterpart --data { $data } serve”; record, status, lines and doctor also read without one.
fault-station-there = A station already answers at { $path }.
    .do = Use it, or stop it first.
fault-not-understood = The station answered something that this program cannot read: { $cause }.
    .do = Use the program of the station's own version.
fault-not-printed = What this command has to say could not be written out: { $cause }.
    .do = Free space where it was to go, and ask again. An act that was given is in the record; an invitation, a link or a token is shown once: end it and make another.
fault-machine = Not done: this station's machine failed. { $cause } Nothing was written.
    .do = Give the command again; if it persists, run “counterpart doctor”.
fault-unread = The record of this station cannot be read. { $cause }
    .do = Run “counterpart doctor”.
fault-unread-place = The record cannot be read. { $cause }
    .do = Mend that and give the command again.
fault-backup = No backup was made. { $cause }
    .do = Run “counterpart doctor”.
fault-backup-place = No backup was made. { $cause }
    .do = Name a new place.
fault-stopping = The station is stopping.
    .do = Ask again with the same token when it serves.
fault-timed-out = The station did not answer within { $seconds } s.
    .do = Ask again with the same token: what is written already stands once.
fault-form-timed-out = The station did not answer within { $seconds } s. What you sent may be signed all the same.
    .do = Look at the record before you send it again.

## What is wrong with the configuration: where, what, and what to write instead

config-file = { $file }
config-line = { $file }, line { $line }
config-key = { $file }, line { $line }, { $key }
config-wrong = { $place }: { $wrong }
    .do = Correct the file.
config-unread = it cannot be read: { $cause }.
    .do = Take it from a backup, or name the data directory that holds it; “counterpart init” makes a new station.
config-file-too-long = it is { $size } bytes long, over { $max }.
    .do = Take it from a backup; nobody writes so much by hand.
config-unwritten = it cannot be written: { $cause }.
    .do = Name a data directory that is new and that this user may write.
config-no-such-key = there is no such key here.
    .do = Remove it, or write { $known }.
config-missing = it is missing.
    .do = Write, for example: { $example }
config-value = { $cause }.
    .do = Write, for example: { $example }
config-syntax = { $cause }.
    .do = Write “key = value” on a line of its own, with text in double quotes.
config-language = “{ $said }” is no language tag of BCP 47.
    .do = Write, for example: { $example }
config-no-language = it is empty, and a text needs a language.
    .do = Write, for example: { $example }
config-zone = “{ $said }” is no time zone of the IANA database.
    .do = Write, for example: { $example }
config-empty = it is empty.
    .do = Write, for example: { $example }
config-too-long = it is { $length } bytes long, over { $max }; a Latin letter is one byte, a Cyrillic one two.
    .do = Make it shorter. Write, for example: { $example }
init-unfit = { $flag }: { $wrong }
    .do = Give, for example: { $flag } { $example }
config-control = it holds a line break or another character that cannot be seen.
    .do = Write, for example: { $example }
config-too-many = it has { $count } items, over { $max }.
    .do = Write, for example: { $example }
config-item-too-long = it holds { $length } bytes in one item, over { $max }.
    .do = Write, for example: { $example }
config-posts = there are { $count } posts, not 1 to { $max }.
    .do = Write, for example: { $example }
config-post-twice = “{ $said }” is the id of an earlier post too.
    .do = Write, for example: { $example }
config-post-id = “{ $said }” is not 1 to { $max } of a–z, 0–9 and -.
    .do = Write, for example: { $example }
config-precedence = “{ $said }” is none of { $known }.
    .do = Write, for example: { $example }
config-listen = “{ $said }” is no numeric address with a port.
    .do = Write, for example: { $example }
config-address = “{ $said }” is not a host, a colon and a port.
    .do = Write, for example: { $example }
config-rate = it is { $said }, not 1 to { $max }.
    .do = Write, for example: { $example }
config-checks-twice = it stands beside “every_minutes”, and only one of them can hold.
    .do = Remove one of the two. Write, for example: { $example }
config-minutes = it is { $said }, over { $max }, a day.
    .do = Write, for example: { $example }
config-number = “{ $said }” is no numeric address.
    .do = Write, for example: { $example }
config-host = “{ $said }” is no host, or host and port.
    .do = Write, for example: { $example }
config-beside = it needs “{ $other }” beside it.
    .do = Write both, or neither; for example: { $example }
config-loopback = it is { $said }, and plain HTTP is for the loopback alone.
    .do = Write, for example: { $example } Or give certificate and private_key, or name the proxies.
config-no-names = it names no host in “names”, and a browser that asks for another is not answered.
    .do = Write the names by which browsers ask for the desk: names = ["desk.northland.example"]
config-webhook-name = “{ $said }” cannot be the name of a webhook, or is that of another.
    .do = Write 1 to 32 of a–z, 0–9 and hyphens; for example: { $example }
config-webhook-url = “{ $said }” is no address that a webhook can have.
    .do = Write https:// with “certificates” beside it, a PEM file by which the other end is known; or http:// with a number of the loopback, without.
config-minute = “{ $said }” is no time from 00:00 to 23:59.
    .do = Write, for example: { $example }

## Keys, addresses, randomness

keys-taken = { $path } exists, and keys are never overwritten.
    .do = Choose another place, or move it away.
keys-root-inside = The root key { $path } would lie inside the data directory, which it must outlive.
    .do = Name a file outside it with --root-key, best on a medium that goes into a safe.
keys-shared = { $path } has mode { $mode }, so others could read the key.
    .do = Run: chmod { $needs } { $path }
keys-malformed = { $path } is no key of this kind.
    .do = Take the file from a backup. It is one line, “{ $expected }”, with 64 digits of hexadecimal.
keys-not-listed = { $path } names our station key { $key }… nowhere: it is the list of another station, or a copy of ours that is too old. With it anything could be taken.
    .do = Find root's list of this station, beside its root key (“….granted”), the newest copy. Nothing was taken, signed or opened.
keys-unread = { $path } cannot be read: { $cause }.
    .do = Let this user read it, or take the file from a backup.
keys-failed = The machine failed at { $path }: { $cause }.
    .do = Look at its disk: whether it is full or broken. Then give the command again; nothing half written serves.
keys-unwritten = { $path } cannot be written: { $cause }.
    .do = Let this user write there, or name another place.
entropy-none = The operating system gave no random bytes: { $cause }.
    .do = Allow this program the getrandom call.
bind-taken = Another program listens at { $protocol } { $address }.
    .do = Stop it, if it is another station; or write another port under [link] listen and announce, and start again.
bind-address = { $protocol } { $address } cannot be listened at: { $cause }.
    .do = Write an address of this machine under [link] listen, such as 0.0.0.0:7411, and start again.
bind-socket = The system gives a socket and not its use: { $cause }.
    .do = Allow this program to use UDP and TCP, and start it again.
bind-times = The keep-alive interval is not less than the idle limit.
    .do = Make it less.
bind-tls = TLS does not take the link key: { $cause }.
    .do = Take the keys from a backup.
desk-address = The desk cannot be served at { $address }: { $cause }.
    .do = Stop what listens there, or write another address under [desk] listen, and start again.
pem-unread = { $path } cannot be read: { $cause }.
    .do = Let the station's user read it, or name another file in the configuration.
pem-no-certificate = No certificate stands in { $path }.
    .do = Name a PEM file with { "`-----BEGIN CERTIFICATE-----`" }, the station's own first if there are several.
pem-no-key = No private key that can be used stands in { $path }.
    .do = Name a PEM file with a private key that needs no password: { "`-----BEGIN PRIVATE KEY-----`" }.
pem-broken = What stands in { $path } cannot be used: { $cause }.
    .do = Put the file there anew, as it was issued.
pem-differ = The private key in { $path } is not the one of the certificate in { $certificate }.
    .do = Name the key with which this certificate was requested; after a renewal, name both new files.
desk-speaks-https = This address speaks HTTPS, and something else came. Nothing of it was read. What to do: open https://{ $address }/.
webhook-file = { $path }: { $cause }.
    .do = Name a secret of 32 bytes or more, on one line, that this user may read.
untold-nothing = The webhook { $webhook } takes what it is told.
untold-unreached = The webhook { $webhook } is not reached, { $count } times in a row since { $since }: nothing answers at its address.
    .do = Look whether its name is known here and its program runs. What waits is posted when it answers.
untold-issuer = The webhook { $webhook } is not told, { $count } times in a row since { $since }: none of the configured certificates vouches for the one that it shows.
    .do = If its certificate is the right one, put the one that signed it into the file { "`certificates`" } and start the station again. What waits is posted then.
untold-name = The webhook { $webhook } is not told, { $count } times in a row since { $since }: its certificate is for another name than its { "`url`" }.
    .do = Write the name that stands in its certificate into { "`url`" }, or give it a certificate for this one. What waits is posted then.
untold-expired = The webhook { $webhook } is not told, { $count } times in a row since { $since }: its certificate has expired, or is not valid yet.
    .do = Have its certificate renewed, or the clock here set. What waits is posted then.
untold-tls = The webhook { $webhook } is not told, { $count } times in a row since { $since }: no TLS came about.
    .do = Look whether HTTPS is spoken at its address; the log has the cause. What waits is posted then.
untold-late = The webhook { $webhook } is not told, { $count } times in a row since { $since }: it does not answer in time.
    .do = Look at its program: it should answer before it does its work. What waits is posted again.
untold-broken = The webhook { $webhook } is not told, { $count } times in a row since { $since }: its answer broke off, or is no HTTP.
    .do = Look at its program; the log has the cause. What waits is posted again.
untold-status = The webhook { $webhook } is not told, { $count } times in a row since { $since }: it answers with { $status }.
    .do = Look at its program: 200 to 299 takes what was posted. Where it leads to another address, name that one in { "`url`" }: no redirect is followed. What waits is posted again.
untold-here = The webhook { $webhook } is not told, { $count } times in a row since { $since }: this station's own record could not be read or written.
    .do = Look at what else is said here, and at the disk. What waits is posted again.
socket-failed = The command socket { $path } cannot be made: { $cause }.
    .do = Let this user write the data directory, on a disk of this machine, under a path of at most 100 characters.

## The store

store-stale = The log of party { $party } holds { $held } entries, not { $expected }.
    .do = Decide again.
store-token-used = The command with token “{ $token }” has been done already.
    .do = Look at its entry in the record.
store-disk-full = The disk that holds the record is full.
    .do = Free space on it and give the command again. Nothing that was recorded is lost, and the station goes on by itself.
store-busy = Another program holds the database of the record, so that nothing can be written.
    .do = Close that program or wait until it has done, then give the command again. Nothing that was recorded is lost.
store-corrupt = The database is damaged ({ $found }).
    .do = Stop the station, keep a copy of its data directory, and restore a backup.
store-line = What is kept of the line with { $line } cannot be read, so that line is not served. Found: { $found }.
    .do = Stop the station, keep a copy of its data directory, and restore a backup: what the backup lacks, the other side will show.
store-locked = Process { $pid } keeps this record ({ $path }).
    .do = Use the station that runs, or stop it first: kill { $pid }
store-locked-unsaid = Another process keeps this record ({ $path }).
    .do = Use the station that runs, or stop it first.
store-newer = { $path } was written by a newer program: its schema has version { $found }, and this program knows up to { $known }.
    .do = Start the newer program. The record is in order; nothing was changed.
store-older = { $path } has version { $found } of the schema, and this program reads { $known }.
    .do = Start the station once, which brings it up.
store-failed = Something failed ({ $doing }): { $cause }.
    .do = Give the command again; if it persists, run “counterpart doctor” and look at the disk.
store-exists = { $path } exists.
    .do = Choose another data directory.
store-absent = { $path } is not there.
    .do = Name the data directory, restore a backup, or make a new station with “counterpart init”.
store-journal-apart = { $path } holds the newest entries, and cannot be read where nothing can be written beside it.
    .do = Copy the whole directory to a place that this user may write, and read it there.
store-foreign = { $path } is no record of Counterpart.
    .do = Name the data directory that holds one.
backup-exists = { $path } exists.
    .do = Name a new folder, or move it away.
check-size = The log of party { $party } in epoch { $epoch } has { $entries } entries, and its head names { $head }.
    .do = Stop the station, keep a copy of its data directory, and restore a backup.
check-arrivals = { $entries } entries have { $numbers } numbers of arrival, the highest { $highest }: not one for each, from 0 on.
    .do = Stop the station, keep a copy of its data directory, and restore a backup.
check-orphans = { $count } rows of “{ $table }” belong to no entry.
    .do = Stop the station, keep a copy of its data directory, and restore a backup.
doing-database = using the database
doing-lock = taking the lock
doing-probe = writing to the data directory
doing-read = reading
doing-backup = writing the backup
doing-commit = writing to the record
doing-create = making the database
doing-open = opening the database
doing-thread = starting to keep the record
machine-said = The system says: { $cause }.
    .do = Give the command again; if it persists, run “counterpart doctor” and look at the station's log.
machine-record-broke = What keeps the record ended by a fault of this program. Nothing that was committed is lost.
    .do = Start the station again. If it ends again, run “counterpart doctor”, keep its log and tell whoever maintains this program.
machine-pairing-begun = The pairing ends here, and their index 0 is held.
    .do = Try again: the line has begun.
machine-no-begin = Pairing has brought no index 0 that can stand ({ $misconduct }).
    .do = Speak with them by another channel, and pair anew.

## Pairing: invitations, drafts, steps

invitation-too-long = The text has { $length } bytes, and an invitation at most { $max }.
    .do = Paste the invitation alone.
invitation-foreign = This is no invitation.
    .do = Give the text that begins with the line counterpart-invitation-v1 and ends with the line that begins with check.
invitation-surrounded = Line { $line } is not part of the invitation.
    .do = Paste from the line counterpart-invitation-v1 to the line that begins with check, both included.
invitation-version = This is an invitation of version { $version }, and this program reads version 1.
    .do = Bring the older of the two stations up to date, then ask for a new invitation.
invitation-cut-off = The end of the invitation is missing.
    .do = Paste up to the line that begins with check.
invitation-bad-line = Line { $line } holds a character that no invitation has.
    .do = Copy the invitation again, or ask for it as a file.
invitation-damaged = The invitation was changed on the way.
    .do = Copy it again, or ask for it as a file.
invitation-malformed = The invitation came whole and holds something else.
    .do = Ask them which program made it.
invitation-addresses = An invitation names 1 to { $count } addresses, each of at most { $max } bytes.
    .do = Mend [link] announce and invite again.
draft-unreadable = The charter cannot be read.
    .do = Ask for a new invitation.
clause-version = the version of the rules
clause-line = the name of the line
clause-parties = the two organisations
clause-station = how soon a station holds what is sent
clause-watch = how soon the watch has seen it
clause-principal = how soon a deferral, a time or an answer comes
clause-pace = the pace of renewals
clause-checks = when the line is tested
clause-deniable = whether words are deniable
clause-grace = the grace before a lapse
clause-public = what may be said in public
clause-witnesses = the witnesses
clause-relays = the relays
clause-recall = how long “ready” can be taken up
clause-unknown = not known here
draft-clause = Clause { $clause } of the charter ({ $name }) is missing, malformed or beyond its limits.
    .do = Whoever invites mends it and invites again. A span has at most { $days } days.
draft-version = The charter names rules version { $version }, and this program computes { $known }.
    .do = Agree on a version that both programs have.
draft-too-long = The charter has { $length } bytes, and at most { $max } are allowed.
    .do = Name fewer posts, addresses or languages.
draft-shared-call-sign = Both sides have the same call sign.
    .do = Agree who takes another, and invite again.
draft-unshown = Clause { $clause } of the charter has a text with a character that cannot be seen.
    .do = Write it anew, and invite again.
draft-shared-key = Both sides name the same key: this is an invitation of this station or of a copy of it.
    .do = Give it to the other organisation. A station does not pair with itself.
pairing-alike-line = The line with { $name } ({ $line }) is open, and this name can be taken for theirs.
    .do = Ask over the telephone whether these are the same people. If not, ask for another name. If so, close the older line, or say that you have made sure: with { "`--alike`" }, or with the box on the desk. The two lines are then told apart by their ids alone.
pairing-alike-ours = This name can be taken for our own.
    .do = Ask over the telephone who they are. Ask for another name, or say that you have made sure: with { "`--alike`" }, or with the box on the desk.
pairing-alike-id = “{ $name }” can be read as the beginning of a line's id.
    .do = Ask for another name, or say that you have made sure who they are: with { "`--alike`" }, or with the box on the desk.
pairing-alike-meant = I have made sure who they are, and the name is meant so
pairing-mixed = “{ $word }” is written in letters of several scripts. Some may look like letters of another.
    .do = Ask the other side how its name is written.
term-station = A station holds what is sent within
term-watch = The watch has seen it within
term-principal = A deferral, a time or an answer comes within
term-pace = A renewal rings again from this long after the last
term-checks = The line is tested
term-grace = A lapse is written no sooner after its deadline than
term-recall = “Ready” can be taken up for
term-no-span = “{ $said }” is no span of time. Asked for: { $name }, “{ $term }”.
    .do = Write a whole number with s, m, h or d for seconds, minutes, hours or days: 90s, 15m, 8h, 2d. At most { $days } days.
term-no-spans = “{ $said }” is neither one span of time nor four. Asked for: { $name }, “{ $term }”.
    .do = Write one, such as 15m, or four by precedence, ROUTINE first: 8h,1h,15m,5m. At most { $days } days each.
term-no-checks = “{ $said }” is no schedule. Asked for: { $name }, “{ $term }”.
    .do = Write never, a span from 60s to 1d, or times of the UTC day in their order: 09:00,17:00.
term-too-long = “{ $said }” is longer than a charter can say. Asked for: { $name }, “{ $term }”.
    .do = Give at most { $days } days.
pairing-terms = What both sides sign:
terms-post = { $night ->
    [yes] { $post } (up to { $precedence }, by day and night)
   *[no] { $post } (up to { $precedence }, by day)
}
terms-posts = { $sign } can be reached at: { $posts } (clause 3).
terms-posts-none = { $sign } names no post (clause 3).
terms-any-precedence = { $span } at every precedence
terms-station = A station holds what the other sends within { $span } (clause 4).
terms-watch = The watch has seen it within: { $spans } (clause 5).
terms-principal = A deferral, a time or an answer comes within { $span } (clause 6).
terms-pace = A renewal is an attempt, and rings, from this long after the last: { $spans } (clause 7).
terms-pace-none = Every renewal is an attempt, and rings (clause 7).
terms-checks-every = The line is tested every { $span } (clause 8).
terms-checks-at = The line is tested at { $times } UTC (clause 8).
terms-checks-never = The line is tested on no schedule (clause 8).
terms-attested = Words are attested: what a side wrote can be shown to others (clause 9).
terms-deniable = Words are deniable unless it is said otherwise (clause 9).
terms-grace = A lapse is written no sooner than { $span } after its deadline (clause 10).
terms-public = May be said in public: { $names } (clause 11).
terms-public-none = Nothing is agreed on to be said in public (clause 11).
terms-witnesses = Witnesses: { $names } (clause 12).
terms-witnesses-none = No witness (clause 12).
terms-relays = Relays: { $names } (clause 13).
terms-relays-none = No relay (clause 13).
terms-recall = “Ready” can be taken up for { $span } (clause 14).
terms-unknown = Clauses that this program does not know, without effect: { $names }.
pairing-other-digits = These digits belong to no candidate. Nothing was signed.
    .do = Compare all sixteen groups again, with “counterpart pairings”. If they differ, say so with “counterpart confirm --differ”.
pairing-not-yet = There are no digits yet: the other station has not answered.
    .do = Look at the link to it, then wait.
pairing-no-such-candidate = There is no such candidate.
    .do = List the candidates again.
pairing-confirmed = This candidate has been confirmed.
    .do = To end the pairing, abandon it.
pairing-written = The charter is signed by both, and our record has begun.
    .do = To leave, close the line.
pairing-ended-ours = This pairing was abandoned here.
    .do = Make a new invitation.
pairing-ended-theirs = The other side has abandoned this pairing.
    .do = Agree on a new invitation.
pairing-ended-restored = This station was restored from a backup, which ends open pairings.
    .do = Agree on a new invitation.
pairing-other-key = The station's key has changed since our half of the charter was written.
    .do = Abandon, then pair anew.
pairing-no-such = There is no pairing of line { $line }.
    .do = List the pairings again.
pairing-no-address = Whoever is invited dials this station, and it announces no address.
    .do = Write [link] announce in counterpart.toml, start the station again, then invite; or let the other side invite.
pairing-is-open = Line { $line } of this invitation is open already.
    .do = There is nothing to do.
pairing-too-many = { $max } pairings are under way, and no more are kept.
    .do = Abandon some.
pairing-kept = The line is open: its pairing is kept with it.
    .do = There is nothing to do.
pairing-under-way = This pairing is still under way.
    .do = Abandon it first.
pairing-stopping = The station is stopping.
    .do = Start it, then try again.
pairing-unknown-line = The record knows no such line.
    .do = Try again.
pairing-differ = The digits of the two stations differ, and neither has signed.
    .do = Abandon and pair anew.
pairing-late = The other station did not answer in time.
    .do = Look at the link between the two.
digits-count = There are { $count } digits and not 80.
    .do = Give all sixteen groups of five, as the other side reads them.
digits-character = “{ $other }” is no digit.
    .do = Give sixteen groups of five digits, with or without spaces.
digits-group = Group { $number } is above 65535, which no group is.
    .do = Ask the other side to read it again.
awaited-their-station = The other station has not answered yet.
awaited-our-person = Compare all sixteen groups over another channel, then confirm them, or say that they differ.
awaited-their-person = Confirmed here; a person there has not confirmed yet.
awaited-their-record = Signed by both; their record has not begun yet.
awaited-after = Their station broke the protocol ({ $misconduct }).
    .do = Tell them, then try again or abandon.
awaited-nothing = Nothing is awaited.
turned-no-invitation = Their station has no open invitation for this line.
    .do = Ask them for a new one.
turned-proof = Their station does not take the secret of this invitation.
    .do = Ask them whether they made it.
turned-full = Eight candidates are waiting there.
    .do = Ask them to drop those that they do not know, then try again.
turned-taken = A person there has confirmed another candidate.
    .do = If it was not you, tell them at once.
turned-used = This invitation has been used.
    .do = If it was not you, tell them at once; else ask for a new one.
turned-by-person = A person there has said that these digits differ.
    .do = Talk to them, then try again.
turned-terms = Their station does not take our half of the charter.
    .do = Shorten it, and use keys of our own.
turned-link-key = Our half of the charter names another link key than we connect with.
    .do = Abandon, then join anew.
turned-not-candidate = Their station does not know us as a candidate.
    .do = Connect again.
dial-both = QUIC: { $quic }; TCP: { $tcp }
dial-no-name = no such name: { $cause }
dial-not-tried = not tried
dial-no-route = no route to that address
dial-closed = nothing listens there
dial-timed-out = no answer in time
dial-wrong-key = another key than the expected one answered: { $key }
dial-no-common-version = no protocol version in common
dial-broken = the handshake broke: { $how }

## What the document of the API says of each call

document-is = The acts and views of one station. Every error has one shape, and says what to do. A call needs a token, in the header { "`Authorization: Bearer`" } alone; { "`x-roles`" } names the roles whose tokens may, none where only the owner may, on the command socket. { "`x-codes`" } lists the codes that the API gives by itself; the others are those of the rules.
document-done = Done.
document-error = Not done: whose fault it was, what was wrong, what to do.
document-acts = An act. Fields that it does not take are not accepted; a token of the act makes it stand once, however often it is asked.
call-act = Does an act. It is answered once it is in the record.
call-acts = Does many acts on one connection, decided in the order of their lines; an answer a line, in the same order.
call-round-begin = Asks on several lines at once, on each as an ordinary ask, and keeps that they belong together. Nothing is signed unless all can be.
call-noted = Takes note of what they did: it rings here no more. Nothing of it leaves the station.
call-document = This document.
call-health = That the station serves, and how far its record has come.
call-lines = Every line: what is observed beside what is declared, what is open, what is owed.
call-terms = What was agreed on, on a line or on each: response times, pace, grace, posts; clause by clause.
call-lines-unread = Lines that are not served, because what is kept of them cannot be read.
call-rounds = The latest rounds, the newest first.
call-round = A round by its number: of each line that was asked how far its ask has come.
call-requests = Requests of one line, or of all: those that are open, or all.
call-request = A request by its name, or by the name of anything that belongs to it.
call-record = A page of both logs of a line, in one order.
call-record-find = Entries of a line that are looked for: by type, side, request, effect, time and words.
call-figures = Times to answer and checks, by line.
call-morning = The last day of every line: tests and requests with how long they took, and what was written.
call-events = What comes to the record, as server-sent events: each entry with its position, and what is observed of each line when that changes. A program that comes back says in { "`Last-Event-ID`" } what it has seen.
call-calendar = Agreed windows as an iCalendar feed; what a request is about does not stand in it.
call-calendar-feed = The same at an address of its own, for a calendar program that can send no header: its secret opens nothing else, and is revoked as a token is.
call-metrics = Figures of the moment, in the text format of Prometheus.
call-banner = The line of classification on every page and print.
call-restore = What lines wait for before they sign again.
call-record-entries = Everything that was signed on a line, its words, and the evidence of what the other station broke: a JSON object in each line, the last of which says how many there were.
call-conduct-noted = Takes note of all that is kept of what the other station broke on a line: the doctor asks for nobody because of it. The evidence stays.
call-doctor = Examines configuration, keys and the whole record.
call-pairings = Every pairing that is no line yet.
call-invite = Makes an invitation.
call-join = Takes up an invitation.
call-confirm = Says what a person found on comparing the digits.
call-abandon = Ends a pairing.
call-users = Every user.
call-user-add = Makes a user.
call-user-change = Gives a user another role or password; sessions end.
call-user-end = A user goes, with all sessions.
call-user-sign-out = All sessions of a user end.
call-banner-set = Sets the line of classification on every page and print.
call-sessions = Every session that runs at the desk, and by whose link it began.
call-session-end = Ends one session at once.
call-user-link = Makes a link that signs a user in once, within ten minutes.
call-tokens = Every token that serves, without what is secret.
call-token-add = Makes a token, and tells it this once.
call-token-revoke = A token serves no more.
call-bell = What rings, a line for each change.
call-rang = A device rings, for a ring that this open bell was handed.
call-restore-people = Whether who may sign in and call stands as a backup had it, and who that is.
call-restore-people-confirm = Says that it is as it should be: passwords and tokens of the backup serve again.
call-restore-keys = Draws keys for new epochs, and puts them into a backup.
call-restore-judge = Takes into our log, or leaves beside it, what the other side shows of it.
call-restore-draft = What root is to sign.
call-restore-open = Opens an epoch, with the signature of root.

## What the figures for Prometheus say, and the calendar

metric-commits = Commits since the station started.
metric-lines-unread = Lines that are not served, because what is kept of them cannot be read.
metric-rings = What rings here now.
metric-desk-pages = Live pages of the desk, by whether their bell is armed
metric-bells = Bells that are open on the command socket
metric-observed = What is observed of the line: 1 for the state it is in.
metric-usable = 1 if the line can be used: neither pending, halted, restored nor closed.
metric-entries = Entries of each side's log that are held here.
metric-named = Entries of each side's log that the other side has named as held.
metric-requests = Open requests, by who asked.
metric-owed = What we owe on the line.
metric-webhook-waiting = Entries that have come and that the webhook has not been told.
metric-webhook-failures = Tries in a row to tell the webhook that came to nothing, and why the last did.
calendar-summary = Talk with { $peer } ({ $name })
calendar-broken-off = Broken off: epoch { $epoch } of the line, in which it was agreed, ended before it.

## What a command says when it is done

done-written = { $name } is in the record.
done-repeated = { $name } was in the record already, by the same token. Nothing was written now.
done-early = It came sooner than the charter’s pace (clause 7): it is no attempt and rings nowhere; a deadline and a precedence in it count. A renewal from { $time } on rings.
done-init = The station is made in { $data }. Its root key is { $root }, and root's list of keys { $list }: keep both elsewhere, on a medium that goes into a safe; both are needed after a restore.
done-init-next = Read { $config }, then start it: counterpart --data { $data } serve
done-backup = The record, the keys and the configuration are copied to { $to }. Who has it can sign as this station: keep it closed.
done-invite = Give this invitation to the other organisation in confidence. It opens line { $line }.
done-restore-people = Passwords and tokens serve. { $users ->
    [0] There are no users
   *[other] Users: { $names }
}; { $tokens ->
    [0] there are no tokens.
   *[other] tokens: { $programs }.
}
done-user = { $name } may sign in.
done-user-change = { $name } is changed, and signed out everywhere.
done-user-end = { $name } may no longer sign in, and is signed out.
done-user-sign-out = { $name } is signed out everywhere.
token-line = { $name }: { $role }, since { $time }, { $end }
token-until = until { $time }
token-ended = ended { $time }
token-no-end = until it is revoked
done-token-revoke = The token { $name } serves no more.
user-line = { $name }: { $role }; sessions that run: { $count }
password-prompt = Password:
standard-input = The standard input
pairings-none = No pairing is under way.
requests-none = No open request.
requests-none-broken = Nothing broke off in this epoch, and no request is open in it. All of its requests: --all.
bell-mute = This is not a terminal: what rings is printed here and does not count as ringing.
bell-waiting = The bell is set. Nothing rings.
bell-lost = The station does not answer. The bell waits for it.
bell-back = The station answers again.
candidate-said = { $name } ({ $sign }; zone of its watch: { $zone }): compare by another channel, all of it: { $digits }
candidate-differ = If the digits of { $name } differ: counterpart confirm --differ --candidate { $key }
candidate-confirmed = { $name }: a person there has confirmed.

## What somebody took note of, or took out

record-taken-out = { $count ->
        [one] One entry
       *[other] { $count } entries
    } and { $evidence ->
        [0] no evidence of a breach
        [one] the evidence of one breach
       *[other] the evidence of { $evidence } breaches
    } written to { $path }.
conduct-noted = { $count ->
        [one] One breach is noted.
       *[other] { $count } breaches are noted.
    } The evidence stays.

## What the doctor found

doctor-configuration-well = The configuration can be read.
doctor-desk-well = The desk's certificate and its private key can be read and belong together.
doctor-keys-well = The keys are there and closed to others.
doctor-disk-well = The disk takes what is written.
doctor-database-well = The database hangs together.
doctor-line-waits = The line with { $peer } waits for a new epoch: this station was restored, or its log or keys went on elsewhere. It signs nothing there.
    .do = See what it waits for and what the other side shows: counterpart restore.
doctor-line-judges = On the line with { $peer } the other side shows entries of our own log of an epoch that has ended. They wait for a person, and nothing else does.
    .do = Look at them beside root's list, and take them or not: counterpart restore.
doctor-key-not-held = The key that signs the next entry on the line with { $peer } is not here.
    .do = Take the keys from the latest backup, or open a new epoch with the root key: counterpart restore --open.
doctor-restored = This record was restored from a backup: its old epochs sign nothing.
    .do = Look at what the other side shows, and open a new epoch with the root key.
doctor-clock-well = The clock is not behind what this station has claimed.
doctor-clock-wrong = The clock is more than a minute behind what this station has claimed itself.
    .do = Set the clock; until then what is written claims times that go back.
doctor-line-well = { $peer }: { $entries } entries built again, their signatures and both roots as stored.
doctor-line-wrong = What is kept of the line with { $line } cannot be read: { $cause }.
    .do = Stop the station, keep a copy of its data directory, and restore a backup.
doctor-line-head = { $peer }: the log of { $sign } built again has another head than the one stored.
    .do = Stop the station, keep a copy of its data directory, and restore a backup.
doctor-words-changed = { $peer }: the words kept of { $name } ({ $at }, epoch { $epoch }) are not those that were signed.
    .do = They are shown to nobody. Keep a copy of the data directory, find out who changed it, and restore a backup.
doctor-words-gone = { $peer }: the words of { $name } ({ $at }, epoch { $epoch }) were kept here and are gone, and no erasure is noted.
    .do = Keep a copy of the data directory, find out who changed it, and restore a backup.
doctor-column = { $peer }: of { $name } ({ $at }, epoch { $epoch }) the store says something else than the entry: { $column ->
        [kind] its type
        [thing] what it belongs to
        [claimed] the time that it claims
       *[seq] when it arrived, among the others
    }.
    .do = What was signed is whole, but lists and searches may miss it. Keep a copy of the data directory, find out who changed it, and restore a backup.
doctor-differing-more = { $peer }: of { $count ->
        [one] one more entry
       *[other] { $count } more entries
    } something else is kept than was signed.
    .do = Keep a copy of the data directory, find out who changed it, and restore a backup.
doctor-words-erased = { $peer }: the words of { $count ->
        [one] one entry were
       *[other] { $count } entries were
    } erased here, as the store notes.
doctor-conduct = { $peer }: { $count ->
        [one] one breach
       *[other] { $count } breaches
    } of the protocol by the other station kept as evidence, the last “{ $misconduct }”, of which nobody here has taken note.
    .do = Speak with them by another channel. Take note with “counterpart noted --conduct”; the evidence stays.
doctor-conduct-past = { $peer }: { $count ->
        [one] one breach
       *[other] { $count } breaches
    } of the protocol by the other station kept as evidence, the last “{ $misconduct }”; somebody here has taken note, or the epoch has ended.
doctor-halted = { $peer }: their log is taken no further, because of “{ $misconduct }”. The evidence is kept.
    .do = Speak with them by another channel. Only root’s holder, of either side, goes on, in a new epoch: “counterpart restore --open --line …”.
doctor-halted-unshown = { $peer }: their log is marked as taken no further, because of “{ $misconduct }”, and no evidence of that is kept.
    .do = Keep a copy of the data directory and find out who changed it. Only root’s holder, of either side, goes on, in a new epoch: “counterpart restore --open --line …”.
record-head = { $sign }: size { $size }, root { $root }
record-epoch = Epoch { $number }.

## The desk: what stands on every page

desk-skip = Skip to content
desk-units = d h min s
desk-past = { $lasted } past its time
desk-by = by { $time }
desk-said-until = { $side ->
    [ours] we said: until { $time }
   *[theirs] they said: until { $time }
}
desk-from = from { $time }
desk-nav = Desk
desk-tab-lines = Lines
desk-tab-record = Record
desk-sign-out = Sign out
desk-as-of = as of this time; reload to refresh
desk-live = live
desk-not-live = Not live since
desk-not-known = Not known
desk-changed = something has changed; reload when you are ready
desk-held = Nothing can be written here since { $time }.
desk-held-why = Another program holds the database of this station. Until it has done, nothing of theirs comes or rings, and nothing of ours is signed. A call goes on. Whoever looks after the station has to close that program.
desk-dead = This station has not answered for
desk-dead-as-of = This page is as it was at
desk-dead-nothing = It says nothing about now, and no key acts. What happens meanwhile is not known from here. It tries again every 2 seconds and goes on by itself.
desk-try-now = Try now
desk-displaced = This page is not live.
desk-displaced-why = Newer pages of yours are live, as many as one browser can hold. This page is as it was at
desk-displaced-nothing = It says nothing about now, no key acts, and it does not ring. It goes on when you come back to it.
desk-displaced-here = Go on here
desk-kept = The station answers again, and what this page’s form was for has changed. What you typed stays here to be copied; what the page shows is not of now.
desk-reload = As of { $time }. Load it again
desk-unsure = It is not known whether this was signed. Look at the record before it is sent again.
desk-ended = Your session has ended.
desk-ended-why = What you typed stays here, and no key acts. This page is as it was at
desk-ended-do = Sign in again in another tab: then this page goes on.
desk-show-now = Show it as it is now
desk-four = At a glance
desk-line = Line
desk-lines = Lines
desk-lines-open = { $not ->
        [0] { $open } OPEN
       *[other] { $open } of { $all } OPEN
    }
desk-count-state = { $count } { $state }
desk-signs-nothing = signs nothing
desk-lines-sign-nothing = { $count ->
        [one] one signs nothing
       *[other] { $count } sign nothing
    }
desk-no-line = No line yet
desk-no-line-small = the record begins with the charter
desk-declared = declared { $state }
desk-needs = Needs you
desk-needs-watch = Needs the watch
desk-needs-nothing = Nothing now
desk-needs-count = { $count } matters
desk-needs-first = first { $name }: { $what }
desk-needs-first-line = first: { $what }
desk-needs-by = { $name }: { $by }
desk-last-said = Last said
desk-last = { $who }, { $time }: { $kind ->
    [charter] the charter of the line, signed
    [received] a receipt
    [amend] a change of the charter
    [key] new keys
    [post] who holds a post
    [state] what the station declares
    [check] a test of the line
    [check-reply] the test is answered
    [overdue] a response time has passed
    [ask] a request to talk
    [alerting] a device rings
    [seen] seen by the watch
    [referred] with the principal’s office
    [defer] not now
    [renew] the request still stands
    [suspend] not able at present
    [resume] able again
    [answer] taken at once
    [decline] declined
    [withdraw] taken back
    [lapse] the deadline has passed
    [offer] times are offered
    [ready] ready to take it now
    [accept] accepted
    [joined] in the talk
    [ended] the talk is over
    [missed] the other side did not come
    [cancel] the talk is cancelled
    [talk] talked, by another means
    [sheet] a call sheet
    [text] a text
    [notice] a notice
    [read] read
    [retract] a text is taken back
    [memo] a note of its own
    [statement] words for the public
    [statement-reply] an answer to words for the public
    [approach] somebody came by another channel
    [approach-reply] whose approach it was
    [attempt] an attempt on another channel
    [heard] what they said there
    [adopt] whether a history is adopted
   *[other] { $kind }
}
desk-last-nothing = Nothing yet
desk-last-unread = Not known: it cannot be read
desk-we = We
desk-mark = Mark
desk-mark-also = and { $marks }
desk-mark-count = { $count } { $mark }
desk-matter-ours = We ask { $peer } to talk
desk-matter-theirs = { $peer } asks to talk
desk-matter-text = { $peer } has written
desk-matter-check = { $peer } tests the line
needs-hold = Our station holds it
needs-see = Acknowledge it
needs-principal = Defer, offer times or answer
needs-answer-offer = Accept or decline
needs-take-ready = Come, or let it lapse
needs-answer = Answer, offer times or decline
needs-resume = Resume or withdraw
needs-come = Come to the talk
needs-say-talked = Say whether we talked
needs-read = Read it
needs-texts = { $count ->
        [one] Read one text
       *[other] Read { $count } texts
    }
needs-restore = Look at a restore
needs-broken = See what broke off
needs-unread = Mend what cannot be read
needs-halted = Speak with them by another channel
needs-away = Reach their watch by another means
needs-check-reply = Answer the check
due-promised = { $side ->
    [ours] We said: not before
   *[theirs] They said: not before
}
due-noted = If nothing is written by then, the side that waits notes it as overdue (clause { $clause }). The request goes on standing.
due-overdue = The time of clause { $clause } has passed. The request goes on standing.
due-lapses = On silence { $name } lapses. The request goes on standing.
due-stands = On silence { $name } stands until it is taken back or its request is closed.
due-reach = For it to reach them
due-crosses = If what ends the offer is written there before ours arrives, the two cross: nothing is agreed by it, and the request goes on standing.
awaited-hold = For it to reach their station
awaited-see = For their watch to see it
awaited-principal = For a deferral, a time or an answer
awaited-answer-offer = For their answer to our offer
awaited-take-ready = For them to come
awaited-answer = Their answer
awaited-resume = For them to resume or withdraw
awaited-say-talked = Their word on the talk
awaited-read = For it to be read
awaited-check-reply = For a person’s answer
reads-only = This role reads and does no act
reads-only-why = Acts are done by a person with the role watch or admin.

bell-armed = Bell armed
bell-unarmed = Bell not armed
bell-cannot = Bell cannot ring
bell-no-sound = This desk makes no sound.
bell-no-sound-why = The bell is not armed on this page. A ring would be shown here, silent, and would not count: the other side would read “No device of theirs has confirmed that it rings.”
bell-arm = Arm the bell
bell-arm-hint = Plays the ring
bell-no-script = This page cannot ring
bell-no-script-why = Sounding needs a script, and none runs here. Every act works without one.
bell-dialog = Ringing
bell-strip-silent = Shown here, silent: press any key to let it sound.
bell-strip-said = This page rings, and has said so.
bell-strip-rings = This page rings.
ring-ends = Ends with { $keys }, or any other act of ours on it, here or at another desk.
ring-ends-accept = { $count ->
    [one] Accept (1)
   *[other] Accept (1–{ $count })
}
ring-ends-itself = It rings once and ends by itself.
bell-strip-do = It rings until it is met with a key of this page, here or at another desk.
ring-title = Rings: { $mark } { $precedence }
ring-has-stopped = The ringing has stopped.
ring-time = It is time to talk with { $peer }.
ring-time-over = The agreed time of { $name } rings no more.
ring-time-join = Join the talk
ring-time-noted = It rings no more at our desks; nothing is written
ring-from = From
ring-standing = Standing for
ring-stand = How it stands
ring-desks = What rings
ring-others = { $count ->
        [one] One thing more rings here, and is shown when this one is met.
       *[other] { $count } things more ring here, and are shown when this one is met.
    }
ring-this-desk = This page
ring-rings = rings, and has said so
ring-rings-here = rings; the other side is not told of it
ring-sounds = rings
ring-silent = shown, silent: press any key to let it sound
ring-stopped-here = silent now
ring-desk-armed = has a page open, bell armed
ring-desk-silent = has a page open, bell not armed
ring-not-now = Not now, with one key: the request goes on standing. All reasons cost the same. They read the code, each side in its own language.
ring-open = Open { $name }
ring-decline-hint = closes it, with a code
ring-decline-which = Decline closes it. Which code?
ring-decline-codes = Decline, with one key more: the request is closed. All reasons cost the same.
ring-decline-reads = DECLINED, with the code that you choose, in their language, and with your words, if any, as you write them. The request is closed. They may ask again, naming this one.
ring-before-signed = Before it is signed
ring-before-signed-what = After the key, five seconds: Undo takes it back, and nothing was written. It rings on until you press one.
ring-closing = Closing is not deferring
ring-closing-what = “Not now” says the same code and leaves their request standing; they need not ask again.
ring-back-not-now = Back: not now
ring-decline-offer-which = None of these times. With which code?
ring-decline-offer-codes = None of these, with one key more: the offer is declined, the request goes on standing. All reasons cost the same.
ring-decline-offer-reads = This offer is declined, with the code that you choose, in their language, and with your words, if any, as you write them. The request stands, and they may offer other times.
ring-back-to-times = Back: the times
ring-words-note = In your own language; not needed
ring-back = Back to your page
ring-back-hint = It is as you left it
ring-early = That key did not count. Keys count once the ring has stood for a second and nothing was typed for a second.
ring-twice = Press { $key } once more: only then it is signed.
ring-bare = More of it has not come from the station yet. It is asked for again.
ring-bare-open = Open what rings
ring-over = { $name } rings no more. { $why }
ring-stopped-by = { $kind ->
    [seen] Seen
    [referred] Referred
    [defer] Deferred
    [offer] Times offered
    [ready] Ready, said
    [answer] Answered
    [accept] Accepted
    [decline] Declined
    [read] Read
    [retract] Retracted
    [check-reply] Check answered
    [ask] Asked again
    [talk] Stated as talked, said
    [cancel] Cancelled
    [missed] Stated as missed, said
    [withdraw] Withdrawn
   *[other] Dealt with
} by { $user }, { $time }.
ring-somebody = this station
do-read = Read
    .hint = They read: read by our watch
do-check-reply = Answer the check
    .hint = They read: a person is here
do-noted = Noted
    .hint = Stops the ringing here. Nothing is signed and nothing is sent
do-noted-late = Noted
    .hint = Takes note that it is late; it rings until it is seen

unsigned-heading = Not signed yet
unsigned-told = { $act ->
    [decline] Decline
    [withdraw] Withdrawal
    [defer] Deferral
   *[other] { $act }
} of { $name }{ $code ->
        [none] {""}
       *[other] , { $code }
    }{ $until ->
        [none] {""}
       *[other] , until { $until }
    }
unsigned-waits = { $told }: not signed yet.
unsigned-back = Taken back: { $told }.
unsigned-back-what = Nothing was signed and nothing was sent.
unsigned-key = Pressed. It is signed at { $time } unless you take it back, below.
unsigned-until = It is signed at { $time } unless you take it back; signing out signs it at once.
unsigned-if-ended = If this station ends before then, it is not signed and not sent.
unsigned-earlier = { $count ->
        [one] One earlier act
       *[other] { $count } earlier acts
    } of yours, told here before, also not signed and not sent.
unsigned-undo = Undo
unsigned-undone = { $told }. It was not signed and not sent:
unsigned-dismiss = I have read it
unsigned-not-sent = The station has started anew. Not signed and not sent:

## The door

door-title = Sign in
door-name = Name
door-password = Password
door-station = If this is not the station that you mean, do not sign in.
door-lasts = A session lasts twelve hours.
door-beside = In another tab: what you wrote stays here
link-sign-in = Sign in as { $name }
link-once = This link serves once.
link-spent = This link serves no longer
link-spent-do = It has signed somebody in already, or its ten minutes are over. “counterpart user link NAME” makes another.
link-password = Sign in with a password

## Lines, as a page

lines-heading = { $count ->
        [0] Nothing needs this desk.
        [one] One matter needs this desk.
       *[other] { $count } matters need this desk.
    }
lines-not-open = { $count ->
        [one] { $peer } is { $state }.
       *[other] { $count } lines are not OPEN.
    }
lines-halted = { $peer }: their log is taken no further
lines-away-silent = { $peer }: the link is up, the watch is silent
lines-away-down = { $peer }: there is no session with their station
lines-order = OPERATION before EXERCISE, then precedence, then deadline.
lines-standing = { $count ->
        [one] One matter stands
       *[other] { $count } matters stand
    } with the other side.
lines-texts = { $peer } has written
lines-texts-quiet = It does not ring, so it comes after everything that does.
lines-stands-there = stands with the other side
lines-ask = Ask to talk
lines-board = What this station observes, beside what the other side declares.
lines-board-differ = where the two differ.
lines-unread = { $count ->
        [one] One line cannot be read
       *[other] { $count } lines cannot be read
    }
lines-all-unread = No line is served: none that this station has can be read.
waits-call = Call whoever keeps the machine.
lines-none-yet = There is no line yet. An administrator makes one under Settings, New line, or with “counterpart invite” or “counterpart join”.
board-observed = From here, observed
board-peer = Other end
board-declared = Declared
board-time = Their time
board-records = Records
board-last = Last said
board-differs = differs from
board-agrees = agrees with
board-is-declared = declared
legend-degraded = slow or losing
legend-silent = link up, watch does not answer
legend-down = no session with their station

## A request, as a page

request-cap = Request { $name }
request-lede = { $side ->
    [ours] Our { $from } asks to talk with their { $to } { $mode }.
   *[theirs] Their { $from } asks to talk with our { $to } { $mode }.
}
request-lede-closed = { $side ->
    [ours] Our { $from } asked to talk with their { $to } { $mode }.
   *[theirs] Their { $from } asked to talk with our { $to } { $mode }.
}
request-subject = Subject:
request-private = Private: nothing of it in public.
request-aside = What is owed, and what may be done
request-acts = What may be done
request-on = On the request itself
request-passed = { $percent } per cent of the time has passed
request-words = Words to go with it, if any
request-words-read = They will read: what the key says, its code in their language, and these words as you write them.
request-closed = The request is closed
request-again = Ask again
request-again-hint = A new request that names { $name }
request-unknown = What is not known
request-said = Said on this matter
said-whole = All of it
request-said-note = Each side writes its own language. What was signed counts.
request-here = here
request-there = there
request-attempts = Attempts and offers
request-attempts-note = How far each came, and the entry that says so.
request-attempt = Attempt
request-reached = Reached
request-early = sooner than agreed: no attempt
request-offer = { $side ->
    [ours] offer of ours
   *[theirs] offer of theirs
}
request-answer-by = answer by { $time }
request-plain = In plain lines
request-plain-note = What the record says, in twelve lines at most: to copy, to print, to read aloud.
request-copy = Copy
request-copied = Copied.
request-chosen = This browser does not let a page copy. The lines are chosen: copy them as you copy anything.
request-print = Print
explain-crossed = Two acts crossed: neither side had seen the other’s. Both stay in the record, nothing is agreed, and a new request may name this one.
explain-offer-crossed = The acceptance of { $name } and what ended it crossed: neither side had seen the other’s act. Both stay in the record, nothing is agreed by that offer, and the request goes on standing.
explain-talk-crossed = Each side has said its own word on the talk. Both stay in the record, which does not say which of them is so.
explain-ended = This is of epoch { $epoch } of the line, which has ended: nothing more is done in it. What was open when it ended reads “broken off”, and can be asked again.
explain-unsettled = Written here. It is an outcome for both when an entry of theirs names ours, and not before.
explain-concerted = Both sides asked at once: { $name } is the same matter from the other side, and an answer to one decides both.
explain-suspended = { $name } suspends it: it stands and does not ring.

## The ladder as a drawing

ladder-heading = The ladder of facts, highest first
ladder-ours = our station
ladder-theirs = their station
ladder-legend = A knot stands on the rail of the side that signed the fact; a small ring: the other side holds it. Filled rails: reached. Hollow: not reached. Elapsed times run from the one side’s clock to the other’s.
ladder-outcomes = ANSWERED · AGREED · DECLINED · LAPSED · WITHDRAWN
ladder-no-outcome = None is recorded.
ladder-not-recorded = { $side ->
    [ours] Not recorded.
   *[theirs] Not recorded here.
}
ladder-no-device = { $side ->
    [ours] No device of theirs has confirmed that it rings.
   *[theirs] No device here has confirmed that it rings.
}
ladder-passed-over = { $side ->
    [ours] Nothing of theirs says so.
   *[theirs] Nothing of ours says so.
}
unheard-since = What was open at this desk before { $time }, when the station started, is not known.
unheard-no-page = No page of this desk was open.
unheard-no-page-until = No page of this desk was open until { $time }.
unheard-unarmed = No bell of an open page was armed.
unheard-unarmed-until = No bell of an open page was armed until { $time }.
ladder-now = now · standing for
ladder-after = after { $lasted }
ladder-within = of { $lasted }
ladder-late = late, noted in
ladder-overdue = time over, noted in
author = here: { $user }
author-by-link = { $user }, by a link of { $maker }
author-token = program { $name }
author-uid = the owner of this station’s machine
author-note = Who did an act here is known to this station alone; nothing of it crosses the line.
entry-author = Who did it here, known to this station alone
ladder-by-ours = our station
ladder-by-theirs = their station
ladder-by-both = both stations
ladder-when-held = When they hold what we wrote, not before.
ladder-accepted = ACCEPTED
ladder-deferred = DEFERRED
ladder-offer = OFFER OF TIMES
ladder-ready = READY
ladder-renewed = RENEWED
ladder-asked = ASKED
ladder-earlier = An earlier attempt, which came to { $rung }.
ladder-says-offer = { $side ->
    [ours] We offer { $count ->
        [one] one time
       *[other] { $count } times
    }.
   *[theirs] They offer { $count ->
        [one] one time
       *[other] { $count } times
    }.
}
ladder-says-ready = { $side ->
    [ours] We are ready to take it now.
   *[theirs] They are ready to take it now.
}
ladder-offer-over = { $offer } { $outcome }.
ladder-says-defer = Not now: { $code }.
ladder-says-defer-until = Not now: { $code }, until { $until }.
ladder-says-accept = { $side ->
    [ours] We accepted { $window }.
   *[theirs] They accepted { $window }.
}
ladder-says-answer = { $side ->
    [ours] We take it at once.
   *[theirs] They take it at once.
}
ladder-says-decline = { $side ->
    [ours] We declined: { $code }.
   *[theirs] They declined: { $code }.
}
ladder-says-withdraw = { $side ->
    [ours] We took it back.
   *[theirs] They took it back.
}
ladder-says-lapse = { $side ->
    [ours] Its deadline{ $until ->
        [none] {""}
       *[other] , { $until },
    } passed, and our station wrote that.
   *[theirs] Its deadline{ $until ->
        [none] {""}
       *[other] , { $until },
    } passed, and their station wrote that.
}
ladder-says-talk = { $word }.
ladder-says-stated = { $side ->
    [ours] { $word }; they have not said so.
   *[theirs] { $word }; we have not said so.
}
ladder-stated = stated
ladder-we-wrote = we wrote
ladder-they-wrote = they wrote

## Keys of a request

do-seen = Seen
    .hint = They read: our watch has seen it, not the principal
do-refer = Refer
    .hint = They read: it is with the principal’s office
do-answer = Answer now
    .hint = They read: we take it at once. The request is closed
do-ready = Ready
    .hint = They read: we take it now, if they come
do-defer = Not now …
    .hint = They read: not now, with the code that you choose. The request goes on standing
do-decline = Decline …
    .hint = They read: declined, with the code that you choose. The request is closed
do-renew = Renew: the request still stands
    .hint = They read: the request still stands. Their watch is rung again
do-suspend = Suspend
    .hint = They read: we are not able at present. It stops ringing there
do-resume = Resume
    .hint = They read: we are able again. It rings there
do-withdraw = Withdraw
    .hint = They read: withdrawn. The request is closed
do-cancel = Cancel the talk …
    .hint = They read: cancelled, with the code that you choose. The agreed talk will not take place
do-missed = They did not come
    .hint = They read: we state that they did not come
do-accept = Accept { $window }
    .hint = They read: this time is accepted. The request is closed
do-come = Come now
    .hint = They read: we come now. The request is closed
do-decline-offer = None of these
    .hint = They read: this offer is declined. The request stands
do-decline-ready = Decline to come now
    .hint = They read: this offer is declined. The request stands
do-withdraw-offer = Take back { $name }
    .hint = They read: this offer is withdrawn. The request stands
do-talked = We talked, by another means
do-talked-hint = Say when and how: our statement of the talk

do-offer = Offer times
do-offer-hint = One to eight windows; the request goes on standing

## Times, and a talk held elsewhere

band-label = The times on both sides’ days and nights
band-by = answer by
band-now = now
request-course = Its times
request-course-note = Night is shaded where each side is.
offer-title = Offer times for the talk
offer-cap = In reply to { $name }
offer-lede = Enter times as they are in { $place }; the band shows the same moments on both sides.
offer-night-shade = Night is shaded.
offer-windows = Windows
offer-windows-note = First choice first. One to eight. An end that is earlier than its start is of the next day, at most twelve hours later.
offer-number = Number
offer-from = From
offer-until = Until
offer-from-in = From, { $place }
offer-until-in = Until, { $place }
offer-night = night in { $place }
offer-more = Another window
offer-both = On both clocks
offer-show = Show on the band
offer-by = Answer by
offer-silent = If they are silent
offer-lapses = The offer lapses
offer-lapses-hint = Our station writes LAPSED; the request stands
offer-stands = The offer stands
offer-stands-hint = Until it is taken back or its request is closed
offer-reason = With a reason
offer-no-reason = none
offer-reads = { $mark }. { $precedence }. { $sign } offers { $count ->
        [one] one time
       *[other] { $count } times
    } for the talk on { $name }: { $windows }. { $by } { $silence ->
        [stands] On silence the offer stands.
       *[lapses] On silence the offer lapses; the request stands.
    } { $code ->
        [none] {""}
       *[other] Reason: { $code }.
    } { $words ->
        [none] {""}
       *[other] And your words, as you write them.
    }
offer-reads-none = Nothing yet: no window can be read.
offer-reads-by = Answer by { $time }.
offer-reads-no-by = Until when an answer is wanted cannot be read.
offer-sign = Sign and send
held-heading = Held elsewhere
held-note = If you talked by another means, say so: it is our statement, and TALKED only when they say so too.
held-by = By
held-reads = we state that we talked, between these times and by this means. It is TALKED only when they state it too.
held-sign = State that we talked

## Call sheets

sheet-title = Call sheet
sheet-lede = What we state of the talk, now that we have said that it was held. If both sides state the same, it shows as agreed; if not, the two stand side by side.
sheet-filled = { $from ->
    [theirs] Filled in from their sheet: read it, and sign if it is so.
    [ours] Filled in from our earlier sheet, which this one replaces.
    [talk] The times are filled in from what was said of the talk.
   *[none] {""}
}
sheet-when = Held
sheet-present = Present of { $sign }
sheet-present-ours = Who of ours was present
sheet-present-note = Posts, not persons. { $peer } names its own people; this is not compared.
sheet-languages = Languages
sheet-languages-note = As tags: en, ru, zh-Hant
sheet-topics = Topics
sheet-topics-note = One a line, under the side that raised it. At most 32 a side.
sheet-raised = Raised by { $sign }
sheet-reads = we state of the talk on { $name } these times, these posts of ours, these languages and these topics.
sheet-not-now = Not now.
sheet-none = none named
sheet-no-topics = No topics are named.
sheet-more = There is more of them: the whole stands on the page of the entry.
sheet-differs = differs
sheets-of = { $sign } states
sheets-both = Both state
sheets-none = Neither side has written one.
sheets-alone = { $side ->
    [ours] We have written a call sheet; they have not.
   *[theirs] They have written a call sheet; we have not.
}
sheets-agreed = Agreed: both sheets say the same.
sheets-same-here = Both sheets, as they stand here, say the same.
sheets-unheld = They are not known to hold ours yet.
sheets-differ = The two sheets differ: { $parts }.
sheets-part = { $part ->
    [times] times
    [languages] languages
   *[topics] topics
}
sheets-uncompared = The words of a sheet are not held here, so the topics cannot be compared.
sheets-earlier = Replaced by a later sheet of the same side:
sheets-earlier-more = and { $count } more
do-sheet = Write our call sheet
do-sheet-anew = Write our call sheet anew
do-sheet-hint = Times, who of ours was present, languages, topics

## Texts, tests of the line, notes of our own

desk-tab-texts = Texts
texts-heading = { $count ->
        [0] Texts. Nothing waits to be read.
        [one] One text to read.
       *[other] { $count } texts to read.
    }
texts-quiet-tab = not read
texts-rails = ours begin at the left rail, theirs at the right
texts-none = No text on this line yet.
texts-write = Write to { $peer }
texts-rings = ROUTINE does not ring. From PRIORITY up it rings their watch.
text-words = Words
texts-they-read = { $mark }. { $precedence }. { $sign }’s { $from } to your { $to }, and your words above, as you write them ({ $language }).
text-sign-hint = Can be retracted; what was read stays read
text-mark-read = Mark as read
text-mark-read-hint = They will see: read by our side. A text counts as read by this key, not by being shown.
text-retract = Retract
text-retract-hint = It stays in the record, marked as taken back
text-sent = { $side ->
    [ours] Sent, not held by their station
   *[theirs] Held here, our receipt is not written yet
}
text-delivered = { $side ->
    [ours] Delivered { $time }, not read
   *[theirs] Not read here
}
text-read = { $side ->
    [ours] Read by their side { $time }
   *[theirs] Read here { $time }
}
text-retracted = { $side ->
    [ours] Retracted by us { $time }
   *[theirs] Retracted by them { $time }
}
checks-heading = Tests of the line
checks-note = A test counts when a person answers it.
check-now = Test the line now
check-answered = Answered by a person { $time }, after { $lasted } by the two sides’ clocks
check-stands = { $side ->
    [ours] Not answered there
   *[theirs] Not answered here
}
memo-heading = Note of our own
memo-sign = Write it into the record
memo-hint = Signed by us; it says nothing for them
memo-reads = this note, as ours. It asks nothing of them.
state-heading = What we declare
state-sign = Declare
state-hint = Closing a line for good is done by a command.
state-reads = { $sign } declares the state that is chosen here, and until when, if a time is. It stands beside what they observe.
state-until-when = Until

## Asking

ask-title = Ask to talk
ask-lede = Every question has an answer already: choose the line, write the subject, sign.
ask-not-signed = Not signed.
ask-with-whom = With whom
ask-asks-us = They ask you already; answering is quicker:
ask-to = To the post
ask-up-to = up to { $precedence }
ask-subject = Subject
ask-language = Language
ask-private = Private
ask-private-hint = Nothing of it in public
ask-from = From the post
ask-urgent = How urgent
ask-urgent-head = By the charter
ask-urgent-within = their watch sees it within
ask-mode = To do what
ask-mode-voice = Talk by voice
    .hint = by telephone, or another means
ask-mode-writing = Exchange in writing
    .hint = texts, at an agreed time
ask-mode-meeting = Meet
    .hint = the place is agreed by text
ask-mark-operation = It is meant. It rings as such.
ask-mark-exercise = Hatched on every page, another ring.
ask-mark-test = Of the system only.
ask-until = Until when
ask-stands = It stands until someone ends it
ask-stands-hint = You may renew it
ask-until-time = Until a time
ask-until-hint = Then our station writes LAPSED
ask-day = Day
ask-time = Hours and minutes in { $place }
ask-reads = They will read
ask-they-read = { $mark }. { $precedence }. { $sign }’s { $from } asks to talk with your { $to } { $mode }. Subject: “{ $subject }”. { $until ->
        [none] The ask stands until someone ends it.
        [unread] Until when it stands cannot be read yet.
       *[other] The ask stands until { $until }.
    }
ask-reads-note = Each side reads it in its own language; only the subject crosses as you wrote it. The signature covers all of it.
ask-at-desk = At this desk
ask-signed-by = Asked by you, { $name }. Who asked is kept at home only.
ask-sign = Sign and ring
ask-sign-hint = It cannot be taken out of the record; it can be withdrawn
ask-show = Show what they read
ask-leave = Leave it

## What was not done, as a page

undone-not-signed = Not signed.
undone-unsure = It is not known whether this was signed.
undone-not-done = Not done.
undone-not-yours = Not for this role.
undone-machine = The station could not do it.
undone-nothing = There is nothing here.
undone-nothing-what = Nothing was asked of the record.
undone-machine-what = The station could not do it.
undone-what-nothing = Nothing was written and nothing was sent.
undone-what = What
undone-why = Why
undone-by = { $name } was written here by { $user }.
undone-do = What to do
undone-lines = To the lines
undone-typed = What you had typed
undone-typed-note = Kept here until you send it or leave it.
undone-again = Send it again
undone-tried = What was to be done

## The record, as a page

record-note = Both logs in one order: what an entry had seen stands before it. The bold time is its author’s clock.
record-of-epoch = Epoch
record-of-ended = Epoch { $epoch }, which has ended
record-ended-note = Nothing is written in it any more. What was open when it ended broke off.
record-equal = Equal, entry for entry
record-waits = Not yet named by both
record-halted = This line is taken no further.
record-look-for = What to show of the record
record-matter = Matter
record-all-matters = All matters
record-type = Type
record-all-types = All types
record-side = Log
record-both = Both
record-effect = Effect
record-any-effect = All
record-void = void
record-unknown = unknown
record-unknown-key = unknown key { $key }
record-since = Held here from
record-until = to
record-words = Words
record-day-form = yyyy-mm-dd
record-unread = Nothing was looked for.
record-show = Show
record-show-all = Show all
record-found = { $count ->
    [0] Nothing is found.
    [one] One entry on this page.
   *[other] { $count } entries on this page.
}
record-found-so-far = { $count ->
    [0] Nothing is found among { $max } entries. Go on to look further.
    [one] One entry found among { $max }. Go on to look further.
   *[other] { $count } entries found among { $max }. Go on to look further.
}
record-logs = Both logs, in order
record-our-log = our log · { $count ->
    [one] 1 entry
   *[other] { $count } entries
}
record-their-log = their log · { $count ->
    [one] 1 entry
   *[other] { $count } entries
}
record-here-there = here · there
record-of = of
record-receipt = { $sign }’s station states up to where it holds the other log.
record-saw-to = had seen up to { $name }
record-saw-nothing = had seen nothing of the other log
record-held-here = held here { $time }
record-held-there = held there { $time }
record-not-held = their station has not yet said that it holds this
record-crossed = Crossed.
record-crossed-undecided = Neither side had seen the other’s entry. Both stand in the record; nothing is agreed.
record-unseen = Unseen by each other.
record-unseen-why = Neither author had seen the other’s entry when it was written.
record-to-request = To the request
record-evidence = Kept as evidence
record-evidence-note = What their station did that the protocol forbids, the newest first.
record-before = Earlier
record-after = Later

## Words of the protocol: in English as they are signed. Marks, precedence, rungs, outcomes, talks, types of entry, codes.

coded-mark = { $word }
coded-precedence = { $word }
coded-rung = { $word }
coded-outcome = { $word }
coded-talk = { $word }
coded-kind = { $word }
coded-reason = { $word }
coded-mode = { $word }
coded-channel = { $word }
coded-silence = { $word }
coded-clause = { $word }
coded-deadline = { $word }
coded-state = { $word }
coded-instrument = { $word }
coded-by = { $word }

## Other words within a page

role-said = { $role }
instrument-said = { $instrument }
time-form = hh:mm
time-day-field = Write a day, such as 2026-11-24, or a day and a time of it: 2026-11-24 17:30.
time-field = Write the hour and the minute as a clock of 24 hours shows them: 09:05, or 17:30.

## Settings

language-name = English
settings-title = Settings
settings-lede = Of your own pages, in every browser in which you sign in.
settings-language = Language
settings-browser = As the browser asks
settings-browser-hint = In one of the languages that ship, or in that of this organisation
settings-direction = Direction
settings-direction-language = As the language is written
settings-direction-right = From right to left
settings-direction-hint = Times and their bands stay as they are
settings-keep = Keep

## An entry, as a page

entry-as-signed = As signed.
entry-words = Words
entry-holds = The signature holds.
entry-holds-not = The signature does not hold.
entry-checked = Checked now with the key in force at its place.
entry-time = Time that its author states
entry-times = On both clocks
entry-epoch = Epoch
entry-own = Own log before it
entry-held = Head of the other log that it names
entry-head = size { $size }, root { $root }
entry-refers = Acts on
entry-from = From the post
entry-to = To the post
entry-precedence = Precedence
entry-mark = Mark
entry-deadline = Deadline
entry-lacking = Words that its author does not hold
entry-key = Station key
entry-algorithm = Algorithm
entry-stored = Stored here
entry-leaf = Leaf in the tree
entry-seen = Seen of the other log
entry-named = Named as held
entry-no-words = No words go with it.
entry-deniable = Its words are deniable: either side could have made what vouches for them.
entry-attested = Attested: the digest { $digest } is signed, and the words held here have it.
entry-other-words = The digest { $digest } is signed, and what is held here has another.
entry-lacks-words = The digest { $digest } is signed; the words are not held here.
entry-bytes = The entry exactly as signed
entry-length = { $count ->
    [one] One byte, in hexadecimal digits.
   *[other] { $count } bytes, in hexadecimal digits.
}
entry-download = Download the bytes
entry-before = The entry before it
entry-after = The entry after it

## The morning sheet

desk-tab-morning = Morning sheet
morning-day = For the head of watch · the 24 hours to { $until }
morning-heading = { $not ->
    [0] { $open ->
        [0] No line yet.
        [one] The line is open.
       *[other] All { $open } lines are open.
    }
   *[other] { $all ->
        [one] The line is not open.
       *[other] { $open } of { $all } lines open.
    }
}
morning-lede = { $count ->
    [0] Nothing waits for this desk.
    [one] One matter waits for this desk: { $first }.
   *[other] { $count } matters wait for this desk, first { $first }.
}
morning-table = State of all lines
morning-state = Observed, declared
morning-checks = Checks of 24 hours, by the hour
morning-to-seen = Time to SEEN of each request
morning-checks-ours = Our checks, answered by them:
morning-checks-theirs = Their checks, answered by us:
morning-asks-ours = Our requests, seen by them:
morning-asks-theirs = Their requests, seen by us:
morning-median-worst = { $span }, median / longest
morning-tests = { $count ->
    [0] None marked { $mark } was written.
    [one] 1 check: { $answered } answered in time, { $late } late, { $unanswered } not answered, { $waits } still in time.
   *[other] { $count } checks: { $answered } answered in time, { $late } late, { $unanswered } not answered, { $waits } still in time.
}
morning-seen = { $seen } of { $count ->
    [one] 1 request
   *[other] { $count } requests
} seen, after { $spread ->
    [same] { $most }
   *[other] { $least } to { $most }
}; { $late ->
    [0] none
   *[other] { $late }
} later than the charter gives.
morning-none-seen = { $count ->
    [0] None marked { $mark }.
    [one] 1 request, not seen.
   *[other] { $count } requests, none seen.
}
morning-seconds = { $count } s
morning-minutes = { $count } min
morning-hours = { $count } h
morning-legend = What is marked { $mark }, and no other. Checks, by when question and answer were stored at this station: full bar answered in time; half bar answered late; empty bar not answered; dashed bar still in time; stroke, none written. Requests: full dot seen within the charter’s time for its precedence; ring seen later; red strokes, those times.
morning-open = { $count ->
    [0] none
    [one] 1 matter
   *[other] { $count } matters
}
morning-written = Written in these hours
morning-ended = Lapsed or crossed
morning-of-epoch = { $told } (epoch { $epoch })
morning-nothing = Nothing.
morning-more = and { $count } more, in the record of { $peer }
morning-more-least = and at least { $count } more, in the record of { $peer }
morning-figures = Times to answer, { $peer }
morning-note = What was written, lapsed, crossed or is owed is from the signed record and leads to it. Plots and figures are counted from that record. Observed states are what this station saw when the page was drawn.
morning-print = Print

## How a line begins, as a page

desk-tab-pairing = New line
pairing-made = An invitation is made. It is shown once.
pairing-none-under-way = No pairing is under way.
pairing-count = { $count ->
    [one] One pairing is kept.
   *[other] { $count } pairings are kept.
}
pairing-lede = A line begins when a person on each side has seen the same sixteen numbers and both have signed the same charter. Nothing can ring before that.
pairing-give = The invitation
pairing-give-how = Give it to the other organisation in confidence, all of it. Whoever holds it can come forward with it; the numbers show whether it was they.
pairing-given = I have taken it
pairing-standing = { $standing ->
    [waiting] Nobody has come yet.
    [calling] Their station is called.
    [comparing] { $named ->
        [yes] Compare sixteen numbers with { $name }.
       *[no] Compare sixteen numbers.
    }
    [confirmed] Confirmed here.
    [countersigned] Both have confirmed.
    [open] The line is open.
   *[other] Ended; there will be no line.
}
pairing-invite = Invite
    .hint = the invitation is given to them
pairing-join = Join
    .hint = their station has opened it
pairing-compare = Compare
    .hint = by telephone or in person
pairing-sign = Sign
    .hint = index 0 of both logs
pairing-read = Read these to them. They read theirs to you.
pairing-digits = Sixteen numbers to compare
pairing-channel = Use a telephone number that you knew before, or meet. Not the channel by which the invitation went.
pairing-same = All sixteen are the same
    .hint = Signs the charter with them
pairing-differ-key = One or more differ
    .hint = Signs nothing
pairing-with = With
pairing-zone = Zone of their watch
pairing-key = Their link key
pairing-there = Their person
pairing-they-confirmed = has confirmed
pairing-they-not-yet = has not confirmed, as far as is known here
pairing-abandon = Give this pairing up
    .hint = Nothing is signed by that; they are told
pairing-invited = Have you been invited?
pairing-invited-how = Paste the whole invitation.
pairing-text = Invitation
pairing-invite-how = Makes an invitation for one other organisation. It is shown once.
pairing-invite-key = Make an invitation
pairing-rules = Terms that it proposes
pairing-rules-how = A number with s, m, h or d: 90s, 15m, 8h, 2d. The line is tested never, every so often, or at times such as 09:00,17:00 UTC; empty: as the configuration says. A pace that is empty is the watch’s.
pairing-agreed = What the charter says, line by line

## Users, as a page

desk-tab-users = Users
users-heading = { $count ->
    [0] No user.
    [one] One user.
   *[other] { $count } users.
}
users-lede = Who may sign in at this desk, and as what. Nothing here is in any record.
users-note = Who did which act is kept at home only; the other side sees the post.
users-user = User
users-role = Role
users-since = Since
users-sessions = Sessions
users-sessions-count = { $count ->
    [0] no session
    [one] 1 session
   *[other] { $count } sessions
}
users-sessions-note = One ends by itself after twelve hours.
users-acts = Acts
users-you = you
users-link = One-time link
users-sign-out = End all sessions
users-end = Remove
users-end-sure = Remove { $name }: sessions and links end, acts keep the name
users-not-self = Not yourself
users-begun = Begun
users-until = Until
users-this = This one
users-end-session = End
users-by-password = by password
users-by-link = by a link of { $maker }
users-add = Add or change a user
users-name = Name
users-password = Password
users-password-note = Twelve characters or more. Without one, only a link signs them in.
users-add-key = Make the user
    .hint = Of a name that nobody has here
users-change-key = Change the user
    .hint = One who is there gets this role, and the password if one is written; their sessions end
users-link-for = A link that signs { $name } in once
users-link-until = It serves until { $time }, and is shown this once.
users-link-given = I have taken it

offer-by-empty = Empty: when the first window begins.
defer-until = Put off until
defer-no-time = no time said
defer-next = today or tomorrow
defer-day-after = { $times } (the day after)
defer-day-before = { $times } (the day before)

rounds-title = Rounds
rounds-lede = One subject on several lines. Each is asked on its own line, as always; none of them learns of the others.
rounds-none = No round was begun.
rounds-new = Ask on several lines
rounds-read = They will read
rounds-sign-hint = One ask on each line
rounds-lines = { $count ->
    [one] one line
   *[other] { $count } lines
}
round-title = Round { $number }
round-lede = begun by { $name }, { $time }
round-heading = { $answered ->
    [0] None of { $count } has answered.
   *[other] { $answered } of { $count } answered.
}
round-not-yet = Not yet: { $names }.
round-note = Each side sees its own line alone; that these belong together is kept at this station.
round-ladders = How far each has come
round-outcome = OUTCOME
round-no-outcome = no outcome stands
round-not-asked = not asked
round-not-whole = On a line that reads “not asked” nothing was signed: it could not be written any more when its turn came.
round-now = Now
round-here = here
round-there = there
round-add = Add lines
round-sent = in our record
round-delivered = their station holds it
round-alerting = a device of theirs rang
round-seen = by their watch, as they state
round-referred = to the post, as they state

tokens-title = Tokens
tokens-heading = { $count ->
    [0] No program may call.
    [one] One program may call.
   *[other] { $count } programs may call.
}
tokens-lede = Programs that call this station’s API, each by a token of a role. No token makes tokens; nothing here is in any record.
tokens-list = Tokens
tokens-note = What a token does is kept under its name, at home only. Of the token itself only a hash is kept.
tokens-none = No token has been made.
tokens-program = Program
tokens-until = Until
tokens-no-end = until it is revoked
tokens-ended = ended { $time }
tokens-revoke = Revoke
tokens-revoke-sure = Revoke the token of { $name }: its calls are answered no more
tokens-made = The token of { $name }
tokens-made-once = It is shown this once: whoever has it may do what the role { $role } may.
tokens-made-calendar = It is the address for a calendar program, shown this once: whoever has it reads with whom, when and in which request talks are agreed and what became of them, and nothing else.
tokens-made-until = It serves until { $time }.
tokens-made-no-end = It serves until it is revoked.
tokens-taken = I have taken it
tokens-add = Make a token
tokens-name = Name of the program
tokens-until-note = A day is meant whole, on this desk’s clock: { $day }. Also “{ $day } 18:00”. Empty: until it is revoked.
tokens-add-key = Make the token
    .hint = It is shown once
tokens-role-watch = reads, and does every act on a line
tokens-role-admin = the same, and looks after users and pairings
tokens-role-auditor = reads everything and does nothing
tokens-role-calendar = an address for a calendar program, and nothing else
role-watch = has the watch
role-admin = has the watch, and looks after the station
role-auditor = reads, and does no act

## What is set beside that: the banner, one’s own password

settings-changed = The password is changed, and every other session of yours has ended.
settings-banner = Banner
settings-banner-line = The line of classification on every page and print
settings-banner-note = Ours alone; it never crosses a line. Up to { $max } characters.
settings-banner-admin = Set by a person with the role admin.
settings-password = Password
settings-password-now = Now
settings-password-new = New, twelve characters or more
settings-password-key = Change it, and end my other sessions
settings-station = The station
translation-attach = Attach a translation
translation-words = The translation
translation-keep = Keep it here
translation-note = It stays at this station, beside the text. What was signed counts.
translation-meta = Translation ({ $language }) by { $user }, { $time }, kept here: not part of what they signed
settings-station-note = Users, sessions, and how a line begins.
settings-not-yours = Not for this role
settings-role = Looked after by a person with the role admin; yours is { $role }.

## The demonstration

demo-paired = Paired. Both stations showed the same digits, as two persons would have compared them over another channel:
    { $digits }
demo-station = { $name }: process { $pid }, directory { $data }
    To start it again after it was killed: { $command }
demo-ended = { $name } has ended. To start it again: { $command }
demo-officer = Duty officer
demo-link = { $name } in a browser, valid once and for ten minutes: { $url }
demo-guide = 
    Everything in this demonstration is marked EXERCISE. In two more terminals:

    Terminal 2, Southland, hears it ring:
      { $south } bell
    Terminal 3, Northland asks, Southland answers as it likes:
      { $north } ask --from minister --to minister --precedence PRIORITY "North Sea cable"
      { $north } status
      { $south } defer "Northland 1" --code ENGAGED
      { $south } offer "Northland 1" --window "tomorrow 10:00/tomorrow 10:30" --window "tomorrow 15:00/tomorrow 15:30" --answer-by +1m
    Nobody answers it: two minutes later it has lapsed, and the request still stands. Then other times, which are accepted:
      { $north } status "Northland 1"
      { $south } offer "Northland 1" --window "tomorrow 11:00/tomorrow 11:30" --answer-by +10m
      { $north } accept "Southland 2" --window 1
      { $south } text --from minister --to minister "We will call from the ministry."
      { $north } lines
      { $north } record

    Kill a station with kill -9 in the middle, start it again with its command above, and compare both records.
    Ctrl-C here ends both.

## A talk over this system

do-call = Talk over this line
do-call-hint = In this browser, through both stations; this station records nothing
talking-title = Talk with { $peer }
talking-cap = Talk on { $name }
talking-no-recording = This station records nothing of what is said. What the other end does it cannot know.
talking-until = until the agreed time; both desks ring then
talking-agreed = agreed for { $window }
talking-rings = It rings beside the call, and covers nothing.
talking-do-ring = Show it
talking-do-ring-hint = Escape brings back the call
talking-before = Before the talk.
talking-was-in = We were in this talk, and nobody of ours is in it now.
talking-come-back = Join: 20 seconds after the last of ours left, or after the link is up again, it is ended as lost.
talking-over-unwritten = The call is over. Nothing was written of it; the talk is still to come.
talking-over-waits = The call is over. What it showed is still to be written: the record has not taken it yet.
talking-in = You are in the call.
talking-through = You are through.
talking-over = The talk is over.
talking-over-ours = We ended it.
talking-over-theirs = { $peer } ended it.
talking-over-lost-ours = Nobody of ours came back within 20 seconds.
talking-over-lost-theirs = Nobody of { $peer } came back within 20 seconds.
talking-over-broken = It broke off: the line was closed, halted, or begun anew.
talking-nobody = Nobody of { $peer } is in the call.
talking-they-away = Nobody of { $peer } is there now, their station says; their places are kept for 20 seconds.
talking-they-off = Nobody of { $peer } is on the line now, their station says.
talking-they-left = Nobody of { $peer } is in the call now, their station says.
talking-still-sent = What is said on the line here goes to their station all the same.
talking-watches-hear = A watch on the line hears the other side and is heard there; whoever is held hears nobody, and nobody hears them.
talking-they-wait = { $peer } is in the call.
talking-through-both = Both sides were put through together.
talking-through-ours = We have put through; { $peer } has not yet.
talking-through-theirs = { $peer } has put through; we have not yet.
talking-through-none = Neither side has put through.
talking-part = { $part ->
    [principal] Principal
    [interpreter] Interpreter
    [note-taker] Note-taker
   *[watch] Watch
}
talking-part-hint = { $part ->
    [principal] hears the other side once both have put through
    [interpreter] speaks beside the principal
    [note-taker] listens only
   *[watch] holds the line, puts through
}
talking-who = Who is in the call
talking-us = us
talking-them = them, in the parts that their station states
talking-put = PUT THROUGH
talking-put-already = We have; it holds for the whole call.
talking-you = you, { $user }
talking-none-ours = Nobody is in the call.
talking-none-theirs = Nobody is in the call.
talking-parts-only = They see our parts, never our names.
status-on-call = On the call now: of ours { $ours }; of theirs { $theirs }.
status-nobody = nobody
talking-level = Level of { $part }
talking-level-own = Level of this microphone
talking-away = away; the place is kept for 20 s
talking-muted = muted
talking-listens = listens only
talking-held = on hold
talking-aside = aside
talking-where = Where { $part } is
talking-room = { $room ->
    [hold] On hold
    [aside] Aside
   *[line] On the line
}
talking-lost-there = { $percent } % lost on the way there, as their station counts
talking-lost-here = { $percent } % lost on the way here
talking-degraded = Degraded:
talking-degraded-why = datagrams do not pass, so voice travels on the stream. Expect a delay; let each other finish. Both desks show this.
talking-cut = The link is down.
talking-cut-why = Neither side hears the other. The call stays; it goes on when the link is back.
talking-unheard = No sound comes.
talking-unheard-why = Nothing has come from { $peer } for two seconds, though somebody there is on the line. The call stays. Whoever speaks now may not be heard there either.
talking-acts = What is done in the call
talking-do-join = Join the call
talking-do-join-hint = The microphone opens; this alone writes nothing
talking-do-through = Put through
talking-do-through-hint = All of ours who are held, but a watch, are joined when their watch presses too
talking-do-mute = Mute
talking-do-mute-hint = Nobody hears this microphone
talking-do-unmute = Unmute
talking-do-unmute-hint = This microphone is heard again
talking-do-leave = Leave
talking-do-leave-hint = { $count ->
    [one] You are the last of ours: 20 seconds later the call is over
   *[other] The call goes on; this place is free
}
talking-do-end = End the talk
talking-do-end-hint = Asks once; writes ENDED if we have joined
talking-do-end-now = End it now, for both sides
talking-remove = Remove
talking-back = To the request
talking-path = The way of the voice
talking-path-note = Between this browser and this station alone; how long a voice takes to the other side is not measured, and how much of it was lost on the whole way stands beside each name.
talking-round = To this station and back
talking-loss = Lost
talking-jitter = Uneven by
talking-ms = ms
talking-plot-from = 2 min ago
talking-plot-poor = poor above { $value }
talking-plot-now = now
talking-microphone = Microphone
talking-loudspeaker = Loudspeaker
talking-device-default = The one that the system has chosen
talking-say-something = Try it, and say a sentence: the bar passes the middle.
talking-echo = Echo cancellation
talking-echo-hint = Leave it on unless a room system does it already
talking-do-test = Try the microphone
talking-do-tone = Play the test tone
talking-tone-hint = One second, 440 Hz.
talking-as = You are there as
talking-rule = Both watches hold until their people are there, then put them through together. A side writes JOINED when the first of its people, and one of the other side’s, have been heard at both stations; its watch counts where nobody else of it may speak. A page that is lost has 20 seconds to come back.
talking-shut = Nobody can be let in now.
talking-shut-none = No talk is agreed on that request.
talking-shut-unsettled = The agreement is accepted here; the other side is not known to hold it yet.
talking-shut-closed = The line is closed, halted, or begun anew since: nothing more is written of this talk.
talking-shut-said = We have said what became of this talk.
talking-shut-early = The agreed time is more than a quarter of an hour away.
talking-shut-late = The agreed time passed more than an hour ago.
no-call-off = This station has no voice: no desk is served, or its address for voice is not known.
no-call-stopped = What carries voice ended by a fault of this program. The record and all else go on.
    .do = Start the station again. If it ends again, keep its log and tell whoever maintains this program.
no-call-unreached = No connection with the other station is up.
no-call-older = Their station has no voice yet: an older version runs there.
no-call-unanswered = Nothing has come from their station about this call within five seconds.
no-call-over = The call is over.
no-call-has-joined = This side has signed that it joined, which is signed only where somebody of theirs is heard: they have come.
no-call-they-came = Somebody of theirs was heard in the call: they have come.
no-call-codec = Their browsers and ours have no way of encoding sound in common. Nobody was joined.
no-call-full = As many people, or calls, are here as may be.
no-call-no-place = This browser has no place in the call, or nobody has that number.
no-call-links = Four were given a link or a place and are not in the call yet. Take one back first.
no-call-not-through = Nobody but a watch is on the line before both sides have put through. Put through, or wait until they have.
no-call-offer = { $cause ->
    [codec] This browser cannot encode sound as this call does: nobody would hear it, and it would hear nobody. Join with another browser.
    [soon] This browser asked twice within half a second. It asks again by itself.
   *[unreadable] What this browser offers is no call of sound that this station can read. Join with another browser.
}
talking-insecure = A browser gives a microphone only over HTTPS, or on this machine itself. Open the desk by its HTTPS address.
talking-denied = The browser does not let this page have the microphone. Allow it beside the address, then load this page anew.
talking-no-microphone = No microphone was found. Plug one in, or choose another in the system.
talking-barred = { $why ->
    [denied] The browser does not let this page have the microphone.
    [insecure] This page did not come over HTTPS; only there, or on the machine itself, a browser gives a microphone.
   *[none] No microphone was found.
}
talking-mend-allow = Beside the address, open what this page is permitted, allow the microphone, and try it again.
talking-mend-held = If another program holds the microphone, close that program.
talking-mend-https = Open the desk by its address that begins with https://
talking-mend-setup = If it has none, whoever looks after this station sets one up: operating manual, “HTTPS”.
talking-mend-plug = Plug one in, or switch it on in the system, and try it again.
talking-mend-listen = Without one, join as note-taker: you hear the talk, and they read that you only listen.
talking-connecting = Connecting with this station…
talking-connected = Sound goes both ways between this browser and this station.
talking-lost = The connection with this station is lost; it is tried again. The place is kept for 20 seconds.
talking-blocked = No sound can pass.
talking-blocked-why = Pages come through, but by UDP nothing does between this browser and this station at { $address }. Whoever looks after this station, or the network on the way, lets it through: operating manual, “Talking”, “Firewalls”.
talking-no-script = Sound needs a script, and none runs here: you see who is in the call, but a place that you take is gone after 20 seconds, so let the scripts of this address run or join with another browser.
talking-not-answered = This station did not answer for the call; it is tried again.
talking-heard = This page hears the microphone.
talking-listening = You hear the others; nothing is sent from this browser.
talking-sound-barred = This browser lets nothing sound before the page is touched. Press a key or click to hear the others.
talking-hushed = This microphone is off. The station has not said yet that you are muted.
talking-elsewhere = This call goes on in another tab of this browser. Load this page anew to have it here.
talking-you-hold = You are on hold: nobody hears you, and you hear nobody, until the watch puts you on the line.
talking-you-aside = You are aside: only those of ours who are aside too hear you.
talking-since = since both sides were put through, { $time }
let-in-title = Let somebody in
let-in-note = Who has no account here comes by a link that serves once, in the part that you give, and comes in on hold.
let-in-as = Make a link, shown in a tab of its own, for the
let-in-open = the link is not taken yet; it serves for another
let-in-taken = has taken the link and is not in the call
let-in-take-back = Take back
let-in-take-back-of = Take back: { $part }
let-in-made = { $part ->
    [principal] A place for the principal
    [interpreter] A place for the interpreter
   *[note-taker] A place for the note-taker
}
let-in-made-lede = Whoever has this link comes into this call in this part. Show it, read it out, or send it by a way that you trust.
let-in-link = The link serves for another
let-in-once = It serves once, and is shown this once.
let-in-close = The call goes on in its own tab. Close this one to go back.
place-title = A place in a call
place-take = { $part ->
    [principal] Come as principal
    [interpreter] Come as interpreter
   *[note-taker] Come as note-taker
}
place-only = It opens this one call, and nothing else at this station. On the next page you can try your microphone before you join.
place-spent-do = It was used or taken back, its ten minutes are over, or the call is. Ask whoever gave it to you for another.
place-over = The call is over
place-removed = The watch has taken your place back
place-left = You have left the call
place-away = Your page was away for 20 seconds
place-none = This browser has no place in a call
place-again = Nothing can be opened from here any more. If you are still needed, ask the watch for a new link.
place-you = you
place-as = { $part ->
    [principal] You are there as principal
    [interpreter] You are there as interpreter
   *[note-taker] You are there as note-taker
}
place-until = until the agreed time
place-unsure = It is not known whether that was done.
place-no-script = This browser runs no scripts.
place-no-script-why = Without them no sound goes either way. Let the scripts of this address run, then load this page anew.
place-leave-hint = Gives up your place
place-leave-now = Leave now; to come back takes a new link
place-rule = You come in on hold: nobody hears you, and you hear nobody, until the watch puts you on the line, or puts through after you came and the other side has too. A page that is lost has 20 seconds to come back.
place-speaks = The microphone opens; you come in on hold
place-listens = You only listen; no microphone is needed
place-mend-listen = Without one, ask the watch for a link as note-taker: you hear the talk, and they read that you only listen.
call-talk = One talk over this system, as it goes on: who is on from both sides, and how voices arrive.
call-talk-let-in = Lets somebody into the call of an agreed talk: a place, by whose secret a browser speaks there.
call-talk-offer = Answers the offer (SDP) of the browser that has a place. Offered again it takes the place anew.
call-talk-act = Does something in a call: mute, unmute or leave, of whoever has the place; through; end; remove.
fault-talk-shut = { $cause }
    .do = See the request: what is agreed, and for when.
fault-talk-not-done = { $cause }
    .do = Look at the call, and try again when that has changed.
voice-bind = The address for voice, { $address }, cannot be used: { $cause }
    .do = Choose another listen in [voice], or end what uses it.
config-voice-nowhere = “{ $said }” is no address that a browser could reach.
    .do = Write announce = "ADDRESS:PORT" with the address at which browsers find this machine.
config-calls-max = calls_max cannot be { $said }.
    .do = Write a number from 1 to { $max }.
