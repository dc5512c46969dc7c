//! JSON records, written straight into the columns of a model as they are parsed.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{
    refusal::Refusal,
    rows::{Rows, shown},
};

/// The rows of `body`: an array of objects or one object, whose keys are columns.
///
/// # Errors
/// `bad-json` with line and column, and what [`Rows`] refuses.
pub(crate) fn records(body: &[u8], rows: &mut Rows<'_>) -> Result<(), Refusal> {
    parse(body, rows, Form::Records)
}

/// The rows of `body`, a JSON object a line.
///
/// # Errors
/// As [`records`].
pub(crate) fn lines(body: &[u8], rows: &mut Rows<'_>) -> Result<(), Refusal> {
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        parse(line, rows, Form::Record)?;
    }
    Ok(())
}

/// The rows of `{"instances": […]}`, each an object, or an array of cells in the order of the model's inputs.
///
/// # Errors
/// As [`records`].
pub(crate) fn instances(body: &[u8], rows: &mut Rows<'_>) -> Result<(), Refusal> {
    parse(body, rows, Form::Instances)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// An array of objects, or one.
    Records,
    /// One object.
    Record,
    /// An object that holds an array of objects or arrays under `instances`.
    Instances,
    /// What stands in that array.
    Instance,
}

fn parse(body: &[u8], rows: &mut Rows<'_>, form: Form) -> Result<(), Refusal> {
    let mut refused = None;
    let mut parser = serde_json::Deserializer::from_slice(body);
    let parsed = Seed { rows, refused: &mut refused, form }.deserialize(&mut parser).and_then(|()| parser.end());
    match (refused, parsed) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(error)) => Err(bad_json(&error)),
        (None, Ok(())) => Ok(()),
    }
}

/// What is wrong with a JSON document.
pub(crate) fn bad_json(error: &serde_json::Error) -> Refusal {
    Refusal::bad("bad-json", error.to_string())
}

struct Seed<'r, 'a> {
    rows: &'r mut Rows<'a>,
    /// What the rows refused: serde's errors are texts only.
    refused: &'r mut Option<Refusal>,
    form: Form,
}

fn refuse<E: Error>(refused: &mut Option<Refusal>, refusal: Refusal) -> E {
    *refused = Some(refusal);
    E::custom("refused")
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.form {
            Form::Records => "a record (an object whose keys are columns) or an array of records",
            Form::Record => "a record: an object whose keys are columns",
            Form::Instances => "an object with `instances`, an array",
            Form::Instance => "a record, or an array of cells in the order of the model's inputs",
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { rows, refused, form } = self;
        match form {
            Form::Records => {
                while seq.next_element_seed(Seed { rows, refused, form: Form::Record })?.is_some() {}
                Ok(())
            }
            Form::Record | Form::Instances => Err(A::Error::custom("expected an object, found an array")),
            Form::Instance => {
                let columns = rows.model().inputs.len();
                let mut place = 0;
                while place < columns {
                    let slot = rows.slot(place);
                    if seq.next_element_seed(CellSeed { rows, refused, slot })?.is_none() {
                        break;
                    }
                    place += 1;
                }
                let mut found = place;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    found += 1;
                }
                if found != columns {
                    let message = format!("row {} has {found} cells, the model takes {columns}", rows.len() + 1);
                    return Err(refuse(refused, Refusal::bad("wrong-shape", message)));
                }
                rows.end_row().map_err(|refusal| refuse(refused, refusal))
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { rows, refused, form } = self;
        if form == Form::Instances {
            let mut found = false;
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                if key == "instances" && !found {
                    found = true;
                    map.next_value_seed(InstancesSeed(Seed { rows, refused, form: Form::Instance }))?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            let none = || Refusal::bad("bad-request", "the body has no `instances`");
            return if found { Ok(()) } else { Err(refuse(refused, none())) };
        }
        let mut expected = 0;
        while let Some(place) = map.next_key_seed(KeySeed { rows, refused, expected })? {
            expected = place.map_or(expected, |place| place + 1);
            let slot = place.and_then(|place| rows.slot(place));
            map.next_value_seed(CellSeed { rows, refused, slot })?;
        }
        rows.end_row().map_err(|refusal| refuse(refused, refusal))
    }
}

/// The array under `instances`.
struct InstancesSeed<'r, 'a>(Seed<'r, 'a>);

impl<'de> DeserializeSeed<'de> for InstancesSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for InstancesSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of instances")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Seed { rows, refused, form } = self.0;
        while seq.next_element_seed(Seed { rows, refused, form })?.is_some() {}
        Ok(())
    }
}

/// A key of a record: the place of its column.
struct KeySeed<'r, 'a> {
    rows: &'r mut Rows<'a>,
    refused: &'r mut Option<Refusal>,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let place = self.rows.place(name, self.expected).map_err(|refusal| refuse(self.refused, refusal))?;
        if place.and_then(|place| self.rows.slot(place)).is_some_and(|slot| self.rows.is_filled(slot)) {
            let message = format!("row {} names column `{}` twice", self.rows.len() + 1, shown(name));
            return Err(refuse(self.refused, Refusal::bad("duplicate-column", message)));
        }
        Ok(place)
    }
}

/// A cell; of a column that nobody needs when there is no slot.
struct CellSeed<'r, 'a> {
    rows: &'r mut Rows<'a>,
    refused: &'r mut Option<Refusal>,
    slot: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.slot {
            Some(_) => deserializer.deserialize_any(self),
            None => deserializer.deserialize_ignored_any(IgnoredAny).map(drop),
        }
    }
}

impl CellSeed<'_, '_> {
    fn fill<E: Error>(self, fill: impl FnOnce(&mut Rows<'_>, usize) -> Result<(), Refusal>) -> Result<(), E> {
        let Some(slot) = self.slot else { return Ok(()) };
        fill(self.rows, slot).map_err(|refusal| refuse(self.refused, refusal))
    }

    fn structure<E: Error>(self, found: &str) -> E {
        let name = self.slot.map_or("", |slot| self.rows.model().slots[slot].name.as_str());
        let message =
            format!("column `{name}` takes a number, a text or null, found {found} in row {}", self.rows.len() + 1);
        refuse(self.refused, Refusal::bad("wrong-type", message))
    }
}

impl<'de> Visitor<'de> for CellSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, true, false or null")
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.fill(|rows, slot| {
            rows.flag(slot, flag);
            Ok(())
        })
    }
    #[expect(clippy::cast_precision_loss, reason = "as a table's whole numbers become features")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }
    #[expect(clippy::cast_precision_loss, reason = "as a table's whole numbers become features")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.fill(|rows, slot| {
            rows.number(slot, number);
            Ok(())
        })
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.fill(|rows, slot| rows.text(slot, text))
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.fill(|rows, slot| {
            rows.missing(slot);
            Ok(())
        })
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.structure("an array"))
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.structure("an object"))
    }
}
