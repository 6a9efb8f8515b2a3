//! What was said is nowhere: packets as the pages sent them are looked for in all that the stations keep.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::browser::Browser;

/// In the page, before anything else runs there: what its microphone sends and what it is given to play, as it is encoded.
const CAPTURE: &str = r#"(() => {
  const work = `onrtctransform = ({ transformer }) => {
    const reader = transformer.readable.getReader(), writer = transformer.writable.getWriter();
    (async () => {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        postMessage([Date.now(), transformer.options, [...new Uint8Array(value.data)].map((byte) => byte.toString(16).padStart(2, "0")).join("")]);
        await writer.write(value);
      }
    })();
  };`;
  const worker = new Worker(URL.createObjectURL(new Blob([work], { type: "text/javascript" })));
  window.captured = { sent: [], played: [], count: { sent: 0, played: 0 }, last: {} };
  worker.onmessage = ({ data: [at, way, packet] }) => {
    captured.count[way] += 1;
    captured.last[way] = at;
    captured[way].push(packet);
    if (captured[way].length > (way === "sent" ? 2000 : 250)) captured[way].shift();
  };
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (what, init) {
    const made = add.call(this, what, init), way = init.direction === "sendonly" ? "sent" : "played";
    (way === "sent" ? made.sender : made.receiver).transform = new RTCRtpScriptTransform(worker, way);
    return made;
  };
})()"#;

/// From now on this browser's pages keep their last packets, and when the last of all went through, and count all.
pub fn capture(browser: &mut Browser) {
    // The worker is the test's own; the desk's policy lets in none.
    browser.call("Page.setBypassCSP", json!({"enabled": true}));
    browser.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": CAPTURE }));
}

/// The last packets of a page that are longer than chance, one way.
pub fn captured(browser: &mut Browser, way: &str) -> Vec<Vec<u8>> {
    let told = browser.look(&format!("captured.{way}.filter((packet) => packet.length >= 48)"));
    let packets = told.as_array().unwrap().iter();
    let byte = |packet: &str, at: usize| u8::from_str_radix(&packet[2 * at..2 * at + 2], 16).unwrap();
    packets
        .map(|packet| packet.as_str().unwrap())
        .map(|hex| (0..hex.len() / 2).map(|at| byte(hex, at)).collect())
        .collect()
}

/// Each file below a directory, with its bytes.
pub fn files(below: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push((entry.path(), std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    found
}

/// In which files a part from the middle of one of these packets stands: as it is, in hexadecimal digits, or in base 64 from any
/// byte on.
pub fn found_in(packets: &[Vec<u8>], files: &[(PathBuf, Vec<u8>)]) -> Vec<PathBuf> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for packet in packets {
        let middle = &packet[packet.len() / 2 - 6..packet.len() / 2 + 6];
        let hex: String = middle.iter().map(|byte| format!("{byte:02x}")).collect();
        parts.extend([middle.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()]);
        parts.extend((0..3).map(|from| base64(&middle[from..from + 9]).into_bytes()));
    }
    let holds = |bytes: &[u8]| {
        let known: std::collections::HashSet<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        [12, 24].into_iter().any(|length| bytes.windows(length).any(|window| known.contains(window)))
    };
    files.iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path.clone()).collect()
}

/// Whole triples of bytes in base 64.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS[(bits & 63) as usize] as char;
    let triples = bytes.chunks_exact(3).map(|three| three.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)));
    triples.flat_map(|bits| [bits >> 18, bits >> 12, bits >> 6, bits].map(digit)).collect()
}
