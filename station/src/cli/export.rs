//! `record --entries FILE`: a line's record, taken out to be checked elsewhere; from the station that serves, or from the directory that
//! none serves.

use std::path::Path;

use http_body_util::BodyExt;
use serde_json::json;

use super::client::address;
use super::unserved::Unserved;
use super::{Context, Exit};
use crate::api::export::{Counted, Ends};
use crate::api::fault::{Code, Fault, Told};
use crate::api::files::PrivateFile;

/// The last line is far shorter than this, in bytes.
const TAIL_BYTES: usize = 1_024;
/// Bytes that are gathered before they are written.
const PART_BYTES: usize = 64 * 1024;

/// Takes the record of a line out into a new file, for its owner alone. One that cannot be written whole is removed.
pub(super) async fn taken_out(context: &Context, line: Option<String>, path: &Path) -> Result<Exit, Told> {
    let file = PrivateFile::create(path).map_err(|fault| context.tell(fault))?;
    let counted = written(context, line, &file).await.inspect_err(|_| file.remove())?;
    let Counted { entries, misconduct, shown } = counted;
    let name = path.display().to_string();
    let value = json!({ "file": name, "entries": entries, "misconduct": misconduct, "shown": shown });
    context.show(&value, || {
        let args = [("count", entries.into()), ("evidence", misconduct.into()), ("path", name.as_str().into())];
        Ok(context.words.say("record-taken-out", &args))
    })?;
    Ok(Exit::Done)
}

async fn written(context: &Context, line: Option<String>, file: &PrivateFile) -> Result<Counted, Told> {
    let path = address("/api/v1/record/entries", &[("line", line.clone())]);
    let tell = |fault| context.tell(fault);
    let counted = match context.client().open(&path).await {
        Ok(response) => {
            let (mut body, mut tail) = (response.into_body(), Vec::new());
            while let Some(frame) = body.frame().await {
                let Ok(part) = frame.map_err(|e| context.machine(e))?.into_data() else { continue };
                file.add(&part).map_err(tell)?;
                tail.extend_from_slice(&part);
                tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
            }
            last(&tail).ok_or_else(|| context.tell(Fault::new(Code::CutShort)))?
        }
        Err(told) if told.code == Code::NoStation.word() => {
            let unserved = Unserved::open(&context.data, &context.words, context.now())?;
            let (mut part, mut kept) = (String::new(), Ok(()));
            let counted = unserved.export(line.as_deref())?.write(&mut |line| {
                part.push_str(&line);
                if part.len() >= PART_BYTES {
                    kept = file.add(std::mem::take(&mut part).as_bytes());
                }
                kept.is_ok()
            });
            kept.and_then(|()| file.add(part.as_bytes())).map_err(tell)?;
            counted.map_err(|error| tell(Fault::new(Code::Unread).because(&error)))?
        }
        Err(told) => return Err(told),
    };
    file.write(&[]).map_err(tell)?;
    Ok(counted)
}

/// What the last line says; `None`: there is none, and what came was cut short.
fn last(tail: &[u8]) -> Option<Counted> {
    let line = tail.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    serde_json::from_slice::<Ends>(line).ok().map(|ends| ends.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_without_its_last_line_is_known_to_be_cut_short() {
        let whole = "{\"party\":0}\n{\"end\":{\"entries\":1,\"misconduct\":0,\"shown\":0}}\n";

        assert_eq!(last(whole.as_bytes()), Some(Counted { entries: 1, misconduct: 0, shown: 0 }));
        for cut in ["", "{\"party\":0}\n", &whole[..whole.len() - 1]] {
            assert_eq!(last(cut.as_bytes()), None, "{cut}");
        }
    }
}
