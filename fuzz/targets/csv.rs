//! Any bytes are a table or a clear error: the CSV reader never panics, and what it read can be written and read again.

use trainyard_data::{
    read::{Delimiter, Format, Quote, Ragged, ReadOptions, read_text},
    write::write_to,
};

/// Reads the bytes; panics when something is wrong with the reader or the writer.
pub(crate) fn target(data: &[u8]) {
    // The first byte chooses the options, the rest is the file.
    let Some((choice, text)) = data.split_first() else { return };
    let options = ReadOptions {
        delimiter: match choice & 3 {
            0 => None,
            1 => Some(Delimiter::Char(b',')),
            2 => Some(Delimiter::Whitespace),
            _ => Some(Delimiter::Char(b'\t')),
        },
        header: (choice & 4 != 0).then_some(choice & 8 != 0),
        quote: (choice & 16 != 0).then_some(Quote::Off),
        comment: (choice & 32 != 0).then_some('#'),
        ragged: (choice & 64 != 0).then_some(Ragged::Skip),
        trim: (choice & 128 != 0).then_some(true),
        ..ReadOptions::default()
    };
    let Ok(read) = read_text("fuzz.csv", text.to_vec(), &options) else { return };
    let mut written = Vec::new();
    write_to(&read.table, Format::Csv, &mut written).expect("a vector takes any bytes");
    let again = ReadOptions {
        delimiter: Some(Delimiter::Char(b',')),
        header: Some(true),
        trim: Some(false),
        ..ReadOptions::default()
    };
    if read.table.names().all(|name| name == name.trim()) {
        let again = read_text("again.csv", written, &again).expect("what was written can be read");
        assert_eq!(again.table.row_count(), read.table.row_count());
    }
}
