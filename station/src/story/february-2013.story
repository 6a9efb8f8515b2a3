# February 2013: a request that stands, an interval without confirmation, two accounts.
#
# Played by `counterpart demo --story february-2013`; the format is in docs/stories.md. Times are UTC. Washington was at
# UTC-5, Moscow at UTC+4.
#
# What is published, and by whom:
#   - The test: 12 February 2013, 02:57 UTC.
#   - Washington, spokesperson's briefings of 12 to 15 February, as reported: it asked on the 12th and again on the 13th; the
#     minister was "ready to talk whenever he can find time"; on the 15th: the offer still stands. It had spoken with the
#     foreign ministers of South Korea, Japan and China.
#     https://security.blogs.cnn.com/2013/02/16/russia-declines-kerrys-calls-says-foreign-minister-is-busy/
#   - Moscow, spokesperson, as reported: the minister was travelling (Mozambique, Algeria, Guinea); a conversation on
#     14 February was proposed, no response came, and so the matter was dropped.
#     https://dispatchnewsdesk.com/no-russian-us-talks-over-north-korean-atomic-test/
#   - They spoke on 17 February; a crowded Friday is mentioned for both.
#     http://foreignpolicy.com/2013/02/19/kerry-and-lavrov-connect-after-only-five-days/
#   - A year before: Washington, 30 January 2012: about 24 hours of trying. Moscow, 31 January: in the middle of meetings in
#     Australia; they would talk at the first opportunity. They met in Munich on 4 February.
#     https://security.blogs.cnn.com/2012/01/31/u-s-diplomacy-gets-busy-signals/
#     http://foreignpolicy.com/2012/02/04/clinton-and-lavrov-square-off-over-syria/
# The accounts differ on the number of attempts, on what became of the interval, on the reason, and on who raised the
# subject on the 17th. Nothing below decides any of it.
#
# What is invented: the line itself, the hours, what each watch does, and all words that are written.

story "February 2013: a request that stands"

say "What was done on the telephones in February 2013 is disputed. This story plays one course on a line in which both published accounts are true. It does not say who was right; there was no such line then. The hours, what each watch does and all words are invented. Capitals and posts are named, persons are not."
say "Background, on other lines and not on this one: a nuclear test on 12 February 2013 at 02:57 UTC. By published reports Washington spoke the same evening with the foreign ministers of South Korea, Japan and China."
say "By its own account Washington asked on the 12th and again on the 13th, ready to talk whenever he could find time, and said on the 15th that the offer still stood. By its own account Moscow explained that its minister was travelling (Mozambique, Algeria, Guinea), proposed an interval on the 14th, had no confirmation and took the matter as dropped. They spoke on the 17th."
say "A year before, in January 2012, the predecessor had asked for a talk while the minister was in Australia: it is on the same record, under the same posts."

side washington "Washington" "Foreign ministry in Washington" zone=America/New_York
side moscow     "Moscow"     "Foreign ministry in Moscow"     zone=Europe/Moscow

# A year of scheduled checks would be some thousand entries of no interest here, so the charter of this story has none.
terms watch=8h,1h,15m,5m principal=48h pace=12h,12h,6h,1h grace=1m checks=never

# ---------------------------------------------------------------------------------------------------- a year before (S10)

2012-01-29 15:00 bell washington on
2012-01-29 15:00 bell moscow on

2012-01-29 17:00 washington ask from=minister to=minister precedence=PRIORITY "The draft resolution before the Security Council"
    expect "Washington 1" OPEN ALERTING
2012-01-29 17:12 moscow seen "Washington 1"
    expect "Washington 1" OPEN SEEN
2012-01-30 05:00 moscow refer "Washington 1"
    expect "Washington 1" OPEN REFERRED
2012-01-31 05:30 moscow defer "Washington 1" code=ENGAGED until="2012-02-02 06:00" language=ru "Министр на переговорах в Австралии. Разговор состоится при первой возможности."
2012-02-02 09:00 moscow offer "Washington 1" window="2012-02-04 12:00/12:45@Europe/Berlin" answer-by="2012-02-03 18:00" language=ru "Встреча в Мюнхене."
    expect "Moscow 1" OPEN ALERTING
2012-02-02 13:10 washington seen "Moscow 1"
2012-02-02 15:00 washington accept "Moscow 1"
    expect "Moscow 1" AGREED
    expect "Washington 1" AGREED PLANNED
2012-02-04 13:00 moscow talk "Washington 1" when="2012-02-04 11:00/11:40" instrument=in-person post=minister
    expect "Washington 1" STATED
2012-02-04 13:30 washington talk "Washington 1" when="2012-02-04 11:00/11:40" instrument=in-person post=minister
    expect "Washington 1" TALKED

# ------------------------------------------------------------------------------------------------- 12 and 13 February (S1)

2013-02-12 22:30 washington ask from=minister to=minister precedence=PRIORITY "The nuclear test of 12 February"
    expect "Washington 2" OPEN ALERTING
2013-02-12 22:41 moscow seen "Washington 2"
    expect "Washington 2" OPEN SEEN
2013-02-13 05:10 moscow refer "Washington 2"
    expect "Washington 2" OPEN REFERRED
2013-02-13 12:00 moscow defer "Washington 2" code=TRAVELLING until="2013-02-14 10:00" language=ru "Министр в поездке: Мозамбик, Алжир, Гвинея. Время мы предложим."
2013-02-13 19:30 washington renew "Washington 2" "Ready to talk whenever he can find time."
    expect "Washington 2" OPEN ALERTING
2013-02-13 19:44 moscow seen "Washington 2"
    expect "Washington 2" OPEN SEEN

# "If you can't get him on the phone, maybe you can text him?" (S4)

2013-02-13 21:00 washington text from=minister to=minister precedence=PRIORITY "In writing meanwhile: we should like to speak about what the Security Council does next. The request to talk stands beside this."
    expect "Washington 3" DELIVERED
2013-02-14 05:15 moscow read "Washington 3"
    expect "Washington 3" READ
2013-02-14 05:40 moscow text from=minister to=minister language=ru "Получено. О времени разговора сообщим сегодня."
2013-02-14 05:55 washington read "Moscow 2"
    expect "Moscow 2" READ

# ------------------------------------------------------------------------------------------------- 14 February (S3)

2013-02-14 10:00 moscow offer "Washington 2" window="2013-02-14 20:00/20:30@Europe/Moscow" answer-by="2013-02-14 15:00" code=TRAVELLING language=ru "Предлагаем разговор сегодня из поездки."
    expect "Moscow 3" OPEN ALERTING
2013-02-14 10:15 washington seen "Moscow 3"
    expect "Moscow 3" OPEN SEEN
# Nothing on it is written until its answer-by. What that meant is not for a record to say.
2013-02-14 15:05 wait
    expect "Moscow 3" LAPSED
    expect "Washington 2" OPEN
2013-02-14 18:00 moscow decline "Washington 2" code=NO-CONFIRMATION language=ru "Подтверждения не было; считаем вопрос снятым."
    expect "Washington 2" DECLINED

# ------------------------------------------------------------------------------------------------- 15 to 17 February

2013-02-15 18:00 washington ask from=minister to=minister precedence=PRIORITY again="Washington 2" "The offer to talk still stands."
    expect "Washington 4" OPEN ALERTING
2013-02-15 18:20 moscow seen "Washington 4"
2013-02-16 09:00 moscow offer "Washington 4" window="2013-02-17 18:00/18:30@Europe/Moscow" answer-by="2013-02-16 20:00" language=ru "Предлагаем воскресенье."
    expect "Moscow 4" OPEN ALERTING
2013-02-16 13:20 washington seen "Moscow 4"
2013-02-16 14:05 washington accept "Moscow 4"
    expect "Moscow 4" AGREED
    expect "Washington 4" AGREED PLANNED
# Before spectators (--pace) the story ends here: both desks can join the talk, and what becomes of it is theirs.
2013-02-17 14:00 call "Washington 4"
# Without them nobody is there to talk over the line: they talk by telephone, and each side states the talk afterwards.
2013-02-17 14:40 washington talk "Washington 4" when="2013-02-17 14:00/14:25" instrument=telephone post=minister
    expect "Washington 4" AGREED STATED
2013-02-17 15:00 moscow talk "Washington 4" when="2013-02-17 14:00/14:25" instrument=telephone post=minister
    expect "Washington 4" AGREED TALKED
    expect "Washington 2" DECLINED
