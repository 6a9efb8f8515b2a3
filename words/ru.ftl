# Каждое предложение, которое Counterpart говорит по-русски (Project Fluent). Ключи, подстановки и атрибуты — те же, что в
# `en.ftl`; это проверяют тесты (`station/src/words/tests.rs`).
#
# Every sentence that Counterpart says in Russian. No native speaker has reviewed them yet: each message carries the comment
# `unreviewed`. Who reviews one writes `reviewed` and the date in its place; who changes one writes `unreviewed` again.
#
# Предложение говорит то, что говорит запись, и чьё это заявление. Из молчания ничего не выводится. Слов, которых нет в
# английском каталоге (DESIGN.md §2), нет и здесь; их русские соответствия перечислены в тесте. Обращения на «вы» нет: что делать,
# сказано неопределённой формой глагола. Имена сторон и должностей не склоняются, поэтому стоят после слова «станция», «сторона»,
# «должность» или в кавычках.
#
# Словарь (DESIGN.md §2), одно слово на одну вещь:
#   station станция · peer другая сторона · line линия · charter устав линии, clause пункт · post должность · holder занимающий
#   должность · watch дежурная смена · duty officer дежурный · request, ask запрос на разговор (запрос) · offer предложение времени
#   (предложение) · window интервал · talk разговор · text сообщение · notice уведомление · check проверка линии · entry запись ·
#   log журнал (наш, их) · record журнал линии (оба журнала вместе) · head вершина журнала · receipt квитанция · settled
#   закреплено · records agree to журналы совпадают до · account изложение · statement заявление · states заявляет ·
#   attempt попытка · renew, renewal продлить, продление · defer, deferral отложить, отсрочка · decline отклонить · withdraw
#   отозвать · retract аннулировать · lapse утратить силу · suspend приостановить · resume возобновить · answer ответить · accept
#   принять · ready готовность · cancel отменить · crossed разминулись · concerted встречные · overdue просрочено · void
#   недействительно · memo заметка · epoch эпоха · root key корневой ключ · pairing сопряжение · bell звонок · ring звонить ·
#   desk пульт · grace льготный срок · misconduct нарушение протокола · evidence свидетельство · watch check проверка смены

## Время. Двадцать четыре часа; день, если это не сегодня; рядом с каждыми часами — место.

# unreviewed
weekday = { $day ->
    [1] пн
    [2] вт
    [3] ср
    [4] чт
    [5] пт
    [6] сб
   *[7] вс
}
# unreviewed
month = { $month ->
    [1] янв
    [2] фев
    [3] марта
    [4] апр
    [5] мая
    [6] июня
    [7] июля
    [8] авг
    [9] сен
    [10] окт
    [11] ноя
   *[12] дек
}
# unreviewed
date = { $weekday } { $day } { $month }
# unreviewed
date-year = { $weekday } { $day } { $month } { $year }
# unreviewed
time-on-day = { $date } { $time }
# unreviewed
time-one = { $time } { $zone }
# unreviewed
time-both = { $ours } { $here }, { $theirs } { $there }
# unreviewed
time-window-zone = { $window } ({ $span } { $zone })
# unreviewed
time-window-unknown = { $window } (назван пояс { $zone }, здесь он неизвестен)
# unreviewed
duration-days = { $days } д { $hours } ч
# unreviewed
duration-hours = { $hours } ч { $minutes } мин
# unreviewed
duration-minutes = { $minutes } мин { $seconds } с
# unreviewed
duration-seconds = { $seconds },{ $tenths } с
# unreviewed
span-days = { $count ->
    [one] { $count } день
    [few] { $count } дня
   *[many] { $count } дней
}
# unreviewed
span-hours = { $count ->
    [one] { $count } час
    [few] { $count } часа
   *[many] { $count } часов
}
# unreviewed
span-minutes = { $count ->
    [one] { $count } минута
    [few] { $count } минуты
   *[many] { $count } минут
}
# unreviewed
span-seconds = { $count ->
    [one] { $count } секунда
    [few] { $count } секунды
   *[many] { $count } секунд
}

## Метки и способы в предложении

# unreviewed
mark-prefix = { $mark }: { $sentence }
# unreviewed
mark-banner = { $mark }  { $mark }  { $mark }
# unreviewed
mode-voice = голосом
# unreviewed
mode-writing = письменно
# unreviewed
mode-meeting = при встрече

## Коды отсрочки и отклонения

# unreviewed
code-engaged = занят другим делом
# unreviewed
code-travelling = в поездке
# unreviewed
code-out-of-hours = вне рабочего времени на месте
# unreviewed
code-no-interpreter = нет переводчика
# unreviewed
code-level = говорить следует на другом уровне
# unreviewed
code-not-competent = это компетенция другого ведомства
# unreviewed
code-in-writing = желательно письменно
# unreviewed
code-other-channel = желательно по другому каналу
# unreviewed
code-conditions = условия не выполнены
# unreviewed
code-awaiting-instructions = ожидаются указания
# unreviewed
code-post-vacant = должность никем не занята
# unreviewed
code-identity-doubt = есть сомнение, кто запрашивает
# unreviewed
code-no-confirmation = время было названо и не подтверждено: считается закрытым
# unreviewed
code-unstated = причина не названа
# unreviewed
code-said = { $code } ({ $meaning })

## Лестница фактов

# unreviewed
rung-sent = { $side ->
    [ours] Это есть в нашем журнале.
   *[theirs] Это есть в их журнале.
}
# unreviewed
rung-delivered = { $side ->
    [ours] Это есть у их станции.
   *[theirs] Это есть у нашей станции.
}
# unreviewed
rung-alerting = { $side ->
    [ours] Их станция заявляет, что устройство звонит.
   *[theirs] Устройство здесь подтвердило, что звонит.
}
# unreviewed
rung-seen = { $side ->
    [ours] Их станция заявляет, что это видела их дежурная смена; не «{ $post }».
   *[theirs] Это видела наша дежурная смена; не «{ $post }».
}
# unreviewed
rung-referred = { $side ->
    [ours] Их станция заявляет, что это в аппарате должности «{ $post }».
   *[theirs] Это здесь, в аппарате должности «{ $post }».
}

## Исходы

# unreviewed
outcome-open = Исход не записан.
# unreviewed
outcome-answered = Разговор сразу.
# unreviewed
outcome-agreed = Время согласовано.
# unreviewed
outcome-declined = Другая сторона отвечает «нет».
# unreviewed
outcome-withdrawn = Владелец отозвал запрос.
# unreviewed
outcome-lapsed = Срок прошёл, и владелец это записал.
# unreviewed
outcome-crossed = Два действия разминулись: закрыто, ничего не согласовано.
# unreviewed
shown-accepted-here = ПРИНЯТО ЗДЕСЬ
# unreviewed
shown-answered-here = ОТВЕТ ДАН ЗДЕСЬ
# unreviewed
shown-declined-here = ОТКЛОНЕНО ЗДЕСЬ
# unreviewed
shown-withdrawn-here = ОТОЗВАНО ЗДЕСЬ
# unreviewed
shown-lapsed-here = УТРАТИЛО СИЛУ ЗДЕСЬ
# unreviewed
shown-broken-off = ПРЕРВАНО
# unreviewed
outcome-broken-off = Прервано: было открыто, когда закончилась эпоха. Ничего не согласовано.

## Разговоры

# unreviewed
talk-none = Разговора нет.
# unreviewed
talk-planned = О разговоре больше ничего не сказано.
# unreviewed
talk-joined = { $by ->
    [ours] Мы присоединились; ни одна сторона не сказала, что разговор состоялся.
    [theirs] Они присоединились; ни одна сторона не сказала, что разговор состоялся.
   *[both] Обе стороны присоединились; ни одна не сказала, что разговор состоялся.
}
# unreviewed
talk-cancelled = { $by ->
    [ours] Мы отменили разговор.
    [theirs] Они отменили разговор.
   *[both] Разговор отменили обе стороны.
}
# unreviewed
talk-missed = { $by ->
    [ours] Мы заявляем, что они не явились.
    [theirs] Они заявляют, что мы не явились.
   *[both] Каждая сторона заявляет, что другая не явилась.
}
# unreviewed
talk-stated = { $by ->
    [ours] Мы заявляем, что разговор состоялся; они этого не говорили.
   *[theirs] Они заявляют, что разговор состоялся; мы этого не говорили.
}
# unreviewed
talk-talked = Обе стороны заявляют, что разговор состоялся.
# unreviewed
talk-crossed = Расхождение: стороны говорят о разговоре разное.
# unreviewed
talk-says-talked = { $side ->
    [ours] Мы заявляем, что разговор состоялся: { $window } ({ $instrument })
   *[theirs] Они заявляют, что разговор состоялся: { $window } ({ $instrument })
}
# unreviewed
talk-says-ended = { $side ->
    [ours] Мы заявляем, что разговор состоялся, по этой линии; { $ended }
   *[theirs] Они заявляют, что разговор состоялся, по этой линии; { $ended }
}
# unreviewed
talk-says-missed = { $side ->
    [ours] Мы заявляем, что они не явились
   *[theirs] Они заявляют, что мы не явились
}
# unreviewed
talk-says-cancelled = { $side ->
    [ours] Мы отменили разговор: { $code }
   *[theirs] Они отменили разговор: { $code }
}
# unreviewed
talk-says-joined = { $side ->
    [ours] Мы присоединились ({ $part })
   *[theirs] Они присоединились ({ $part })
}
# unreviewed
talk-part = { $part ->
    [principal] руководитель
    [interpreter] переводчик
    [note-taker] ведущий запись беседы
   *[watch] дежурный
}
# unreviewed
talk-ended = { $how ->
    [done-ours] закончен нами
    [done-theirs] закончен ими
    [lost-ours] с нашей стороны никто не вернулся
    [lost-theirs] с их стороны никто не вернулся
   *[broken] прервался вместе с линией
}
# unreviewed
word-none = слова ещё нет
# unreviewed
word-joined = присоединились
# unreviewed
word-missed = другая сторона не явилась
# unreviewed
word-cancelled = отменён
# unreviewed
word-talked = разговор состоялся

## Заголовки. Высший факт, затем то, чего нет.

# unreviewed
headline-sent = { $side ->
    [ours] Отправлено { $time }, получение их станцией не подтверждено.
   *[theirs] Есть здесь, наша квитанция ещё не записана.
}
# unreviewed
headline-delivered = { $side ->
    [ours] Доставлено { $time }, дежурной сменой не просмотрено.
   *[theirs] Доставлено { $time }, нашей дежурной сменой не просмотрено.
}
# unreviewed
headline-alerting = { $side ->
    [ours] Звонит с { $time }, дежурной сменой не просмотрено.
   *[theirs] Звонит с { $time }, нашей дежурной сменой не просмотрено.
}
# unreviewed
headline-seen = { $side ->
    [ours] Просмотрено { $time }: по заявлению их станции это видела их дежурная смена; не «{ $post }».
   *[theirs] Просмотрено нашей дежурной сменой { $time }, ответа нет.
}
# unreviewed
headline-seen-beside = { $side ->
    [ours] Просмотрено { $time }, по их заявлению; не «{ $post }».
   *[theirs] Просмотрено нашей дежурной сменой { $time }, ответа нет.
}
# unreviewed
headline-deferred = { $side ->
    [ours] Отложено { $time }, { $code }: не сейчас{ $until ->
        [none] {""}
       *[other] , до { $until } { $place }
    }.
   *[theirs] Отложено здесь { $time }, { $code }: не сейчас{ $until ->
        [none] {""}
       *[other] , до { $until } { $place }
    }.
}
# unreviewed
headline-referred = { $side ->
    [ours] Передано в аппарат { $time }, ответа нет.
   *[theirs] Передано здесь в аппарат { $time }, ответа нет.
}
# unreviewed
headline-offer = { $side ->
    [ours] Мы предлагаем { $count ->
        [one] { $count } интервал
        [few] { $count } интервала
       *[many] { $count } интервалов
    }.
   *[theirs] Они предлагают { $count ->
        [one] { $count } интервал
        [few] { $count } интервала
       *[many] { $count } интервалов
    }.
}
# unreviewed
headline-ready = { $side ->
    [ours] Мы готовы говорить сейчас.
   *[theirs] Они готовы говорить сейчас.
}
# unreviewed
headline-offer-lapsed = { $side ->
    [ours] Наше предложение утратило силу { $time }; ответа на него в записи нет.
   *[theirs] Их предложение утратило силу { $time }; ответа на него в записи нет.
}
# unreviewed
headline-offer-crossed = { $side ->
    [ours] Наше предложение и ответ на него разминулись: по нему ничего не согласовано.
   *[theirs] Их предложение и ответ на него разминулись: по нему ничего не согласовано.
}
# unreviewed
headline-suspended = { $side ->
    [ours] Приостановлено нами.
   *[theirs] Приостановлено ими.
}
# unreviewed
headline-answered = { $side ->
    [ours] Ответ дан нами { $time }: мы говорим сразу.
   *[theirs] Ответ дан ими { $time }: они говорят сразу.
}
# unreviewed
headline-agreed = Согласовано: { $window }.
# unreviewed
headline-talk-broken = Разговор прерван: эпоха закончилась раньше.
# unreviewed
headline-cancelled = { $side ->
    [ours] Разговор отменён нами { $time }.
    [theirs] Разговор отменён ими { $time }.
   *[both] Разговор отменён обеими сторонами.
}
# unreviewed
headline-was-agreed = Разговор был согласован на { $window }.
# unreviewed
headline-was-answered = На запрос ответили { $time }.
# unreviewed
headline-declined = { $side ->
    [ours] Отклонено нами { $time }, { $code }.
   *[theirs] Отклонено ими { $time }, { $code }.
}
# unreviewed
headline-withdrawn = { $side ->
    [ours] Отозвано нами { $time }.
   *[theirs] Отозвано ими { $time }.
}
# unreviewed
headline-lapsed = Утратило силу { $time }.
# unreviewed
headline-crossed = Разминулись: ничего не согласовано.
# unreviewed
headline-broken-off = Прервано: было открыто, когда закончилась эпоха. Ничего не согласовано.
# unreviewed
headline-accepted-here = Принято здесь. Получение у них ещё не подтверждено.
# unreviewed
headline-answered-here = Ответ дан здесь. Получение у них ещё не подтверждено.
# unreviewed
headline-declined-here = Отклонено здесь. Получение у них ещё не подтверждено.
# unreviewed
headline-withdrawn-here = Отозвано здесь. Получение у них ещё не подтверждено.
# unreviewed
headline-lapsed-here = Утратило силу здесь. Получение у них ещё не подтверждено.
# unreviewed
headline-and = { $first } { $second }

## Простые строки о запросе: что запрошено, что достигнуто, за кем что и до какого срока, что неизвестно

# unreviewed
plain-asked = { $side ->
    [ours] Наша должность «{ $from }» запрашивает разговор { $mode } с их «{ $to }»: { $name }, { $precedence }, { $time }.
   *[theirs] Их должность «{ $from }» запрашивает разговор { $mode } с нашей «{ $to }»: { $name }, { $precedence }, { $time }.
}
# unreviewed
plain-subject = Предмет: { $subject }
# unreviewed
plain-again = Запрашивается заново после { $name }: тот запрос закрыт.
# unreviewed
plain-concerted = Обе стороны запросили одновременно: { $name } — тот же запрос с другой стороны. Первого нет.
# unreviewed
plain-renewed = Продлено { $count ->
        [one] { $count } раз
        [few] { $count } раза
       *[many] { $count } раз
    }, последний раз { $time } ({ $name }); запрос остаётся в силе.
# unreviewed
plain-renewed-closed = До закрытия продлено { $count ->
        [one] { $count } раз
        [few] { $count } раза
       *[many] { $count } раз
    }, последний раз { $time } ({ $name }).
# unreviewed
plain-renewed-early = { $name }: раньше, чем допускает темп по уставу (пункт 7), — не попытка и нигде не звонит. С { $from } продление звонит.
# unreviewed
plain-valid-until = Действует до { $time }.
# unreviewed
plain-was-valid-until = Действовало до { $time }.
# unreviewed
plain-earlier = Более ранняя попытка дошла дальше: { $rung } { $time } ({ $name }).
# unreviewed
plain-deferred = { $side ->
    [ours] Отложено нами { $time } ({ $name }): { $code }.
   *[theirs] Отложено ими { $time } ({ $name }): { $code }.
}
# unreviewed
plain-deferred-until = { $side ->
    [ours] Отложено нами { $time } ({ $name }): { $code }, до { $until }.
   *[theirs] Отложено ими { $time } ({ $name }): { $code }, до { $until }.
}
# unreviewed
plain-offer-open = { $name } предлагает { $windows }.
# unreviewed
plain-ready-open = { $name }: готовность говорить сейчас, откликнуться до { $until }.
# unreviewed
plain-offer-lapsed = { $name }, предложение времени, утратило силу { $time } ({ $by }): ответа на него в журнале нет. Запрос этим не закончен.
# unreviewed
plain-offer-crossed = { $name }, предложение: принятие и конец предложения разминулись ({ $by }). Этим ничего не согласовано.
# unreviewed
plain-offer-withdrawn = { $name }, предложение времени, отозвано { $time } ({ $by }).
# unreviewed
plain-offer-declined = { $name }, предложение времени, отклонено { $time } ({ $by }).
# unreviewed
plain-overdue-station = Просрочено: { $name } отмечает { $time }, что у их станции этого в срок не было (пункт { $clause }).
# unreviewed
plain-overdue-watch = Просрочено: { $name } отмечает { $time }, что дежурной сменой это в срок не просмотрено (пункт { $clause }).
# unreviewed
plain-overdue-principal = Просрочено: { $name } отмечает { $time }, что ни отсрочки, ни времени в срок не поступило (пункт { $clause }).
# unreviewed
plain-suspended = { $side ->
    [ours] Мы сейчас не в состоянии ({ $name }); запрос остаётся и там не звонит.
   *[theirs] Они сейчас не в состоянии ({ $name }); запрос остаётся и здесь не звонит.
}
# unreviewed
plain-decided = { $act }: { $name }, { $time }.
# unreviewed
plain-decided-unheld = { $act }: { $name }, { $time }; получение у них ещё не подтверждено.
# unreviewed
plain-crossed = { $first } и { $second } разминулись: ни одна сторона не видела действия другой.
# unreviewed
plain-talk = { $word }. Подписано { $time } ({ $name }).
# unreviewed
plain-beside = { $name } ({ $act }) разминулось с исходом и его не меняет.
# unreviewed
plain-by-charter = В нашем журнале нет, но всё равно в счёте, потому что это называет устав, с которым другая сторона перешла в следующую эпоху: { $names }.

## От кого что ожидается и до какого срока

# unreviewed
owed-hold = { $side ->
    [ours] Ожидается от нашей станции до { $time }: получить это (пункт { $clause }).
    [ours-late] Ожидается от нашей станции, просрочено с { $time }: получить это (пункт { $clause }).
    [theirs-late] Ожидается от их станции, просрочено с { $time }: получить это (пункт { $clause }).
   *[theirs] Ожидается от их станции до { $time }: получить это (пункт { $clause }).
}
# unreviewed
owed-see = { $side ->
    [ours] Ожидается от нашей дежурной смены до { $time }: увидеть это (пункт { $clause }).
    [ours-late] Ожидается от нашей дежурной смены, просрочено с { $time }: увидеть это (пункт { $clause }).
    [theirs-late] Ожидается от их дежурной смены, просрочено с { $time }: увидеть это (пункт { $clause }).
   *[theirs] Ожидается от их дежурной смены до { $time }: увидеть это (пункт { $clause }).
}
# unreviewed
owed-principal = { $side ->
    [ours] Ожидается от нашей стороны до { $time }: отсрочка, время или ответ (пункт { $clause }).
    [ours-late] Ожидается от нашей стороны, просрочено с { $time }: отсрочка, время или ответ (пункт { $clause }).
    [theirs-late] Ожидается от их стороны, просрочено с { $time }: отсрочка, время или ответ (пункт { $clause }).
   *[theirs] Ожидается от их стороны до { $time }: отсрочка, время или ответ (пункт { $clause }).
}
# unreviewed
owed-answer-offer = { $side ->
    [ours] Ожидается от нас до { $time }: ответ на { $name }; без него предложение { $silence }.
    [ours-late] Ожидается от нас, просрочено с { $time }: ответ на { $name }; без него предложение { $silence }.
    [theirs-late] Ожидается от них, просрочено с { $time }: ответ на { $name }; без него предложение { $silence }.
   *[theirs] Ожидается от них до { $time }: ответ на { $name }; без него предложение { $silence }.
}
# unreviewed
owed-take-ready = { $side ->
    [ours] Ожидается от нас до { $time }: откликнуться на { $name } или дать сроку пройти.
    [ours-late] Ожидается от нас, просрочено с { $time }: откликнуться на { $name } или дать сроку пройти.
    [theirs-late] Ожидается от них, просрочено с { $time }: откликнуться на { $name } или дать сроку пройти.
   *[theirs] Ожидается от них до { $time }: откликнуться на { $name } или дать сроку пройти.
}
# unreviewed
owed-answer = { $side ->
    [ours] Ожидается от нас, без срока: ответ, время или отклонение.
   *[theirs] Ожидается от них, без срока: ответ, время или отклонение.
}
# unreviewed
owed-resume = { $side ->
    [ours] Ожидается от нас, без срока: возобновить или отозвать. До этого от них ничего не ожидается.
   *[theirs] Ожидается от них, без срока: возобновить или отозвать. До этого от нас ничего не ожидается.
}
# unreviewed
owed-come = Ожидается от обеих сторон с { $time }: явиться на разговор.
# unreviewed
owed-say-talked = { $side ->
    [ours] Ожидается от нас, без срока: наше слово о разговоре.
   *[theirs] Ожидается от них, без срока: их слово о разговоре.
}
# unreviewed
owed-read = { $side ->
    [ours] Ожидается от нас, без срока: прочесть { $name }.
   *[theirs] Ожидается от них, без срока: прочесть { $name }.
}
# unreviewed
owed-check-reply = { $side ->
    [ours] Ожидается от нашей дежурной смены до { $time }: ответ на проверку { $name } (пункт { $clause }).
    [ours-late] Ожидается от нашей дежурной смены, просрочено с { $time }: ответ на проверку { $name } (пункт { $clause }).
    [theirs-late] Ожидается от их дежурной смены, просрочено с { $time }: ответ на проверку { $name } (пункт { $clause }).
   *[theirs] Ожидается от их дежурной смены до { $time }: ответ на проверку { $name } (пункт { $clause }).
}
# unreviewed
silence-lapses = утрачивает силу
# unreviewed
silence-stands = остаётся в силе

## Что неизвестно. Страница опускает слова до двоеточия: их говорит заголовок.

# unreviewed
unknown-held = Неизвестно: есть ли это у их станции. Ни одна их запись, которая есть у нас, этого не называет.
# unreviewed
unknown-rings = Неизвестно: звонит ли там что-нибудь. Ни одно их устройство этого не подтвердило.
# unreviewed
unknown-attended = Неизвестно: есть ли там кто-нибудь, кто это слышит.
# unreviewed
unknown-told = Неизвестно: доложено ли должности «{ $post }». ПРОСМОТРЕНО — это дежурная смена, ПЕРЕДАНО АППАРАТУ — аппарат.
# unreviewed
unknown-still = Неизвестно: на месте ли сейчас их должность «{ $post }». В последний раз они сообщили об этом { $time }.
# unreviewed
unknown-why = Неизвестно: почему их дежурная смена не сообщила, что видела это. Молчание — не ответ и ответом не записывается.
# unreviewed
unknown-why-offer = Неизвестно: почему ответ на { $offer } не был записан в срок. Молчание — не ответ и ответом не записывается.
# unreviewed
unknown-until = Неизвестно: до какого времени. Время они не назвали.
# unreviewed
unknown-meanwhile = Неизвестно: что они записали с тех пор. Их отзыв или запись о прошедшем сроке могут быть в пути.
# unreviewed
unknown-meanwhile-own = Неизвестно: что они записали с тех пор. Их ответ, отклонение или принятие могут быть в пути.
# unreviewed
unknown-talked = Неизвестно: состоялся ли разговор. Это заявляет одна сторона.
# unreviewed
unknown-said = Неизвестно: что было сказано. В журнале есть заявления обеих сторон о разговоре, но не его слова.
# unreviewed
unknown-come = Неизвестно: явился ли кто-нибудь. Ни одна сторона этого не сообщила.
# unreviewed
tone-heard = { $tone ->
    [ringing] Гудок, который вы слышите: устройство другой стороны подтвердило, что звонит.
   *[trying] Короткие сигналы, которые вы слышите: запрос в пути. Ни одно их устройство не подтвердило, что звонит.
}
# unreviewed
tone-stop = Выключить звук
# unreviewed
unknown-over = Неизвестно: закончен ли разговор. Ни одна сторона этого не сообщила.

## Ход событий: одно предложение на запись, одинаковое у обеих сторон; сопровождающие слова в него не входят. $sign — автор записи, $peer — другая сторона, $on — к чему относится действие.

# unreviewed
course-charter = { $sign } начинает свой журнал с устава этой линии, подписанного обеими сторонами.
# unreviewed
course-received = Станция { $sign } заявляет, что у неё есть { $names }.
# unreviewed
course-state = { $sign } объявляет состояние своей станции: { $state }.
# unreviewed
course-state-until = { $sign } объявляет состояние своей станции: { $state } до { $time }.
# unreviewed
course-check-schedule = Станция { $sign } проверяет линию по расписанию устава и ждёт ответа человека.
# unreviewed
course-check-person = Человек на станции { $sign } проверяет линию и ждёт ответа человека.
# unreviewed
course-check-reply = Человек на станции { $sign } отвечает на проверку { $on }.
# unreviewed
course-overdue-station = { $sign } отмечает, что у станции { $peer } в срок, который даёт устав, { $on } не было.
# unreviewed
course-overdue-watch = { $sign } отмечает, что в срок, который даёт устав, дежурная смена { $peer } не заявила, что видела { $on }.
# unreviewed
course-overdue-principal = { $sign } отмечает, что в срок, который даёт устав, по { $on } не поступило ни отсрочки, ни времени.
# unreviewed
course-ask = { $sign } (должность «{ $from }») запрашивает разговор { $mode } со стороной { $peer } (должность «{ $to }»), { $precedence }.
# unreviewed
course-ask-again = { $sign } (должность «{ $from }») после { $on } снова запрашивает разговор { $mode } со стороной { $peer } (должность «{ $to }»), { $precedence }.
# unreviewed
course-text = { $sign } (должность «{ $from }») пишет стороне { $peer } (должность «{ $to }»), { $precedence }.
# unreviewed
course-alerting = Станция { $sign } заявляет, что по { $on } звонит устройство ({ $channel }).
# unreviewed
course-seen = { $sign } заявляет, что { $on } видела её дежурная смена{ $post ->
        [none] .
       *[other] ; не «{ $post }».
    }
# unreviewed
course-referred = { $sign } заявляет, что { $on } находится в аппарате{ $post ->
        [none] {" "}должностного лица.
       *[other] {" "}должности «{ $post }».
    }
# unreviewed
course-renew = { $sign } продлевает { $on }: запрос остаётся в силе.
# unreviewed
course-renew-early = { $sign } продлевает { $on } раньше, чем допускает темп по уставу: запрос остаётся в силе, новой попыткой это не считается.
# unreviewed
course-suspend = { $sign } сейчас не в состоянии: { $on } остаётся и не звонит.
# unreviewed
course-resume = { $sign } снова в состоянии: { $on } звонит, как прежде.
# unreviewed
course-defer = { $sign } откладывает { $on }: { $code }; время не названо.
# unreviewed
course-defer-until = { $sign } откладывает { $on }: { $code }, до { $until }.
# unreviewed
course-decline = { $sign } отклоняет { $on }: { $code }.
# unreviewed
course-cancel = { $sign } отменяет разговор по { $on }: { $code }.
# unreviewed
course-offer = { $sign } предлагает время по { $on }: { $windows }. Ответить до { $time }; при молчании предложение { $silence }.
# unreviewed
course-offer-why = { $sign } предлагает время по { $on }: { $windows }. Ответить до { $time }; при молчании предложение { $silence }. Почему не раньше: { $code }.
# unreviewed
course-answer = { $sign } отвечает на { $on }: разговор сразу.
# unreviewed
course-ready = { $sign } объявляет готовность говорить по { $on } сейчас; откликнуться до { $time }.
# unreviewed
course-accept = { $sign } принимает { $on }: { $window }.
# unreviewed
course-accept-ready = { $sign } откликается на { $on }.
# unreviewed
course-withdraw = { $sign } отзывает { $on }.
# unreviewed
course-lapse-valid-until = { $sign } отмечает, что срок действия { $on } прошёл.
# unreviewed
course-lapse-answer-by = { $sign } отмечает, что срок ответа на { $on } прошёл: предложение утратило силу, запрос этим не закончен.
# unreviewed
course-lapse-recall = { $sign } отмечает, что срок отклика на { $on } прошёл.
# unreviewed
course-talk-telephone = { $sign } заявляет, что разговор по { $on } состоялся по телефону: { $window }.
# unreviewed
course-talk-in-person = { $sign } заявляет, что разговор по { $on } состоялся лично: { $window }.
# unreviewed
course-talk-video = { $sign } заявляет, что разговор по { $on } состоялся по видеосвязи: { $window }.
# unreviewed
course-talk-writing = { $sign } заявляет, что разговор по { $on } состоялся письменно: { $window }.
# unreviewed
course-talk-other = { $sign } заявляет, что разговор по { $on } состоялся иным способом: { $window }.
# unreviewed
course-joined = { $sign } заявляет, что присоединилась к разговору по { $on }: { $part }.
# unreviewed
course-ended = { $sign } заявляет, что разговор по { $on } по этой линии закончен: { $reason ->
    [done] его закончила сторона { $by }
    [lost] со стороны { $by } никто не вернулся
   *[broken-off] он прервался вместе с линией
}.
# unreviewed
course-sheet = { $sign } заявляет в протоколе разговора по { $on }, что он состоялся { $window }.
# unreviewed
course-missed = { $sign } заявляет, что сторона { $peer } не явилась на разговор по { $on }.
# unreviewed
course-read = { $sign } заявляет, что { $on } прочитано человеком на её стороне.
# unreviewed
course-retract = { $sign } аннулирует сообщение { $on }.
# unreviewed
course-memo = { $sign } записывает заметку.
# unreviewed
course-other = { $sign } пишет запись типа «{ $kind }».
# unreviewed
course-unknown = { $sign } пишет запись типа, которого эта версия не знает; действия она не имеет.
# unreviewed
course-renewal = { $request } (в продлении { $name })
# unreviewed
course-crosses = { $sentence } Разминулось с { $others }: ни одна сторона не видела действия другой.
# unreviewed
course-void = { $sentence } Недействительно, без последствий: { $why }

## Истории: две станции, разыгранные по файлу, и изложения обеих сторон, прочитанные из их хранилищ

# unreviewed
account-of = Изложение стороны { $sign }, из её собственного хранилища
# unreviewed
account-request = Запрос { $name }
# unreviewed
account-beside = Помимо запросов
# unreviewed
account-rests = { $sentence } [{ $names }]
# unreviewed
account-row = { $time }. { $sentence } [{ $name }]
# unreviewed
account-row-scripted = { $time }. { $sentence } (Звонок принадлежит истории: устройство не звонило.) [{ $name }]
# unreviewed
account-receipts = { $count ->
        [one] Ещё { $count } запись — квитанция
        [few] Ещё { $count } записи — квитанции
       *[many] Ещё { $count } записей — квитанции
    } и ничего больше; все они видны в журнале.
# unreviewed
account-heads = Вершины обоих журналов, по хранилищу стороны { $sign }:
# unreviewed
account-heads-equal = В обоих хранилищах одни и те же два журнала, по размеру и корню.
# unreviewed
account-heads-differ = Журналы в хранилищах различаются: у одной стороны ещё нет того, что записала другая.
# unreviewed
account-figures = Время до ответа, по хранилищу стороны { $sign }. Сколько занимает связь, по заданным часам не видно.
# unreviewed
story-how = Разыграно на двух станциях с собственными хранилищами и настоящей связью; часы задаёт история, а с ними и всё заявленное время. Дальнейшее прочитано из обоих хранилищ. Время местное для каждой стороны, своё — первым.
# unreviewed
story-bell = Звонок на станции { $sign } принадлежит истории: что он звонит, подтверждает история, а не устройство.
# unreviewed
story-playing = Шаг { $done } из { $steps }: { $time } (UTC)
# unreviewed
story-spectator = Зритель
# unreviewed
story-told = История рассказана. Оба пульта можно читать дальше; Ctrl-C завершает их.
# unreviewed
story-call = Время разговора по { $name }: оба пульта звонят, и войти может каждый, кто откроет эти ссылки. Ctrl-C завершает рассказ.
# unreviewed
story-kept = Сохранено в { $path }. То же самое потом: { $command }
# unreviewed
story-done = сделано
# unreviewed
story-nothing = ничего
# unreviewed
story-at = { $file }, строка { $line }, столбец { $column }: { $wrong }
# unreviewed
story-not-text = Это не текст UTF-8.
    .do = Сохранить историю в UTF-8.
# unreviewed
story-control = Здесь управляющий знак или знак, меняющий направление письма (U+{ $code }).
    .do = Убрать его; в истории — буквы, пробелы, табуляция и концы строк.
# unreviewed
story-too-long = В истории не больше { $max } байт.
    .do = Сократить её или рассказать двумя историями.
# unreviewed
story-line-too-long = В строке не больше { $max } знаков.
    .do = Сократить её или написать двумя сообщениями.
# unreviewed
story-too-many-steps = В истории не больше { $max } шагов.
    .do = Сократить её или рассказать двумя историями.
# unreviewed
story-wanted = Здесь должно стоять: { $wanted }; стоит «{ $found }».
    .do = Написать, как сказано в docs/stories.md.
# unreviewed
story-wanted-at-end = Здесь должно стоять: { $wanted }; строка кончается.
    .do = Написать, как сказано в docs/stories.md.
# unreviewed
story-time-back = { $said } раньше предыдущего шага, { $before }.
    .do = Расположить шаги по порядку времени.
# unreviewed
story-mark = Всё в истории помечено УЧЕНИЕ (EXERCISE); метка в ней не называется.
    .do = Убрать её.
# unreviewed
story-twice = «{ $key }» указано дважды.
    .do = Указать один раз.
# unreviewed
story-not-done = Ожидалось, что действие не будет выполнено ({ $wanted }); вышло: { $found }.
    .do = Исправить ожидание или ход событий перед ним.
# unreviewed
story-status = Ожидалось, что «{ $name }» в хранилище стороны { $sign } — { $wanted }; там — { $found }.
    .do = Исправить ожидание или ход событий перед ним.
# unreviewed
story-too-much-due = Между шагами наступает срок более чем у { $max } событий: проверок по расписанию, истечений, отметок о просрочке.
    .do = Назначить в уставе меньше проверок или рассказать о меньшем времени.
# unreviewed
story-want-title = прежде всего: story "НАЗВАНИЕ"
# unreviewed
story-want-statement = одно из: say, side, terms, время, expect
# unreviewed
story-want-step = шаг или то, что от него ожидается
# unreviewed
story-want-side = side СЛОВО "ПОЗЫВНОЙ" "ОРГАНИЗАЦИЯ" zone=ОБЛАСТЬ/ГОРОД
# unreviewed
story-want-side-word = слово для стороны, которого нет у другой и которое не bell, call, link и не wait: от 1 до 32 знаков a–z, 0–9 и «-»
# unreviewed
story-want-zone = zone=ОБЛАСТЬ/ГОРОД, часовой пояс базы IANA
# unreviewed
story-want-two-sides = две стороны, не больше, перед первым шагом
# unreviewed
story-want-term = одно из { $known }, каждое как КЛЮЧ=ЗНАЧЕНИЕ
# unreviewed
story-want-duration = длительность, например 90s, 15m, 8h или 2d
# unreviewed
story-want-durations = длительность, например 15m, или четыре по срочности, начиная с ROUTINE: 8h,1h,15m,5m
# unreviewed
story-want-checks = never, длительность от 60s до 1d или времена суток UTC по порядку: 09:00,17:00
# unreviewed
story-want-shorter = длительность не больше 3660 дней
# unreviewed
story-want-time = время в UTC: ГГГГ-ММ-ДД ЧЧ:ММ
# unreviewed
story-want-who = одно из { $known }, или bell, call, link, wait
# unreviewed
story-want-side-of-story = одна из сторон { $known }
# unreviewed
story-want-up-down = up или down
# unreviewed
story-want-on-off = on или off
# unreviewed
story-want-act = одно из действий { $known }
# unreviewed
story-want-on = имя того, к чему относится действие, в кавычках: "Northland 2"
# unreviewed
story-want-option = одно из { $known }
# unreviewed
story-want-yes = private=yes или ничего
# unreviewed
story-want-text = текст в кавычках
# unreviewed
story-want-quote = кавычка, закрывающая текст
# unreviewed
story-want-value = значение после «=»
# unreviewed
story-want-space = пробел
# unreviewed
story-want-end = конец строки
# unreviewed
story-want-act-before = действие перед этим, от которого больше ничего не ожидается
# unreviewed
story-want-code = код несделанного, например closed
# unreviewed
story-want-expected = not-done КОД или "ИМЯ" СОСТОЯНИЕ …
# unreviewed
story-want-status = одно из { $known }

## Действия, как слова для предложения

# unreviewed
act-answer = Ответ дан
# unreviewed
act-accept = Принято
# unreviewed
act-decline = Отклонено
# unreviewed
act-withdraw = Отозвано
# unreviewed
act-lapse = Утратило силу

## Линии

# unreviewed
line-now = Сейчас { $time }; их дежурная смена — в поясе { $zone }.
# unreviewed
line-now-utc = Сейчас { $time }; известный здесь пояс их дежурной смены не назван, поэтому её время показано в UTC.
# unreviewed
line-pending = Ожидает: сопряжение не закончено.
# unreviewed
line-unjoined = Ожидает: другая сторона ещё не вошла в эпоху { $epoch }. Она входит сама, как только на связи.
# unreviewed
epoch-began = Действует эпоха { $epoch } этой линии: её открыла станция { $sign }, { $time } по своим часам, подписав корневым ключом. Что было открыто или согласовано раньше, относится к закончившейся эпохе.
# unreviewed
epoch-why = Причины в журнале нет. Эпоху открывают после восстановления из резервной копии, при раздвоении журнала или при отзыве ключей.
# unreviewed
awaited-coming = Эпоха { $epoch } не закреплена. { $by ->
    [ours] Наш устав
   *[theirs] Их устав
  } более поздней эпохи называет { $log ->
    [ours] наш
   *[theirs] их
  } журнал в ней по #{ $last }; здесь его записей: { $size }. Остальное войдёт в счёт, когда придёт.
# unreviewed
awaited-alone = Эпоха { $epoch } не закреплена. { $by ->
    [ours] Наш устав
   *[theirs] Их устав
  } более поздней эпохи называет { $log ->
    [ours] наш
   *[theirs] их
  } журнал в ней по #{ $last }; здесь его записей: { $size }. Что из этого не названо другим уставом, войдёт в счёт, когда здесь будет всё. Было ли это написано, здесь неизвестно.
# unreviewed
awaited-never = Эпоха { $epoch } не закреплена. { $by ->
    [ours] Наш устав
   *[theirs] Их устав
  } более поздней эпохи называет { $log ->
    [ours] наш
   *[theirs] их
  } журнал в ней с #{ $last } в конце, а журнал, который есть здесь, таким никогда не был.
# unreviewed
awaited-charters = Эпоха { $epoch } не закреплена: уставы, которыми обе стороны её закрывают, здесь ещё не оба. Что придёт с опозданием, ещё войдёт в счёт.
# unreviewed
epoch-do = { $kind ->
        [request] Посмотреть: counterpart status "{ $name }" --epoch { $of }.
       *[other] Посмотреть: counterpart record --words --epoch { $of } --from "{ $name }".
    } Что остаётся в силе, запросите снова. Затем отметьте: counterpart noted { $at } --tally { $tally }
# unreviewed
broken-open = Прервано: { $name } эпохи { $epoch }, { $precedence }, { $from } → { $to }. Было открыто, когда закончилась эпоха.
# unreviewed
broken-agreed = Прервано: { $name } эпохи { $epoch }, { $precedence }, { $from } → { $to }. Разговор был согласован на { $window } и ещё предстоял, когда закончилась эпоха.
# unreviewed
broken-unread = Не прочитано: { $kind ->
        [notice] уведомление
       *[text] текст
    } { $name } эпохи { $epoch }, { $precedence }, { $from } → { $to }. Когда закончилась эпоха, здесь этого никто не прочёл.
# unreviewed
broken-untold = Не отмечено здесь, когда закончилась эпоха { $epoch }: { $sentence }
# unreviewed
broken-more = И ещё { $more }, здесь не перечислено. Всё по эпохе — в её журнале: counterpart record --epoch
# unreviewed
broken-name = { $name } эпохи { $epoch }
# unreviewed
broken-by-charter = { $sentence } В нашем журнале этого нет: это засчитывает только их устав.
# unreviewed
broken-heading = { $peer }: { $count ->
        [one] оборвалось { $count } дело
        [few] оборвались { $count } дела
       *[many] оборвалось { $count } дел
    }
# unreviewed
broken-do = Что остаётся в силе, запросите снова и скажите об этом другой стороне. Затем отметьте: отметка остаётся у нас.
# unreviewed
line-halted = В этой эпохе их журнал дальше не принимается: { $misconduct }
# unreviewed
restore-nothing = { $peer }: восстанавливать нечего. Эта станция подписывает; действует эпоха { $epoch }.
# unreviewed
restore-peer = { $peer }: восстановлено из резервной копии. Другую сторону с тех пор не слышно, поэтому неизвестно, что из нашего журнала у неё есть.
    .do = Дождаться линии. Если связаться с другой стороной невозможно и ответственность принята на себя: counterpart restore --open --peer-is-dark, с корневым ключом.
# unreviewed
restore-peer-silent = { $peer }: восстановлено из резервной копии. Линия работает; другая сторона ещё не показала всего, что назвала из нашего журнала. С тех пор как показано что-либо новое, она на связи { $lasted }.
    .do = Ждать. После часа связи, за который не показано ничего нового, counterpart restore --open продолжит без этого.
# unreviewed
restore-judgement = { $peer }: другая сторона показывает записи нашего собственного журнала, которых у этой станции нет. Пока человек их не взял или не сказал, что их не берут, ничего не подписывается.
    .do = Прочесть их: counterpart restore --part NAME показывает каждую запись части. Положить рядом список корня: counterpart restore --keys-list FILE говорит о каждой части, чьей она может быть и что набрать. --take берёт часть в наш журнал такой, какой она подписана. --refuse оставляет её рядом с журналом как свидетельство, и больше о ней не спрашивают; в закончившейся эпохе она всё равно в счёте, насколько её называет устав следующей эпохи другой стороны. Ни то ни другое не вернуть назад. Затем открыть новую эпоху: counterpart restore --open, с корневым ключом.
# unreviewed
restore-late = { $peer }: эта станция подписывает; действует эпоха { $epoch }. Другая сторона показывает записи нашего собственного журнала закончившейся эпохи. Они ждут человека. Там они в счёте, насколько их называет устав следующей эпохи, взяты они или нет.
    .do = Прочесть их: counterpart restore --part NAME показывает каждую запись части. Положить рядом список корня: counterpart restore --keys-list FILE говорит о каждой части, чьей она может быть и что набрать. --take берёт часть в наш журнал той эпохи такой, какой она подписана. --refuse оставляет её рядом с журналом как свидетельство, и больше о ней не спрашивают. Ни то ни другое не вернуть назад. Эпоха этим не открывается, и открытое сейчас идёт дальше.
# unreviewed
restore-restored = { $peer }: восстановлено из резервной копии. Другую сторону слышно, и больше ничего из нашего журнала она не показывает.
    .do = Открыть новую эпоху: counterpart restore --open, с корневым ключом.
# unreviewed
restore-branch = { $peer }: другая сторона показывает иной ход нашего собственного журнала, чем есть у этой станции: писала другая его копия или тот, у кого есть наш ключ.
    .do = Найти эту копию или того, у кого ключ, и остановить. Затем открыть новую эпоху: counterpart restore --open, с корневым ключом.
# unreviewed
restore-not-taken = { $peer }: записи нашего собственного журнала, которые показывает другая сторона, здесь не взяты. Они подписаны нашим ключом: у того, кто их сделал, есть этот ключ, или это другая копия станции; рядом с ними ничего не подписывается.
    .do = Выяснить, у кого ключ или где эта копия, и остановить её. Затем открыть новую эпоху, которая отменит ключ: counterpart restore --open, с корневым ключом.
# unreviewed
restore-retired = { $peer }: другая сторона показывает, что наш ключ связи выведен из действия: это копия станции, которая работала дальше.
    .do = Найти ту станцию. Если эта копия должна её заменить, остановить ту и открыть новую эпоху: counterpart restore --open, с корневым ключом.
# unreviewed
restore-unnamed = { $peer }: другая сторона открыла эпоху, которая не называет ту, что действует у нас.
    .do = Открыть следующую эпоху: counterpart restore --open, с корневым ключом.
# unreviewed
restore-shown = Часть { $part } ждёт человека: они показывают наши записи с #{ $from } по #{ $last } эпохи { $epoch } ({ $count }), последняя подписана нашим ключом { $key }….
# unreviewed
restore-shown-branch = Часть { $part }: они показывают иной ход нашего журнала эпохи { $epoch }, с #{ $from } по #{ $last } ({ $count }), последняя запись подписана нашим ключом { $key }…. Он сохранён как свидетельство, взять его нельзя.
# unreviewed
restore-shown-kept = Часть { $part } не взята, но сохранена: наши записи с #{ $from } по #{ $last } эпохи { $epoch } ({ $count }), последняя подписана нашим ключом { $key }….
# unreviewed
restore-shown-ended = Часть { $part }: они показывают записи с #{ $from } по #{ $last } эпохи { $epoch } ({ $count }), начатые под нашим ключом, к тому времени отменённым, последняя подписана нашим ключом { $key }…. Она сохранена как свидетельство.
# unreviewed
restore-shown-unopened = Часть { $part }: они показывают записи с #{ $from } по #{ $last } эпохи { $epoch } ({ $count }), о которой неизвестно, чтобы её кто-то открыл; последняя подписана нашим действующим ключом { $key }…. Она сохранена; пока открытия этой эпохи здесь нет, взять её нельзя.
# unreviewed
restore-shown-all = Каждая её запись, со всеми словами: counterpart restore --line { $line } --part { $part }
# unreviewed
restore-shown-more = Дальше: counterpart restore --line { $line } --part { $part } --from { $from }
# unreviewed
restore-counts = Части { $part } нет в нашем журнале, но в эпохе { $epoch } она по #{ $last } всё равно в счёте: её называет устав, с которым другая сторона перешла в следующую эпоху.
# unreviewed
restore-counts-not-taken = Часть { $part } здесь не взята, но в эпохе { $epoch } она по #{ $last } всё равно в счёте: её называет устав, с которым другая сторона перешла в следующую эпоху.
# unreviewed
restore-part = { $part } ({ $peer }, эпоха { $epoch }, с #{ $from } по #{ $last })
# unreviewed
restore-shown-entry = #{ $index } { $kind }, { $time }
# unreviewed
restore-shown-words = #{ $index } { $kind }, { $time }: «{ $words }»
# unreviewed
restore-missing-ours = Их журнал называет наши записи с #{ $from } по #{ $last } эпохи { $epoch }, которых они не показали.
# unreviewed
restore-missing-theirs = Наш журнал называет их записи с #{ $from } по #{ $last } эпохи { $epoch }, которых здесь ещё нет. Когда они придут, они будут сохранены.
# unreviewed
restore-opened = { $peer }: эпоха { $epoch } открыта и действует. { $count ->
    [0] Обратно ничего не взято.
    [one] Обратно взята { $count } наша запись.
    [few] Обратно взяты { $count } наши записи.
   *[many] Обратно взяты { $count } наших записей.
  } Что было открыто раньше, помечено «прервано»: запросить заново. Сделать резервную копию сейчас.
# unreviewed
restore-judged = { $peer }: { $count ->
    [0] в наш журнал ничего не взято.
    [one] в наш журнал взята { $count } запись.
    [few] в наш журнал взяты { $count } записи.
   *[many] в наш журнал взято { $count } записей.
  }{ $left ->
    [0] {""}
    [one] {" "}{ $left } часть не взята и сохранена как свидетельство.
    [few] {" "}{ $left } части не взяты и сохранены как свидетельство.
   *[many] {" "}{ $left } частей не взято, они сохранены как свидетельство.
  }
# unreviewed
restore-key-last = Часть { $part }: её ключ — последний в списке корня, больше ни у кого его не было, если он не украден. Если её прочли и знают, что она наша, она берётся обратно с counterpart restore --open --part { $part }; или сейчас: counterpart restore --line { $line } --keys-list { $list } --take --part { $part }
# unreviewed
restore-key-ended = Часть { $part }: в списке корня есть более поздний ключ, поэтому эти записи мог сделать всякий, у кого есть этот. Если здесь знают, что они наши: counterpart restore --line { $line } --keys-list { $list } --take --part { $part }. Если нет: то же с --refuse.
# unreviewed
restore-no-way-back = Ни --take, ни --refuse не вернуть назад.
# unreviewed
restore-people = Кто может входить и вызывать, стоит как в резервной копии. Пока человек не скажет, что всё как следует, ни один её пароль и ни один маркер не действует. { $users ->
    [0] Пользователей нет
   *[other] Пользователи: { $names }
}; { $tokens ->
    [0] маркеров нет.
   *[other] маркеры: { $programs }.
}
    .do = Удалить тех, кого с тех пор уже не было, и сменить пароли, которые были сменены: counterpart user end ИМЯ, counterpart token revoke ИМЯ, counterpart user change ИМЯ --password. Затем: counterpart restore --people. Пока что можно войти по ссылке: counterpart user link ИМЯ
# unreviewed
restore-then-open = Затем открыть новую эпоху: counterpart restore --open, с корневым ключом.
# unreviewed
restore-key-unlisted = Часть { $part }: список корня её ключа не называет. Это список другой станции или слишком старая копия нашего; по нему ничего взять нельзя.
# unreviewed
restore-not-opened = { $peer }: эпоха не открыта. { $cause }
# unreviewed
restore-grant-stays = Неизвестно, открыта ли эпоха: список корня сохраняет новый ключ. См. counterpart restore; если линия всё ещё ждёт, повторить команду.
# unreviewed
restore-keys-kept = Новые ключи — в резервной копии { $backup }.
# unreviewed
line-waits = Другая сторона показывает записи нашего собственного журнала, которых здесь нет, или иной его ход, или что наши ключи выведены из действия: пока человек не посмотрел, эта станция здесь ничего не подписывает. См. counterpart restore.
# unreviewed
line-judges = Другая сторона показывает записи нашего собственного журнала закончившейся эпохи: они ждут человека. См. counterpart restore.
# unreviewed
line-restored = Восстановлено из резервной копии: пока не открыта новая эпоха, эта станция здесь ничего не подписывает.
# unreviewed
line-closed = Линия закрыта: { $name }.
# unreviewed
state-open = открыта
# unreviewed
state-maintenance = на обслуживании
# unreviewed
state-suspended = приостановлена
# unreviewed
state-closed = закрыта
# unreviewed
state-until = { $state } до { $time }
# unreviewed
observed-open = ОТКРЫТА
# unreviewed
observed-degraded = УХУДШЕНА
# unreviewed
observed-silent = МОЛЧИТ
# unreviewed
observed-down = НЕТ СВЯЗИ
# unreviewed
observed-unserved = НЕ РАБОТАЕТ
# unreviewed
cause-path = ПУТЬ (PATH): ни с одним их адресом соединение не устанавливается, тогда как ориентир, названный оператором этой станции, отвечает.
# unreviewed
cause-unknown = ПРИЧИНА НЕИЗВЕСТНА (UNKNOWN): ничто не говорит, где кончается путь.
# unreviewed
evidence-none = Ничего, что говорило бы против, не найдено.
# unreviewed
evidence-no-session = Сеанса нет { $lasted }.
# unreviewed
evidence-no-handshake = { $tries ->
        [one] { $tries } попытка связаться с их адресами, ни одна не дала
        [few] { $tries } попытки связаться с их адресами, ни одна не дала
       *[many] { $tries } попыток связаться с их адресами, ни одна не дала
    } соединения.
# unreviewed
evidence-handshakes = { $tries ->
        [one] { $tries } попытка связаться с их адресами
        [few] { $tries } попытки связаться с их адресами
       *[many] { $tries } попыток связаться с их адресами
    }, из них с соединением: { $handshakes }; путь проходит.
# unreviewed
evidence-reference-answers = Ориентир, названный оператором этой станции, отвечает.
# unreviewed
evidence-reference-dark = Ориентир, названный оператором этой станции, тоже не отвечает.
# unreviewed
evidence-silent = МОЛЧИТ: связь есть; последняя проверка смены стоит { $lasted } без ответа человека (устав даёт { $within }).
# unreviewed
evidence-stalled = НЕ ПОДТВЕРЖДАЮТ (STALLED): они пишут, но ни одна их вершина не охватывает { $name }, отправленное { $lasted } назад.
# unreviewed
evidence-tcp = Через TCP: когда соединение устанавливалось, UDP не прошёл. Попытки повторяются.
# unreviewed
evidence-loss = Из 1000 пакетов на связи теряется { $permille }.
# unreviewed
evidence-slowed = Они израсходовали то, что могут хранить здесь за сутки: присланное ими читается медленно, следующее — через { $lasted }. Ничего не потеряно.
# unreviewed
evidence-clock-ahead = Их часы впереди наших на { $lasted }: одни из двух неверны. Сверьте те и другие с надёжным источником и исправьте неверные. Каждая запись называет время своего автора.
# unreviewed
evidence-clock-behind = Их часы отстают от наших на { $lasted }: одни из двух неверны. Сверьте те и другие с надёжным источником и исправьте неверные. Каждая запись называет время своего автора.
# unreviewed
observed-declared-same = { $observed } = объявлено: { $declared }
# unreviewed
observed-declared-differ = { $observed } ≠ объявлено: { $declared }
# unreviewed
observed-declared-beside = { $observed }; объявлено: { $declared }
# unreviewed
evidence-unserved = С этим каталогом не работает ни одна станция, поэтому о линии ничего не наблюдается.
# unreviewed
unserved-without = Журнал прочитан без неё, с нашим часовым поясом, как он назван в уставе.
# unreviewed
records-agree = Журналы совпадают до #{ $size }.
# unreviewed
records-waiting = Журналы совпадают до #{ $size }{ $ours ->
        [0] {""}
       *[other] ; наших записей они ещё не назвали: { $ours }
    }{ $theirs ->
        [0] {""}
       *[other] ; их записей мы ещё не назвали: { $theirs }
    }.
# unreviewed
records-lacking = Журналы этой копии совпадают до #{ $size }; у другой стороны наших записей может быть больше.
# unreviewed
lines-none = Линий ещё нет.
# unreviewed
lines-no-requests = Открытых запросов нет.

## Журнал линии

# unreviewed
standing-void = недействительно, без последствий: { $why }
# unreviewed
standing-unknown = неизвестно, без последствий
# unreviewed
standing-waits = сохранено, ждёт того, что видел автор
# unreviewed
record-page = Записи с { $from } по { $to } из { $total }
# unreviewed
body-lacking = (слов здесь нет)
# unreviewed
body-deniable = (отрицаемо)
# unreviewed
words-changed = (Слова, которые хранятся здесь, — не те, что были подписаны.)
# unreviewed
record-empty = Записей здесь нет.

## Показатели

# unreviewed
figures-direction = { $side ->
    [ours] Запрошено нами у стороны { $peer }
   *[theirs] Запрошено у нас стороной { $peer }
}
# unreviewed
figures-none = За это время запросов нет.
# unreviewed
figures-clocks = Время идёт от часов запросившей стороны до часов отвечающей: смешаны двое часов, а с ними и их расхождение.
# unreviewed
figures-early = { $count ->
        [one] { $count } раз время заявлено
        [few] { $count } раза время заявлено
       *[many] { $count } раз время заявлено
    } раньше запроса и засчитано как 0.
# unreviewed
figures-year = Запрошено в { $year } году (UTC)
# unreviewed
figures-all = Все годы

## Звонок

# unreviewed
ring-ask = { $peer } запрашивает разговор: должность «{ $from }» с нашей должностью «{ $to }».
# unreviewed
ring-head-ask = { $peer } запрашивает разговор.
# unreviewed
ring-head-renew = { $peer } по-прежнему запрашивает разговор.
# unreviewed
ring-head-text = { $peer } присылает сообщение.
# unreviewed
ring-head-notice = { $peer } присылает уведомление.
# unreviewed
ring-renew = { $peer } по-прежнему запрашивает разговор: должность «{ $from }» с нашей должностью «{ $to }». Запрос остаётся в силе.
# unreviewed
ring-offer = { $peer } предлагает время по { $name }.
# unreviewed
ring-ready = { $peer } объявляет готовность говорить по { $name } сейчас.
# unreviewed
ring-text = { $peer } присылает сообщение: от должности «{ $from }» для нашей должности «{ $to }».
# unreviewed
ring-notice = { $peer } присылает уведомление: от должности «{ $from }» для нашей должности «{ $to }».
# unreviewed
ring-check = { $peer } проверяет линию и ждёт ответа человека.
# unreviewed
ring-since = С { $time }, по их часам.
# unreviewed
ring-answer = { $peer } отвечает на { $name }: разговор сразу.
# unreviewed
ring-decline = { $peer } отвечает «нет» на { $name }: { $code }.
# unreviewed
ring-cancel = { $peer } отменяет разговор по { $name }: { $code }.
# unreviewed
ring-defer = { $peer } откладывает { $name }: { $code }.
# unreviewed
ring-defer-until = { $peer } откладывает { $name }: { $code }, до { $until }.
# unreviewed
ring-crossed = { $told } Это разминулось с нашим действием: им ничего не согласовано.
# unreviewed
ring-accept = { $peer } принимает время из { $name }: { $window }.
# unreviewed
ring-come = { $peer } откликается на { $name } сейчас.
# unreviewed
ring-overdue-station = { $peer } отмечает, что у нашей станции { $name } в срок не было.
# unreviewed
ring-overdue-watch = { $peer } отмечает, что { $name } в срок нашей дежурной сменой не просмотрено.
# unreviewed
ring-overdue-principal = { $peer } отмечает, что по { $name } не поступило ни отсрочки, ни времени.
# unreviewed
ring-closed = { $peer } закрывает линию. Кто отметит это, отметит и все её сообщения, которые ещё звонят.
# unreviewed
ring-until-closed = Звонит, пока кто-нибудь здесь не отметит: counterpart noted { $at }
# unreviewed
ring-until = Звонит, пока кто-нибудь здесь не выполнит действие или не отметит: counterpart noted { $at }
# unreviewed
ring-broken-off = Станция { $sign } открыла эпоху { $epoch } этой линии. Прежняя эпоха закончилась, и прервано{ $unseen ->
        [0] {""}
       *[other] {" "}или никем здесь не прочитано и не отмечено
    }: { $names }{ $more ->
        [0] .
       *[other] { " " }и ещё { $more }.
    }
# unreviewed
ring-until-noted = Звонит, пока кто-нибудь здесь не отметит: counterpart noted { $at } --tally { $tally }
# unreviewed
ring-broken-noted = Станция { $sign } открыла эпоху { $epoch } этой линии. Прерванное до неё здесь отмечено.
# unreviewed
noted = Отмечено: { $name }. Больше не звонит; за пределы станции ничего из этого не выходит.
# unreviewed
ring-stops = { $name }: звонок прекращён.
# unreviewed
ring-stops-why = { $name }: звонок прекращён. { $why }
# unreviewed
ring-stops-user = { $name }: звонок прекращён. { $why } Кто: { $user }.
# unreviewed
stop-ours = { $kind ->
    [seen] Наша дежурная смена это видела ({ $name }).
    [referred] Это в приёмной нашего руководителя ({ $name }).
    [defer] Отложено нами ({ $name }).
    [offer] Мы предложили время ({ $name }).
    [ready] Мы сказали, что готовы ({ $name }).
    [answer] Мы ответили ({ $name }).
    [accept] Мы приняли ({ $name }).
    [decline] Мы ответили «нет» ({ $name }).
    [withdraw] Отозвано нами ({ $name }).
    [lapse] Срок прошёл, это записала наша станция ({ $name }).
    [read] Прочитано ({ $name }).
    [check-reply] Мы ответили на проверку ({ $name }).
    [ask] Мы запросили снова ({ $name }).
   *[other] Мы этим занялись ({ $name }).
}
# unreviewed
stop-theirs = { $kind ->
    [withdraw] Отозвано ими ({ $name }).
    [retract] Отозвано ими ({ $name }).
    [lapse] Срок прошёл, это записала их станция ({ $name }).
    [suspend] Они сейчас не в состоянии ({ $name }); запрос остаётся.
    [renew] Они продлили запрос ({ $name }).
    [check] Вместо неё звонит более поздняя проверка ({ $name }).
   *[other] Закрыто: { $name }.
}
# unreviewed
stop-noted = Об этом сообщено, или кто-то здесь принял это к сведению.
# unreviewed
stop-later = Это больше не среди того, что звонит: есть более срочное или столь же срочное и более позднее.
# unreviewed
stop-line = Линия закрыта: { $name }.
# unreviewed
stop-state = Наша станция объявила, что приостановлена.
# unreviewed
stop-epoch = Эпоха, в которой это звонило, закончилась.
# unreviewed
ring-exercise = Это УЧЕНИЕ. Ничто в нём не всерьёз.
# unreviewed
ring-test = Это ТЕСТ системы. Ничто в нём не всерьёз.

## Имена в командах

# unreviewed
name-malformed = «{ $said }» не называет записи.
    .do = Написать «{ $example }», «{ $sign } #12» или «0:12».
# unreviewed
name-unknown-sign = Ни одна сторона этой линии не называется «{ $said }».
    .do = Позывные: { $ours } и { $theirs }.
# unreviewed
name-none-such = { $name }: в журнале этого нет.
    .do = Последнее у той стороны: { $latest }.
# unreviewed
name-none-yet = { $name }: в журнале этого нет.
    .do = Та сторона ещё ничего не открыла.
# unreviewed
name-of-ended-epoch = { $name } относится к эпохе { $epoch }, которая закончилась. После неё счёт начался заново.
    .do = Посмотреть: --epoch { $epoch }. Сделать с этим больше ничего нельзя; что остаётся в силе, запросите снова.
# unreviewed
name-of-serving-epoch = { $name } относится не к той эпохе, на которую вы смотрите, а к действующей эпохе { $epoch }.
    .do = Не указывайте --epoch.
# unreviewed
name-ambiguous = «{ $said }» может означать { $first } или { $second }.
    .do = Указать, что именно.

## Почему действие не выполнено: что, какой факт это решил, что можно сделать. Теми же предложениями сказано, почему запись недействительна.

# unreviewed
refusal-what = Не сделано: { $act }. Ничего не записано.
# unreviewed
bar-no-such-thing = Названа запись, которая не считается или к которой это действие неприменимо.
    .do = Найти имя в журнале и назвать его заново.
# unreviewed
bar-closed = { $thing }: закрыто, см. { $fact }{ $other ->
        [none] {""}
       *[other] {" "}и { $other }, которые разминулись
    }.
    .do = Запросить заново; новый запрос назовёт закрытый.
# unreviewed
bar-still-open = { $fact } не закрыт; заново запрашивают только закрытый запрос.
    .do = Продлить его: запрос остаётся в силе.
# unreviewed
bar-not-owner = Это может только сторона, открывшая { $fact }.
    .do = { $of ->
        [text] Отметить как прочитанное или написать сообщение.
        [offer] Принять или отклонить его.
       *[request] Отложить, предложить время, ответить или отклонить.
    }
# unreviewed
bar-own-thing = { $fact } открыла эта сторона; это может только другая сторона.
    .do = { $of ->
        [text] Аннулировать его или ждать: что оно прочитано, говорят они.
        [check] Ждать: на проверку отвечает их человек.
        [offer] Отозвать его или ждать их ответа.
       *[request] Продлить, приостановить или отозвать.
    }
# unreviewed
bar-already = Это уже сделано, см. { $fact }.
    .do = Больше ничего не нужно.
# unreviewed
bar-too-many-open = Открытых запросов этой стороны на линии: { $max }, больше протокол не допускает.
    .do = Отозвать тот, который уже не нужен.
# unreviewed
bar-too-many = Записей этой стороны по { $fact }: { $max }, больше протокол не допускает.
    .do = Ответить, отклонить, отозвать или поговорить; либо запросить заново.
# unreviewed
bar-offer-open = { $fact }, предложение этой стороны, по этому запросу ещё открыто.
    .do = Сначала отозвать его, затем предложить другое время.
# unreviewed
bar-not-suspended = Это не приостановлено.
    .do = Больше ничего не нужно.
# unreviewed
bar-met = Этот срок ответа соблюдён или ничего не просрочено.
    .do = Больше ничего не нужно.
# unreviewed
bar-not-offered = Такого интервала среди предложенных нет.
    .do = Выбрать один из них или предложить другое время.
# unreviewed
bar-window-mismatch = Готовность принимают без интервала, предложение — с одним из его интервалов.
    .do = Указать интервал предложения; для готовности не указывать ничего.
# unreviewed
bar-unsettled = Согласованное не закреплено: ни одна их вершина ещё не охватывает нашего действия.
    .do = Подождать, пока оно будет у них, или связаться с ними иначе.
# unreviewed
bar-no-talk = Писать не о чем: этим не решён ни один запрос, или эта сторона не сказала, что разговор состоялся.
    .do = Сначала согласовать время или ответить. О состоявшемся разговоре говорят, завершив его здесь, а если он был в другом месте — командой talk.
# unreviewed
bar-word-said = Слово этой стороны о разговоре сказано, см. { $fact }.
    .do = Если нужно сказать больше, написать сообщение.
# unreviewed
bar-has-joined = Эта сторона вошла в разговор, см. { $fact }; это подписывается, только когда слышно кого-то с их стороны.
    .do = Сказать командой talk, что разговор состоялся, или написать сообщение.
# unreviewed
bar-their-word = Другая сторона сказала своё слово о разговоре, см. { $fact }.
    .do = Сказать слово этой стороны командой talk или написать сообщение.
# unreviewed
bar-before-start = Это ещё впереди: { $time }.
    .do = Сказать после этого времени.
# unreviewed
bar-not-joined = Эта сторона к разговору не присоединялась.
    .do = Если разговор состоялся в другом месте, записать его командой talk.
# unreviewed
bar-retracted = Это аннулировано, см. { $fact }.
    .do = Больше ничего не нужно.
# unreviewed
bar-line-closed = Линия закрыта, см. { $fact }; записать можно только заметку.
    .do = Сопрячь новую линию.
# unreviewed
bar-unknown-post = На той стороне устав такой должности не называет.
    .do = Выбрать одну из этих. Наши: { $ours }. Их: { $theirs }.
# unreviewed
bar-precedence-too-high = Устав не допускает запрашивать эту должность с такой срочностью.
    .do = Взять меньшую срочность или другую должность.
# unreviewed
bar-nothing-new = Кроме квитанций, ничего нового здесь не названо.
    .do = Ничего не нужно.
# unreviewed
bar-not-at-index-zero = Устав стоит на месте 0 и нигде больше.
    .do = Ничего не нужно.
# unreviewed
bar-amend-mismatch = Изменению нужны следующий номер и читаемый устав, и один раз его подписывает другая сторона.
    .do = Прочесть нынешний устав и предложить заново.
# unreviewed
bar-malformed = Одно из полей в { $kind } не таково, как требует этот тип.
    .do = Исправить поле и повторить действие.
# unreviewed
refusal-in-the-past = { $time } уже прошло.
    .do = Назвать время впереди.
# unreviewed
refusal-after-windows = Последнее окно кончается { $time }, а срок ответа позже: принять было бы уже нечего.
    .do = Назвать срок ответа до конца какого-нибудь окна или более поздние окна.
# unreviewed
refusal-too-early-valid-until = Срок действия запроса не наступил, или льготный срок не прошёл.
    .do = Не раньше { $time }; чтобы закончить раньше, отозвать.
# unreviewed
refusal-too-early-answer-by = Срок ответа на предложение не наступил, или льготный срок не прошёл.
    .do = Не раньше { $time }; чтобы закончить раньше, отозвать предложение.
# unreviewed
refusal-too-early-recall = Срок отклика не закончился, или льготный срок не прошёл.
    .do = Не раньше { $time }; чтобы закончить раньше, отозвать.
# unreviewed
refusal-not-even = Что сделано ими за это время, здесь неизвестно: с запуска или последнего восстановления связи журналы не выровнены.
    .do = Подождать, пока журналы совпадут или пройдёт льготный срок.
# unreviewed
refusal-too-long = Слишком длинно: не больше { $max } байт.
    .do = Сократить или отправить несколькими сообщениями.
# unreviewed
refusal-line-not-open = Линия не открыта: сопряжение не закончено, или приём её журнала остановлен.
    .do = Посмотреть её состояние среди линий.
# unreviewed
refusal-restored = Эта станция восстановлена из резервной копии и, пока не открыта новая эпоха, ничего не подписывает.
    .do = Посмотреть, что показывает другая сторона, и открыть новую эпоху корневым ключом: counterpart restore.
# unreviewed
refusal-lacks-rules = Действующий устав называет правила версии { $version }, которых у этой программы нет.
    .do = Запустить программу, у которой они есть; что придёт за это время, сохранится.
# unreviewed
refusal-epoch-ended = Действует уже другая эпоха этой линии, и нумерация в ней началась заново.
    .do = Посмотреть снова и назвать, что имеется в виду там. Что было открыто раньше, помечено «прервано»: запросить заново.
# unreviewed
refusal-more-broke-off = Прервано с эпохой не то, что здесь было показано, или это не названо: что-то могло прийти позже.
    .do = Посмотреть снова: counterpart lines. Затем отметить, как там указано.
# unreviewed
refusal-key-not-held = У этой станции нет ключа, которым подписывается её следующая запись на этой линии.
    .do = Взять ключи из последней резервной копии или открыть новую эпоху корневым ключом: counterpart restore --open.
# unreviewed
refusal-awaits-peer = С тех пор как эта станция восстановлена, другую сторону не слышно, поэтому неизвестно, что из нашего журнала у неё есть.
    .do = Дождаться линии; если связаться с другой стороной невозможно и ответственность принята на себя, добавить --peer-is-dark.
# unreviewed
refusal-awaits-judgement = Другая сторона показывает больше нашего журнала, чем есть у этой станции, и никто ещё не сказал, берут ли это.
    .do = Посмотреть с помощью counterpart restore --keys-list FILE, со списком корня; затем добавить --take или --refuse либо сказать это заранее: counterpart restore --take или --refuse.
# unreviewed
refusal-part-not-waiting = Названное из нашего журнала не ждёт решения: оно не показано, уже есть в журнале, уже решено или продолжает то, что не берут вместе с ним.
    .do = Ещё раз посмотреть, что показано, и назвать это.
# unreviewed
refusal-parts-conflict = Из названного две части исключают друг друга: с какой-то записи они расходятся, или одно и то же велено и взять, и оставить.
    .do = Посмотреть обе и взять одну из них.
# unreviewed
refusal-not-root = Это не тот корневой ключ, который называет устав этой линии.
    .do = Взять корневой ключ, созданный вместе с этой станцией.
# unreviewed
refusal-too-many-epochs = Эта станция открыла эпох этой линии: { $max }; больше не открывает ни одна сторона.
    .do = Сопрячь с другой стороной новую линию.
# unreviewed
refusal-unknown-line = Такой линии здесь нет.
    .do = Посмотреть, какие линии есть.

## Нарушения протокола: что сделала другая станция из того, что протокол запрещает. Хранится как свидетельство; линия остаётся.

# unreviewed
misconduct-bad-signature = По их связи пришло то, чего действующий ключ их станции не подписывал.
# unreviewed
misconduct-not-canonical = Их станция подписала запись не в единственно допустимой форме.
# unreviewed
misconduct-wrong-line = По их связи пришла запись другой линии.
# unreviewed
misconduct-wrong-party = По их связи как их собственная пришла запись другого журнала.
# unreviewed
misconduct-wrong-epoch = По их связи пришла запись эпохи, которой не открывал ни один устав.
# unreviewed
misconduct-wrong-place = По их связи пришла запись выше следующей: между ними одна пропущена.
# unreviewed
misconduct-head-went-back = Их станция назвала более старую вершину нашего журнала, чем называла раньше.
# unreviewed
misconduct-head-never-ours = Их станция назвала вершину, которой у нашего журнала никогда не было.
# unreviewed
misconduct-fork = Их станция подписала две истории одного журнала: две записи на одном месте или другой корень перед ней.
# unreviewed
misconduct-bad-frame = Их станция прислала кадр, который кадром не является или не может там стоять.
# unreviewed
misconduct-no-common-version = У их станции и нашей нет общей версии протокола.
# unreviewed
misconduct-false-claim = Их станция говорит, что у неё больше нашего журнала, чем у нас, и не показывает ничего, что мы подписали.
# unreviewed
misconduct-epoch-jump = Их станция открыла эпоху с номером, слишком далёким от последнего.
# unreviewed
misconduct-wrong-body = Их станция прислала не те слова, которые называет её запись.
# unreviewed
misconduct-other-charter = Их станция показала не тот устав, который согласован при сопряжении.
# unreviewed
misconduct-stale-grant = Их станция снова показала старую выдачу новых ключей: её номер не больше последнего.
# unreviewed
misconduct-voice-flood = Их станция прислала больше пакетов речи, чем может прислать сторона.
# unreviewed
misconduct-malformed-voice = Их станция прислала то, что не является пакетом речи, или сказала о разговоре не в его форме.
# unreviewed
misconduct-let-go = Это пропущено, и ничего из этого не сохранено. Сеанс продолжается; разговор может звучать с перерывами.
# unreviewed
misconduct-halts = Свидетельство сохранено; в этой эпохе их журнал дальше не принимается. Человек должен поговорить с ними по другому каналу.
# unreviewed
misconduct-ends-session = Свидетельство сохранено; сеанс закончен и пробуется снова.

## Заголовки таблиц на терминале

# unreviewed
table-rung = Факт
# unreviewed
table-ours = { $place } (мы)
# unreviewed
table-theirs = { $place } (они)
# unreviewed
table-by = Заявлено
# unreviewed
table-statement-ours = наша станция
# unreviewed
table-statement-theirs = их станция
# unreviewed
table-ask = Запрос { $name }
# unreviewed
table-renewal = Продление { $name }
# unreviewed
table-renewal-early = Продление { $name }: раньше согласованного, не попытка
# unreviewed
table-offer = Предложение { $name }: { $windows }
# unreviewed
table-ready = Готовность { $name }
# unreviewed
table-answer-by = ответить до { $time }; при молчании { $silence }
# unreviewed
table-talk = Разговор { $state }: наше слово: { $ours }; их слово: { $theirs }
# unreviewed
table-sheets = Протоколы разговора: { $sentence }
# unreviewed
table-sheet = { $name }: состоялся { $window }; присутствовали от своей стороны: { $posts }; языки: { $languages }
# unreviewed
table-later = Кроме того:
# unreviewed
table-until = до { $time }
# unreviewed
table-deadline = до { $time }
# unreviewed
table-accepted = принято: { $window }
# unreviewed
table-ended = { $outcome } { $time } ({ $by })
# unreviewed
table-acts = Можно: { $acts }
# unreviewed
table-requests-theirs = Запрошено у нас
# unreviewed
table-requests-ours = Запрошено нами
# unreviewed
table-coming = Согласовано, предстоит
# unreviewed
table-unsettled = Не закреплено
# unreviewed
table-owed = Ожидается от нас
# unreviewed
table-quiet = { $count ->
        [one] Ждёт прочтения { $count } их сообщение. Оно не звонит.
        [few] Ждут прочтения { $count } их сообщения. Они не звонят.
       *[many] Ждут прочтения { $count } их сообщений. Они не звонят.
    }
# unreviewed
table-head-ours = Наш журнал: записей { $size }, корень { $root }
# unreviewed
table-head-theirs = Их журнал: записей { $size }, корень { $root }
# unreviewed
table-declared-ours = Мы объявляем: { $state }
# unreviewed
table-saw = видел до #{ $last }
# unreviewed
table-saw-nothing = ещё ничего не видел
# unreviewed
table-count = Запр.
# unreviewed
table-answered = Ответ
# unreviewed
table-agreed = Соглас.
# unreviewed
table-declined = Откл.
# unreviewed
table-withdrawn = Отозв.
# unreviewed
table-lapsed = Утр. силу
# unreviewed
table-crossed = Размин.
# unreviewed
table-open = Открыто
# unreviewed
table-broken-off = Прерв.
# unreviewed
table-talked = Разговор
# unreviewed
table-median-worst = { $median } / { $worst }
# unreviewed
table-spans = Медиана / худшее
# unreviewed
table-delivered = До доставки
# unreviewed
table-seen = До просмотра
# unreviewed
table-first-answer = До первого ответа

## Справка: что команды говорят о себе и что не так в командной строке. Части сообщения — аргументы его команды; чего команда не говорит об аргументе, говорит команда над ней.

# unreviewed
help-counterpart = Прямая линия между организациями, которым надо иметь возможность связаться и которые друг другу не доверяют.
    .data = Каталог данных станции; без него COUNTERPART_DATA, иначе ./counterpart-data.
    .json = Напечатать JSON из API.
    .speak = Говорить на этом языке: en или ru. Без него решают LC_ALL, LC_MESSAGES или LANG; --json всегда по-английски.
    .help = Напечатать эту справку.
    .version = Напечатать версию.
    .line = Линия, по позывному или номеру, если их несколько.
    .language = Язык этих слов (BCP 47).
    .token = С ним действие совершается один раз, сколько бы его ни повторяли; без него создаётся сам.
    .epoch = Номер эпохи, которую видели: если уже действует другая, ничего не делается.
    .name = «Northland 112», «Northland #4071» или 0:12.
    .words = Слова к этому; «-» читает их из стандартного ввода.
    .from = Наша должность.
    .to = Должность на другой стороне.
    .precedence = ROUTINE, PRIORITY, IMMEDIATE или FLASH; ROUTINE, если не сказано иначе.
    .mark = OPERATION, EXERCISE или TEST.
    .code = Почему: ENGAGED, TRAVELLING, OUT-OF-HOURS, NO-INTERPRETER, LEVEL, NOT-COMPETENT, IN-WRITING, OTHER-CHANNEL, CONDITIONS, AWAITING-INSTRUCTIONS, POST-VACANT, IDENTITY-DOUBT, NO-CONFIRMATION; UNSTATED, если не сказано иначе.
    .until = До какого времени: 12:00, «tomorrow 12:00», «2026-11-24 12:00» или +90m.
# unreviewed
help-help = Напечатать это или справку о команде.
# unreviewed
help-init = Создать станцию: её каталог, конфигурацию, ключи и пустой журнал.
    .name = Организация, как она будет стоять в уставах.
    .call-sign = Произносится перед номером: «Northland 112».
    .zone = Часовой пояс её дежурной смены: имя из базы IANA; { $default }, если не сказано иначе.
    .listen = Где слушать: числовой адрес и порт, один для UDP и TCP; { $default }, если не сказано иначе.
    .announce = хост:порт, где до неё достают другие стороны; можно дать несколько раз.
    .desk = Где пульт открывают браузеры этой машины, например 127.0.0.1:7412; иначе нигде.
    .root-key = Куда записать корневой ключ, вне каталога данных; рядом с ним, если не сказано иначе.
# unreviewed
help-backup = Скопировать журнал, ключи и конфигурацию, также пока станция работает.
    .to = Новый каталог.
# unreviewed
help-serve = Работать с этим каталогом данных, пока сигнал не закончит.
    .exercise = Открытое без метки — EXERCISE, а не OPERATION.
# unreviewed
help-demo = Запустить на этой машине две станции вымышленных организаций; или сыграть на двух историю.
    .story = Сыграть эту историю: february-2013, offer-lapses, crossed или файл.
    .out = Сохранить обе станции истории в КАТАЛОГ/СТОРОНА/.
    .pace = Столько секунд перед каждым действием истории, от 1 до 3600, пока зрители читают на обоих пультах, до Ctrl-C.
# unreviewed
help-invite = Создать приглашение, чтобы доверительно передать его другой организации.
    .out = Записать его в этот новый файл, для одного владельца, а не печатать.
    .station = Каждая станция держит отправленное другой не позже этого срока; 60s, если не сказано иначе.
    .watch = Каждая дежурная смена видит не позже: один срок или четыре по срочности, начиная с ROUTINE; 8h,1h,15m,5m, если не сказано иначе.
    .principal = Отсрочка, время или ответ приходит не позже этого срока; 2d, если не сказано иначе.
    .pace = Продление считается попыткой и звонит, когда после прежнего прошло столько: один срок или четыре по срочности; как у дежурной смены, если не сказано иначе.
    .checks = Когда линия проверяется: never (никогда), с таким промежутком (от 60s до 1d) или в часы суток UTC, например 09:00,17:00.
    .grace = Утрата силы пишется, когда после срока прошло столько; 60s, если не сказано иначе.
    .recall = Сколько действует готовность; 15m, если не сказано иначе.
# unreviewed
help-join = Принять приглашение.
    .invitation = Его файл; «-» читает его из стандартного ввода.
# unreviewed
help-confirm = Цифры сверены по другому каналу, целиком, и это те, что даны здесь.
    .digits = Шестнадцать групп, как их читает вслух другая сторона.
    .alike = Их имя похоже на другое, и установлено, кто они.
    .differ = Цифры не сходятся: этого кандидата не принимать.
    .candidate = У кого не сходятся, по ключу, если их несколько.
    .line = Линия, по номеру, если ждут несколько сопряжений.
# unreviewed
help-abandon = Закончить сопряжение, которое не стало линией.
    .line = { help-confirm.line }
# unreviewed
help-pairings = Каждое сопряжение, которое не стало линией, с цифрами для сверки.
# unreviewed
help-lines = Каждая линия: наблюдаемое рядом с объявленным, докуда журналы совпадают, что открыто, что за нами.
    .figures = Вместо этого время до ответа.
    .terms = Вместо этого согласованное: сроки ответа, темп, льготный срок, должности; по пунктам.
    .year = Показатели запросов этого года (UTC).
    .line = Показатели или согласованное одной этой линии.
# unreviewed
help-status = Запрос: когда сделан, до чего дошло, за кем и до какого времени. Без имени: открытые.
    .all = Также закрытые.
    .epoch = В прежней эпохе, по номеру: открытое там помечено «прервано».
# unreviewed
help-record = Журнал линии: оба журнала в одном порядке и их вершины. Без места: последняя страница.
    .epoch = Прежняя эпоха, по номеру.
    .offset = После стольких записей.
    .from = Начиная с этой записи.
    .limit = Записей на странице, до 1000.
    .words = Со словами записей.
    .entries = Записать в этот новый файл каждую запись линии, как она подписана, её слова и свидетельства нарушений другой станции, для проверки в другом месте.
# unreviewed
help-doctor = Всё ли в порядке: конфигурация, ключи, диск, база данных, каждая линия, построенная из её записей заново.
# unreviewed
help-user = Кто может входить на пульт.
    .name = Имя пользователя.
    .no-password = Без пароля: этот пользователь входит только по ссылке.
# unreviewed
help-user-add = Создать пользователя; пароль читается с терминала или из первой строки стандартного ввода.
    .name = Имя: под ним хранятся действия.
    .role = watch: несёт дежурство. admin: то же, и ведёт пользователей. auditor: читает и ничего не делает.
# unreviewed
help-user-change = Дать пользователю другую роль или пароль; сеансы кончаются.
    .role = watch, admin или auditor. Без этого роль остаётся.
    .password = Прочесть новый пароль, с терминала или из первой строки стандартного ввода.
# unreviewed
help-user-list = Все пользователи.
# unreviewed
help-user-end = Удалить пользователя, со всеми сеансами. Действия сохраняют имя.
# unreviewed
help-user-sign-out = Завершить все сеансы пользователя.
# unreviewed
help-user-link = Ссылка, по которой пользователь входит один раз, в течение десяти минут.
# unreviewed
help-token = Какие программы могут вызывать по TCP.
    .name = Имя маркера.
# unreviewed
help-token-add = Создать маркер и напечатать его, только сейчас: хранится лишь его хеш.
    .name = Имя программы: под ним хранятся действия.
    .role = watch: совершает любое действие. admin: то же, и ведёт пользователей и сопряжения. auditor: читает и ничего не делает. calendar: не маркер, а адрес, где программа календаря находит согласованные интервалы, и ничего больше.
    .until = Когда он кончается сам: день (2027-03-31, целиком), время или +90d. Без этого действует, пока его не отзовут.
# unreviewed
help-token-list = Все маркеры, без секретного.
# unreviewed
help-token-revoke = Отозвать маркер: с этого момента он не действует; открытые им потоки кончаются. Действия сохраняют его имя.
# unreviewed
help-round = Один предмет, запрос на нескольких линиях.
# unreviewed
help-round-ask = Запросить на нескольких линиях: на каждой обычный запрос, о котором другие ничего не узнают.
    .words = { help-ask.words }
    .on = Линия и должность на ней: southland=minister. Даётся по разу для каждой линии.
    .mode = { help-ask.mode }
    .private = { help-ask.private }
    .round = Добавить линии к этому обходу, по его номеру.
    .token = С ним обход совершается один раз, сколько бы его ни повторяли; без него создаётся сам.
# unreviewed
help-round-list = Последние обходы, начиная с новейшего.
# unreviewed
help-round-show = Как далеко продвинулся каждый запрос обхода.
    .number = Номер обхода.
# unreviewed
help-restore = Чего ждёт каждая линия, прежде чем эта станция снова на ней подписывает.
    .more = С --part — каждая запись той части нашего собственного журнала, которую показывает другая сторона; с --take или --refuse — слово человека о ней; с --open открывается новая эпоха; с --people — слово человека о том, кто может входить и вызывать.
    .line = Одна линия; все, если не сказано иначе.
    .keys-list = Список ключей, которые дал корень. Рядом с корневым ключом, если не сказано иначе; с --open туда добавляется новый.
    .part = Часть, по имени, под которым она показана, или по его началу с восемью цифрами или больше; для --take и --refuse можно дать несколько. С --open — каждая часть, которая берётся при этом.
    .from = Показать записи части, начиная с этого номера.
    .take = Взять части в наш журнал, как они подписаны: они снова в счёте.
    .up-to = Из взятой части только записи по эту; что за ней, ждёт дальше.
    .refuse = Оставить части рядом с нашим журналом, как свидетельство. О них больше никого не спрашивают.
    .open = Открыть новую эпоху на каждой линии, которая её ждёт, или на названной линии.
    .root-key = Файл корневого ключа. Его читает только эта команда.
    .backup = Новый каталог для резервной копии с новыми ключами, которая делается до того, как они начнут действовать.
    .peer-is-dark = Слово человека, что с другой стороной не связаться: того, что есть у неё, не ждут.
    .people = Слово человека, что входить и вызывать могут те, кому следует: пароли и маркеры из резервной копии снова действуют.
# unreviewed
help-bell = Звонить в этом терминале. Звонком считается только звонок на терминале.
    .once = Напечатать, что звонит сейчас, и закончить.
# unreviewed
help-noted = Отметить сделанное ими: здесь это больше не звонит. За пределы станции ничего из этого не выходит.
    .name = Что звонит: «Northland #4071» или 0:12.
    .conduct = Всё сохранённое о нарушениях другой станции: doctor из-за этого никого не зовёт. Свидетельство остаётся.
    .tally = По чему узнаётся перечень прерванного, как сказано при нём: пришедшее с тех пор не отмечается.
# unreviewed
help-ask = Сделать запрос на разговор.
    .words = Предмет; «-» читает его из стандартного ввода.
    .mode = voice (голосом), writing (письменно) или meeting (при встрече); voice, если не сказано иначе.
    .private = Ничего об этом публично.
    .valid-until = До какого времени он в силе, например 12:00, «tomorrow 12:00» или +90m; без этого — пока кто-нибудь не закроет.
    .again = Закрытый запрос, который повторяется.
# unreviewed
help-seen = Наша дежурная смена это видит.
# unreviewed
help-refer = Это передано в ведомство того, с кем говорить.
# unreviewed
help-defer = Отложить: не сейчас.
# unreviewed
help-answer = Ответить: да, сразу.
# unreviewed
help-decline = Отклонить запрос или предложение.
# unreviewed
help-offer = Назвать время.
    .window = НАЧАЛО/КОНЕЦ@Пояс, например «tomorrow 12:00/13:00»; до 8.
    .answer-by = До какого времени ждут ответа, например 12:00, «tomorrow 12:00» или +90m.
    .on-silence = Что делает молчание: предложение утрачивает силу (lapses; так, если не сказано иначе) или остаётся в силе (stands). Согласием оно не бывает.
    .code = Почему не раньше: код, как у defer.
# unreviewed
help-ready = Готовность: «Примем сейчас».
# unreviewed
help-accept = Принять один интервал предложения или прийти на готовность.
    .window = Интервал или его номер, начиная с 1; если он один, не нужно.
# unreviewed
help-renew = Продлить: запрос остаётся в силе и звонит снова, если это не раньше согласованного.
    .valid-until = Более позднее время, до которого он в силе.
    .precedence = Более высокая срочность.
# unreviewed
help-suspend = Приостановить: пока не можем; запрос в силе и там не звонит.
# unreviewed
help-resume = Возобновить: снова можем.
# unreviewed
help-withdraw = Отозвать запрос или предложение.
# unreviewed
help-cancel = Отменить: согласованного разговора не будет.
# unreviewed
help-missed = Другая сторона не пришла.
# unreviewed
help-talk = Разговор состоялся в другом месте.
    .when = Когда: НАЧАЛО/КОНЕЦ.
    .instrument = telephone (по телефону), in-person (лично), video, writing (письменно) или other (иначе).
    .post = Должность, которая говорила; можно дать несколько раз.
# unreviewed
help-sheet = Протокол разговора: что мы заявляем о разговоре, после того как сказали, что он состоялся. Если их протокол говорит то же самое, он показан как согласованный.
    .words = Темы, по одной в строке, каждая после позывного той стороны, которая её подняла, и «: »; «-» читает их из стандартного ввода.
    .when = Когда он состоялся: НАЧАЛО/КОНЕЦ.
    .post = Наша должность, которая присутствовала; можно дать несколько раз.
    .spoken = Язык, на котором он шёл, обозначением: en, zh-Hant; можно дать несколько раз.
# unreviewed
help-text = Написать сообщение.
    .words = Текст; «-» читает его из стандартного ввода.
# unreviewed
help-read = Человек прочёл сообщение.
# unreviewed
help-retract = Аннулировать сообщение.
# unreviewed
help-memo = Заметка в нашем собственном журнале. Она есть и у другой стороны.
    .words = Заметка; «-» читает её из стандартного ввода.
# unreviewed
help-check = Проверить линию; отвечает человек.
# unreviewed
help-check-reply = Ответить на проверку.
# unreviewed
help-state = Объявить состояние нашей станции на линии.
    .state = open, maintenance, suspended или closed (навсегда: нужно --for-good).
    .for-good = closed заканчивает линию навсегда, и это говорит, что так и задумано.
# unreviewed
usage-heading = Применение:
# unreviewed
usage-commands = Команды
# unreviewed
usage-arguments = Аргументы
# unreviewed
usage-options = Параметры
# unreviewed
usage-of-all = Параметры всех команд
# unreviewed
usage-exit-codes = Коды завершения:
# unreviewed
exit-done = сделано
# unreviewed
exit-refusal = не сделано: правило этого не позволяет, или ожидание истории не сбылось; ответ называет факт, который решил
# unreviewed
exit-usage = команду или то, что она называет (файл, место, ключи, конфигурацию), нельзя взять как есть
# unreviewed
exit-machine = станция не отвечает, или подвела машина; у doctor: что-то не в порядке
# unreviewed
exit-misconduct = другая станция нарушила протокол: её журнал остановлен
# unreviewed
usage-placeholder =
    .options = ПАРАМЕТРЫ
    .command = КОМАНДА
    .dir = КАТАЛОГ
    .tag = ЯЗЫК
    .name = ИМЯ
    .call-sign = ПОЗЫВНОЙ
    .zone = ПОЯС
    .address = АДРЕС
    .file = ФАЙЛ
    .story = ИСТОРИЯ
    .seconds = СЕКУНДЫ
    .span = СРОК
    .spans = СРОКИ
    .schedule = РАСПИСАНИЕ
    .digits = ЦИФРЫ
    .key = КЛЮЧ
    .line = ЛИНИЯ
    .year = ГОД
    .number = НОМЕР
    .count = ЧИСЛО
    .index = НОМЕР_ЗАПИСИ
    .words = СЛОВА
    .language = ЯЗЫК_СЛОВ
    .token = МЕТКА_ПОВТОРА
    .post = ДОЛЖНОСТЬ
    .precedence = СРОЧНОСТЬ
    .mark = МЕТКА
    .mode = СПОСОБ
    .time = ВРЕМЯ
    .code = КОД
    .window = ИНТЕРВАЛ
    .on-silence = МОЛЧАНИЕ
    .instrument = СРЕДСТВО
    .state = СОСТОЯНИЕ
# unreviewed
usage-command-unknown = Команды «{ $said }» нет.{ $like ->
    [none] {""}
   *[some] {" "}Похожие: { $like }.
}
# unreviewed
usage-argument-unknown = «{ $said }» здесь не принимается.{ $as ->
    [word] {" "}Слова, которые стоят вместе, пишутся в кавычках: "Northland 1".
   *[option] {" "}Слова, которые начинаются с дефиса, стоят после «--».
}{ $like ->
    [none] {""}
   *[some] {" "}Похожие: { $like }.
}
# unreviewed
usage-value-lacks = У { $argument } нет значения.
# unreviewed
usage-value-unfit = «{ $said }» — не то, что принимает { $argument }.
# unreviewed
usage-value-none = { $argument } не принимает значения, а «{ $said }» — значение.
# unreviewed
usage-lacks = Не хватает: { $arguments }.
# unreviewed
usage-lacks-command = Команда не названа.
# unreviewed
usage-not-both = { $argument } и { $other } вместе не даются.
# unreviewed
usage-twice = { $argument } даётся дважды.
# unreviewed
usage-not-text = Что-то в команде не в UTF-8.
# unreviewed
usage-otherwise = Команда написана не так, как говорит её справка.

## Что говорится команде или программе, когда её нельзя понять или станция не может этого сделать: что и что делать.

# unreviewed
fault-not-json = Отправленное — не той формы, которую принимает этот вызов: { $cause }.
    .do = Отправить поля, которые называет для этого вызова /api/v1/openapi.json, и никаких других.
# unreviewed
fault-query-unreadable = Написанное в этом адресе после «?» прочесть нельзя: { $cause }.
    .do = Написать имена, которые перечисляет для этого адреса /api/v1/openapi.json, каждое один раз, и значения того вида, который он называет.
# unreviewed
fault-not-object = Отправленное — не объект JSON.
    .do = Отправить объект в фигурных скобках с полями, которые называет для этого вызова /api/v1/openapi.json.
# unreviewed
fault-unknown-act = Действия «{ $said }» нет.
    .do = Выбрать из: { $known }.
# unreviewed
fault-field-not-taken = { $act } не принимает «{ $field }».
    .do = Убрать его; { $act } принимает: { $takes }.
# unreviewed
fault-field-missing = Для { $act } нужно «{ $field }».
    .do = Указать его.
# unreviewed
fault-unknown-word = Для { $field } слово «{ $said }» не подходит.
    .do = Выбрать из: { $known }.
# unreviewed
fault-post-malformed = «{ $said }» не может быть именем должности.
    .do = Написать от 1 до 32 знаков a–z, 0–9 и «-», как в уставе.
# unreviewed
fault-time-unreadable = «{ $said }» — не то время, которое здесь читается.
    .do = Написать 2026-11-24T12:00:00Z; в команде также 12:00, «tomorrow 12:00», «2026-11-24 12:00» или +90m.
# unreviewed
fault-time-skipped = Времени «{ $said }» в { $zone } нет: часы переводят вперёд через него.
    .do = Написать { $first } или { $second }.
# unreviewed
fault-time-twice = Время «{ $said }» в { $zone } наступает дважды: часы переводят назад через него.
    .do = Написать { $first } или { $second }.
# unreviewed
fault-time-out-of-range = «{ $said }» лежит вне годов с 1970 по 9999.
    .do = Написать время между ними.
# unreviewed
fault-zone-unknown = Часового пояса «{ $said }» нет.
    .do = Написать имя из базы IANA, например Europe/Oslo.
# unreviewed
fault-window-unreadable = «{ $said }» — не интервал.
    .do = Написать НАЧАЛО/КОНЕЦ@Пояс, например 2026-11-24T12:00:00Z/2026-11-24T13:00:00Z@Europe/Oslo; в команде также «tomorrow 12:00/13:00».
# unreviewed
fault-window-backwards = «{ $said }» кончается не позже, чем начинается.
    .do = Написать начало раньше конца. Конец, который по часам раньше начала, относится к следующему дню, если он не более чем на двенадцать часов позже.
# unreviewed
fault-window-too-long = «{ $said }» длиннее, чем допустимо (в днях: { $days }).
    .do = Назвать интервал короче или несколько.
# unreviewed
fault-window-count = В предложении от 1 до { $max } интервалов.
    .do = Назвать столько.
# unreviewed
fault-window-which = { $name }: { $count ->
        [one] { $count } интервал
        [few] { $count } интервала
       *[many] { $count } интервалов
    }, и неясно, какой принимается.
    .do = Указать его номер, начиная с 1, или сам интервал.
# unreviewed
fault-renewal-no-deadline = У { $name } нет срока действия, и продление его не даёт. Ничего не записано.
    .do = Запрос остаётся, пока его не закроют: продлить без времени или отозвать и запросить снова со сроком.
# unreviewed
fault-renewal-not-later = { $name }: уже действует до { $time }, а в счёт идёт только более поздний срок. Ничего не записано.
    .do = Назвать более позднее время или продлить без времени.
# unreviewed
fault-close-asks = «closed» заканчивает эту линию навсегда: после этого ни одна сторона не может записать ничего, кроме заметок. Лишь новая эпоха, которую корневым ключом открывает любая сторона после восстановления, начинает заново, и в ней эта станция, присоединяясь, закрывает линию снова. Ничего не записано.
    .do = Если так и задумано, сказать об этом: --for-good или "for_good": true. На время есть «maintenance» и «suspended».
# unreviewed
fault-for-good-of-what = Навсегда бывает только «closed».
    .do = Убрать --for-good или объявить «closed».
# unreviewed
fault-too-many-posts = Названо больше должностей, чем { $max }.
    .do = Назвать тех, кто говорил.
# unreviewed
fault-sheet-unfit = { $wrong ->
    [languages] Названо больше языков, чем { $max }.
    [topics] У одной стороны названо больше тем, чем { $max }.
   *[unshown] В теме есть знак, который ничего не показывает или поворачивает письмо вокруг себя: два протокола различались бы и выглядели одинаково.
}
    .do = { $wrong ->
        [languages] Назвать те, на которых шёл разговор.
        [topics] Объединить темы или написать сказанное сообщением.
       *[unshown] Набрать эту строку заново.
    }
# unreviewed
fault-line-which = У этой станции несколько линий: { $known }.
    .do = Указать, какая: по позывному или по первым цифрам её номера.
# unreviewed
fault-line-unknown = Линии «{ $said }» нет.
    .do = Выбрать из имеющихся: { $known }.
# unreviewed
fault-restore-malformed = Присланное о восстановлении не читается или не открывает эпохи.
    .do = Взять counterpart restore той же версии, что у станции; ничего не подписано и не открыто.
# unreviewed
fault-restore-moved = С подписи корня журнал ушёл дальше: подписано не то, что открыло бы эпоху сейчас.
    .do = Повторить ту же команду.
# unreviewed
fault-restore-nothing = Ни одна линия новой эпохи не ждёт.
    .do = Если её всё же нужно открыть, назвать линию: --line; открытое на ней прервётся.
# unreviewed
fault-restore-peer-up = Линия с { $peer } работает: связаться с другой стороной можно.
    .do = Дождаться, пока она покажет, что у неё есть; см. counterpart restore. После часа связи, за который не показано ничего нового, --open продолжит без этого. Ничего не открыто.
# unreviewed
fault-restore-dark-which = --peer-is-dark говорит об одной другой стороне, а линий у этой станции несколько.
    .do = Назвать линию: --line. Ничего не открыто.
# unreviewed
fault-restore-not-listed = Список корня не называет ключа нашей станции { $key }…: это список другой станции или слишком старая копия нашего. С ним взять можно было бы что угодно.
    .do = Найти список корня этой станции, рядом с её корневым ключом («….granted»), самую новую копию. Ничего не взято, не подписано и не открыто.
# unreviewed
fault-restore-nothing-waits = Ничто из показанного другой стороной не ждёт человека.
    .do = См. counterpart restore.
# unreviewed
fault-restore-part-unknown = Ни одна часть показанного другой стороной не называется «{ $said }», или она никого не ждёт.
    .do = Взять имя, которое показывает counterpart restore, не менее восьми его цифр: { $known }. У выросшей части другое имя.
# unreviewed
fault-restore-part-which = Какая часть имеется в виду, говорит её имя и ничто другое. Есть: { $known }.
    .do = Прочесть её: counterpart restore --part NAME. Затем сказать --take или --refuse с этим именем: не менее восьми его цифр, сколько нужно, чтобы отличить её от других.
# unreviewed
fault-restore-up-to = --up-to { $said } не называет записи той одной части, что названа: где резать, не сказано.
    .do = Назвать одну часть с --part и номер, который показывает counterpart restore --part NAME. Ничего не взято.
# unreviewed
fault-restore-no-list = Без списка корня никто не может сказать, какие ключи были отменены.
    .do = Добавить --keys-list FILE: файл «….granted», который лежит рядом с корневым ключом.
# unreviewed
fault-restore-unheard = С тех пор как эта станция восстановлена, { $peer } не слышно, поэтому неизвестно, что из нашего журнала там есть.
    .do = Дождаться линии и пока другая сторона покажет, что у неё есть; см. counterpart restore. Если связаться с ней невозможно и ответственность принята на себя, добавить --peer-is-dark, а при нескольких линиях и --line. Ничего не создано и не открыто.
# unreviewed
fault-restore-unnamed = Показанное из нашего журнала на линии с { $peer } подписано под конец ключом, который корень дал последним: оно наше, если этот ключ не украден. Есть: { $known }.
    .do = Прочесть: counterpart restore --part NAME. Что наше, называют вместе с --open: --part NAME, по разу на каждую часть; достаточно восьми цифр её имени. Что не наше, сначала оставляют с --refuse. Ничего не создано и не открыто.
# unreviewed
fault-restore-unjudged = Показанное из нашего журнала на линии с { $peer } мог сделать ключ, который корень отменил, и никто ещё не сказал, берут ли это.
    .do = Посмотреть с помощью counterpart restore --keys-list FILE и взять это или нет, как там сказано. Затем открыть. Ничего не создано и не открыто.
# unreviewed
fault-root-file = { $cause }
    .do = Найти список корня этой станции, рядом с её корневым ключом.
# unreviewed
fault-restore-unbound = Этих ключей нет ни в одной резервной копии, сделанной этой станцией, или они на этой линии уже действуют.
    .do = Сначала создать ключи, как это делает counterpart restore --open. Ничего не открыто.
# unreviewed
fault-root-other = Это не тот корневой ключ, который называет устав этой линии.
    .do = Взять корневой ключ, созданный вместе с этой станцией. Ничего не подписано и не открыто.
# unreviewed
fault-epoch-unknown = Эпохи { $said } у этой линии нет.
    .do = Без --epoch берётся действующая; прежние считаются с 0.
# unreviewed
fault-line-unread = { $cause }
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию.
# unreviewed
fault-line-none = У этой станции ещё нет линии.
    .do = Создать её командой «counterpart invite» или принять приглашение командой «counterpart join».
# unreviewed
fault-language-malformed = «{ $said }» — не обозначение языка.
    .do = Написать обозначение по BCP 47, например en или fr-CA.
# unreviewed
fault-words-empty = Слов нет.
    .do = Дать текст как аргумент или «-», чтобы он читался со стандартного ввода.
# unreviewed
fault-words-unreadable = Слова не являются текстом UTF-8 или не читаются.
    .do = Дать текст как аргумент или «-», чтобы он читался со стандартного ввода.
# unreviewed
fault-command-unreadable = { $cause }
    .do = Что принимается: { $program } --help
# unreviewed
fault-cut-short = Станция перестала передавать до конца.
    .do = Повторить команду; если повторяется, запустить «counterpart doctor».
# unreviewed
fault-token-of-another = С этим маркером дано другое действие, и оно стоит в журнале как { $at }. Сейчас ничего не записано.
    .do = Давать каждому действию свой маркер или никакого: тогда он будет создан.
# unreviewed
fault-token-malformed = В маркере от 1 до { $max } байт.
    .do = Дать такой или никакого: тогда он будет создан.
# unreviewed
fault-too-large = Отправлено больше { $max } байт.
    .do = Сократить или отправить несколькими сообщениями.
# unreviewed
fault-no-such-route = По адресу { $path } ничего нет.
    .do = Найти адрес в описании /api/v1.
# unreviewed
fault-wrong-method = { $path } не принимает { $method }.
    .do = Взять метод, который называет описание /api/v1.
# unreviewed
fault-not-a-request = { $name } — не запрос и ни к какому не относится.
    .do = Назвать запрос; открытые перечисляет «counterpart status». Что в журнале линии об остальном: «counterpart record --from "{ $name }"».
# unreviewed
fault-no-such-session = Звонка с таким сеансом не открыто.
    .do = Открыть его: только открытый звонок может сообщить, что устройство звонит.
# unreviewed
fault-not-handed = Это на этом звонке не звонит или уже не звонит.
    .do = Подтвердить то, что звонок получил последним.
# unreviewed
fault-conduct-none = Нет ничего, что никем не отмечено.
    .do = «counterpart doctor» говорит, что о линии хранится; свидетельство остаётся.
# unreviewed
fault-not-ringing = { $name } не звонит здесь до отметки или уже не звонит.
    .do = Посмотреть, что звонит, командой bell; попытку просматривают, сообщение читают, на проверку отвечают.
# unreviewed
fault-too-many-bells = Открыто звонков: { $max }, больше станция не обслуживает.
    .do = Закрыть один.
# unreviewed
fault-digits-malformed = «{ $said }» — не шестнадцать групп по пять цифр.
    .do = Дать все шестнадцать групп, как их читает вслух другая сторона.
# unreviewed
fault-no-data = В { $path } станции нет.
    .do = Назвать её каталог данных: --data, или создать станцию командой «counterpart init».
# unreviewed
fault-configuration-gone = В { $path } лежит журнал, а его файла настроек counterpart.toml нет.
    .do = Вернуть его из резервной копии; другую станцию там не создавать.
# unreviewed
fault-data-closed = Этот пользователь не может читать { $path }.
    .do = Дать команду от имени пользователя, которому принадлежит станция, например через «sudo -u».
# unreviewed
fault-file = { $path }: { $cause }.
    .do = Назвать файл, который этот пользователь может читать, или место, где ещё ничего нет.
# unreviewed
fault-configuration = { $cause }
    .do = Исправить и повторить команду.
# unreviewed
fault-keys = Станция не создана. { $cause }
    .do = Исправить это и повторить команду.
# unreviewed
fault-unmade = Станция не создана. { $cause }
    .do = Исправить это и повторить команду.
# unreviewed
fault-init-unfit = { $cause }
    .do = Дать иначе.
# unreviewed
fault-pairing = { $cause }
    .do = Исправить это и повторить команду.
# unreviewed
fault-term-unfit = { $cause }
    .do = Дать иначе.
# unreviewed
fault-pairing-none = Сопряжения не идут.
    .do = Создать приглашение командой { "`counterpart invite`" } или принять его командой { "`counterpart join`" }.
# unreviewed
fault-pairing-several = Идёт несколько сопряжений.
    .do = Указать, какое: { "`--line`" } принимает первые восемь цифр линии, как их перечисляет { "`counterpart pairings`" }.
# unreviewed
fault-pairing-unknown = Сопряжения линии «{ $said }» нет, или их больше одного.
    .do = Выбрать из идущих: { $known }.
# unreviewed
fault-pairing-candidate = Под названное не подходит ни один кандидат или подходит больше одного.
    .do = Указать, какой: { "`--candidate КЛЮЧ`" }; { "`counterpart pairings`" } перечисляет ключ каждого.
# unreviewed
fault-user-malformed = «{ $said }» не может быть именем пользователя.
    .do = Написать от 1 до { $max } байт в одну строку, без пробелов по краям.
# unreviewed
fault-password-unfit = Пароль слишком короткий или слишком длинный.
    .do = Взять знаков не меньше { $min }, байт не больше 256.
# unreviewed
fault-user-there = Пользователь «{ $said }» уже есть.
    .do = Взять другое имя или изменить того пользователя: «counterpart user change» или клавиша на странице пользователей.
# unreviewed
fault-user-unchanged = Не названы ни роль, ни пароль.
    .do = Сказать, что изменить.
# unreviewed
fault-admin-last = «{ $said }» — единственный пользователь с ролью admin.
    .do = Сначала дать эту роль кому-нибудь ещё. Владелец станции может сделать это и так: «counterpart user».
# unreviewed
fault-user-self = Это сам вошедший.
    .do = Поручить это другому с ролью admin. Свой пароль меняют в настройках.
# unreviewed
fault-user-unknown = Пользователя «{ $said }» нет.
    .do = Имеющихся показывает «counterpart user list».
# unreviewed
fault-session-ended = В этом браузере никто не вошёл: сеанс закончен.
    .do = Войти снова; сеанс длится двенадцать часов, и закончить его могут сам человек, другой пульт или администратор.
# unreviewed
fault-signer-gone = Сеанс, в котором нажата клавиша, завершился прежде, чем это было подписано.
    .do = Посмотреть на запрос и, если это всё ещё имеется в виду, нажать клавишу снова.
# unreviewed
fault-form-foreign = Эта форма не со страницы, которую этот пульт нарисовал для этого сеанса.
    .do = Открыть страницу заново и отправить с неё.
# unreviewed
fault-form-unreadable = Форма не читается.
    .do = Открыть страницу заново и отправить с неё.
# unreviewed
fault-not-signed-in = Такие имя и пароль друг другу не соответствуют.
    .do = Попробовать ещё раз или попросить ссылку у администратора этой станции.
# unreviewed
fault-tries-spent = Для этого имени с этого адреса за минуту сделано десять попыток.
    .do = Подождать { $seconds } с.
# unreviewed
fault-address-spent = С этого адреса за минуту сделано шестьдесят попыток под какими бы то ни было именами.
    .do = Подождать { $seconds } с или войти по ссылке: владелец станции создаёт её командой «counterpart user link», кто ведёт пользователей — на их странице.
# unreviewed
fault-link-spent = По этой ссылке уже кто-то вошёл, или её десять минут прошли.
    .do = Попросить другую: «counterpart user link ИМЯ».
# unreviewed
fault-address-unreadable = Что стоит в этом адресе { $path } после «?», не читается: каждое имя может стоять там один раз.
    .do = Вернуться и открыть ссылку или клавишу страницы.
# unreviewed
fault-nothing-here = У пульта нет страницы { $path }.
    .do = Вернуться к линиям.
# unreviewed
fault-too-late = Взять назад нечего: это подписано, или уже было взято назад, или станция с тех пор запущена заново: тогда то, что ещё ждало, не подписано и не отправлено.
    .do = Посмотреть запрос; подписанное стоит там и остаётся в журнале.
# unreviewed
fault-role-reads = Роль { $role } читает и действий не совершает.
    .do = Это может человек с одной из ролей: { $may }.
# unreviewed
fault-token-missing = С этим вызовом не пришёл маркер.
    .do = Передать его в заголовке { "`Authorization: Bearer TOKEN`" }, никогда не в адресе. Создаёт его { "`counterpart token add NAME --role ROLE`" }.
# unreviewed
fault-token-unknown = Такого маркера у этой станции нет: он отозван или не создавался.
    .do = Попросить другой у того, кто ведёт станцию: { "`counterpart token add NAME --role ROLE`" }.
# unreviewed
fault-token-tries-spent = С этого адреса за минуту пришло слишком много вызовов с неверным маркером.
    .do = Подождать { $seconds } с.
# unreviewed
fault-role-not = Роль { $role } этого не делает.
    .do = Это может одна из ролей: { $may }.
# unreviewed
fault-page-method = { $path } не принимает { $method }.
    .do = Вернуться и воспользоваться клавишей страницы: открытием адреса ничего не делается.
# unreviewed
fault-banner-unfit = Строка грифа не подходит.
    .do = Написать не более { $max } знаков одной строкой, все видимые.
# unreviewed
fault-password-other = Нынешний пароль другой.
    .do = Написать тот, с которым был вход. Если он утерян, человек с ролью admin даст ссылку для входа или новый пароль.
# unreviewed
fault-password-none = Пароля у вас нет: вход — по ссылкам.
    .do = Пароль может дать человек с ролью admin, на странице пользователей.
# unreviewed
fault-owner-alone = Это делается только на машине самой станции её владельцем; маркером нельзя.
    .do = Взять команды там: они говорят через сокет в каталоге данных. Маркеры создаёт и человек с ролью admin на пульте.
# unreviewed
fault-token-name-malformed = «{ $said }» не может быть именем маркера.
    .do = Написать от 1 до { $max } байт в одну строку, без пробелов по краям; имя не начинается с «token» или «uid».
# unreviewed
fault-round-no-line = Ни одна линия не выбрана.
    .do = Выбрать одну или несколько линий.
# unreviewed
fault-round-whole = В этом обходе запрос есть уже на каждой линии.
    .do = Вернуться к обходу и открыть запрос линии, чтобы запросить там снова.
# unreviewed
fault-round-none = Обхода «{ $said }» у этой станции нет.
    .do = Взять один из списка обходов.
# unreviewed
fault-people-wait = Эта станция восстановлена из резервной копии, и ещё никто не сказал, что те, кто в ней может входить и вызывать, по-прежнему могут.
    .do = Владелец станции смотрит их командой «counterpart restore» и затем даёт «counterpart restore --people». Пока что можно войти по ссылке: «counterpart user link».
# unreviewed
fault-token-ended = Этот маркер действовал до { $time } и больше не действует.
    .do = Попросить другой у того, кто ведёт станцию: { "`counterpart token add NAME --role ROLE`" } или страница маркеров на пульте.
# unreviewed
fault-token-until-past = { $said } уже прошло: маркер не может кончиться раньше, чем создан.
    .do = Написать более поздний день или оставить пустым, тогда маркер действует, пока его не отзовут.
# unreviewed
fault-token-there = Маркер «{ $said }» уже действует.
    .do = Взять другое имя или сначала отозвать тот: { "`counterpart token revoke NAME`" }.
# unreviewed
fault-token-none = Маркера «{ $said }» нет.
    .do = Действующие показывает { "`counterpart token list`" }.
# unreviewed
fault-tokens-many = Действует маркеров: { $max }; больше станция не принимает.
    .do = Отозвать ненужный: { "`counterpart token revoke NAME`" }.
# unreviewed
fault-translation-language = «{ $said }» — не тот язык, на который здесь переводят.
    .do = Взять один из: { $known }.
# unreviewed
fault-translation-words = В переводе от 1 до { $max } байт.
    .do = Написать короче или по частям.
# unreviewed
fault-translation-of-what = { $name } — не текст другой стороны: здесь переводят только их тексты.
    .do = Открыть сообщения линии и взять одно из их текстов.
# unreviewed
fault-position-unknown = «{ $said }» — не позиция в журналах этой станции: с тех пор они восстановлены из резервной копии, или позиция от другой станции.
    .do = Прочитать виды заново, затем следить без позиции.
# unreviewed
fault-streams-own = Открыто предельное число потоков с этим маркером: { $max }.
    .do = Завершить один или дать каждой программе свой маркер.
# unreviewed
fault-streams-many = За журналами следит предельное число программ: { $max }.
    .do = Завершить одну или спрашивать виды время от времени.
# unreviewed
fault-elsewhere = Вызов пришёл со страницы другого сайта или в обход прокси перед этой станцией.
    .do = Вызывать из программы, по адресу, который станция для этого даёт.
# unreviewed
fault-host-other = Станцию спрашивают по имени, которое ей не принадлежит.
    .do = Взять одно из имён в разделе [desk] её конфигурации.
# unreviewed
fault-desk-none = Пульта у этой станции нет.
    .do = Указать его адрес в разделе [desk] конфигурации и запустить станцию снова.
# unreviewed
fault-start = Станция не запускается. { $cause }
    .do = Исправить это и запустить снова.
# unreviewed
fault-start-unfit = Станция не запускается. { $cause }
    .do = Исправить это и запустить снова.
# unreviewed
fault-demo-late = Станция в { $path } за { $seconds } с не запустилась.
    .do = Посмотреть, что она написала в { $log }.
# unreviewed
fault-story-late = За { $seconds } с две станции истории не пришли к одному и тому же.
    .do = Попробовать на машине, занятой меньше.
# unreviewed
fault-story-unknown = Истории «{ $said }» нет: { $cause }.
    .do = Назвать файл или одну из тех, что поставляются с программой: { $known }.
# unreviewed
fault-no-station = По { $path } станция не отвечает: { $cause }.
    .do = Запустить её: «counterpart --data { $data } serve»; record, status, lines и doctor читают и без неё.
# unreviewed
fault-station-there = По { $path } уже отвечает станция.
    .do = Пользоваться ею или сначала остановить её.
# unreviewed
fault-not-understood = Станция ответила то, чего эта программа не читает: { $cause }.
    .do = Взять программу той же версии, что у станции.
# unreviewed
fault-not-printed = Сказанное этой командой не удалось вывести: { $cause }.
    .do = Освободить место там, куда оно шло, и повторить. Сделанное — в журнале линии; приглашение, ссылка или токен показываются один раз: отменить их и сделать другие.
# unreviewed
fault-machine = Не сделано: сбой на машине этой станции. { $cause } Ничего не записано.
    .do = Повторить команду; если повторяется, запустить «counterpart doctor».
# unreviewed
fault-unread = Журнал этой станции не читается. { $cause }
    .do = Запустить «counterpart doctor».
# unreviewed
fault-unread-place = Журнал не читается. { $cause }
    .do = Исправить это и повторить команду.
# unreviewed
fault-backup = Резервная копия не сделана. { $cause }
    .do = Запустить «counterpart doctor».
# unreviewed
fault-backup-place = Резервная копия не сделана. { $cause }
    .do = Назвать новое место.
# unreviewed
fault-stopping = Станция останавливается.
    .do = Запросить с тем же маркером, когда она работает.
# unreviewed
fault-timed-out = Ответа станции за { $seconds } с нет.
    .do = Запросить снова с тем же маркером: что уже записано, останется один раз.
# unreviewed
fault-form-timed-out = Ответа станции за { $seconds } с нет. Отправленное, возможно, всё же подписано.
    .do = Прежде чем отправлять снова, посмотреть в журнале линии.

## Что не так с конфигурацией: где, что и что написать вместо этого

# unreviewed
config-file = { $file }
# unreviewed
config-line = { $file }, строка { $line }
# unreviewed
config-key = { $file }, строка { $line }, { $key }
# unreviewed
config-wrong = { $place }: { $wrong }
    .do = Исправить файл.
# unreviewed
config-unread = не читается: { $cause }.
    .do = Взять из резервной копии или назвать каталог данных, где он есть; новую станцию создаёт «counterpart init».
# unreviewed
config-file-too-long = длина { $size } байт, больше { $max }.
    .do = Взять из резервной копии; столько вручную никто не пишет.
# unreviewed
config-unwritten = не записывается: { $cause }.
    .do = Назвать новый каталог данных, в который этот пользователь может писать.
# unreviewed
config-no-such-key = такого ключа здесь нет.
    .do = Убрать его или написать { $known }.
# unreviewed
config-missing = этого нет.
    .do = Написать, например: { $example }
# unreviewed
config-value = { $cause }.
    .do = Написать, например: { $example }
# unreviewed
config-syntax = { $cause }.
    .do = Написать «ключ = значение» отдельной строкой, текст — в двойных кавычках.
# unreviewed
config-language = «{ $said }» — не обозначение языка по BCP 47.
    .do = Написать, например: { $example }
# unreviewed
config-no-language = пусто, а тексту нужен язык.
    .do = Написать, например: { $example }
# unreviewed
config-zone = «{ $said }» — не часовой пояс базы IANA.
    .do = Написать, например: { $example }
# unreviewed
config-empty = пусто.
    .do = Написать, например: { $example }
# unreviewed
config-too-long = длина { $length } байт, больше { $max }; латинская буква — один байт, русская — два.
    .do = Сократить. Написать, например: { $example }
# unreviewed
init-unfit = { $flag }: { $wrong }
    .do = Дать, например: { $flag } { $example }
# unreviewed
config-control = здесь перевод строки или другой невидимый знак.
    .do = Написать, например: { $example }
# unreviewed
config-too-many = элементов { $count }, больше { $max }.
    .do = Написать, например: { $example }
# unreviewed
config-item-too-long = в одном элементе { $length } байт, больше { $max }.
    .do = Написать, например: { $example }
# unreviewed
config-posts = должностей { $count }, а не от 1 до { $max }.
    .do = Написать, например: { $example }
# unreviewed
config-post-twice = «{ $said }» — обозначение и более ранней должности.
    .do = Написать, например: { $example }
# unreviewed
config-post-id = «{ $said }» — не от 1 до { $max } знаков a–z, 0–9 и -.
    .do = Написать, например: { $example }
# unreviewed
config-precedence = «{ $said }» нет среди { $known }.
    .do = Написать, например: { $example }
# unreviewed
config-listen = «{ $said }» — не числовой адрес с портом.
    .do = Написать, например: { $example }
# unreviewed
config-address = «{ $said }» — не узел, двоеточие и порт.
    .do = Написать, например: { $example }
# unreviewed
config-rate = стоит { $said }, а не от 1 до { $max }.
    .do = Написать, например: { $example }
# unreviewed
config-checks-twice = стоит рядом с «every_minutes», а действовать может только одно из них.
    .do = Убрать одно из двух. Написать, например: { $example }
# unreviewed
config-minutes = стоит { $said }, больше { $max }, то есть суток.
    .do = Написать, например: { $example }
# unreviewed
config-number = «{ $said }» — не числовой адрес.
    .do = Написать, например: { $example }
# unreviewed
config-host = «{ $said }» — не узел и не узел с портом.
    .do = Написать, например: { $example }
# unreviewed
config-beside = рядом должно стоять «{ $other }».
    .do = Написать оба или ни одного; например: { $example }
# unreviewed
config-loopback = стоит { $said }, а открытый HTTP — только для петлевого адреса.
    .do = Написать, например: { $example } Или указать certificate и private_key, или назвать прокси.
# unreviewed
config-no-names = в «names» не назван ни один узел, а браузеру, который спрашивает другой, не отвечают.
    .do = Написать имена, по которым браузеры спрашивают пульт: names = ["desk.northland.example"]
# unreviewed
config-webhook-name = «{ $said }» не может быть именем вебхука или уже имя другого.
    .do = Написать от 1 до 32 знаков a–z, 0–9 и дефис; например: { $example }
# unreviewed
config-webhook-url = «{ $said }» не может быть адресом вебхука.
    .do = Написать https:// и рядом «certificates», файл PEM, по которому узнаётся другой конец; или http:// с числовым адресом этой машины, без него.
# unreviewed
config-minute = «{ $said }» — не время от 00:00 до 23:59.
    .do = Написать, например: { $example }

## Ключи, адреса, случайность

# unreviewed
keys-taken = { $path } уже есть, а ключи никогда не переписываются.
    .do = Выбрать другое место или убрать имеющееся.
# unreviewed
keys-root-inside = Корневой ключ { $path } оказался бы внутри каталога данных, который он должен пережить.
    .do = Назвать файл вне его: --root-key, лучше всего на носителе, который уйдёт в сейф.
# unreviewed
keys-shared = Права { $path } — { $mode }, так что ключ могли бы прочесть другие.
    .do = Выполнить: chmod { $needs } { $path }
# unreviewed
keys-malformed = { $path } — не ключ этого рода.
    .do = Взять файл из резервной копии. В нём одна строка, «{ $expected }», с 64 шестнадцатеричными цифрами.
# unreviewed
keys-not-listed = { $path } нигде не называет ключа нашей станции { $key }…: это список другой станции или слишком старая копия нашего. С ним взять можно было бы что угодно.
    .do = Найти список корня этой станции, рядом с её корневым ключом («….granted»), самую новую копию. Ничего не взято, не подписано и не открыто.
# unreviewed
keys-unread = { $path } не читается: { $cause }.
    .do = Дать этому пользователю читать его или взять файл из резервной копии.
# unreviewed
keys-failed = Машина подвела на { $path }: { $cause }.
    .do = Посмотреть её диск: не полон ли он и цел ли. Затем повторить команду; недописанное не действует.
# unreviewed
keys-unwritten = { $path } не записывается: { $cause }.
    .do = Дать этому пользователю писать туда или назвать другое место.
# unreviewed
entropy-none = Операционная система не дала случайных байтов: { $cause }.
    .do = Разрешить этой программе вызов getrandom.
# unreviewed
bind-taken = По { $protocol } { $address } слушает другая программа.
    .do = Остановить её, если это другая станция; или написать другой порт в [link] listen и announce и запустить снова.
# unreviewed
bind-address = По { $protocol } { $address } слушать нельзя: { $cause }.
    .do = Написать в [link] listen адрес этой машины, например 0.0.0.0:7411, и запустить снова.
# unreviewed
bind-socket = Система даёт сокет, но не даёт им пользоваться: { $cause }.
    .do = Разрешить этой программе UDP и TCP и запустить снова.
# unreviewed
bind-times = Промежуток поддержания связи не меньше предела простоя.
    .do = Сделать его меньше.
# unreviewed
bind-tls = TLS не принимает ключ связи: { $cause }.
    .do = Взять ключи из резервной копии.
# unreviewed
desk-address = Пульт нельзя открыть по { $address }: { $cause }.
    .do = Остановить то, что там слушает, или написать другой адрес в [desk] listen и запустить снова.
# unreviewed
pem-unread = { $path } не читается: { $cause }.
    .do = Дать пользователю станции его читать или назвать в конфигурации другой файл.
# unreviewed
pem-no-certificate = В { $path } нет сертификата.
    .do = Назвать файл PEM с { "`-----BEGIN CERTIFICATE-----`" }; если их несколько, свой стоит первым.
# unreviewed
pem-no-key = В { $path } нет закрытого ключа, который можно взять.
    .do = Назвать файл PEM с закрытым ключом без пароля: { "`-----BEGIN PRIVATE KEY-----`" }.
# unreviewed
pem-broken = Содержимое { $path } взять нельзя: { $cause }.
    .do = Положить файл заново, таким, каким он выдан.
# unreviewed
pem-differ = Закрытый ключ в { $path } не от сертификата в { $certificate }.
    .do = Назвать ключ, с которым запрашивали этот сертификат; после продления назвать оба новых файла.
# unreviewed
desk-speaks-https = Этот адрес говорит по HTTPS, а пришло другое. Ничего из него не прочитано. Что делать: открыть https://{ $address }/.
# unreviewed
webhook-file = { $path }: { $cause }.
    .do = Назвать секрет не короче 32 байт на одной строке, который этот пользователь может читать.
# unreviewed
untold-nothing = Вебхук { $webhook } принимает то, что ему передают.
# unreviewed
untold-unreached = До вебхука { $webhook } не достать, раз подряд: { $count }, с { $since }: по его адресу ничто не отвечает.
    .do = Посмотреть, известно ли здесь его имя и работает ли его программа. Что ждёт, будет передано, когда он ответит.
# unreviewed
untold-issuer = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: ни один из названных сертификатов не ручается за тот, что он показывает.
    .do = Если его сертификат верный, положить подписавший его в файл { "`certificates`" } и запустить станцию снова. Что ждёт, будет передано тогда.
# unreviewed
untold-name = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: его сертификат на другое имя, чем в { "`url`" }.
    .do = Написать в { "`url`" } имя из сертификата или выдать ему сертификат на это имя. Что ждёт, будет передано тогда.
# unreviewed
untold-expired = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: срок его сертификата истёк или ещё не начался.
    .do = Продлить его сертификат или поставить здесь часы. Что ждёт, будет передано тогда.
# unreviewed
untold-tls = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: TLS не состоялся.
    .do = Посмотреть, говорит ли его адрес по HTTPS; причина есть в логе. Что ждёт, будет передано тогда.
# unreviewed
untold-late = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: он не отвечает вовремя.
    .do = Посмотреть на его программу: отвечать ей следует до работы. Что ждёт, будет передано снова.
# unreviewed
untold-broken = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: его ответ оборвался или это не HTTP.
    .do = Посмотреть на его программу; причина есть в логе. Что ждёт, будет передано снова.
# unreviewed
untold-status = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: он отвечает { $status }.
    .do = Посмотреть на его программу: 200–299 принимает переданное. Если он ведёт на другой адрес, назвать тот в { "`url`" }: по перенаправлению станция не идёт. Что ждёт, будет передано снова.
# unreviewed
untold-here = Вебхуку { $webhook } не передано, раз подряд: { $count }, с { $since }: журнал самой станции не удалось прочитать или записать.
    .do = Посмотреть, что ещё здесь сказано, и на диск. Что ждёт, будет передано снова.
# unreviewed
socket-failed = Сокет команд { $path } не создаётся: { $cause }.
    .do = Дать этому пользователю писать в каталог данных, на диске этой машины, по пути не длиннее 100 знаков.

## Хранилище

# unreviewed
store-stale = В журнале стороны { $party } записей { $held }, а не { $expected }.
    .do = Решить заново.
# unreviewed
store-token-used = Команда с маркером «{ $token }» уже выполнена.
    .do = Посмотреть её запись в журнале.
# unreviewed
store-disk-full = Диск, на котором журнал, полон.
    .do = Освободить на нём место и повторить команду. Ничто записанное не потеряно, и станция продолжит сама.
# unreviewed
store-busy = Базу данных журнала держит другая программа, поэтому ничего нельзя записать.
    .do = Закройте её или подождите, пока она закончит, затем повторите команду. Ничто записанное не потеряно.
# unreviewed
store-corrupt = База данных повреждена ({ $found }).
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию.
# unreviewed
store-line = Хранимое о линии со стороной { $line } не читается, поэтому эта линия не обслуживается. Найдено: { $found }.
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию: чего в копии нет, покажет другая сторона.
# unreviewed
store-locked = Этот журнал ведёт процесс { $pid } ({ $path }).
    .do = Пользоваться работающей станцией или сначала остановить её: kill { $pid }
# unreviewed
store-locked-unsaid = Этот журнал ведёт другой процесс ({ $path }).
    .do = Пользоваться работающей станцией или сначала остановить её.
# unreviewed
store-newer = { $path } записан более новой программой: версия его схемы { $found }, а эта программа знает до { $known }.
    .do = Запустить более новую программу. Журнал в порядке; ничего не изменено.
# unreviewed
store-older = У { $path } схема версии { $found }, а эта программа читает { $known }.
    .do = Запустить станцию один раз: она доведёт схему.
# unreviewed
store-failed = Сбой ({ $doing }): { $cause }.
    .do = Повторить команду; если повторяется, запустить «counterpart doctor» и посмотреть на диск.
# unreviewed
store-exists = { $path } уже есть.
    .do = Выбрать другой каталог данных.
# unreviewed
store-absent = { $path } нет.
    .do = Назвать каталог данных, восстановить резервную копию или создать новую станцию командой «counterpart init».
# unreviewed
store-journal-apart = В { $path } стоят новейшие записи, и прочесть их там, где рядом нельзя писать, нельзя.
    .do = Скопировать весь каталог туда, где этому пользователю можно писать, и читать там.
# unreviewed
store-foreign = { $path } — не журнал Counterpart.
    .do = Назвать каталог данных, в котором он есть.
# unreviewed
backup-exists = { $path } уже есть.
    .do = Назвать новую папку или убрать имеющуюся.
# unreviewed
check-size = В журнале стороны { $party } эпохи { $epoch } записей { $entries }, а его вершина называет { $head }.
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию.
# unreviewed
check-arrivals = У записей, которых { $entries }, номеров прихода { $numbers }, высший — { $highest }: не по одному на каждую, начиная с 0.
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию.
# unreviewed
check-orphans = Строк «{ $table }», не относящихся ни к одной записи: { $count }.
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию.
# unreviewed
doing-database = работа с базой данных
# unreviewed
doing-probe = запись в каталог данных
# unreviewed
doing-lock = взятие блокировки
# unreviewed
doing-read = чтение
# unreviewed
doing-backup = запись резервной копии
# unreviewed
doing-commit = запись в журнал
# unreviewed
doing-create = создание базы данных
# unreviewed
doing-open = открытие базы данных
# unreviewed
doing-thread = начало ведения журнала
# unreviewed
machine-said = Система сообщает: { $cause }.
    .do = Повторить команду; если повторяется, запустить «counterpart doctor» и посмотреть служебный журнал станции.
# unreviewed
machine-record-broke = Запись журналов прервалась из-за ошибки этой программы. Ничто сохранённое не потеряно.
    .do = Запустить станцию снова. Если она опять остановится, выполнить «counterpart doctor», сохранить её журнал работы и сообщить тому, кто сопровождает эту программу.
# unreviewed
machine-pairing-begun = Сопряжение здесь закончено, и их запись на месте 0 есть.
    .do = Попробовать снова: линия началась.
# unreviewed
machine-no-begin = Сопряжение не дало записи на месте 0, которая может стоять ({ $misconduct }).
    .do = Поговорить с ними по другому каналу и сопрячь заново.

## Сопряжение: приглашения, проекты, шаги

# unreviewed
invitation-too-long = В тексте { $length } байт, а в приглашении — не больше { $max }.
    .do = Вставить одно приглашение.
# unreviewed
invitation-foreign = Это не приглашение.
    .do = Дать текст от строки counterpart-invitation-v1 до строки, начинающейся с check.
# unreviewed
invitation-surrounded = Строка { $line } не относится к приглашению.
    .do = Вставить от строки counterpart-invitation-v1 до строки, начинающейся с check, включая обе.
# unreviewed
invitation-version = Это приглашение версии { $version }, а эта программа читает версию 1.
    .do = Обновить более старую из двух станций, затем попросить новое приглашение.
# unreviewed
invitation-cut-off = Конца приглашения нет.
    .do = Вставить до строки, начинающейся с check.
# unreviewed
invitation-bad-line = В строке { $line } знак, которого в приглашении не бывает.
    .do = Скопировать приглашение снова или попросить его файлом.
# unreviewed
invitation-damaged = Приглашение изменилось в пути.
    .do = Скопировать его снова или попросить файлом.
# unreviewed
invitation-malformed = Приглашение пришло целым, но содержит не то.
    .do = Спросить их, какая программа его создала.
# unreviewed
invitation-addresses = В приглашении от 1 до { $count } адресов, каждый не длиннее { $max } байт.
    .do = Исправить [link] announce и пригласить снова.
# unreviewed
draft-unreadable = Устав не читается.
    .do = Попросить новое приглашение.
# unreviewed
clause-version = версия правил
# unreviewed
clause-line = имя линии
# unreviewed
clause-parties = две организации
# unreviewed
clause-station = как скоро станция держит отправленное
# unreviewed
clause-watch = как скоро видит дежурная смена
# unreviewed
clause-principal = как скоро отсрочка, время или ответ
# unreviewed
clause-pace = темп продлений
# unreviewed
clause-checks = когда проверяется линия
# unreviewed
clause-deniable = отрицаемы ли слова
# unreviewed
clause-grace = льготный срок перед утратой силы
# unreviewed
clause-public = что можно говорить публично
# unreviewed
clause-witnesses = свидетели
# unreviewed
clause-relays = ретрансляторы
# unreviewed
clause-recall = как долго действует готовность
# unreviewed
clause-unknown = здесь неизвестен
# unreviewed
draft-clause = Пункта { $clause } устава ({ $name }) нет, он неверен или выходит за пределы.
    .do = Исправляет и приглашает снова тот, кто пригласил. Срок — не больше { $days } дней.
# unreviewed
draft-version = Устав называет правила версии { $version }, а эта программа вычисляет { $known }.
    .do = Договориться о версии, которая есть у обеих программ.
# unreviewed
draft-too-long = В уставе { $length } байт, а допустимо не больше { $max }.
    .do = Назвать меньше должностей, адресов или языков.
# unreviewed
draft-shared-call-sign = У обеих сторон один и тот же позывной.
    .do = Договориться, кто возьмёт другой, и пригласить снова.
# unreviewed
draft-unshown = В тексте пункта { $clause } устава невидимый знак.
    .do = Написать его заново и пригласить снова.
# unreviewed
draft-shared-key = Обе стороны называют один и тот же ключ: это приглашение этой станции или её копии.
    .do = Передать его другой организации. Станция не сопрягается сама с собой.
# unreviewed
pairing-alike-line = Линия со стороной { $name } ({ $line }) открыта, и это имя можно принять за имя той стороны.
    .do = Спросить по телефону, те же ли это люди. Если нет — попросить другое имя. Если да — закрыть прежнюю линию или сообщить, что это выяснено: { "`--alike`" } или отметка на пульте. Две линии тогда различаются только по идентификаторам.
# unreviewed
pairing-alike-ours = Это имя можно принять за наше собственное.
    .do = Спросить по телефону, кто это. Попросить другое имя или сообщить, что это выяснено: { "`--alike`" } или отметка на пульте.
# unreviewed
pairing-alike-id = «{ $name }» можно прочитать как начало идентификатора линии.
    .do = Попросить другое имя или сообщить, что выяснено, кто это: { "`--alike`" } или отметка на пульте.
# unreviewed
pairing-alike-meant = Выяснено, кто это, и имя именно такое
# unreviewed
pairing-mixed = «{ $word }» написано буквами нескольких письменностей. Некоторые могут походить на буквы другой.
    .do = Спросить другую сторону, как пишется её имя.
# unreviewed
term-station = Станция держит отправленное; срок
# unreviewed
term-watch = Дежурная смена видит; срок
# unreviewed
term-principal = Отсрочка, время или ответ; срок
# unreviewed
term-pace = Продление звонит снова, когда после прежнего прошло
# unreviewed
term-checks = Линия проверяется
# unreviewed
term-grace = Утрата силы пишется, когда после срока прошло
# unreviewed
term-recall = Готовность действует
# unreviewed
term-no-span = «{ $said }» — не срок. Нужно: { $name }, «{ $term }».
    .do = Написать целое число и s, m, h или d — секунды, минуты, часы или дни: 90s, 15m, 8h, 2d. Не больше { $days } дней.
# unreviewed
term-no-spans = «{ $said }» — не один срок и не четыре. Нужно: { $name }, «{ $term }».
    .do = Написать один, например 15m, или четыре по срочности, начиная с ROUTINE: 8h,1h,15m,5m. Каждый — не больше { $days } дней.
# unreviewed
term-no-checks = «{ $said }» — не расписание. Нужно: { $name }, «{ $term }».
    .do = Написать never, срок от 60s до 1d или времена суток UTC по порядку: 09:00,17:00.
# unreviewed
term-too-long = «{ $said }» — дольше, чем может сказать устав. Нужно: { $name }, «{ $term }».
    .do = Дать не больше { $days } дней.
# unreviewed
pairing-terms = Что подписывают обе стороны:
# unreviewed
terms-post = { $night ->
    [yes] { $post } (срочность до «{ $precedence }», днём и ночью)
   *[no] { $post } (срочность до «{ $precedence }», днём)
}
# unreviewed
terms-posts = Должности стороны { $sign }: { $posts } (пункт 3).
# unreviewed
terms-posts-none = Сторона { $sign } не называет должностей (пункт 3).
# unreviewed
terms-any-precedence = { $span } при любой срочности
# unreviewed
terms-station = Станция держит отправленное другой; срок: { $span } (пункт 4).
# unreviewed
terms-watch = Дежурная смена видит; срок: { $spans } (пункт 5).
# unreviewed
terms-principal = Отсрочка, время или ответ; срок: { $span } (пункт 6).
# unreviewed
terms-pace = Продление — попытка и звонит, когда после прежней прошло: { $spans } (пункт 7).
# unreviewed
terms-pace-none = Каждое продление — попытка и звонит (пункт 7).
# unreviewed
terms-checks-every = Промежуток между проверками линии: { $span } (пункт 8).
# unreviewed
terms-checks-at = Линия проверяется в { $times } UTC (пункт 8).
# unreviewed
terms-checks-never = Линия по расписанию не проверяется (пункт 8).
# unreviewed
terms-attested = За слова ручается их автор: написанное можно показать другим (пункт 9).
# unreviewed
terms-deniable = Слова отрицаемы, если не сказано иное (пункт 9).
# unreviewed
terms-grace = Утрата силы пишется, когда после её срока прошло: { $span } (пункт 10).
# unreviewed
terms-public = Можно говорить публично: { $names } (пункт 11).
# unreviewed
terms-public-none = О том, что говорить публично, не условлено (пункт 11).
# unreviewed
terms-witnesses = Свидетели: { $names } (пункт 12).
# unreviewed
terms-witnesses-none = Свидетелей нет (пункт 12).
# unreviewed
terms-relays = Ретрансляторы: { $names } (пункт 13).
# unreviewed
terms-relays-none = Ретрансляторов нет (пункт 13).
# unreviewed
terms-recall = Готовность действует: { $span } (пункт 14).
# unreviewed
terms-unknown = Пункты, которых эта программа не знает, без действия: { $names }.
# unreviewed
pairing-other-digits = Такие цифры не относятся ни к одному кандидату. Ничего не подписано.
    .do = Сверить все шестнадцать групп снова: «counterpart pairings». Если они различаются, сообщить: «counterpart confirm --differ».
# unreviewed
pairing-not-yet = Цифр ещё нет: другая станция не отозвалась.
    .do = Посмотреть на связь с ней, затем подождать.
# unreviewed
pairing-no-such-candidate = Такого кандидата нет.
    .do = Вывести список кандидатов снова.
# unreviewed
pairing-confirmed = Этот кандидат уже подтверждён.
    .do = Чтобы закончить сопряжение, прекратить его.
# unreviewed
pairing-written = Устав подписан обеими сторонами, и наш журнал начат.
    .do = Чтобы уйти, закрыть линию.
# unreviewed
pairing-ended-ours = Это сопряжение прекращено здесь.
    .do = Создать новое приглашение.
# unreviewed
pairing-ended-theirs = Это сопряжение прекратила другая сторона.
    .do = Договориться о новом приглашении.
# unreviewed
pairing-ended-restored = Эта станция восстановлена из резервной копии, а это заканчивает открытые сопряжения.
    .do = Договориться о новом приглашении.
# unreviewed
pairing-other-key = С тех пор как написана наша половина устава, ключ станции сменился.
    .do = Прекратить и сопрячь заново.
# unreviewed
pairing-no-such = Сопряжения линии { $line } нет.
    .do = Вывести список сопряжений снова.
# unreviewed
pairing-no-address = Приглашённый обращается к этой станции, а она не объявляет адреса.
    .do = Написать [link] announce в counterpart.toml, запустить станцию снова, затем пригласить; или пусть приглашает другая сторона.
# unreviewed
pairing-is-open = Линия { $line } этого приглашения уже открыта.
    .do = Делать ничего не нужно.
# unreviewed
pairing-too-many = Идёт сопряжений: { $max }, больше не ведётся.
    .do = Прекратить некоторые.
# unreviewed
pairing-kept = Линия открыта: её сопряжение хранится вместе с ней.
    .do = Делать ничего не нужно.
# unreviewed
pairing-under-way = Это сопряжение ещё идёт.
    .do = Сначала прекратить его.
# unreviewed
pairing-stopping = Станция останавливается.
    .do = Запустить её, затем попробовать снова.
# unreviewed
pairing-unknown-line = Журнал такой линии не знает.
    .do = Попробовать снова.
# unreviewed
pairing-differ = Цифры двух станций различаются, и ни одна не подписала.
    .do = Прекратить и сопрячь заново.
# unreviewed
pairing-late = В срок ответа другой станции нет.
    .do = Посмотреть на связь между станциями.
# unreviewed
digits-count = Цифр { $count }, а не 80.
    .do = Дать все шестнадцать групп по пять, как их читает другая сторона.
# unreviewed
digits-character = «{ $other }» — не цифра.
    .do = Дать шестнадцать групп по пять цифр, с пробелами или без.
# unreviewed
digits-group = Группа { $number } больше 65535, таких не бывает.
    .do = Попросить другую сторону прочесть её снова.
# unreviewed
awaited-their-station = Другая станция ещё не отозвалась.
# unreviewed
awaited-our-person = Сверить все шестнадцать групп по другому каналу, затем подтвердить их или сообщить, что они различаются.
# unreviewed
awaited-their-person = Здесь подтверждено; человек там ещё не подтвердил.
# unreviewed
awaited-their-record = Подписано обеими сторонами; их журнал ещё не начат.
# unreviewed
awaited-after = Их станция нарушила протокол ({ $misconduct }).
    .do = Сообщить им, затем попробовать снова или прекратить.
# unreviewed
awaited-nothing = Ничего не ожидается.
# unreviewed
turned-no-invitation = Открытого приглашения для этой линии у их станции нет.
    .do = Попросить у них новое.
# unreviewed
turned-proof = Тайну этого приглашения их станция не принимает.
    .do = Спросить их, они ли его создали.
# unreviewed
turned-full = Там ждут восемь кандидатов.
    .do = Попросить их убрать тех, кого они не знают, затем попробовать снова.
# unreviewed
turned-taken = Человек там подтвердил другого кандидата.
    .do = Если это не наша станция, сообщить им сразу.
# unreviewed
turned-used = Это приглашение уже использовано.
    .do = Если не нашей станцией, сообщить им сразу; иначе попросить новое.
# unreviewed
turned-by-person = Человек там сообщил, что эти цифры различаются.
    .do = Поговорить с ними, затем попробовать снова.
# unreviewed
turned-terms = Нашу половину устава их станция не принимает.
    .do = Сократить её и взять собственные ключи.
# unreviewed
turned-link-key = Наша половина устава называет не тот ключ связи, с которым мы соединяемся.
    .do = Прекратить и присоединиться заново.
# unreviewed
turned-not-candidate = Их станция не знает нас как кандидата.
    .do = Соединиться снова.
# unreviewed
dial-both = QUIC: { $quic }; TCP: { $tcp }
# unreviewed
dial-no-name = такого имени нет: { $cause }
# unreviewed
dial-not-tried = не пробовалось
# unreviewed
dial-no-route = нет пути к этому адресу
# unreviewed
dial-closed = там никто не слушает
# unreviewed
dial-timed-out = в срок ответа нет
# unreviewed
dial-wrong-key = ответил не тот ключ, который ожидался: { $key }
# unreviewed
dial-no-common-version = нет общей версии протокола
# unreviewed
dial-broken = установление связи прервалось: { $how }

## Что описание API говорит о каждом вызове

# unreviewed
document-is = Действия и виды одной станции. У каждой ошибки одна форма, и она говорит, что делать. Вызову нужен маркер, только в заголовке { "`Authorization: Bearer`" }; { "`x-roles`" } называет роли, чьи маркеры могут это делать, ни одной — если может только владелец, через сокет команд. { "`x-codes`" } перечисляет коды, которые API даёт сам; остальные — коды правил.
# unreviewed
document-done = Сделано.
# unreviewed
document-error = Не сделано: на чьей стороне причина, что не так, что делать.
# unreviewed
document-acts = Действие. Поля, которых оно не принимает, не принимаются; с маркером действия оно остаётся один раз, сколько бы раз его ни запросили.
# unreviewed
call-act = Выполняет действие. Ответ — когда оно записано в журнал.
# unreviewed
call-acts = Выполняет много действий в одном соединении, решая их по порядку строк; ответ на каждую строку, в том же порядке.
# unreviewed
call-round-begin = Запрашивает сразу на нескольких линиях, на каждой обычным запросом, и хранит, что они связаны. Ничто не подписывается, если нельзя подписать всё.
# unreviewed
call-noted = Отмечает сделанное ими: здесь это больше не звонит. За пределы станции ничего из этого не выходит.
# unreviewed
call-document = Это описание.
# unreviewed
call-health = Что станция работает и как далеко продвинулся её журнал.
# unreviewed
call-lines = Каждая линия: наблюдаемое рядом с объявленным, что открыто, что ожидается.
# unreviewed
call-terms = Что условлено на линии или на каждой: сроки, темп, льготный срок, должности; по пунктам.
# unreviewed
call-lines-unread = Линии, которые не обслуживаются, потому что хранимое о них не читается.
# unreviewed
call-rounds = Последние обходы, начиная с новейшего.
# unreviewed
call-round = Обход по его номеру: как далеко на каждой из запрошенных линий продвинулся запрос.
# unreviewed
call-requests = Запросы одной линии или всех: открытые или все.
# unreviewed
call-request = Запрос по его имени или по имени чего угодно, что к нему относится.
# unreviewed
call-record = Страница обоих журналов линии, в одном порядке.
# unreviewed
call-record-find = Записи линии, которые ищут: по виду, стороне, запросу, действию, времени и словам.
# unreviewed
call-figures = Время до ответа и проверки, по линиям.
# unreviewed
call-morning = Последние сутки каждой линии: проверки и запросы, сколько они заняли, и что записано.
# unreviewed
call-events = Что приходит в журналы, как server-sent events: каждая запись с её позицией и то, что наблюдается на каждой линии, когда это меняется. Программа, которая возвращается, говорит в { "`Last-Event-ID`" }, что она видела.
# unreviewed
call-calendar = Согласованные интервалы как лента iCalendar; о чём запрос, в ней не стоит.
# unreviewed
call-calendar-feed = То же по отдельному адресу, для программы календаря, которая не умеет посылать заголовок: его секрет больше ничего не открывает и отзывается как маркер.
# unreviewed
call-metrics = Показатели текущего момента в текстовом формате Prometheus.
# unreviewed
call-banner = Строка грифа на каждой странице и в печати.
# unreviewed
call-restore = Чего ждут линии, прежде чем снова подписывать.
# unreviewed
call-record-entries = Всё подписанное на линии, его слова и свидетельства о нарушениях другой станции: по объекту JSON в строке, последняя говорит, сколько их было.
# unreviewed
call-conduct-noted = Отмечает всё сохранённое о нарушениях другой станции на линии: doctor из-за этого никого не зовёт. Свидетельство остаётся.
# unreviewed
call-doctor = Проверяет конфигурацию, ключи и весь журнал.
# unreviewed
call-pairings = Каждое сопряжение, ещё не ставшее линией.
# unreviewed
call-invite = Создаёт приглашение.
# unreviewed
call-join = Принимает приглашение.
# unreviewed
call-confirm = Сообщает, что человек нашёл, сверив цифры.
# unreviewed
call-abandon = Прекращает сопряжение.
# unreviewed
call-users = Все пользователи.
# unreviewed
call-user-add = Создаёт пользователя.
# unreviewed
call-user-change = Даёт пользователю другую роль или пароль; сеансы кончаются.
# unreviewed
call-user-end = Пользователь удаляется, со всеми сеансами.
# unreviewed
call-user-sign-out = Все сеансы пользователя заканчиваются.
# unreviewed
call-banner-set = Задаёт строку грифа на каждой странице и в печати.
# unreviewed
call-sessions = Все идущие сеансы на пульте и по чьей ссылке каждый начался.
# unreviewed
call-session-end = Сразу заканчивает один сеанс.
# unreviewed
call-user-link = Создаёт ссылку для входа: один раз, в течение десяти минут.
# unreviewed
call-tokens = Все действующие маркеры, без того, что тайно.
# unreviewed
call-token-add = Создаёт маркер и сообщает его этот один раз.
# unreviewed
call-token-revoke = Маркер больше не действует.
# unreviewed
call-bell = Что звонит, строка на каждое изменение.
# unreviewed
call-rang = Устройство звонит: о звонке, который этот открытый звонок получил.
# unreviewed
call-restore-people = Стоит ли то, кто может входить и вызывать, как в резервной копии, и кто это.
# unreviewed
call-restore-people-confirm = Говорит, что всё как следует: пароли и маркеры из резервной копии снова действуют.
# unreviewed
call-restore-keys = Создаёт ключи для новых эпох и кладёт их в резервную копию.
# unreviewed
call-restore-judge = Берёт в наш журнал или оставляет рядом с ним то, что из него показывает другая сторона.
# unreviewed
call-restore-draft = Что должен подписать корень.
# unreviewed
call-restore-open = Открывает эпоху подписью корня.

## Что говорят показатели для Prometheus, и календарь

# unreviewed
metric-commits = Фиксаций журнала с запуска станции.
# unreviewed
metric-lines-unread = Линии, которые не обслуживаются, потому что сохранённое о них не читается.
# unreviewed
metric-rings = Что звонит здесь сейчас.
# unreviewed
metric-desk-pages = Открытые страницы пульта; armed — готов ли их звонок
# unreviewed
metric-bells = Звонки, открытые на сокете команд
# unreviewed
metric-observed = Что наблюдается на линии: 1 у состояния, в котором она находится.
# unreviewed
metric-usable = 1, если линией можно пользоваться: она не ожидает, не остановлена, не восстановлена и не закрыта.
# unreviewed
metric-entries = Записи журнала каждой стороны, которые хранятся здесь.
# unreviewed
metric-named = Записи журнала каждой стороны, которые другая назвала как имеющиеся у неё.
# unreviewed
metric-requests = Открытые запросы, по тому, кто спросил.
# unreviewed
metric-owed = Сколько за нами по линии.
# unreviewed
metric-webhook-waiting = Записи, которые пришли и ещё не переданы вебхуку.
# unreviewed
metric-webhook-failures = Сколько раз подряд не удалось передать вебхуку и почему в последний раз.
# unreviewed
calendar-summary = Разговор, станция { $peer } ({ $name })
# unreviewed
calendar-broken-off = Прервано: эпоха { $epoch } линии, в которой это согласовано, закончилась раньше.

## Что говорит команда, когда сделано

# unreviewed
done-written = { $name }: записано в журнал.
# unreviewed
done-repeated = { $name }: уже было в журнале, по тому же маркеру. Сейчас ничего не записано.
# unreviewed
done-early = Это раньше, чем допускает темп по уставу (пункт 7): не попытка и нигде не звонит; срок и срочность в нём действуют. Продление с { $time } звонит.
# unreviewed
done-init = Станция создана в { $data }. Её корневой ключ — { $root }, список ключей корня — { $list }: хранить оба в другом месте, на носителе, который уйдёт в сейф; оба нужны после восстановления.
# unreviewed
done-init-next = Прочесть { $config }, затем запустить её: counterpart --data { $data } serve
# unreviewed
done-backup = Журнал, ключи и конфигурация скопированы в { $to }. Кто имеет эту копию, может подписывать как эта станция: держать её закрытой.
# unreviewed
done-invite = Передать это приглашение другой организации доверительно. Оно открывает линию { $line }.
# unreviewed
done-restore-people = Пароли и маркеры действуют. { $users ->
    [0] Пользователей нет
   *[other] Пользователи: { $names }
}; { $tokens ->
    [0] маркеров нет.
   *[other] маркеры: { $programs }.
}
# unreviewed
done-user = { $name } может входить.
# unreviewed
done-user-change = { $name }: изменено; все сеансы закончены.
# unreviewed
done-user-end = { $name } больше не может входить; все сеансы закончены.
# unreviewed
done-user-sign-out = { $name }: все сеансы закончены.
# unreviewed
token-line = { $name }: { $role }, с { $time }, { $end }
# unreviewed
token-until = до { $time }
# unreviewed
token-ended = кончился { $time }
# unreviewed
token-no-end = пока не отозван
# unreviewed
done-token-revoke = Маркер { $name } больше не действует.
# unreviewed
user-line = { $name }: { $role }; идущих сеансов: { $count }
# unreviewed
password-prompt = Пароль:
# unreviewed
standard-input = Стандартный ввод
# unreviewed
pairings-none = Сопряжения не идут.
# unreviewed
requests-none = Открытых запросов нет.
# unreviewed
requests-none-broken = В этой эпохе ничего не прервано и нет открытых запросов. Все её запросы: --all.
# unreviewed
bell-mute = Это не терминал: что звонит, печатается здесь и звонком не считается.
# unreviewed
bell-waiting = Звонок включён. Ничего не звонит.
# unreviewed
bell-lost = Станция не отвечает. Звонок её ждёт.
# unreviewed
bell-back = Станция снова отвечает.
# unreviewed
candidate-said = { $name } ({ $sign }; пояс дежурной смены: { $zone }): сверить по другому каналу, целиком: { $digits }
# unreviewed
candidate-differ = Если цифры стороны { $name } другие: counterpart confirm --differ --candidate { $key }
# unreviewed
candidate-confirmed = { $name }: человек там подтвердил.

## Что кто-то отметил или вынес

# unreviewed
record-taken-out = Записано в { $path }: записей — { $count }, свидетельств о нарушениях — { $evidence }.
# unreviewed
conduct-noted = { $count ->
        [one] Отмечено { $count } нарушение.
        [few] Отмечено { $count } нарушения.
       *[many] Отмечено { $count } нарушений.
    } Свидетельство остаётся.

## Что нашёл doctor

# unreviewed
doctor-configuration-well = Конфигурация читается.
# unreviewed
doctor-desk-well = Сертификат пульта и его закрытый ключ читаются и подходят друг другу.
# unreviewed
doctor-keys-well = Ключи на месте и закрыты от других.
# unreviewed
doctor-disk-well = Диск принимает записываемое.
# unreviewed
doctor-database-well = База данных цела.
# unreviewed
doctor-line-waits = Линия со стороной { $peer } ждёт новой эпохи: эта станция восстановлена, или её журнал либо ключи продолжились в другом месте. Там она ничего не подписывает.
    .do = Посмотреть, чего она ждёт и что показывает другая сторона: counterpart restore.
# unreviewed
doctor-line-judges = На линии с { $peer } другая сторона показывает записи нашего собственного журнала закончившейся эпохи. Они ждут человека, и больше ничто не ждёт.
    .do = Посмотреть на них рядом со списком корня и взять их или нет: counterpart restore.
# unreviewed
doctor-key-not-held = Ключа, которым подписывается следующая запись на линии со стороной { $peer }, здесь нет.
    .do = Взять ключи из последней резервной копии или открыть новую эпоху корневым ключом: counterpart restore --open.
# unreviewed
doctor-restored = Этот журнал восстановлен из резервной копии: его старые эпохи ничего не подписывают.
    .do = Посмотреть, что показывает другая сторона, и открыть новую эпоху корневым ключом.
# unreviewed
doctor-clock-well = Часы не отстают от времени, которое эта станция заявляла.
# unreviewed
doctor-clock-wrong = Часы больше чем на минуту отстают от времени, которое эта станция заявляла сама.
    .do = Поставить часы; до этого записываемое заявляет время, идущее назад.
# unreviewed
doctor-line-well = { $peer }: записей построено заново { $entries }, их подписи и оба корня — как в хранилище.
# unreviewed
doctor-line-wrong = Хранимое о линии со стороной { $line } не читается: { $cause }.
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию.
# unreviewed
doctor-line-head = { $peer }: у журнала стороны { $sign }, построенного заново, вершина другая, чем в хранилище.
    .do = Остановить станцию, сохранить копию её каталога данных и восстановить резервную копию.
# unreviewed
doctor-words-changed = { $peer }: слова, хранимые у { $name } ({ $at }, эпоха { $epoch }), — не те, что были подписаны.
    .do = Их никому не показывают. Сохранить копию каталога данных, выяснить, кто его менял, и восстановить резервную копию.
# unreviewed
doctor-words-gone = { $peer }: слова { $name } ({ $at }, эпоха { $epoch }) здесь хранились и пропали, а стирание не отмечено.
    .do = Сохранить копию каталога данных, выяснить, кто его менял, и восстановить резервную копию.
# unreviewed
doctor-column = { $peer }: о { $name } ({ $at }, эпоха { $epoch }) хранилище говорит иное, чем запись: { $column ->
        [kind] её вид
        [thing] к чему она относится
        [claimed] заявленное ею время
       *[seq] когда она пришла среди других
    }.
    .do = Подписанное цело, но списки и поиск могут её пропустить. Сохранить копию каталога данных, выяснить, кто его менял, и восстановить резервную копию.
# unreviewed
doctor-differing-more = { $peer }: ещё у { $count ->
        [one] { $count } записи
        [few] { $count } записей
       *[many] { $count } записей
    } хранится не то, что подписано.
    .do = Сохранить копию каталога данных, выяснить, кто его менял, и восстановить резервную копию.
# unreviewed
doctor-words-erased = { $peer }: слова { $count ->
        [one] { $count } записи
        [few] { $count } записей
       *[many] { $count } записей
    } здесь стёрты, как отмечено в хранилище.
# unreviewed
doctor-conduct = { $peer }: сохранено как свидетельство { $count ->
        [one] { $count } нарушение
        [few] { $count } нарушения
       *[many] { $count } нарушений
    } протокола другой станцией, последнее — «{ $misconduct }», и никто здесь этого не отметил.
    .do = Поговорить с ними по другому каналу. Отметить: «counterpart noted --conduct»; свидетельство остаётся.
# unreviewed
doctor-conduct-past = { $peer }: сохранено как свидетельство { $count ->
        [one] { $count } нарушение
        [few] { $count } нарушения
       *[many] { $count } нарушений
    } протокола другой станцией, последнее — «{ $misconduct }»; это здесь отмечено, или эпоха закончилась.
# unreviewed
doctor-halted = { $peer }: их журнал дальше не принимается: «{ $misconduct }». Свидетельство сохранено.
    .do = Поговорить с ними по другому каналу. Дальше — только держатель корня, любой из сторон, в новой эпохе: «counterpart restore --open --line …».
# unreviewed
doctor-halted-unshown = { $peer }: их журнал помечен как не принимаемый дальше: «{ $misconduct }», а свидетельства этому не сохранено.
    .do = Сохранить копию каталога данных и выяснить, кто его менял. Дальше — только держатель корня, любой из сторон, в новой эпохе: «counterpart restore --open --line …».
# unreviewed
record-head = { $sign }: записей { $size }, корень { $root }
# unreviewed
record-epoch = Эпоха { $number }.

## Пульт: что стоит на каждой странице

# unreviewed
desk-skip = К содержанию
# unreviewed
desk-units = д ч мин с
# unreviewed
desk-past = { $lasted } сверх срока
# unreviewed
desk-by = до { $time }
# unreviewed
desk-said-until = { $side ->
    [ours] мы сказали: до { $time }
   *[theirs] они сказали: до { $time }
}
# unreviewed
desk-from = с { $time }
# unreviewed
desk-nav = Пульт
# unreviewed
desk-tab-lines = Линии
# unreviewed
desk-tab-record = Журнал
# unreviewed
desk-sign-out = Выйти
# unreviewed
desk-as-of = на это время; обновить страницу, чтобы увидеть новое
# unreviewed
desk-live = на связи
# unreviewed
desk-not-live = Без связи с
# unreviewed
desk-not-known = Неизвестно
# unreviewed
desk-changed = есть изменения; обновить страницу, когда будет удобно
# unreviewed
desk-held = С { $time } здесь ничего нельзя записать.
# unreviewed
desk-held-why = Базу данных этой станции держит другая программа. Пока она не закончит, от другой стороны ничего не приходит и не звонит, и ничего нашего не подписывается. Разговор продолжается. Кто обслуживает станцию, должен закрыть эту программу.
# unreviewed
desk-dead = Эта станция не отвечает уже
# unreviewed
desk-dead-as-of = Эта страница такова, какой была в
# unreviewed
desk-dead-nothing = О том, что сейчас, она ничего не говорит, и ни одна клавиша не действует. Что происходит тем временем, отсюда неизвестно. Попытка повторяется каждые 2 секунды, и страница продолжит сама.
# unreviewed
desk-try-now = Попробовать сейчас
# unreviewed
desk-displaced = Эта страница без связи.
# unreviewed
desk-displaced-why = На связи более новые страницы того же сеанса — столько, сколько выдерживает один браузер. Эта страница такова, какой была в
# unreviewed
desk-displaced-nothing = О том, что сейчас, она ничего не говорит, ни одна клавиша не действует, и она не звонит. Она продолжит, когда к ней вернутся.
# unreviewed
desk-displaced-here = Продолжить здесь
# unreviewed
desk-kept = Станция снова отвечает, а то, для чего была эта форма, изменилось. Набранное остаётся здесь, чтобы его скопировать; показанное на странице — не о нынешнем.
# unreviewed
desk-reload = По состоянию на { $time }. Загрузить снова
# unreviewed
desk-unsure = Неизвестно, подписано ли это. Прежде чем отправлять снова, посмотреть в журнале линии.
# unreviewed
desk-ended = Сеанс окончен.
# unreviewed
desk-ended-why = Набранное остаётся здесь, ни одна клавиша не действует. Эта страница такова, какой была в
# unreviewed
desk-ended-do = Войти снова в другой вкладке: тогда эта страница продолжит.
# unreviewed
desk-show-now = Показать, как сейчас
# unreviewed
desk-four = Главное
# unreviewed
desk-line = Линия
# unreviewed
desk-lines = Линии
# unreviewed
desk-lines-open = { $not ->
        [0] ОТКРЫТО { $open }
       *[other] ОТКРЫТО { $open } из { $all }
    }
# unreviewed
desk-count-state = { $state }: { $count }
# unreviewed
desk-signs-nothing = ничего не подписывает
# unreviewed
desk-lines-sign-nothing = { $count ->
        [one] не подписывает: { $count }
        [few] не подписывают: { $count }
       *[many] не подписывают: { $count }
    }
# unreviewed
desk-no-line = Линии ещё нет
# unreviewed
desk-no-line-small = журнал начинается с устава
# unreviewed
desk-declared = объявлено: { $state }
# unreviewed
desk-needs = К исполнению
# unreviewed
desk-needs-watch = К исполнению дежурной сменой
# unreviewed
desk-needs-nothing = Сейчас ничего
# unreviewed
desk-needs-count = { $count ->
        [one] { $count } дело
        [few] { $count } дела
       *[many] { $count } дел
    }
# unreviewed
desk-needs-first = первое — { $name }: { $what }
# unreviewed
desk-needs-first-line = первое: { $what }
# unreviewed
desk-needs-by = { $name }: { $by }
# unreviewed
desk-last-said = Сказано последним
# unreviewed
desk-last = { $who }, { $time }: { $kind ->
    [charter] устав линии, подписан
    [received] квитанция
    [amend] изменение устава
    [key] новые ключи
    [post] кто занимает должность
    [state] что объявляет станция
    [check] проверка линии
    [check-reply] на проверку ответил человек
    [overdue] срок ответа прошёл
    [ask] запрос на разговор
    [alerting] звонит устройство
    [seen] просмотрено дежурной сменой
    [referred] передано аппарату
    [defer] не сейчас
    [renew] запрос остаётся в силе
    [suspend] сейчас не в состоянии
    [resume] снова в состоянии
    [answer] разговор сразу
    [decline] отклонено
    [withdraw] отозвано
    [lapse] срок прошёл
    [offer] предложено время
    [ready] готовы говорить сейчас
    [accept] принято
    [joined] на разговоре
    [ended] разговор окончен
    [missed] другая сторона не явилась
    [cancel] разговор отменён
    [talk] разговор состоялся иным способом
    [sheet] протокол разговора
    [text] сообщение
    [notice] уведомление
    [read] прочитано
    [retract] сообщение аннулировано
    [memo] собственная заметка
    [statement] слова для публики
    [statement-reply] ответ на слова для публики
    [approach] обращение от имени должности
    [approach-reply] чьё было обращение
    [attempt] попытка по другому каналу
    [heard] что там сказали
    [adopt] принята ли история
   *[other] { $kind }
}
# unreviewed
desk-last-nothing = Ещё ничего
# unreviewed
desk-last-unread = Неизвестно: прочесть нельзя
# unreviewed
desk-we = Мы
# unreviewed
desk-mark = Метка
# unreviewed
desk-mark-also = и ещё { $marks }
# unreviewed
desk-mark-count = { $mark }: { $count }
# unreviewed
desk-matter-ours = Мы запрашиваем разговор: { $peer }
# unreviewed
desk-matter-theirs = { $peer } запрашивает разговор
# unreviewed
desk-matter-text = { $peer } присылает сообщение
# unreviewed
desk-matter-check = { $peer } проверяет линию
# unreviewed
needs-hold = Получить нашей станцией
# unreviewed
needs-see = Просмотреть
# unreviewed
needs-principal = Отложить, предложить время или ответить
# unreviewed
needs-answer-offer = Принять или отклонить
# unreviewed
needs-take-ready = Откликнуться или дать сроку пройти
# unreviewed
needs-answer = Ответить, предложить время или отклонить
# unreviewed
needs-resume = Возобновить или отозвать
# unreviewed
needs-come = Явиться на разговор
# unreviewed
needs-say-talked = Сообщить, состоялся ли разговор
# unreviewed
needs-read = Прочесть
# unreviewed
needs-texts = { $count ->
        [one] Прочесть { $count } сообщение
        [few] Прочесть { $count } сообщения
       *[many] Прочесть { $count } сообщений
    }
# unreviewed
needs-restore = Разобрать восстановление
# unreviewed
needs-broken = Что прервано
# unreviewed
needs-unread = Исправить то, что не читается
# unreviewed
needs-halted = Поговорить с ними по другому каналу
# unreviewed
needs-away = Связаться с их сменой иным путём
# unreviewed
needs-check-reply = Ответить на проверку
# unreviewed
due-promised = { $side ->
    [ours] Мы сказали: не раньше
   *[theirs] Они сказали: не раньше
}
# unreviewed
due-noted = Если до тех пор ничего не записано, ожидающая сторона отмечает просрочку (пункт { $clause }). Запрос остаётся в силе.
# unreviewed
due-overdue = Срок по пункту { $clause } прошёл. Запрос остаётся в силе.
# unreviewed
due-lapses = При молчании { $name } утрачивает силу. Запрос остаётся в силе.
# unreviewed
due-stands = При молчании { $name } остаётся в силе, пока его не отзовут или не закроют запрос.
# unreviewed
due-reach = Чтобы это до них дошло
# unreviewed
due-crosses = Если там запишут то, чем предложение заканчивается, раньше, чем дойдёт наше, они разминутся: по нему ничего не согласовано, запрос остаётся в силе.
# unreviewed
awaited-hold = До получения их станцией
# unreviewed
awaited-see = До просмотра их дежурной сменой
# unreviewed
awaited-principal = До отсрочки, времени или ответа
# unreviewed
awaited-answer-offer = До их ответа на наше предложение
# unreviewed
awaited-take-ready = До их отклика
# unreviewed
awaited-answer = Их ответ
# unreviewed
awaited-resume = До их возобновления или отзыва
# unreviewed
awaited-say-talked = Их слово о разговоре
# unreviewed
awaited-read = До прочтения
# unreviewed
awaited-check-reply = До ответа человека
# unreviewed
reads-only = Эта роль читает и действий не совершает
# unreviewed
reads-only-why = Действия совершает человек с ролью watch или admin.

# unreviewed
bell-armed = Звонок включён
# unreviewed
bell-unarmed = Звонок не включён
# unreviewed
bell-cannot = Звонить нельзя
# unreviewed
bell-no-sound = Этот пульт не звучит.
# unreviewed
bell-no-sound-why = На этой странице звонок не включён. Запрос появился бы здесь беззвучно и звонком не считался бы: другая сторона прочла бы «Ни одно их устройство не подтвердило, что звонит».
# unreviewed
bell-arm = Включить звонок
# unreviewed
bell-arm-hint = Проигрывает звонок
# unreviewed
bell-no-script = Эта страница звонить не может
# unreviewed
bell-no-script-why = Для звука нужен сценарий, а здесь он не выполняется. Все действия работают и без него.
# unreviewed
bell-dialog = Звонок
# unreviewed
bell-strip-silent = Показано здесь беззвучно: любая клавиша включит звук.
# unreviewed
bell-strip-said = Эта страница звонит и сообщила об этом.
# unreviewed
bell-strip-rings = Эта страница звонит.
# unreviewed
ring-ends = Звонок прекратит { $keys } или любое другое наше действие по этому делу, здесь или за другим пультом.
# unreviewed
ring-ends-accept = { $count ->
    [one] Принять (1)
    [few] Принять (1–{ $count })
   *[many] Принять (1–{ $count })
}
# unreviewed
ring-ends-itself = Звонит один раз и прекращается само.
# unreviewed
bell-strip-do = Звонит, пока на это не ответят клавишей этой страницы, здесь или за другим пультом.
# unreviewed
ring-title = Звонит: { $mark } { $precedence }
# unreviewed
ring-has-stopped = Звонок прекращён.
# unreviewed
ring-time = Время разговора с { $peer }.
# unreviewed
ring-time-over = Согласованное время по { $name } больше не звонит.
# unreviewed
ring-time-join = Войти в разговор
# unreviewed
ring-time-noted = На наших пультах больше не звонит; ничего не записывается
# unreviewed
ring-from = От кого
# unreviewed
ring-standing = Стоит уже
# unreviewed
ring-stand = Как обстоит дело
# unreviewed
ring-desks = Что звонит
# unreviewed
ring-others = { $count ->
        [one] Здесь звонит ещё { $count } дело; оно появится, когда на это ответят.
        [few] Здесь звонят ещё { $count } дела; они появятся, когда на это ответят.
       *[many] Здесь звонят ещё { $count } дел; они появятся, когда на это ответят.
    }
# unreviewed
ring-this-desk = Эта страница
# unreviewed
ring-rings = звонит и сообщила об этом
# unreviewed
ring-rings-here = звонит; другой стороне об этом не сообщается
# unreviewed
ring-sounds = звонит
# unreviewed
ring-silent = показано беззвучно: любая клавиша включит звук
# unreviewed
ring-stopped-here = теперь молчит
# unreviewed
ring-desk-armed = страница открыта, звонок включён
# unreviewed
ring-desk-silent = страница открыта, звонок не включён
# unreviewed
ring-not-now = Не сейчас, одной клавишей: запрос остаётся. Любая причина — одно нажатие. Код они прочтут, каждая сторона на своём языке.
# unreviewed
ring-open = Открыть { $name }
# unreviewed
ring-decline-hint = закрывает его, с кодом
# unreviewed
ring-decline-which = Отклонение закрывает запрос. С каким кодом?
# unreviewed
ring-decline-codes = Отклонить, ещё одной клавишей: запрос закрывается. Любая причина — одно нажатие.
# unreviewed
ring-decline-reads = ОТКЛОНЕНО с выбранным кодом, на их языке, и слова, если они есть, как написаны. Запрос закрыт. Они могут запросить снова, сославшись на этот.
# unreviewed
ring-before-signed = До подписи
# unreviewed
ring-before-signed-what = После клавиши — пять секунд: «Взять назад» отменяет, и ничего не записано. До нажатия звонок продолжается.
# unreviewed
ring-closing = Закрыть — не отложить
# unreviewed
ring-closing-what = «Не сейчас» говорит тот же код и оставляет их запрос; снова запрашивать им не нужно.
# unreviewed
ring-back-not-now = Назад: не сейчас
# unreviewed
ring-decline-offer-which = Ни одно из этих времён. С каким кодом?
# unreviewed
ring-decline-offer-codes = Ни одно из них, ещё одной клавишей: предложение отклоняется, запрос остаётся. Любая причина — одно нажатие.
# unreviewed
ring-decline-offer-reads = Это предложение отклонено, с выбранным вами кодом, на их языке, и с вашими словами, если они есть, как вы их написали. Запрос остаётся; они могут предложить другое время.
# unreviewed
ring-back-to-times = Назад: предложенные времена
# unreviewed
ring-words-note = На своём языке; не обязательно
# unreviewed
ring-back = Назад к своей странице
# unreviewed
ring-back-hint = Она такая, какой была оставлена
# unreviewed
ring-early = Эта клавиша не засчитана. Клавиши действуют, когда звонок стоит уже секунду и секунду ничего не набирали.
# unreviewed
ring-twice = Нажать { $key } ещё раз: только тогда будет подписано.
# unreviewed
ring-bare = Остальное от станции ещё не пришло. Запрос повторяется.
# unreviewed
ring-bare-open = Открыть то, что звонит
# unreviewed
ring-over = { $name } больше не звонит. { $why }
# unreviewed
ring-stopped-by = { $kind ->
    [seen] Просмотрено
    [referred] Передано
    [defer] Отложено
    [offer] Предложено время
    [ready] Заявлена готовность
    [answer] Отвечено
    [accept] Принято
    [decline] Отклонено
    [read] Прочитано
    [retract] Аннулировано
    [check-reply] Отвечено на проверку
    [ask] Запрошено снова
    [talk] Заявлено, что разговор был
    [cancel] Отменено
    [missed] Заявлено, что не явились
    [withdraw] Отозвано
   *[other] Сделано
}: { $user }, { $time }.
# unreviewed
ring-somebody = эта станция
# unreviewed
do-read = Прочесть
    .hint = Они прочтут: прочитано нашей дежурной сменой
# unreviewed
do-check-reply = Ответить на проверку
    .hint = Они прочтут: здесь есть человек
# unreviewed
do-noted = Принято к сведению
    .hint = Звонок здесь умолкает. Ничего не подписывается и не отправляется
# unreviewed
do-noted-late = Принято к сведению
    .hint = К сведению, что срок прошёл; звонит, пока не увидят

# unreviewed
unsigned-heading = Ещё не подписано
# unreviewed
unsigned-told = { $act ->
    [decline] Отклонение
    [withdraw] Отзыв
    [defer] Отсрочка
   *[other] { $act }
} { $name }{ $code ->
        [none] {""}
       *[other] , { $code }
    }{ $until ->
        [none] {""}
       *[other] , до { $until }
    }
# unreviewed
unsigned-waits = { $told }: ещё не подписано.
# unreviewed
unsigned-back = Взято назад: { $told }.
# unreviewed
unsigned-back-what = Ничего не подписано и не отправлено.
# unreviewed
unsigned-key = Нажато. Подпишется в { $time }, если не взять назад, внизу.
# unreviewed
unsigned-until = Подпишется в { $time }, если не взять назад; выход подписывает сразу.
# unreviewed
unsigned-if-ended = Если станция до этого остановится, это не будет ни подписано, ни отправлено.
# unreviewed
unsigned-earlier = Ранее показано здесь и тоже не подписано и не отправлено: { $count ->
        [one] { $count } действие.
        [few] { $count } действия.
       *[many] { $count } действий.
    }
# unreviewed
unsigned-undo = Взять назад
# unreviewed
unsigned-undone = { $told }. Не подписано и не отправлено:
# unreviewed
unsigned-dismiss = Прочитано
# unreviewed
unsigned-not-sent = Станция запущена заново. Не подписано и не отправлено:

## Вход

# unreviewed
door-title = Вход
# unreviewed
door-name = Имя
# unreviewed
door-password = Пароль
# unreviewed
door-station = Если это не та станция, входить не следует.
# unreviewed
door-lasts = Сеанс длится двенадцать часов.
# unreviewed
door-beside = В другой вкладке: набранное остаётся здесь
# unreviewed
link-sign-in = Войти как { $name }
# unreviewed
link-once = Эта ссылка действует один раз.
# unreviewed
link-spent = Эта ссылка больше не действует
# unreviewed
link-spent-do = По ней уже кто-то вошёл, или её десять минут прошли. Другую создаёт «counterpart user link ИМЯ».
# unreviewed
link-password = Войти с паролем

## Линии, страница

# unreviewed
lines-heading = { $count ->
        [0] Этого пульта ничто не ждёт.
        [one] Этого пульта ждёт { $count } дело.
        [few] Этого пульта ждут { $count } дела.
       *[many] Этого пульта ждут { $count } дел.
    }
# unreviewed
lines-not-open = { $count ->
        [one] { $peer }: { $state }.
        [few] Не открыты { $count } линии.
       *[many] Не открыто { $count } линий.
    }
# unreviewed
lines-halted = { $peer }: их журнал дальше не принимается
# unreviewed
lines-away-silent = { $peer }: связь есть, смена молчит
# unreviewed
lines-away-down = { $peer }: сеанса с их станцией нет
# unreviewed
lines-order = Сначала РЕАЛЬНО, затем УЧЕНИЕ; внутри — по срочности, затем по сроку.
# unreviewed
lines-standing = { $count ->
        [one] { $count } дело стоит
        [few] { $count } дела стоят
       *[many] { $count } дел стоят
    } за другой стороной.
# unreviewed
lines-texts = { $peer }: новое сообщение
# unreviewed
lines-texts-quiet = Не звонит и потому стоит после всего, что звонит.
# unreviewed
lines-stands-there = стоит за другой стороной
# unreviewed
lines-ask = Запросить разговор
# unreviewed
lines-board = Что наблюдает эта станция и что объявляет другая сторона.
# unreviewed
lines-board-differ = там, где они расходятся.
# unreviewed
lines-unread = { $count ->
        [one] Не читается { $count } линия
        [few] Не читаются { $count } линии
       *[many] Не читаются { $count } линий
    }
# unreviewed
lines-all-unread = Ни одна линия не обслуживается: ни одну из имеющихся здесь прочесть нельзя.
# unreviewed
waits-call = Позвать того, кто отвечает за машину.
# unreviewed
lines-none-yet = Линий ещё нет. Линию создаёт администратор: «Настройки», «Новая линия», — или «counterpart invite» либо «counterpart join».
# unreviewed
board-observed = Отсюда, наблюдается
# unreviewed
board-peer = Другая сторона
# unreviewed
board-declared = Объявлено
# unreviewed
board-time = Время у них
# unreviewed
board-records = Журналы
# unreviewed
board-last = Сказано последним
# unreviewed
board-differs = расходится с
# unreviewed
board-agrees = совпадает с
# unreviewed
board-is-declared = объявлено
# unreviewed
legend-degraded = медленно или с потерями
# unreviewed
legend-silent = связь есть, дежурная смена молчит
# unreviewed
legend-down = сеанса с их станцией нет

## Запрос, страница

# unreviewed
request-cap = Запрос { $name }
# unreviewed
request-lede = { $side ->
    [ours] Мы запрашиваем разговор { $mode }: от должности «{ $from }» с их должностью «{ $to }».
   *[theirs] Они запрашивают разговор { $mode }: от должности «{ $from }» с нашей должностью «{ $to }».
}
# unreviewed
request-lede-closed = { $side ->
    [ours] Мы запрашивали разговор { $mode }: от должности «{ $from }» с их должностью «{ $to }».
   *[theirs] Они запрашивали разговор { $mode }: от должности «{ $from }» с нашей должностью «{ $to }».
}
# unreviewed
request-subject = Предмет:
# unreviewed
request-private = Не для огласки: публично об этом ничего.
# unreviewed
request-aside = Что ожидается и что можно сделать
# unreviewed
request-acts = Что можно сделать
# unreviewed
request-on = О самом запросе
# unreviewed
request-passed = Прошло { $percent } процентов времени
# unreviewed
request-words = Сопровождающие слова, если нужны
# unreviewed
request-words-read = Они прочтут: то, что говорит клавиша, её код на их языке и эти слова, как они написаны.
# unreviewed
request-closed = Запрос закрыт
# unreviewed
request-again = Запросить заново
# unreviewed
request-again-hint = Новый запрос, который называет { $name }
# unreviewed
request-unknown = Что неизвестно
# unreviewed
request-said = Сказано по этому делу
# unreviewed
said-whole = Целиком
# unreviewed
request-said-note = Каждая сторона пишет на своём языке. Силу имеет то, что подписано.
# unreviewed
request-here = здесь
# unreviewed
request-there = там
# unreviewed
request-attempts = Попытки и предложения
# unreviewed
request-attempts-note = Как далеко дошла каждая и какая запись это говорит.
# unreviewed
request-attempt = Попытка
# unreviewed
request-reached = Достигнуто
# unreviewed
request-early = раньше согласованного: не попытка
# unreviewed
request-offer = { $side ->
    [ours] наше предложение
   *[theirs] их предложение
}
# unreviewed
request-answer-by = ответить до { $time }
# unreviewed
request-plain = Простыми строками
# unreviewed
request-plain-note = Что говорит журнал, не больше чем в двенадцати строках: скопировать, напечатать, прочесть вслух.
# unreviewed
request-copy = Копировать
# unreviewed
request-copied = Скопировано.
# unreviewed
request-chosen = Этот браузер не даёт странице копировать. Строки выделены: скопируйте их обычным образом.
# unreviewed
request-print = Печать
# unreviewed
explain-crossed = Два действия разминулись: ни одна сторона не видела действия другой. Оба остаются в журнале, ничего не согласовано, и новый запрос может назвать этот.
# unreviewed
explain-offer-crossed = Принятие { $name } и то, чем это предложение закончилось, разминулись: ни одна сторона не видела действия другой. Оба действия остаются в записи, по этому предложению ничего не согласовано, запрос остаётся в силе.
# unreviewed
explain-talk-crossed = Каждая сторона сказала о разговоре своё слово. Оба остаются в записи; какое из них верно, она не говорит.
# unreviewed
explain-ended = Это эпоха { $epoch } линии, она закончилась: в ней больше ничего не делается. То, что было открыто к её концу, помечено как прерванное; его можно запросить снова.
# unreviewed
explain-unsettled = Записано здесь. Исходом для обеих сторон это станет, когда их запись назовёт нашу, не раньше.
# unreviewed
explain-concerted = Обе стороны запросили одновременно: { $name } — то же дело с другой стороны, и ответ на один запрос решает оба.
# unreviewed
explain-suspended = { $name } приостанавливает это: запрос остаётся и не звонит.

## Лестница, рисунок

# unreviewed
ladder-heading = Лестница фактов, высший сверху
# unreviewed
ladder-ours = наша станция
# unreviewed
ladder-theirs = их станция
# unreviewed
ladder-legend = Узел стоит на стойке той стороны, которая подписала факт; малое кольцо: у другой стороны он есть. Закрашенные стойки: достигнуто. Пустые: не достигнуто. Прошедшее время идёт от часов одной стороны до часов другой.
# unreviewed
ladder-outcomes = ОТВЕТ ДАН · СОГЛАСОВАНО · ОТКЛОНЕНО · УТРАТИЛО СИЛУ · ОТОЗВАНО
# unreviewed
ladder-no-outcome = Ни один не записан.
# unreviewed
ladder-not-recorded = { $side ->
    [ours] Не записано.
   *[theirs] Здесь не записано.
}
# unreviewed
ladder-no-device = { $side ->
    [ours] Ни одно их устройство не подтвердило, что звонит.
   *[theirs] Ни одно устройство здесь не подтвердило, что звонит.
}
# unreviewed
ladder-passed-over = { $side ->
    [ours] Ничто их этого не говорит.
   *[theirs] Ничто наше этого не говорит.
}
# unreviewed
unheard-since = Что было открыто на этом пульте до запуска станции ({ $time }), неизвестно.
# unreviewed
unheard-no-page = Ни одна страница этого пульта не была открыта.
# unreviewed
unheard-no-page-until = До { $time } ни одна страница этого пульта не была открыта.
# unreviewed
unheard-unarmed = Ни на одной открытой странице звонок не был включён.
# unreviewed
unheard-unarmed-until = До { $time } ни на одной открытой странице звонок не был включён.
# unreviewed
ladder-now = сейчас · стоит уже
# unreviewed
ladder-after = через { $lasted }
# unreviewed
ladder-within = из { $lasted }
# unreviewed
ladder-late = с опозданием, отмечено в
# unreviewed
ladder-overdue = срок прошёл, отмечено в
# unreviewed
ladder-by-ours = наша станция
# unreviewed
author = здесь: { $user }
# unreviewed
author-by-link = { $user }, по ссылке; создал: { $maker }
# unreviewed
author-token = программа { $name }
# unreviewed
author-uid = владелец машины этой станции
# unreviewed
author-note = Кто здесь сделал это действие, известно только этой станции; по линии ничего об этом не передаётся.
# unreviewed
entry-author = Кто это сделал здесь; известно только этой станции
# unreviewed
ladder-by-theirs = их станция
# unreviewed
ladder-by-both = обе станции
# unreviewed
ladder-when-held = Когда у них будет то, что мы записали, не раньше.
# unreviewed
ladder-accepted = ПРИНЯТО
# unreviewed
ladder-deferred = ОТЛОЖЕНО
# unreviewed
ladder-offer = ПРЕДЛОЖЕНО ВРЕМЯ
# unreviewed
ladder-ready = ГОТОВНОСТЬ
# unreviewed
ladder-renewed = ПРОДЛЕНО
# unreviewed
ladder-asked = ЗАПРОШЕНО
# unreviewed
ladder-earlier = Более ранняя попытка, которая дошла до { $rung }.
# unreviewed
ladder-says-offer = { $side ->
    [ours] Мы предлагаем { $count ->
        [one] { $count } интервал
        [few] { $count } интервала
       *[many] { $count } интервалов
    }.
   *[theirs] Они предлагают { $count ->
        [one] { $count } интервал
        [few] { $count } интервала
       *[many] { $count } интервалов
    }.
}
# unreviewed
ladder-says-ready = { $side ->
    [ours] Мы готовы говорить сейчас.
   *[theirs] Они готовы говорить сейчас.
}
# unreviewed
ladder-offer-over = { $offer } { $outcome }.
# unreviewed
ladder-says-defer = Не сейчас: { $code }.
# unreviewed
ladder-says-defer-until = Не сейчас: { $code }, до { $until }.
# unreviewed
ladder-says-accept = { $side ->
    [ours] Мы приняли { $window }.
   *[theirs] Они приняли { $window }.
}
# unreviewed
ladder-says-answer = { $side ->
    [ours] Мы отвечаем сразу.
   *[theirs] Они отвечают сразу.
}
# unreviewed
ladder-says-decline = { $side ->
    [ours] Мы отклонили: { $code }.
   *[theirs] Они отклонили: { $code }.
}
# unreviewed
ladder-says-withdraw = { $side ->
    [ours] Мы отозвали это.
   *[theirs] Они отозвали это.
}
# unreviewed
ladder-says-lapse = { $side ->
    [ours] Срок{ $until ->
        [none] {""}
       *[other] , { $until },
    } прошёл, и наша станция это записала.
   *[theirs] Срок{ $until ->
        [none] {""}
       *[other] , { $until },
    } прошёл, и их станция это записала.
}
# unreviewed
ladder-says-talk = { $word }.
# unreviewed
ladder-says-stated = { $side ->
    [ours] { $word }; они этого не говорили.
   *[theirs] { $word }; мы этого не говорили.
}
# unreviewed
ladder-stated = заявлено
# unreviewed
ladder-we-wrote = мы записали
# unreviewed
ladder-they-wrote = они записали

## Клавиши запроса

# unreviewed
do-seen = Просмотрено
    .hint = Они прочтут: наша дежурная смена это видела, не сама должность
# unreviewed
do-refer = В аппарат
    .hint = Они прочтут: это в аппарате той должности
# unreviewed
do-answer = Ответить сейчас
    .hint = Они прочтут: говорим сразу. Запрос закрывается
# unreviewed
do-ready = Готовность
    .hint = Они прочтут: говорим сейчас, если они явятся
# unreviewed
do-defer = Не сейчас …
    .hint = Они прочтут: не сейчас, с выбранным кодом. Запрос остаётся
# unreviewed
do-decline = Отклонить …
    .hint = Они прочтут: отклонено, с выбранным кодом. Запрос закрывается
# unreviewed
do-renew = Продлить: запрос остаётся в силе
    .hint = Они прочтут: запрос остаётся в силе. Их дежурной смене звонит снова
# unreviewed
do-suspend = Приостановить
    .hint = Они прочтут: мы сейчас не в состоянии. Там больше не звонит
# unreviewed
do-resume = Возобновить
    .hint = Они прочтут: мы снова в состоянии. Там звонит
# unreviewed
do-withdraw = Отозвать
    .hint = Они прочтут: отозвано. Запрос закрывается
# unreviewed
do-cancel = Отменить разговор …
    .hint = Они прочтут: отменено, с выбранным кодом. Согласованный разговор не состоится
# unreviewed
do-missed = Они не явились
    .hint = Они прочтут: мы заявляем, что они не явились
# unreviewed
do-accept = Принять { $window }
    .hint = Они прочтут: это время принято. Запрос закрывается
# unreviewed
do-come = Откликнуться сейчас
    .hint = Они прочтут: мы откликаемся сейчас. Запрос закрывается
# unreviewed
do-decline-offer = Ни одно из этих
    .hint = Они прочтут: это предложение отклонено. Запрос остаётся
# unreviewed
do-decline-ready = Сейчас не приходить: отклонить
    .hint = Они прочтут: это предложение отклонено. Запрос остаётся
# unreviewed
do-withdraw-offer = Отозвать { $name }
    .hint = Они прочтут: это предложение отозвано. Запрос остаётся
# unreviewed
do-talked = Разговор был, иным способом
# unreviewed
do-talked-hint = Указать, когда и как: наше заявление о разговоре

# unreviewed
do-offer = Предложить время
# unreviewed
do-offer-hint = От одного до восьми интервалов; запрос остаётся

## Времена и разговор, состоявшийся в другом месте

# unreviewed
band-label = Времена на днях и ночах обеих сторон
# unreviewed
band-by = ответить до
# unreviewed
band-now = сейчас
# unreviewed
request-course = Времена запроса
# unreviewed
request-course-note = Ночь затенена по месту каждой стороны.
# unreviewed
offer-title = Предложить время разговора
# unreviewed
offer-cap = В ответ на { $name }
# unreviewed
offer-lede = Вводить время таким, каково оно на станции { $place }; полоса показывает те же мгновения у обеих сторон.
# unreviewed
offer-night-shade = Ночь заштрихована.
# unreviewed
offer-windows = Интервалы
# unreviewed
offer-windows-note = Предпочтительный — первым. От одного до восьми. Конец раньше начала — на следующий день, не позже чем через двенадцать часов.
# unreviewed
offer-number = Номер
# unreviewed
offer-from = С
# unreviewed
offer-until = До
# unreviewed
offer-from-in = С, { $place }
# unreviewed
offer-until-in = До, { $place }
# unreviewed
offer-night = ночь на станции { $place }
# unreviewed
offer-more = Ещё интервал
# unreviewed
offer-both = На обоих часах
# unreviewed
offer-show = Показать на полосе
# unreviewed
offer-by = Ответить до
# unreviewed
offer-silent = При их молчании
# unreviewed
offer-lapses = Предложение утрачивает силу
# unreviewed
offer-lapses-hint = Наша станция запишет УТРАТИЛО СИЛУ; запрос остаётся
# unreviewed
offer-stands = Предложение остаётся в силе
# unreviewed
offer-stands-hint = Пока не отозвано или не закрыт запрос
# unreviewed
offer-reason = С причиной
# unreviewed
offer-no-reason = нет
# unreviewed
offer-reads = { $mark }. { $precedence }. { $sign } предлагает для разговора по { $name } { $count ->
        [one] { $count } интервал
        [few] { $count } интервала
       *[many] { $count } интервалов
    }: { $windows }. { $by } { $silence ->
        [stands] При молчании предложение остаётся.
       *[lapses] При молчании предложение утратит силу; запрос остаётся.
    } { $code ->
        [none] {""}
       *[other] Причина: { $code }.
    } { $words ->
        [none] {""}
       *[other] И ваши слова, как они написаны.
    }
# unreviewed
offer-reads-none = Пока ничего: ни один интервал не читается.
# unreviewed
offer-reads-by = Ответить до { $time }.
# unreviewed
offer-reads-no-by = До какого времени нужен ответ, не читается.
# unreviewed
offer-sign = Подписать и отправить
# unreviewed
held-heading = Состоялся в другом месте
# unreviewed
held-note = Если разговор состоялся иным способом, сообщить: это наше заявление, а СОСТОЯЛСЯ — только когда его сделают и они.
# unreviewed
held-by = Способ
# unreviewed
held-reads = мы заявляем, что разговор состоялся, в это время и этим способом. СОСТОЯЛСЯ — только когда это заявят и они.
# unreviewed
held-sign = Заявить, что разговор состоялся

## Протоколы разговора

# unreviewed
sheet-title = Протокол разговора
# unreviewed
sheet-lede = Что мы заявляем о разговоре, после того как сказали, что он состоялся. Если обе стороны заявляют одно и то же, это показано как согласованное; если нет, оба протокола стоят рядом.
# unreviewed
sheet-filled = { $from ->
    [theirs] Заполнено по их протоколу: прочтите и подпишите, если всё так.
    [ours] Заполнено по нашему прежнему протоколу, который этот заменит.
    [talk] Время заполнено по тому, что сказано о разговоре.
   *[none] {""}
}
# unreviewed
sheet-when = Состоялся
# unreviewed
sheet-present = Присутствовали от { $sign }
# unreviewed
sheet-present-ours = Кто из наших присутствовал
# unreviewed
sheet-present-note = Должности, а не лица. Сторона { $peer } называет своих сама; это не сравнивается.
# unreviewed
sheet-languages = Языки
# unreviewed
sheet-languages-note = Обозначениями: en, ru, zh-Hant
# unreviewed
sheet-topics = Темы
# unreviewed
sheet-topics-note = По одной в строке, у той стороны, которая её подняла. Не больше 32 у стороны.
# unreviewed
sheet-raised = Подняла сторона { $sign }
# unreviewed
sheet-reads = мы заявляем о разговоре по { $name }: это время, эти наши должности, эти языки и эти темы.
# unreviewed
sheet-not-now = Не сейчас.
# unreviewed
sheet-none = не названы
# unreviewed
sheet-no-topics = Темы не названы.
# unreviewed
sheet-more = Это не всё: целиком они на странице записи.
# unreviewed
sheet-differs = различается
# unreviewed
sheets-of = Заявляет { $sign }
# unreviewed
sheets-both = Заявляют обе стороны
# unreviewed
sheets-none = Ни одна сторона его не написала.
# unreviewed
sheets-alone = { $side ->
    [ours] Мы написали протокол разговора, они — нет.
   *[theirs] Они написали протокол разговора, мы — нет.
}
# unreviewed
sheets-agreed = Согласовано: оба протокола говорят одно и то же.
# unreviewed
sheets-same-here = Оба протокола, какими они стоят здесь, говорят одно и то же.
# unreviewed
sheets-unheld = Пока неизвестно, есть ли у них наш.
# unreviewed
sheets-differ = Протоколы различаются: { $parts }.
# unreviewed
sheets-part = { $part ->
    [times] время
    [languages] языки
   *[topics] темы
}
# unreviewed
sheets-uncompared = Слов одного из протоколов здесь нет, поэтому темы сравнить нельзя.
# unreviewed
sheets-earlier = Заменены более поздним протоколом той же стороны:
# unreviewed
sheets-earlier-more = и ещё { $count }
# unreviewed
do-sheet = Написать наш протокол разговора
# unreviewed
do-sheet-anew = Написать наш протокол разговора заново
# unreviewed
do-sheet-hint = Время, кто из наших присутствовал, языки, темы

## Сообщения, проверки линии, собственные заметки

# unreviewed
desk-tab-texts = Сообщения
# unreviewed
texts-heading = { $count ->
        [0] Сообщения. Непрочитанных нет.
        [one] Прочесть { $count } сообщение.
        [few] Прочесть { $count } сообщения.
       *[many] Прочесть { $count } сообщений.
    }
# unreviewed
texts-quiet-tab = не прочитано
# unreviewed
texts-rails = наши начинаются у левой стойки, их — у правой
# unreviewed
texts-none = На этой линии сообщений ещё нет.
# unreviewed
texts-write = Написать: { $peer }
# unreviewed
texts-rings = ОБЫЧНАЯ не звонит. Начиная со СРОЧНОЙ, звонит их дежурной смене.
# unreviewed
text-words = Слова
# unreviewed
texts-they-read = { $mark }. { $precedence }. { $sign } (должность «{ $from }») вашей должности «{ $to }», и слова выше, как они написаны ({ $language }).
# unreviewed
text-sign-hint = Можно аннулировать; прочитанное остаётся прочитанным
# unreviewed
text-mark-read = Отметить прочитанным
# unreviewed
text-mark-read-hint = Они увидят: прочитано нашей стороной. Прочитанным сообщение делает эта клавиша, а не показ.
# unreviewed
text-retract = Аннулировать
# unreviewed
text-retract-hint = Остаётся в журнале с отметкой об аннулировании
# unreviewed
text-sent = { $side ->
    [ours] Отправлено, получение их станцией не подтверждено
   *[theirs] Есть здесь, наша квитанция ещё не записана
}
# unreviewed
text-delivered = { $side ->
    [ours] Доставлено { $time }, не прочитано
   *[theirs] Здесь не прочитано
}
# unreviewed
text-read = { $side ->
    [ours] Прочитано их стороной { $time }
   *[theirs] Прочитано здесь { $time }
}
# unreviewed
text-retracted = { $side ->
    [ours] Аннулировано нами { $time }
   *[theirs] Аннулировано ими { $time }
}
# unreviewed
checks-heading = Проверки линии
# unreviewed
checks-note = Проверка засчитывается, когда на неё отвечает человек.
# unreviewed
check-now = Проверить линию сейчас
# unreviewed
check-answered = Ответ человека { $time }, через { $lasted } по часам обеих сторон
# unreviewed
check-stands = { $side ->
    [ours] Там ответа нет
   *[theirs] Здесь ответа нет
}
# unreviewed
memo-heading = Собственная заметка
# unreviewed
memo-sign = Записать в журнал
# unreviewed
memo-hint = Подписано нами; за них ничего не говорит
# unreviewed
memo-reads = эту заметку, как нашу. Она ничего от них не требует.
# unreviewed
state-heading = Что мы объявляем
# unreviewed
state-sign = Объявить
# unreviewed
state-hint = Навсегда линию закрывает команда.
# unreviewed
state-reads = { $sign } объявляет выбранное здесь состояние и, если выбрано время, до какого. Рядом стоит то, что они наблюдают.
# unreviewed
state-until-when = До

## Запрос разговора

# unreviewed
ask-title = Запросить разговор
# unreviewed
ask-lede = На каждый вопрос уже есть ответ: выбрать линию, написать предмет, подписать.
# unreviewed
ask-not-signed = Не подписано.
# unreviewed
ask-with-whom = С кем
# unreviewed
ask-asks-us = Они уже запрашивают; ответить быстрее:
# unreviewed
ask-to = К должности
# unreviewed
ask-up-to = до { $precedence }
# unreviewed
ask-subject = Предмет
# unreviewed
ask-language = Язык
# unreviewed
ask-private = Не для огласки
# unreviewed
ask-private-hint = Публично об этом ничего
# unreviewed
ask-from = От должности
# unreviewed
ask-urgent = Срочность
# unreviewed
ask-urgent-head = По уставу
# unreviewed
ask-urgent-within = их дежурная смена видит в течение
# unreviewed
ask-mode = Способ
# unreviewed
ask-mode-voice = Говорить голосом
    .hint = по телефону или иначе
# unreviewed
ask-mode-writing = Обменяться письменно
    .hint = сообщениями, в согласованное время
# unreviewed
ask-mode-meeting = Встретиться
    .hint = место согласуется сообщениями
# unreviewed
ask-mark-operation = Всерьёз. Звонит соответственно.
# unreviewed
ask-mark-exercise = На каждой странице со штриховкой, звонок другой.
# unreviewed
ask-mark-test = Только системы.
# unreviewed
ask-until = Срок
# unreviewed
ask-stands = Стоит, пока его не закроют
# unreviewed
ask-stands-hint = Можно продлить
# unreviewed
ask-until-time = До времени
# unreviewed
ask-until-hint = Затем наша станция запишет УТРАТИЛО СИЛУ
# unreviewed
ask-day = День
# unreviewed
ask-time = Часы и минуты, { $place }
# unreviewed
ask-reads = Они прочтут
# unreviewed
ask-they-read = { $mark }. { $precedence }. { $sign } (должность «{ $from }») запрашивает разговор { $mode } с вашей должностью «{ $to }». Предмет: «{ $subject }». { $until ->
        [none] Запрос стоит, пока его не закроют.
        [unread] До какого времени он стоит, пока не читается.
       *[other] Запрос стоит до { $until }.
    }
# unreviewed
ask-reads-note = Каждая сторона читает на своём языке; как написан, передаётся только предмет. Подпись охватывает всё.
# unreviewed
ask-at-desk = За этим пультом
# unreviewed
ask-signed-by = Запрашивает { $name }. Кто запросил, хранится только здесь.
# unreviewed
ask-sign = Подписать и позвонить
# unreviewed
ask-sign-hint = Из журнала это не убрать; отозвать можно
# unreviewed
ask-show = Показать, что они прочтут
# unreviewed
ask-leave = Не запрашивать

## Что не сделано, страница

# unreviewed
undone-not-signed = Не подписано.
# unreviewed
undone-unsure = Неизвестно, подписано ли это.
# unreviewed
undone-nothing = Здесь ничего нет.
# unreviewed
undone-not-done = Не сделано.
# unreviewed
undone-not-yours = Не для этой роли.
# unreviewed
undone-machine = Станция не смогла этого сделать.
# unreviewed
undone-nothing-what = От журнала ничего не требовалось.
# unreviewed
undone-machine-what = Станция не смогла этого сделать.
# unreviewed
undone-what-nothing = Ничего не записано и ничего не отправлено.
# unreviewed
undone-what = Что
# unreviewed
undone-why = Почему
# unreviewed
undone-by = { $name }: записано здесь, { $user }.
# unreviewed
undone-do = Что делать
# unreviewed
undone-lines = К линиям
# unreviewed
undone-typed = Что было набрано
# unreviewed
undone-typed-note = Хранится здесь, пока не отправлено или не оставлено.
# unreviewed
undone-again = Отправить снова
# unreviewed
undone-tried = Что должно было быть сделано

## Журнал линии, страница

# unreviewed
record-note = Оба журнала по одному порядку: что запись видела, стоит перед ней. Жирное время — часы её автора.
# unreviewed
record-of-epoch = Эпоха
# unreviewed
record-of-ended = Эпоха { $epoch }, она закончилась
# unreviewed
record-ended-note = В ней больше ничего не пишут. Что было открыто, когда она закончилась, прервано.
# unreviewed
record-type = Тип
# unreviewed
record-before = Раньше
# unreviewed
record-after = Позже
# unreviewed
record-equal = Совпадают, запись за записью
# unreviewed
record-waits = Названо ещё не обеими сторонами
# unreviewed
record-halted = Эта линия дальше не ведётся.
# unreviewed
record-look-for = Что показать из журнала
# unreviewed
record-matter = Дело
# unreviewed
record-all-matters = Все дела
# unreviewed
record-all-types = Все типы
# unreviewed
record-side = Журнал
# unreviewed
record-both = Оба
# unreviewed
record-effect = Сила
# unreviewed
record-any-effect = Все
# unreviewed
record-void = не имеет силы
# unreviewed
record-unknown = неизвестно
# unreviewed
record-unknown-key = неизвестный ключ { $key }
# unreviewed
record-since = Хранится здесь с
# unreviewed
record-until = до
# unreviewed
record-words = Слова
# unreviewed
record-day-form = гггг-мм-дд
# unreviewed
record-unread = Поиск не проводился.
# unreviewed
record-show = Показать
# unreviewed
record-show-all = Показать всё
# unreviewed
record-found = { $count ->
    [0] Ничего не найдено.
    [one] На этой странице { $count } запись.
    [few] На этой странице { $count } записи.
   *[many] На этой странице { $count } записей.
}
# unreviewed
record-found-so-far = { $count ->
    [0] Среди { $max } записей ничего не найдено. Искать дальше — следующей страницей.
    [one] Среди { $max } найдена { $count } запись. Искать дальше — следующей страницей.
    [few] Среди { $max } найдены { $count } записи. Искать дальше — следующей страницей.
   *[many] Среди { $max } найдено { $count } записей. Искать дальше — следующей страницей.
}
# unreviewed
record-logs = Оба журнала по порядку
# unreviewed
record-our-log = наш журнал · { $count ->
    [one] { $count } запись
    [few] { $count } записи
   *[many] { $count } записей
}
# unreviewed
record-their-log = их журнал · { $count ->
    [one] { $count } запись
    [few] { $count } записи
   *[many] { $count } записей
}
# unreviewed
record-here-there = здесь · там
# unreviewed
record-of = к
# unreviewed
record-receipt = Станция { $sign } заявляет, докуда у неё есть другой журнал.
# unreviewed
record-saw-to = видела до { $name }
# unreviewed
record-saw-nothing = из другого журнала не видела ничего
# unreviewed
record-held-here = есть здесь с { $time }
# unreviewed
record-held-there = есть там с { $time }
# unreviewed
record-not-held = их станция ещё не заявила, что это у неё есть
# unreviewed
record-crossed = Разминулись.
# unreviewed
record-crossed-undecided = Ни одна сторона не видела записи другой. Обе стоят в журнале; ничего не согласовано.
# unreviewed
record-unseen = Друг друга не видели.
# unreviewed
record-unseen-why = Ни один автор не видел записи другого, когда писал свою.
# unreviewed
record-to-request = К запросу
# unreviewed
record-evidence = Хранится как свидетельство
# unreviewed
record-evidence-note = Что сделала их станция вопреки протоколу, последнее сначала.

## Слова протокола. Подписанное слово, английское, стоит рядом. Метки, срочность, ступени, исходы, разговоры, типы записей, коды.

# unreviewed
coded-mark = { $word ->
    [OPERATION] РЕАЛЬНО
    [EXERCISE] УЧЕНИЕ
    [TEST] ТЕСТ
   *[other] { $word }
}
# unreviewed
coded-precedence = { $word ->
    [ROUTINE] ОБЫЧНАЯ
    [PRIORITY] СРОЧНАЯ
    [IMMEDIATE] НЕМЕДЛЕННАЯ
    [FLASH] МОЛНИЯ
   *[other] { $word }
}
# unreviewed
coded-rung = { $word ->
    [SENT] ОТПРАВЛЕНО
    [DELIVERED] ДОСТАВЛЕНО
    [ALERTING] ЗВОНИТ
    [SEEN] ПРОСМОТРЕНО
    [REFERRED] ПЕРЕДАНО АППАРАТУ
   *[other] { $word }
}
# unreviewed
coded-outcome = { $word ->
    [OPEN] ОТКРЫТО
    [ANSWERED] ОТВЕТ ДАН
    [AGREED] СОГЛАСОВАНО
    [DECLINED] ОТКЛОНЕНО
    [WITHDRAWN] ОТОЗВАНО
    [LAPSED] УТРАТИЛО СИЛУ
    [CROSSED] РАЗМИНУЛИСЬ
   *[other] { $word }
}
# unreviewed
coded-talk = { $word ->
    [PLANNED] ПРЕДСТОИТ
    [JOINED] ПРИСОЕДИНИЛИСЬ
    [CANCELLED] ОТМЕНЁН
    [MISSED] НЕ ЯВИЛИСЬ
    [STATED] ЗАЯВЛЕН
    [TALKED] СОСТОЯЛСЯ
    [CROSSED] РАЗМИНУЛИСЬ
   *[other] { $word }
}
# unreviewed
coded-kind = { $word ->
    [charter] устав
    [received] квитанция
    [amend] изменение устава
    [key] ключ
    [post] должность
    [state] состояние
    [check] проверка линии
    [check-reply] ответ на проверку
    [overdue] просрочено
    [ask] запрос
    [alerting] звонит
    [seen] просмотрено
    [referred] передано аппарату
    [defer] отсрочка
    [renew] продление
    [suspend] приостановлено
    [resume] возобновлено
    [answer] ответ
    [decline] отклонение
    [withdraw] отзыв
    [lapse] утратило силу
    [offer] предложение времени
    [ready] готовность
    [accept] принятие
    [joined] присоединение к разговору
    [ended] конец разговора
    [missed] неявка
    [cancel] отмена разговора
    [talk] заявление о разговоре
    [sheet] протокол разговора
    [text] сообщение
    [notice] уведомление
    [read] прочитано
    [retract] аннулирование
    [memo] заметка
    [statement] заявление
    [statement-reply] ответ на заявление
    [approach] обращение со стороны
    [approach-reply] чьё это обращение
    [attempt] попытка по другому каналу
    [heard] услышано там
    [adopt] принятие истории
   *[other] { $word }
}
# unreviewed
coded-reason = { $word ->
    [ENGAGED] ЗАНЯТ
    [TRAVELLING] ПОЕЗДКА
    [OUT-OF-HOURS] НЕРАБОЧЕЕ ВРЕМЯ
    [NO-INTERPRETER] НЕТ ПЕРЕВОДЧИКА
    [LEVEL] УРОВЕНЬ
    [NOT-COMPETENT] ДРУГОЕ ВЕДОМСТВО
    [IN-WRITING] ПИСЬМЕННО
    [OTHER-CHANNEL] ДРУГОЙ КАНАЛ
    [CONDITIONS] УСЛОВИЯ
    [AWAITING-INSTRUCTIONS] ЖДЁМ УКАЗАНИЙ
    [POST-VACANT] ДОЛЖНОСТЬ СВОБОДНА
    [IDENTITY-DOUBT] КТО ЗАПРАШИВАЕТ
    [NO-CONFIRMATION] НЕ ПОДТВЕРЖДЕНО
    [UNSTATED] НЕ НАЗВАНО
   *[other] { $word }
}
# unreviewed
coded-mode = { $word ->
    [voice] голосом
    [writing] письменно
    [meeting] при встрече
   *[other] { $word }
}
# unreviewed
coded-channel = { $word ->
    [desk] пульт
    [terminal] терминал
    [telephone] телефон
   *[other] { $word }
}
# unreviewed
coded-silence = { $word ->
    [lapses] утрачивает силу
    [stands] остаётся в силе
   *[other] { $word }
}
# unreviewed
coded-clause = { $word ->
    [station] станция
    [watch] дежурная смена
    [principal] сама должность
   *[other] { $word }
}
# unreviewed
coded-deadline = { $word ->
    [valid-until] срок действия
    [answer-by] срок ответа
    [recall] срок отклика
   *[other] { $word }
}
# unreviewed
coded-state = { $word ->
    [open] открыта
    [maintenance] на обслуживании
    [suspended] приостановлена
    [closed] закрыта
   *[other] { $word }
}
# unreviewed
coded-instrument = { $word ->
    [telephone] по телефону
    [in-person] лично
    [video] по видеосвязи
    [writing] письменно
    [other] иначе
   *[unknown] { $word }
}
# unreviewed
coded-by = { $word ->
    [schedule] по расписанию
    [person] человек
   *[other] { $word }
}

## Другие слова на странице

# unreviewed
role-said = { $role ->
    [watch] дежурный
    [admin] администратор
    [auditor] аудитор
   *[other] { $role }
}
# unreviewed
instrument-said = { $instrument ->
    [telephone] по телефону
    [in-person] лично
    [video] по видеосвязи
    [writing] письменно
    [other] иначе
   *[unknown] { $instrument }
}
# unreviewed
time-form = чч:мм
# unreviewed
time-day-field = Напишите день, например 2026-11-24, или день и время: 2026-11-24 17:30.
# unreviewed
time-field = Напишите час и минуту, как на 24-часовых часах: 09:05 или 17:30.

## Настройки

# unreviewed
language-name = Русский
# unreviewed
settings-title = Настройки
# unreviewed
settings-lede = Только для ваших страниц, в любом браузере после входа.
# unreviewed
settings-language = Язык
# unreviewed
settings-browser = Как просит браузер
# unreviewed
settings-browser-hint = На одном из имеющихся языков или на языке этой организации
# unreviewed
settings-direction = Направление
# unreviewed
settings-direction-language = Как пишут на этом языке
# unreviewed
settings-direction-right = Справа налево
# unreviewed
settings-direction-hint = Времена и их полосы остаются как есть
# unreviewed
settings-keep = Сохранить
# unreviewed
settings-changed = Пароль изменён, все другие сеансы закончены.
# unreviewed
settings-banner = Гриф
# unreviewed
settings-banner-line = Строка грифа на каждой странице и на печати
# unreviewed
settings-banner-note = Только для себя; линию она не пересекает. Не более { $max } знаков.
# unreviewed
settings-banner-admin = Задаёт человек с ролью admin.
# unreviewed
settings-password = Пароль
# unreviewed
settings-password-now = Нынешний
# unreviewed
settings-password-new = Новый, двенадцать знаков или больше
# unreviewed
settings-password-key = Сменить и закончить другие сеансы
# unreviewed
settings-station = Станция
# unreviewed
translation-attach = Приложить перевод
# unreviewed
translation-words = Перевод
# unreviewed
translation-keep = Хранить здесь
# unreviewed
translation-note = Он остаётся на этой станции рядом с текстом. Считается то, что подписано.
# unreviewed
translation-meta = Перевод ({ $language }), { $user }, { $time }; хранится здесь и не входит в подписанное ими
# unreviewed
settings-station-note = Пользователи, сеансы и начало линии.
# unreviewed
settings-not-yours = Не для этой роли
# unreviewed
settings-role = За этим смотрит человек с ролью admin; здесь роль { $role }.

## Показ

# unreviewed
demo-paired = Сопряжено. Обе станции показали одни и те же цифры, как их сверили бы два человека по другому каналу:
    { $digits }
# unreviewed
demo-station = { $name }: процесс { $pid }, каталог { $data }
    Чтобы запустить снова после остановки: { $command }
# unreviewed
demo-ended = { $name }: процесс закончен. Чтобы запустить снова: { $command }
# unreviewed
demo-officer = Дежурный
# unreviewed
demo-link = { $name } в браузере, действует один раз и десять минут: { $url }
# unreviewed
demo-guide = 
    Всё в этом показе помечено УЧЕНИЕ (EXERCISE). Ещё в двух терминалах:

    Терминал 2, Southland слышит звонок:
      { $south } bell
    Терминал 3, Northland запрашивает, Southland отвечает по своему усмотрению:
      { $north } ask --from minister --to minister --precedence PRIORITY "Кабель в Северном море"
      { $north } status
      { $south } defer "Northland 1" --code ENGAGED
      { $south } offer "Northland 1" --window "tomorrow 10:00/tomorrow 10:30" --window "tomorrow 15:00/tomorrow 15:30" --answer-by +1m
    Никто не отвечает: через две минуты предложение истекло, а запрос остаётся в силе. Затем другое время, которое принимают:
      { $north } status "Northland 1"
      { $south } offer "Northland 1" --window "tomorrow 11:00/tomorrow 11:30" --answer-by +10m
      { $north } accept "Southland 2" --window 1
      { $south } text --from minister --to minister "Позвоним из министерства."
      { $north } lines
      { $north } record

    Остановить одну станцию посередине (kill -9), запустить её снова командой выше и сравнить оба журнала.
    Ctrl-C здесь останавливает обе.

## Запись как страница

# unreviewed
entry-as-signed = Как подписано.
# unreviewed
entry-words = Слова
# unreviewed
entry-holds = Подпись верна.
# unreviewed
entry-holds-not = Подпись неверна.
# unreviewed
entry-checked = Проверено сейчас ключом, действующим на этом месте.
# unreviewed
entry-time = Время, которое заявляет автор
# unreviewed
entry-times = По обоим часам
# unreviewed
entry-epoch = Эпоха
# unreviewed
entry-own = Свой журнал перед ней
# unreviewed
entry-held = Вершина другого журнала, которую она называет
# unreviewed
entry-head = записей { $size }, корень { $root }
# unreviewed
entry-refers = Действует на
# unreviewed
entry-from = Должность
# unreviewed
entry-to = Должность другой стороны
# unreviewed
entry-precedence = Срочность
# unreviewed
entry-mark = Метка
# unreviewed
entry-deadline = Срок
# unreviewed
entry-lacking = Слова, которых у автора нет
# unreviewed
entry-key = Ключ станции
# unreviewed
entry-algorithm = Алгоритм
# unreviewed
entry-stored = Сохранено здесь
# unreviewed
entry-leaf = Лист дерева
# unreviewed
entry-seen = Видела из другого журнала
# unreviewed
entry-named = Названо имеющимся
# unreviewed
entry-no-words = Слов при ней нет.
# unreviewed
entry-deniable = Её слова отрицаемы: то, что за них ручается, могла составить любая сторона.
# unreviewed
entry-attested = Заверено: дайджест { $digest } подписан, и слова, которые есть здесь, ему соответствуют.
# unreviewed
entry-other-words = Дайджест { $digest } подписан, а у слов, которые есть здесь, другой.
# unreviewed
entry-lacks-words = Дайджест { $digest } подписан; слов здесь нет.
# unreviewed
entry-bytes = Запись в точности как подписана
# unreviewed
entry-length = { $count ->
    [one] { $count } байт шестнадцатеричными цифрами.
    [few] { $count } байта шестнадцатеричными цифрами.
   *[many] { $count } байтов шестнадцатеричными цифрами.
}
# unreviewed
entry-download = Скачать байты
# unreviewed
entry-before = Запись перед ней
# unreviewed
entry-after = Запись после неё

## Утренняя сводка

# unreviewed
desk-tab-morning = Утренняя сводка
# unreviewed
morning-day = Начальнику дежурной смены · 24 часа до: { $until }
# unreviewed
morning-heading = { $not ->
    [0] { $open ->
        [0] Линий ещё нет.
        [one] { $all ->
            [1] Линия открыта.
           *[other] Открыта { $open } линия.
        }
        [few] Открыты все { $open } линии.
       *[many] Открыты все { $open } линий.
    }
   *[other] { $all ->
        [1] Линия не открыта.
       *[other] Открыто линий: { $open } из { $all }.
    }
}
# unreviewed
morning-lede = { $count ->
    [0] Этого пульта ничто не ждёт.
    [one] Этого пульта ждёт { $count } дело: { $first }.
    [few] Этого пульта ждут { $count } дела, первое — { $first }.
   *[many] Этого пульта ждут { $count } дел, первое — { $first }.
}
# unreviewed
morning-table = Состояние всех линий
# unreviewed
morning-state = Наблюдается, объявлено
# unreviewed
morning-checks = Проверки за 24 часа, по часам
# unreviewed
morning-to-seen = Время до просмотра по каждому запросу
# unreviewed
morning-checks-ours = Наши проверки, их ответы:
# unreviewed
morning-checks-theirs = Их проверки, наши ответы:
# unreviewed
morning-asks-ours = Наши запросы, просмотрены ими:
# unreviewed
morning-asks-theirs = Их запросы, просмотрены нами:
# unreviewed
morning-median-worst = { $span }, медиана / наибольшее
# unreviewed
morning-tests = { $count ->
    [0] С меткой { $mark } проверок не было.
    [one] { $count } проверка: в срок { $answered }, позже { $late }, без ответа { $unanswered }, срок ещё идёт { $waits }.
    [few] { $count } проверки: в срок { $answered }, позже { $late }, без ответа { $unanswered }, срок ещё идёт { $waits }.
   *[many] { $count } проверок: в срок { $answered }, позже { $late }, без ответа { $unanswered }, срок ещё идёт { $waits }.
}
# unreviewed
morning-seen = Просмотрено { $seen } из { $count ->
    [one] { $count } запроса
    [few] { $count } запросов
   *[many] { $count } запросов
}, через { $spread ->
    [same] { $most }
   *[other] { $least } — { $most }
}; позже, чем даёт устав линии: { $late }.
# unreviewed
morning-none-seen = { $count ->
    [0] С меткой { $mark } запросов не было.
    [one] { $count } запрос, не просмотрен.
    [few] { $count } запроса, не просмотрен ни один.
   *[many] { $count } запросов, не просмотрен ни один.
}
# unreviewed
morning-seconds = { $count } с
# unreviewed
morning-minutes = { $count } мин
# unreviewed
morning-hours = { $count } ч
# unreviewed
morning-legend = Только с пометкой { $mark }. Проверки, по времени, когда вопрос и ответ сохранены на этой станции: полный столбик — ответ в срок; половина — позже; пустой — без ответа; пунктирный — срок ещё идёт; черта — проверки не было. Запросы: точка — просмотрен в срок, который устав даёт его срочности; кольцо — позже; красные черты — эти сроки.
# unreviewed
morning-open = { $count ->
    [0] нет
    [one] { $count } дело
    [few] { $count } дела
   *[many] { $count } дел
}
# unreviewed
morning-written = Записано за эти часы
# unreviewed
morning-ended = Утратило силу или разминулось
# unreviewed
morning-of-epoch = { $told } (эпоха { $epoch })
# unreviewed
morning-nothing = Ничего.
# unreviewed
morning-more = и ещё { $count } в журнале, { $peer }
# unreviewed
morning-more-least = и ещё не менее { $count } в журнале, { $peer }
# unreviewed
morning-figures = Время до ответа, { $peer }
# unreviewed
morning-note = Написанное, утратившее силу, разминувшееся и подлежащее исполнению взято из подписанного журнала, и каждая строка ведёт туда. Графики и числа подсчитаны по нему же. Наблюдаемое состояние — то, что эта станция видела, когда страница составлялась.
# unreviewed
morning-print = Печать

## Как начинается линия

# unreviewed
desk-tab-pairing = Новая линия
# unreviewed
pairing-made = Приглашение составлено. Оно показано один раз.
# unreviewed
pairing-none-under-way = Сопряжений в работе нет.
# unreviewed
pairing-count = { $count ->
    [one] Хранится { $count } сопряжение.
    [few] Хранятся { $count } сопряжения.
   *[many] Хранится { $count } сопряжений.
}
# unreviewed
pairing-lede = Линия начинается, когда человек на каждой стороне увидел те же шестнадцать чисел и обе подписали один устав. Раньше ничто не может звонить.
# unreviewed
pairing-give = Приглашение
# unreviewed
pairing-give-how = Передать его другой организации доверительно, целиком. Прийти с ним может всякий, у кого оно есть; числа покажут, она ли это.
# unreviewed
pairing-given = Забрано
# unreviewed
pairing-standing = { $standing ->
    [waiting] Ещё никто не пришёл.
    [calling] Вызывается их станция.
    [comparing] { $named ->
        [yes] Сравнить шестнадцать чисел: { $name }.
       *[no] Сравнить шестнадцать чисел.
    }
    [confirmed] Подтверждено здесь.
    [countersigned] Подтвердили обе стороны.
    [open] Линия открыта.
   *[other] Закончено; линии не будет.
}
# unreviewed
pairing-invite = Пригласить
    .hint = приглашение передано им
# unreviewed
pairing-join = Принять
    .hint = их станция его открыла
# unreviewed
pairing-compare = Сравнить
    .hint = по телефону или при встрече
# unreviewed
pairing-sign = Подписать
    .hint = номер 0 обоих журналов
# unreviewed
pairing-read = Эти числа прочесть им. Они читают свои.
# unreviewed
pairing-digits = Шестнадцать чисел для сравнения
# unreviewed
pairing-channel = Взять номер телефона, известный прежде, или встретиться. Не тот путь, которым шло приглашение.
# unreviewed
pairing-same = Все шестнадцать те же
    .hint = Подписывает с ними устав
# unreviewed
pairing-differ-key = Одно или несколько другие
    .hint = Не подписывает ничего
# unreviewed
pairing-with = С кем
# unreviewed
pairing-zone = Пояс их смены
# unreviewed
pairing-key = Ключ их соединения
# unreviewed
pairing-there = Их человек
# unreviewed
pairing-they-confirmed = подтвердил
# unreviewed
pairing-they-not-yet = насколько здесь известно, не подтвердил
# unreviewed
pairing-abandon = Оставить это сопряжение
    .hint = Этим ничего не подписывается; они об этом узнают
# unreviewed
pairing-invited = Пришло приглашение?
# unreviewed
pairing-invited-how = Вставить приглашение целиком.
# unreviewed
pairing-text = Приглашение
# unreviewed
pairing-invite-how = Составляет приглашение для одной другой организации. Оно показывается один раз.
# unreviewed
pairing-invite-key = Составить приглашение
# unreviewed
pairing-rules = Предлагаемые условия
# unreviewed
pairing-rules-how = Число и s, m, h или d: 90s, 15m, 8h, 2d. Линия проверяется: never, через срок или во времена, например 09:00,17:00 UTC; пусто — как в конфигурации. Пустой темп — как у дежурной смены.
# unreviewed
pairing-agreed = Что сказано в уставе, по линиям

## Пользователи

# unreviewed
desk-tab-users = Пользователи
# unreviewed
users-heading = { $count ->
    [0] Пользователей нет.
    [one] { $count } пользователь.
    [few] { $count } пользователя.
   *[many] { $count } пользователей.
}
# unreviewed
users-lede = Кто может войти у этого пульта и в какой роли. Ни в одном журнале этого нет.
# unreviewed
users-note = Кто совершил какое действие, хранится только дома; другая сторона видит должность.
# unreviewed
users-user = Пользователь
# unreviewed
users-role = Роль
# unreviewed
users-since = С
# unreviewed
users-sessions = Сеансы
# unreviewed
users-sessions-count = { $count ->
    [0] сеансов нет
    [one] { $count } сеанс
    [few] { $count } сеанса
   *[many] { $count } сеансов
}
# unreviewed
users-sessions-note = Сам сеанс кончается через двенадцать часов.
# unreviewed
users-acts = Действия
# unreviewed
users-you = это вы
# unreviewed
users-link = Разовая ссылка
# unreviewed
users-sign-out = Завершить все сеансы
# unreviewed
users-end = Удалить
# unreviewed
users-end-sure = Удалить { $name }: сеансы и ссылки закончатся, действия сохранят имя
# unreviewed
users-not-self = Не себя
# unreviewed
users-begun = Начат
# unreviewed
users-until = До
# unreviewed
users-this = Этот
# unreviewed
users-end-session = Завершить
# unreviewed
users-by-password = по паролю
# unreviewed
users-by-link = по ссылке; создал: { $maker }
# unreviewed
users-add = Добавить или изменить пользователя
# unreviewed
users-name = Имя
# unreviewed
users-password = Пароль
# unreviewed
users-password-note = Двенадцать знаков или больше. Без пароля войти можно только по ссылке.
# unreviewed
users-add-key = Создать пользователя
    .hint = С именем, которого здесь ещё нет
# unreviewed
users-change-key = Изменить пользователя
    .hint = Кто уже есть, получает эту роль, а если написан пароль — и его; сеансы кончаются
# unreviewed
users-link-for = Ссылка, по которой «{ $name }» войдёт один раз
# unreviewed
users-link-until = Действует до { $time } и показана один раз.
# unreviewed
users-link-given = Забрано

# unreviewed
offer-by-empty = Пусто: когда начинается первый интервал.
# unreviewed
defer-until = Отложить до
# unreviewed
defer-no-time = срок не назван
# unreviewed
defer-next = сегодня или завтра
# unreviewed
defer-day-after = { $times } (на следующий день)
# unreviewed
defer-day-before = { $times } (накануне)

# unreviewed
rounds-title = Обходы
# unreviewed
rounds-lede = Один предмет на нескольких линиях. На каждой это обычный запрос; о других линиях никто из них не узнаёт.
# unreviewed
rounds-none = Обходов ещё не было.
# unreviewed
rounds-new = Запросить на нескольких линиях
# unreviewed
rounds-read = Они прочтут
# unreviewed
rounds-sign-hint = По одному запросу на линию
# unreviewed
rounds-lines = { $count ->
    [one] { $count } линия
    [few] { $count } линии
   *[many] { $count } линий
}
# unreviewed
round-title = Обход { $number }
# unreviewed
round-lede = начат: { $name }, { $time }
# unreviewed
round-heading = { $answered ->
    [0] Ответов пока нет, сторон: { $count }.
    [one] Ответила { $answered } сторона из { $count }.
    [few] Ответили { $answered } стороны из { $count }.
   *[many] Ответили { $answered } сторон из { $count }.
}
# unreviewed
round-not-yet = Ещё нет: { $names }.
# unreviewed
round-note = Каждая сторона видит только свою линию; что запросы связаны, хранится лишь у этой станции.
# unreviewed
round-ladders = Как далеко дошёл каждый
# unreviewed
round-outcome = ИСХОД
# unreviewed
round-no-outcome = исхода нет
# unreviewed
round-not-asked = не запрошено
# unreviewed
round-not-whole = На линии, где стоит «не запрошено», ничего не подписано: когда до неё дошла очередь, записать уже было нельзя.
# unreviewed
round-now = Сейчас
# unreviewed
round-here = здесь
# unreviewed
round-there = там
# unreviewed
round-add = Добавить линии
# unreviewed
round-sent = в нашем журнале
# unreviewed
round-delivered = есть у их станции
# unreviewed
round-alerting = их устройство звонило
# unreviewed
round-seen = их дежурная смена, по их заявлению
# unreviewed
round-referred = должности, по их заявлению

# unreviewed
tokens-title = Маркеры
# unreviewed
tokens-heading = { $count ->
    [0] Ни одной программе обращаться нельзя.
    [one] Обращаться может { $count } программа.
    [few] Обращаться могут { $count } программы.
   *[many] Обращаться могут { $count } программ.
}
# unreviewed
tokens-lede = Программы, которые обращаются к API этой станции, каждая по маркеру со своей ролью. Маркером нельзя создать маркер; ни в одном журнале этого нет.
# unreviewed
tokens-list = Маркеры
# unreviewed
tokens-note = Что сделано по маркеру, хранится под его именем только дома. От самого маркера хранится лишь хеш.
# unreviewed
tokens-none = Маркеров пока не создано.
# unreviewed
tokens-program = Программа
# unreviewed
tokens-until = До
# unreviewed
tokens-no-end = пока не отозван
# unreviewed
tokens-ended = кончился { $time }
# unreviewed
tokens-revoke = Отозвать
# unreviewed
tokens-revoke-sure = Отозвать маркер { $name }: на его вызовы больше не будет ответа
# unreviewed
tokens-made = Маркер программы «{ $name }»
# unreviewed
tokens-made-once = Показан один раз: у кого он есть, тому можно всё, что можно роли { $role }.
# unreviewed
tokens-made-calendar = Это адрес для программы календаря; показывается один раз: по нему видно, с кем, когда и по какому запросу согласованы разговоры и что с ними стало, и ничего больше.
# unreviewed
tokens-made-until = Действует до { $time }.
# unreviewed
tokens-made-no-end = Действует, пока его не отзовут.
# unreviewed
tokens-taken = Забрано
# unreviewed
tokens-add = Создать маркер
# unreviewed
tokens-name = Имя программы
# unreviewed
tokens-until-note = День берётся целиком, по часам этого пульта: { $day }. Можно и «{ $day } 18:00». Пусто: пока не отозван.
# unreviewed
tokens-add-key = Создать маркер
    .hint = Показывается один раз
# unreviewed
tokens-role-watch = читает и совершает любое действие на линии
# unreviewed
tokens-role-admin = то же, и ведёт пользователей и сопряжения
# unreviewed
tokens-role-auditor = читает всё и ничего не делает
# unreviewed
tokens-role-calendar = адрес для программы календаря, и ничего больше
# unreviewed
role-watch = несёт дежурство
# unreviewed
role-admin = несёт дежурство и смотрит за станцией
# unreviewed
role-auditor = читает и действий не совершает

## Разговор через эту систему

# unreviewed
do-call = Говорить по этой линии
# unreviewed
do-call-hint = В этом браузере, через обе станции; эта станция ничего не записывает
# unreviewed
talking-title = Разговор с { $peer }
# unreviewed
talking-cap = Разговор по { $name }
# unreviewed
talking-no-recording = Эта станция ничего из сказанного не записывает. Что делают на другом конце, она знать не может.
# unreviewed
talking-until = до согласованного времени; тогда зазвонят оба пульта
# unreviewed
talking-agreed = согласовано на { $window }
# unreviewed
talking-rings = Звонит рядом с разговором и ничего не закрывает.
# unreviewed
talking-do-ring = Показать
# unreviewed
talking-do-ring-hint = Escape возвращает к разговору
# unreviewed
talking-before = Перед разговором.
# unreviewed
talking-was-in = Мы были в этом разговоре, и сейчас в нём никого из наших.
# unreviewed
talking-come-back = Войдите: через 20 секунд после ухода последнего из наших или после восстановления связи он будет окончен как потерянный.
# unreviewed
talking-over-unwritten = Вызов окончен. О нём ничего не записано; разговор ещё впереди.
# unreviewed
talking-over-waits = Вызов окончен. Что он показал, ещё не записано: журнал этого пока не принял.
# unreviewed
talking-in = Вы в разговоре.
# unreviewed
talking-through = Вы соединены.
# unreviewed
talking-over = Разговор окончен.
# unreviewed
talking-over-ours = Его окончили мы.
# unreviewed
talking-over-theirs = Его окончила сторона { $peer }.
# unreviewed
talking-over-lost-ours = Из наших за 20 секунд никто не вернулся.
# unreviewed
talking-over-lost-theirs = Со стороны «{ $peer }» за 20 секунд никто не вернулся.
# unreviewed
talking-over-broken = Он прервался: линия закрыта, остановлена или начата заново.
# unreviewed
talking-nobody = От { $peer } в разговоре никого нет.
# unreviewed
talking-they-away = Сейчас от { $peer } никого нет, говорит их станция; их места сохраняются 20 секунд.
# unreviewed
talking-they-off = Сейчас от { $peer } на линии никого нет, говорит их станция.
# unreviewed
talking-they-left = Сейчас от { $peer } в разговоре никого нет, говорит их станция.
# unreviewed
talking-still-sent = Сказанное здесь на линии всё равно идёт к их станции.
# unreviewed
talking-watches-hear = Дежурный на линии слышит другую сторону, и его там слышно; кто на удержании, не слышит никого, и его никто не слышит.
# unreviewed
talking-they-wait = { $peer } в разговоре.
# unreviewed
talking-through-both = Обе стороны соединены одновременно.
# unreviewed
talking-through-ours = Мы соединили; { $peer } ещё нет.
# unreviewed
talking-through-theirs = { $peer } соединила; мы ещё нет.
# unreviewed
talking-through-none = Ни одна сторона ещё не соединила.
# unreviewed
talking-part = { $part ->
    [principal] Руководитель
    [interpreter] Переводчик
    [note-taker] Ведущий запись беседы
   *[watch] Дежурный
}
# unreviewed
talking-part-hint = { $part ->
    [principal] слышит другую сторону, когда соединили обе
    [interpreter] говорит рядом с руководителем
    [note-taker] только слушает
   *[watch] держит линию и соединяет
}
# unreviewed
talking-who = Кто в разговоре
# unreviewed
talking-us = мы
# unreviewed
talking-them = они, в ролях, которые называет их станция
# unreviewed
talking-put = СОЕДИНЕНО
# unreviewed
talking-put-already = Уже соединено; это действует до конца разговора.
# unreviewed
talking-you = вы, { $user }
# unreviewed
talking-none-ours = В разговоре никого нет.
# unreviewed
talking-none-theirs = В разговоре никого нет.
# unreviewed
talking-parts-only = Они видят наши роли, но не имена.
# unreviewed
status-on-call = Сейчас на связи: с нашей стороны: { $ours }; с их стороны: { $theirs }.
# unreviewed
status-nobody = никого
# unreviewed
talking-level = Громкость: { $part }
# unreviewed
talking-level-own = Громкость этого микрофона
# unreviewed
talking-away = отошёл; место держится 20 с
# unreviewed
talking-muted = без звука
# unreviewed
talking-listens = только слушает
# unreviewed
talking-held = на удержании
# unreviewed
talking-aside = в стороне
# unreviewed
talking-where = Где участник «{ $part }»
# unreviewed
talking-room = { $room ->
    [hold] На удержании
    [aside] В стороне
   *[line] На линии
}
# unreviewed
talking-lost-there = по пути туда потеряно { $percent } %, по счёту их станции
# unreviewed
talking-lost-here = по пути сюда потеряно { $percent } %
# unreviewed
talking-degraded = С ухудшением:
# unreviewed
talking-degraded-why = датаграммы не проходят, и речь идёт по потоку. Возможна задержка; давайте друг другу договорить. Это видно на обоих пультах.
# unreviewed
talking-cut = Связи нет.
# unreviewed
talking-cut-why = Стороны друг друга не слышат. Разговор сохраняется и продолжится, когда связь вернётся.
# unreviewed
talking-unheard = Звука нет.
# unreviewed
talking-unheard-why = От стороны { $peer } две секунды ничего не приходит, хотя там кто-то на линии. Разговор сохраняется. Возможно, и здешних слов там сейчас не слышно.
# unreviewed
talking-acts = Что делается в разговоре
# unreviewed
talking-do-join = Войти в разговор
# unreviewed
talking-do-join-hint = Микрофон включается; само по себе это в журнал не пишется
# unreviewed
talking-do-through = Соединить
# unreviewed
talking-do-through-hint = Все наши, кто на удержании, кроме дежурного, соединятся, когда нажмёт и их дежурный
# unreviewed
talking-do-mute = Выключить звук
# unreviewed
talking-do-mute-hint = Этот микрофон никто не слышит
# unreviewed
talking-do-unmute = Включить звук
# unreviewed
talking-do-unmute-hint = Этот микрофон снова слышат
# unreviewed
talking-do-leave = Выйти
# unreviewed
talking-do-leave-hint = { $count ->
    [one] Вы последний из наших: через 20 секунд вызов будет окончен
    [few] Разговор продолжается; место свободно
   *[many] Разговор продолжается; место свободно
}
# unreviewed
talking-do-end = Окончить разговор
# unreviewed
talking-do-end-hint = Спросит один раз; запишет ENDED, если мы вошли
# unreviewed
talking-do-end-now = Окончить сейчас, для обеих сторон
# unreviewed
talking-remove = Вывести
# unreviewed
talking-back = К запросу
# unreviewed
talking-path = Путь речи
# unreviewed
talking-path-note = Только между этим браузером и этой станцией; сколько речь идёт до другой стороны, не измеряется, а сколько её потеряно на всём пути, стоит рядом с каждым.
# unreviewed
talking-round = До этой станции и обратно
# unreviewed
talking-loss = Потеряно
# unreviewed
talking-jitter = Неравномерность
# unreviewed
talking-ms = мс
# unreviewed
talking-plot-from = 2 мин назад
# unreviewed
talking-plot-poor = плохо выше { $value }
# unreviewed
talking-plot-now = сейчас
# unreviewed
talking-microphone = Микрофон
# unreviewed
talking-loudspeaker = Динамик
# unreviewed
talking-device-default = Выбранный системой
# unreviewed
talking-say-something = Проверьте его и скажите фразу: полоска проходит середину.
# unreviewed
talking-echo = Подавление эха
# unreviewed
talking-echo-hint = Оставьте включённым, если этого не делает оборудование зала
# unreviewed
talking-do-test = Проверить микрофон
# unreviewed
talking-do-tone = Проиграть пробный тон
# unreviewed
talking-tone-hint = Одна секунда, 440 Гц.
# unreviewed
talking-as = Вы там как
# unreviewed
talking-rule = Обе дежурные службы держат линию, пока их люди не придут, и соединяют одновременно. Сторона пишет JOINED, когда первого из её людей и кого-нибудь с другой стороны услышали на обеих станциях; её дежурный считается, если говорить больше некому. У потерянной страницы есть 20 секунд, чтобы вернуться.
# unreviewed
talking-shut = Сейчас войти никому нельзя.
# unreviewed
talking-shut-none = По этому запросу разговор не согласован.
# unreviewed
talking-shut-unsettled = Согласие здесь принято; неизвестно, есть ли оно уже у другой стороны.
# unreviewed
talking-shut-closed = Линия закрыта, остановлена или начата заново: об этом разговоре больше ничего не записывается.
# unreviewed
talking-shut-said = Мы уже сказали, что стало с этим разговором.
# unreviewed
talking-shut-early = До согласованного времени больше четверти часа.
# unreviewed
talking-shut-late = Согласованное время прошло больше часа назад.
# unreviewed
no-call-off = У этой станции нет речи: пульт не обслуживается или адрес для речи неизвестен.
# unreviewed
no-call-stopped = Передача речи прекратилась из-за ошибки этой программы. Журнал и всё остальное работает.
    .do = Запустить станцию снова. Если речь опять прекратится, сохранить журнал работы станции и сообщить тому, кто сопровождает эту программу.
# unreviewed
no-call-unreached = Связи с другой станцией сейчас нет.
# unreviewed
no-call-older = У их станции речи ещё нет: там работает прежняя версия.
# unreviewed
no-call-unanswered = От их станции за пять секунд ничего об этом разговоре не пришло.
# unreviewed
no-call-over = Разговор окончен.
# unreviewed
no-call-has-joined = Эта сторона подписала, что вошла в разговор; это подписывается, только когда слышно кого-то с их стороны: они пришли.
# unreviewed
no-call-they-came = Кого-то с их стороны было слышно в разговоре: они пришли.
# unreviewed
no-call-codec = У их и наших браузеров нет общего способа кодировать звук. Никто не соединён.
# unreviewed
no-call-full = Людей или разговоров здесь уже столько, сколько может быть.
# unreviewed
no-call-no-place = У этого браузера нет места в разговоре, или такого номера ни у кого нет.
# unreviewed
no-call-links = Четверым уже дана ссылка или место, и в разговоре их ещё нет. Сначала забрать одну назад.
# unreviewed
no-call-not-through = Пока обе стороны не соединили, на линии только дежурные. Соедините или подождите, пока соединят они.
# unreviewed
no-call-offer = { $cause ->
    [codec] Этот браузер не может кодировать звук так, как этот вызов: его никто не услышит, и он никого. Войдите с другим браузером.
    [soon] Этот браузер спросил дважды за полсекунды. Он спросит снова сам.
   *[unreadable] Предложение этого браузера — не звуковой вызов, который эта станция может прочесть. Войдите с другим браузером.
}
# unreviewed
talking-insecure = Браузер даёт микрофон только по HTTPS или на самой этой машине. Откройте пульт по адресу HTTPS.
# unreviewed
talking-denied = Браузер не даёт этой странице микрофон. Разрешите его рядом с адресом и загрузите страницу заново.
# unreviewed
talking-no-microphone = Микрофон не найден. Подключите его или выберите другой в системе.
# unreviewed
talking-barred = { $why ->
    [denied] Браузер не даёт этой странице микрофон.
    [insecure] Эта страница открыта не по HTTPS, а микрофон браузер даёт только там или на самой машине.
   *[none] Микрофон не найден.
}
# unreviewed
talking-mend-allow = Рядом с адресом откройте разрешения этой страницы, разрешите микрофон и попробуйте снова.
# unreviewed
talking-mend-held = Если микрофон занят другой программой, закройте её.
# unreviewed
talking-mend-https = Откройте пульт по адресу, который начинается с https://
# unreviewed
talking-mend-setup = Если его нет, его настроит тот, кто смотрит за станцией: руководство, «HTTPS».
# unreviewed
talking-mend-plug = Подключите микрофон или включите его в системе и попробуйте снова.
# unreviewed
talking-mend-listen = Без него войдите как ведущий запись беседы: вы слышите разговор, а они читают, что вы только слушаете.
# unreviewed
talking-connecting = Соединение с этой станцией…
# unreviewed
talking-connected = Звук идёт в обе стороны между этим браузером и этой станцией.
# unreviewed
talking-lost = Соединение с этой станцией потеряно; попытка повторяется. Место держится 20 секунд.
# unreviewed
talking-blocked = Звук пройти не может.
# unreviewed
talking-blocked-why = Страницы доходят, но по UDP между этим браузером и этой станцией, { $address }, ничего не проходит. Пропустить его может тот, кто смотрит за станцией или за сетью на пути: руководство, «Talking», «Firewalls».
# unreviewed
talking-no-script = Для звука нужен сценарий, а здесь он не выполняется: видно, кто в разговоре, но занятое место пропадает через 20 секунд, поэтому разрешите сценарии этого адреса или войдите из другого браузера.
# unreviewed
talking-not-answered = Ответа этой станции о разговоре нет; попытка повторяется.
# unreviewed
talking-listening = Вы слышите остальных; из этого браузера ничего не передаётся.
# unreviewed
talking-sound-barred = Браузер не даёт звучать странице, пока её не коснулись. Нажмите клавишу или щёлкните, чтобы услышать остальных.
# unreviewed
talking-hushed = Этот микрофон выключен. Станция ещё не сообщила, что ваш звук отключён.
# unreviewed
talking-elsewhere = Этот разговор идёт в другой вкладке этого браузера. Загрузите страницу заново, чтобы вести его здесь.
# unreviewed
talking-heard = Эта страница слышит микрофон.
# unreviewed
talking-you-hold = На удержании: вас никто не слышит, и вы никого не слышите, пока дежурная смена не соединит вас с линией.
# unreviewed
talking-you-aside = Вы в стороне: вас слышат только наши, кто тоже в стороне.
# unreviewed
talking-since = с тех пор как соединены обе стороны, { $time }
# unreviewed
let-in-title = Впустить участника
# unreviewed
let-in-note = У кого здесь нет учётной записи, тот приходит по ссылке: она действует один раз, роль в разговоре назначаете вы, и вошедший сначала на удержании.
# unreviewed
let-in-as = Создать ссылку (она откроется в отдельной вкладке). В разговоре это будет
# unreviewed
let-in-open = ссылкой ещё не воспользовались; она действует ещё
# unreviewed
let-in-taken = ссылкой воспользовались, в разговоре ещё нет
# unreviewed
let-in-take-back = Забрать назад
# unreviewed
let-in-take-back-of = Забрать назад: { $part }
# unreviewed
let-in-made = { $part ->
    [principal] Место для руководителя
    [interpreter] Место для переводчика
   *[note-taker] Место для ведущего запись беседы
}
# unreviewed
let-in-made-lede = Кто имеет эту ссылку, тот входит в этот разговор в этой роли. Её можно показать, прочитать вслух или передать способом, которому вы доверяете.
# unreviewed
let-in-link = Ссылка действует ещё
# unreviewed
let-in-once = Она действует один раз и показана один раз.
# unreviewed
let-in-close = Разговор продолжается в своей вкладке. Чтобы вернуться, закрыть эту.
# unreviewed
place-title = Место в разговоре
# unreviewed
place-take = { $part ->
    [principal] Войти как руководитель
    [interpreter] Войти как переводчик
   *[note-taker] Войти как ведущий запись беседы
}
# unreviewed
place-only = Она открывает только этот разговор и больше ничего на этой станции. На следующей странице можно проверить микрофон, прежде чем войти.
# unreviewed
place-spent-do = Ею уже воспользовались, или её забрали назад, или прошли её десять минут, или разговор окончен. Попросите другую у того, кто её дал.
# unreviewed
place-over = Разговор окончен
# unreviewed
place-removed = Дежурная смена забрала ваше место назад
# unreviewed
place-left = Вы вышли из разговора
# unreviewed
place-away = Вашей страницы не было 20 секунд
# unreviewed
place-none = У этого браузера нет места в разговоре
# unreviewed
place-again = Отсюда больше ничего не открыть. Если вы ещё нужны, попросите у дежурной смены новую ссылку.
# unreviewed
place-you = вы
# unreviewed
place-as = { $part ->
    [principal] Вы здесь как руководитель
    [interpreter] Вы здесь как переводчик
   *[note-taker] Вы здесь как ведущий запись беседы
}
# unreviewed
place-until = до согласованного времени
# unreviewed
place-unsure = Неизвестно, сделано ли это.
# unreviewed
place-no-script = Этот браузер не выполняет сценарии.
# unreviewed
place-no-script-why = Без них звук не идёт ни туда, ни обратно. Разрешите сценарии этого адреса и загрузите страницу снова.
# unreviewed
place-leave-hint = Место освобождается
# unreviewed
place-leave-now = Выйти сейчас; чтобы вернуться, нужна новая ссылка
# unreviewed
place-rule = Сначала вы на удержании: вас никто не слышит, и вы никого не слышите, пока дежурная смена не соединит вас с линией или, после вашего прихода, не соединит стороны вместе с другой стороной. Потерянная страница может вернуться в течение 20 секунд.
# unreviewed
place-speaks = Микрофон включается; сначала вы на удержании
# unreviewed
place-listens = Вы только слушаете; микрофон не нужен
# unreviewed
place-mend-listen = Без микрофона попросите у дежурной смены ссылку для ведущего запись беседы: вы слышите разговор, а они читают, что вы только слушаете.
# unreviewed
call-talk = Один разговор через эту систему, как он идёт: кто в нём с обеих сторон и как доходит речь.
# unreviewed
call-talk-let-in = Впускает кого-то в согласованный разговор: место, по секрету которого там говорит браузер.
# unreviewed
call-talk-offer = Отвечает на предложение (SDP) браузера, у которого есть место. Повторное занимает место заново.
# unreviewed
call-talk-act = Делает что-то в разговоре: mute, unmute или leave — для того, у кого место; through; end; remove.
# unreviewed
fault-talk-shut = { $cause }
    .do = Посмотреть запрос: что согласовано и на когда.
# unreviewed
fault-talk-not-done = { $cause }
    .do = Посмотреть на разговор и попробовать снова, когда это изменится.
# unreviewed
voice-bind = Адрес для речи { $address } использовать нельзя: { $cause }
    .do = Выбрать другой listen в [voice] или закончить то, что его занимает.
# unreviewed
config-voice-nowhere = «{ $said }» — не тот адрес, до которого дошёл бы браузер.
    .do = Написать announce = "АДРЕС:ПОРТ" с адресом, по которому браузеры находят эту машину.
# unreviewed
config-calls-max = calls_max не может быть { $said }.
    .do = Написать число от 1 до { $max }.
