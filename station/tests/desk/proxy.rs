//! The desk behind a proxy that speaks HTTPS to browsers: one of the test's own, which does no more than a proxy has to.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Desk;
use crate::certificates::{Made, wanted};
use crate::door::Client;
use crate::https;
use crate::processes::{Process, free_address};
use crate::scratch::Scratch;

const NAME: &str = "desk.northland.example";
/// From where the proxy calls the desk.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Listens on a port of the loopback and passes on what comes, from [`PROXY`], with who called behind what they say of it.
fn proxy(tls: Arc<ServerConfig>, to: SocketAddr) -> u16 {
    let (told, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            told.send(listener.local_addr().unwrap().port()).unwrap();
            let tls = TlsAcceptor::from(tls);
            while let Ok((stream, from)) = listener.accept().await {
                let tls = tls.clone();
                // Whoever breaks off is no matter of the others.
                tokio::spawn(async move { drop(carry(&tls, stream, from, to).await) });
            }
        });
    });
    port.recv().unwrap()
}

/// One request there and its answer back, however long it lasts.
async fn carry(tls: &TlsAcceptor, stream: TcpStream, from: SocketAddr, to: SocketAddr) -> io::Result<()> {
    let mut near = tls.accept(stream).await?;
    let (mut bytes, mut part) = (Vec::new(), [0; 16_384]);
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        match near.read(&mut part).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&part[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let stays = |line: &&str| !line.to_lowercase().starts_with("connection:");
    let mut head: Vec<String> = head.lines().filter(stays).map(str::to_owned).collect();
    head.extend([format!("x-forwarded-for: {}", from.ip()), "connection: close".into()]);
    let socket = TcpSocket::new_v4()?;
    socket.bind((PROXY, 0).into())?;
    let mut far = socket.connect(to).await?;
    far.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes()).await?;
    far.write_all(&bytes[end + 4..]).await?;
    copy_bidirectional(&mut near, &mut far).await?;
    near.shutdown().await
}

/// A station whose desk is behind the proxy, and where the desk itself listens.
fn behind(scratch: &Scratch, made: &Made) -> (Desk, SocketAddr) {
    let mut station = Process::init(scratch.path(), "north", "Northland", 50);
    let listen = free_address();
    let port = proxy(made.showing("desk"), listen);
    let file = station.data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let desk = format!("\n[desk]\nlisten = \"{listen}\"\nnames = [\"{NAME}:{port}\"]\nproxies = [\"{PROXY}\"]\n");
    std::fs::write(&file, text + &desk).unwrap();
    station.serve();
    (Desk { station, address: format!("{NAME}:{port}") }, listen)
}

#[test]
fn behind_a_proxy_the_desk_is_live_over_https_and_nobody_but_the_proxy_is_answered() {
    let scratch = Scratch::new("proxy-desk");
    let made = Made::new(&scratch.path().join("tls"), &[wanted("desk", "ca", &[NAME])]);
    let (desk, listen) = behind(&scratch, &made);

    let mut page = https::browser("browser-proxy", &made.spki("desk"));
    page.take_link(&desk.link("Duty officer", "watch"));
    page.until("location.pathname === '/lines' && document.querySelector('[data-live]').textContent === 'live'");
    assert_eq!(page.look("[location.protocol, location.host]"), json!(["https:", desk.address]));
    // A form: its origin is the one that browsers know.
    page.look("document.querySelector('form[action=\"/sign-out\"] button').focus()");
    page.press("Enter");
    page.until("location.pathname === '/sign-in'");
    assert_eq!(page.complaints, Vec::<String>::new());

    let entered = Client::over_https(&desk, made.trusting("ca")).enter(&desk.link("Duty officer 2", "watch"));
    assert!(entered.header("set-cookie").unwrap().contains("; Secure"));
    assert!(entered.header("strict-transport-security").is_some());
    let direct =
        Desk { station: Process::at(&desk.station.data, scratch.path().join("none")), address: listen.to_string() };
    let told = Client::new(&direct).send("GET", "/sign-in", "", &[("host", &desk.address)]);
    assert!(told.status == 403 && !told.body.contains("Northland"), "{} {}", told.status, told.body);
}

#[test]
fn behind_a_proxy_tries_are_counted_of_the_address_that_the_proxy_has_seen() {
    let scratch = Scratch::new("proxy-tries");
    let made = Made::new(&scratch.path().join("tls"), &[wanted("desk", "ca", &[NAME])]);
    let (desk, _) = behind(&scratch, &made);
    let user = json!({"name": "Duty officer", "role": "watch", "password": "correct horse battery"});
    assert_eq!(desk.station.post("/users", &user).unwrap().0, 200);
    let enter = |from: [u8; 4], password: &str, claims: &str| {
        let mut client = Client::over_https(&desk, made.trusting("ca")).calling_from(from.into());
        let form = client.get("/sign-in").field("form");
        let fields = [("form", form.as_str()), ("name", "Duty officer"), ("password", password)];
        let body = serde_urlencoded::to_string(fields).unwrap();
        client.send("POST", "/sign-in", &body, &[("x-forwarded-for", claims)])
    };

    for n in 0..10 {
        assert_eq!(enter([127, 0, 0, 3], "wrong horse battery", &format!("192.0.2.{n}")).status, 401);
    }

    let spent = enter([127, 0, 0, 3], "correct horse battery", "192.0.2.99");
    assert!(spent.status == 401 && spent.body.contains("Ten tries in a minute"), "{}", spent.body);
    assert_eq!(enter([127, 0, 0, 4], "correct horse battery", "127.0.0.3").status, 303, "another person is let in");
}
