//! A path between two stations that passes TCP and nothing else, and can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::processes::free_address;

/// One way to a station. It lasts as long as this.
pub struct Cable {
    /// Where the other station finds it.
    pub address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Cable {
    /// A whole one to whoever listens there.
    pub fn to(station: SocketAddr) -> Cable {
        let address = free_address();
        let (whole, is_whole) = watch::channel(true);
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let mut ended = is_whole.clone();
                loop {
                    tokio::select! {
                        Ok((stream, _)) = listener.accept() => drop(tokio::spawn(carry(stream, station, is_whole.clone()))),
                        Err(_) = ended.changed() => return,
                    }
                }
            });
        });
        Cable { address, whole }
    }

    /// Cuts it, and whatever goes over it breaks off; or mends it.
    pub fn set(&self, is_whole: bool) {
        self.whole.send_replace(is_whole);
    }
}

/// Bytes both ways, until an end has no more or the cable is cut.
async fn carry(mut near: TcpStream, station: SocketAddr, mut is_whole: watch::Receiver<bool>) {
    if !*is_whole.borrow_and_update() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(station).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = is_whole.changed() => {}
    }
}
