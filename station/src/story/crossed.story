# Acts that cross: neither side had seen the other's. Invented organisations; times are UTC.

story "Acts that cross"

say "While the link is down each side acts on what it holds. An accept crosses the withdrawal of its offer, and later an accept crosses the withdrawal of the request. Nothing is agreed by either; both acts stay on the record of both sides."

side northland "Northland" "Foreign Ministry of Northland" zone=Europe/Helsinki
side southland "Southland" "Foreign Ministry of Southland" zone=America/Santiago

terms watch=8h,1h,15m,5m principal=48h grace=1m checks=never

2025-03-03 08:00 northland ask from=minister to=minister precedence=PRIORITY "North Sea cable"
    expect "Northland 1" OPEN DELIVERED
2025-03-03 08:10 southland offer "Northland 1" window="2025-03-03 15:00/15:30" answer-by="2025-03-03 12:00"
    expect "Southland 1" OPEN

2025-03-03 08:20 link down
2025-03-03 08:30 northland accept "Southland 1"
    expect "Southland 1" AGREED at northland
    expect "Southland 1" OPEN at southland
2025-03-03 08:30 southland withdraw "Southland 1"
    expect "Southland 1" WITHDRAWN at southland
2025-03-03 08:40 link up
    expect "Southland 1" CROSSED
    expect "Northland 1" OPEN

# The owner of a request may offer times too.
2025-03-03 09:00 northland offer "Northland 1" window="2025-03-03 16:00/16:30" answer-by="2025-03-03 12:00"
    expect "Northland 2" OPEN
2025-03-03 09:10 link down
2025-03-03 09:20 southland accept "Northland 2"
    expect "Northland 1" AGREED at southland
2025-03-03 09:20 northland withdraw "Northland 1"
    expect "Northland 1" WITHDRAWN at northland
2025-03-03 09:30 link up
    expect "Northland 1" CROSSED
2025-03-03 09:40 northland ask from=minister to=minister precedence=PRIORITY again="Northland 1" "North Sea cable"
    expect "Northland 3" OPEN DELIVERED
