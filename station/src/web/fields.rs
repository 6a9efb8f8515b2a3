//! The fields of a posted form.

/// Fields of one form at most.
const FIELDS_MAX: usize = 200;
/// The field of the key that was pressed: its value is a form of its own.
const KEY_FIELD: &str = "key";

/// The fields, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form as browsers send it; `None` if it is none, or has too many fields.
    pub fn read(body: &[u8]) -> Option<Fields> {
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
        (fields.len() <= FIELDS_MAX).then_some(Fields(fields))
    }

    /// These fields.
    pub fn of(pairs: &[(&str, &str)]) -> Fields {
        Fields(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// Adds the fields that the pressed key carries, before the others.
    pub fn press(&mut self) {
        let pressed = self.0.iter().filter(|(field, _)| field == KEY_FIELD);
        let carried = pressed.filter_map(|(_, value)| serde_urlencoded::from_str::<Vec<(String, String)>>(value).ok());
        let mut all: Vec<(String, String)> = carried.flatten().take(FIELDS_MAX).collect();
        all.extend(self.0.drain(..).filter(|(field, _)| field != KEY_FIELD));
        self.0 = all;
    }

    /// The first field of this name, line ends as one mark, if there is more than space in it.
    pub fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        Some(value.replace("\r\n", "\n")).filter(|value| !value.trim().is_empty())
    }

    /// Every field of this name.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.clone()).collect()
    }

    /// Every field whose name is none of these.
    pub fn without<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a (String, String)> {
        self.0.iter().filter(move |(field, _)| !names.contains(&field.as_str()))
    }
}
