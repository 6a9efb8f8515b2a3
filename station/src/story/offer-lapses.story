# An offer of times lapses, and the request that it answered stands. Invented organisations; times are UTC.

story "An offer lapses, and the request stands"

say "The watch is late, and that is noted by who waits. A time is offered and not answered: the offer ends, and the request does not. A check by the schedule comes in between."

side northland "Northland" "Foreign Ministry of Northland" zone=Europe/Helsinki
side southland "Southland" "Foreign Ministry of Southland" zone=America/Santiago

terms watch=8h,1h,15m,5m principal=48h grace=1m checks=09:00,17:00

2025-03-03 08:00 wait
2025-03-03 08:10 northland ask from=minister to=minister precedence=PRIORITY "North Sea cable"
    expect "Northland 1" OPEN DELIVERED
# Both stations test the line at 09:00. A check is called by its place in its author's log.
2025-03-03 09:05 southland check-reply "Northland #3"
    expect "Northland #3" REPLIED
2025-03-03 09:09 wait
    expect "Northland 1" OPEN DELIVERED
2025-03-03 09:15 wait
    expect "Northland 1" OVERDUE
2025-03-03 09:20 southland seen "Northland 1"
    expect "Northland 1" OPEN SEEN
2025-03-03 10:00 southland offer "Northland 1" window="2025-03-03 15:00/15:30" window="2025-03-03 19:00/19:30" answer-by="2025-03-03 12:00"
    expect "Southland 1" OPEN DELIVERED
2025-03-03 10:05 northland seen "Southland 1"
2025-03-03 12:00 wait
    expect "Southland 1" OPEN SEEN
2025-03-03 12:05 wait
    expect "Southland 1" LAPSED
    expect "Northland 1" OPEN SEEN
2025-03-03 12:10 northland accept "Southland 1" window=1
    expect not-done closed
2025-03-03 12:30 northland renew "Northland 1"
    expect "Northland 1" OPEN DELIVERED
