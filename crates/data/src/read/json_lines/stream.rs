//! JSON lines, or one array, larger than memory, in two passes: the first finds out what the columns are, the second
//! reads them.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashSet},
    io,
};

use arrow::array::ArrayRef;

use super::{Chunk, Misfits, array_rows, arrays, bad, cuts, lines, notes, reason, unknown_types};
use crate::{
    error::DataError,
    read::{
        Cancelled, Note,
        files::Opened,
        options::ReadOptions,
        value::ValueType,
        windows::{Bounds, LONGEST_RECORD, Windows},
    },
};

/// What the first pass found out.
pub(in crate::read) struct Survey<'a> {
    opened: &'a Opened<'a>,
    options: ReadOptions,
    rows: usize,
    pub(in crate::read) names: Vec<String>,
    pub(in crate::read) types: Vec<ValueType>,
    pub(in crate::read) notes: Vec<Note>,
}

/// Goes through a file once.
pub(in crate::read) fn survey<'a>(
    opened: &'a Opened<'a>,
    options: &ReadOptions,
    bounds: Bounds,
    cancelled: Cancelled<'_>,
) -> Result<Survey<'a>, DataError> {
    let (file, options) = (opened.file, options.clone());
    let (mut names, mut seen, mut inferred, mut rows) = (Vec::new(), HashSet::new(), BTreeMap::new(), 0);
    for_each_chunks(opened, &options, bounds, cancelled, |chunks| {
        for chunk in &chunks {
            rows += chunk.lines.len();
            for (name, column) in chunk.names.iter().zip(&chunk.columns) {
                if seen.insert(name.clone()) {
                    names.push(name.clone());
                }
                let joined = inferred.entry(name.clone()).or_insert(ValueType::Unknown);
                *joined = column.iter().fold(*joined, |joined, value| joined.join(value.value_type()));
            }
        }
        Ok(())
    })?;
    unknown_types(file, &names, &options)?;
    let inferred = |name: &String| inferred.get(name).copied().unwrap_or(ValueType::Unknown);
    let types: Vec<ValueType> = names.iter().map(|name| super::settled_type(name, inferred(name), &options)).collect();
    let notes = notes(file, &names, &types);
    Ok(Survey { opened, options, rows, names, types, notes })
}

impl Survey<'_> {
    /// Goes through the file once more and hands its columns to `take`, some rows at a time.
    pub(in crate::read) fn for_each_batch(
        &self,
        bounds: Bounds,
        cancelled: Cancelled<'_>,
        mut take: impl FnMut(&[ArrayRef]) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let (mut rows, mut misfits) = (0, Misfits::new(self.names.len()));
        for_each_chunks(self.opened, &self.options, bounds, cancelled, |chunks| {
            rows += chunks.iter().map(|chunk| chunk.lines.len()).sum::<usize>();
            if chunks.iter().flat_map(|chunk| &chunk.names).any(|name| !self.names.contains(name)) {
                return Err(self.opened.changed());
            }
            misfits.add(&chunks, &self.names, &self.types);
            if misfits.any() {
                return Ok(());
            }
            arrays(chunks, &self.names, &self.types).iter().try_for_each(|arrays| take(arrays))
        })?;
        misfits.refuse(self.opened.file, &self.names, &self.types)?;
        if rows == self.rows { Ok(()) } else { Err(self.opened.changed()) }
    }
}

/// Hands the rows of a file to `take`, some chunks at a time.
fn for_each_chunks(
    opened: &Opened<'_>,
    options: &ReadOptions,
    bounds: Bounds,
    cancelled: Cancelled<'_>,
    mut take: impl FnMut(Vec<Chunk>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut windows = Windows::new(opened, options.encoding.as_deref(), bounds, cancelled)?;
    if is_array(&mut windows)? {
        return array(opened, windows, bounds.chunk, take);
    }
    while let Some(window) = windows.next(b'\n', |text| cuts(text, bounds.chunk))? {
        take(lines(opened.file, &window.part, &window.ends)?)?;
    }
    Ok(())
}

fn is_array(windows: &mut Windows<'_>) -> Result<bool, DataError> {
    let mut look = 1;
    loop {
        let (text, whole) = windows.prefix(look)?;
        if let Some(first) = text.trim_ascii_start().first() {
            return Ok(*first == b'[');
        }
        if whole || text.len() >= LONGEST_RECORD {
            return Ok(false);
        }
        look = text.len() + 1;
    }
}

/// The rows of one array of objects, as many at a time as stand in so many bytes.
fn array(
    opened: &Opened<'_>,
    windows: Windows<'_>,
    chunk: usize,
    mut take: impl FnMut(Vec<Chunk>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let (mut failed, given) = (None, Cell::new(0));
    let mut taken = 0;
    let mut stopped = None;
    let reading = Reading { windows, failed: &mut failed, given: &given };
    let mut deserializer = serde_json::Deserializer::from_reader(io::BufReader::with_capacity(1 << 14, reading));
    let read = array_rows(&mut deserializer, &mut Chunk::default(), &mut |rows, last| {
        if !last && given.get() - taken < chunk {
            return Ok(());
        }
        taken = given.get();
        let full = std::mem::replace(rows, Chunk { before: rows.before + rows.lines.len(), ..Chunk::default() });
        take(vec![full]).map_err(|error| {
            stopped = Some(error);
            "stopped".to_owned()
        })
    });
    let read = read.and_then(|()| deserializer.end());
    drop(deserializer);
    match (failed.or(stopped), read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(bad(opened.file, error.line(), reason(&error))),
        (None, Ok(())) => Ok(()),
    }
}

/// The text as a stream of bytes.
struct Reading<'a, 'b> {
    windows: Windows<'a>,
    /// Why reading failed.
    failed: &'b mut Option<DataError>,
    /// Bytes read so far.
    given: &'b Cell<usize>,
}

impl io::Read for Reading<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.windows.copy(into) {
            Ok(length) => {
                self.given.set(self.given.get() + length);
                Ok(length)
            }
            Err(error) => {
                let message = error.message.clone();
                *self.failed = Some(error);
                Err(io::Error::other(message))
            }
        }
    }
}
