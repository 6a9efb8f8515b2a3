//! Under which names the desk is asked for, and from where.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use crate::config;

/// Headers by which a browser says where a request comes from, and a proxy for whom it asks.
const FETCH_SITE: &str = "sec-fetch-site";
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What the desk knows of its address.
pub(super) struct Site {
    /// Browsers reach it over HTTPS alone.
    pub is_secure: bool,
    /// The name of the session's cookie. Two desks on one host have two: a cookie does not know of ports.
    pub cookie: String,
    hosts: Vec<String>,
    proxies: Vec<IpAddr>,
}

impl Site {
    pub fn new(config: &config::Desk) -> Site {
        let port = config.listen.port();
        let is_secure = config.is_secure();
        let mut hosts = config.names.clone();
        if config.listen.ip().is_loopback() && config.proxies.is_empty() {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")));
        }
        let prefix = if is_secure { "__Host-counterpart" } else { "counterpart" };
        Site { is_secure, cookie: format!("{prefix}-{port}"), hosts, proxies: config.proxies.clone() }
    }

    /// Whether this caller is answered at all: behind proxies only they are.
    pub fn answers(&self, from: SocketAddr) -> bool {
        self.proxies.is_empty() || self.proxies.contains(&from.ip())
    }

    /// Whether it is asked for by a name of its own. Another name is a page elsewhere that was led here.
    pub fn is_asked_for(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_lowercase();
        let bare = host.rsplit_once(':').map_or(host.as_str(), |(bare, _)| bare);
        self.hosts.iter().any(|known| *known == host || known == bare)
    }

    /// Whether a form comes from a page of this desk, as far as the browser says. The form's own token decides beside it.
    pub fn is_own(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_lowercase());
        let scheme = if self.is_secure { "https" } else { "http" };
        let host = text(HOST.as_str()).unwrap_or_default();
        let by_site = text(FETCH_SITE).is_none_or(|site| site == "same-origin");
        by_site && text(ORIGIN.as_str()).is_none_or(|origin| origin == format!("{scheme}://{host}"))
    }

    /// From where a person calls: of a proxy's callers the address that it names last, which it has seen itself.
    pub fn caller(&self, from: SocketAddr, headers: &HeaderMap) -> IpAddr {
        if self.proxies.is_empty() {
            return from.ip();
        }
        let last = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|value| value.to_str().ok());
        let named = last.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
        named.unwrap_or_else(|| from.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(names: &[&str], proxies: &[&str]) -> Site {
        Site::new(&config::Desk {
            listen: "127.0.0.1:7412".parse().unwrap(),
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            tls: None,
            proxies: proxies.iter().map(|p| p.parse().unwrap()).collect(),
        })
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    }

    #[test]
    fn only_its_own_names_are_answered() {
        let asked = |site: &Site, host| site.is_asked_for(&headers(&[("host", host)]));

        let local = site(&[], &[]);
        assert!(asked(&local, "127.0.0.1:7412") && asked(&local, "LOCALHOST:7412"));
        assert!(!asked(&local, "evil.example:7412") && !asked(&local, "127.0.0.1:80"));
        let named = site(&["desk.example"], &["10.0.0.1"]);
        assert!(asked(&named, "desk.example") && asked(&named, "desk.example:443"));
        assert!(!asked(&named, "127.0.0.1:7412") && !named.is_asked_for(&HeaderMap::new()));
    }

    #[test]
    fn a_form_of_another_page_is_not_taken() {
        let local = site(&[], &[]);
        let own = |pairs: &[(&'static str, &'static str)]| {
            local.is_own(&headers(&[&[("host", "127.0.0.1:7412")], pairs].concat()))
        };

        assert!(own(&[("origin", "http://127.0.0.1:7412"), ("sec-fetch-site", "same-origin")]) && own(&[]));
        assert!(!own(&[("origin", "http://127.0.0.1:7413")]) && !own(&[("origin", "null")]));
        assert!(!own(&[("sec-fetch-site", "cross-site")]) && !own(&[("sec-fetch-site", "same-site")]));
    }

    #[test]
    fn behind_a_proxy_the_caller_is_the_one_that_it_has_seen() {
        let from: SocketAddr = "10.0.0.1:5".parse().unwrap();
        let claimed = headers(&[("x-forwarded-for", "1.2.3.4, 192.0.2.7")]);

        let proxied = site(&["desk.example"], &["10.0.0.1"]);
        assert_eq!(proxied.caller(from, &claimed).to_string(), "192.0.2.7");
        assert!(proxied.answers(from) && !proxied.answers("10.0.0.2:5".parse().unwrap()));
        assert_eq!(site(&[], &[]).caller(from, &claimed).to_string(), "10.0.0.1", "nobody else is believed");
    }
}
