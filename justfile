# Each recipe is one plain command.

# Two stations on this machine
demo:
    cargo run --release -- demo

# Every test
test:
    ./test

# The tests but for the desk in a browser and what else takes minutes
quick:
    ./test --quick

# Every page, and every state that core can have, in twelve combinations: target/pictures/index.html, and the four of the README
pictures:
    COUNTERPART_PICTURES=all cargo test --release -p counterpart --test desk -- --test-threads 1 pictures

# The qualities of the line beside what this machine allows, into target/bench.json
bench:
    cargo bench -p counterpart --bench line --bench record --bench desk

# The story of one seed of the simulator
sim SEED:
    cargo run --release -p counterpart-sim -- {{SEED}}

# Tens of thousands of seeds
sim-long:
    cargo run --release -p counterpart-sim -- --seeds 0..40000

# Every reader of what comes from outside, fed with what was never meant: a million inputs each
fuzz:
    cargo run --release -p counterpart-fuzz

# Licences, sources and, where the database is reachable, advisories
deny:
    cargo deny check
