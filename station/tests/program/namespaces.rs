//! Network namespaces that a test makes for itself: machines joined by cables that it can cut.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test program uses its part; tests fail by panicking"
)]

use std::process::Command;

/// Runs one command; whether it went well.
pub fn run(line: &str) -> bool {
    let mut words = line.split(' ');
    Command::new(words.next().unwrap()).args(words).status().is_ok_and(|status| status.success())
}

/// Namespaces in a row, each joined to the next by a cable; taken away when dropped.
pub struct Namespaces {
    pub names: Vec<String>,
}

impl Namespaces {
    /// `count` of them, named `label` and this process. Between the first and the second lies the net 10.99.1.0/24, between the
    /// second and the third 10.99.2.0/24, and so on; of each the left one has 1 and the right one 2. `None`: this machine
    /// does not let us.
    pub fn in_a_row(label: &str, count: usize) -> Option<Namespaces> {
        let id = std::process::id();
        let names: Vec<String> = (0..count).map(|n| format!("{label}{n}n{id}")).collect();
        let namespaces = Namespaces { names };
        let made = namespaces.names.iter().all(|name| run(&format!("ip netns add {name}")));
        let lit = made && namespaces.names.iter().all(|name| run(&format!("ip -n {name} link set lo up")));
        let joined = lit && (1..count).all(|right| namespaces.join(right));
        joined.then_some(namespaces)
    }

    fn join(&self, right: usize) -> bool {
        let [a, b] = [&self.names[right - 1], &self.names[right]];
        run(&format!("ip link add r{right} netns {a} type veth peer name l{right} netns {b}"))
            && self.without_own_address(right)
            && run(&format!("ip -n {a} addr add 10.99.{right}.1/24 dev r{right}"))
            && run(&format!("ip -n {b} addr add 10.99.{right}.2/24 dev l{right}"))
            && run(&format!("ip -n {a} link set r{right} up"))
            && run(&format!("ip -n {b} link set l{right} up"))
    }

    /// A cable gives itself no address of IPv6. It would be there a second or two after the cable, and a browser takes that for another
    /// network and drops what it was loading.
    fn without_own_address(&self, right: usize) -> bool {
        let [a, b] = [&self.names[right - 1], &self.names[right]];
        run(&format!("ip -n {a} link set r{right} addrgenmode none"))
            && run(&format!("ip -n {b} link set l{right} addrgenmode none"))
    }

    /// Cuts the cable between this one and the one on its left.
    pub fn cut(&self, right: usize) {
        assert!(run(&format!("ip -n {} link set l{right} down", self.names[right])));
    }

    /// Every one drops every UDP packet. `false`: this machine does not let us.
    pub fn drop_udp(&self) -> bool {
        (0..self.names.len()).all(|at| self.drops(at, "meta l4proto udp drop"))
    }

    /// No one drops UDP any more.
    pub fn pass_udp(&self) {
        (0..self.names.len()).for_each(|at| self.pass(at));
    }

    /// Nothing passes any more from programs of this one to others of it. `false`: this machine does not let us.
    pub fn drop_within(&self, at: usize) -> bool {
        self.drops(at, "iifname lo drop")
    }

    /// It drops nothing any more.
    pub fn pass(&self, at: usize) {
        assert!(run(&format!("ip netns exec {} nft delete table inet t", self.names[at])));
    }

    fn drops(&self, at: usize, what: &str) -> bool {
        let inside = |line: &str| run(&format!("ip netns exec {} {line}", self.names[at]));
        inside("nft add table inet t")
            && inside("nft add chain inet t i { type filter hook input priority 0 ; }")
            && inside(&format!("nft add rule inet t i {what}"))
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            run(&format!("ip netns del {name}"));
        }
    }
}
