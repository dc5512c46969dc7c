//! Delimited text larger than memory, in two passes: the first finds out what the columns are, the second reads them.

use arrow::array::ArrayRef;

use super::{FIRST_RECORDS, Plan, Unclosed, chunks, dialect::Dialect, plan, record::Records, report::Findings};
use crate::{
    error::DataError,
    read::{
        Cancelled, Note,
        files::{LONGEST_LINE, Opened},
        options::{Format, ReadOptions},
        value::ValueType,
        windows::{Bounds, LONGEST_RECORD, Window, Windows},
    },
};

/// Bytes in which the first records are looked for at first; more than the dialect is told from.
const FIRST_LOOK: usize = 4 << 20;

/// What the first pass found out.
pub(in crate::read) struct Survey<'a> {
    opened: &'a Opened<'a>,
    label: Option<String>,
    plan: Plan<'a>,
    line_end: u8,
    findings: Findings,
    pub(in crate::read) types: Vec<ValueType>,
    pub(in crate::read) notes: Vec<Note>,
    /// The options that would read the file the same way without detection.
    pub(in crate::read) settled: ReadOptions,
}

/// Goes through a file once.
pub(in crate::read) fn survey<'a>(
    opened: &'a Opened<'a>,
    options: &ReadOptions,
    bounds: Bounds,
    cancelled: Cancelled<'_>,
) -> Result<Survey<'a>, DataError> {
    let label = options.encoding.as_deref();
    let line_end = Windows::new(opened, label, bounds, cancelled)?.line_end()?;
    let mut windows = Windows::new(opened, label, bounds, cancelled)?;
    let mut notes = Vec::new();
    let (plan, header) = first_part(&mut windows, opened, line_end, options, &mut notes)?;
    windows.skip(plan.start, line_end);
    let mut findings = Findings::new(&plan.types);
    while let Some(window) = windows.next(line_end, |text| chunks::cuts(text, &plan.dialect, bounds.chunk))? {
        let chunks = plan.chunks_of(&window, cancelled)?;
        findings.add(&window.part, &chunks);
    }
    let types = plan.conclude(&findings, options, &mut notes)?;
    let settled = plan.settled(options, header);
    Ok(Survey { opened, label: options.encoding.clone(), plan, line_end, findings, types, notes, settled })
}

/// The plan, from a first part of the file that certainly holds the records that decide it.
fn first_part<'a>(
    windows: &mut Windows<'_>,
    opened: &'a Opened<'a>,
    line_end: u8,
    options: &ReadOptions,
    notes: &mut Vec<Note>,
) -> Result<(Plan<'a>, bool), DataError> {
    // The first record may hold names.
    let wanted = options.infer_rows.unwrap_or(FIRST_RECORDS).saturating_add(1);
    let mut look = FIRST_LOOK;
    loop {
        let (text, whole) = windows.prefix(look)?;
        let dialect = Dialect::settle(opened.file, text, line_end, options, opened.format == Format::Tsv)?;
        if whole || holds(text, &dialect, wanted) {
            return plan(opened.file, text, dialect, options, notes);
        }
        if look >= LONGEST_RECORD {
            let message = format!("the first {wanted} rows of `{}` take more than 1 GiB", opened.file.display());
            return Err(DataError::new("too-large", message)
                .help("leave out `infer_rows`: types are then inferred from all rows, some at a time"));
        }
        look *= 4;
    }
}

/// Whether so many records end in `text`, of which more may follow.
fn holds(text: &[u8], dialect: &Dialect, wanted: usize) -> bool {
    let (mut records, mut fields) = (Records::new(text, dialect), Vec::new());
    for _ in 0..wanted {
        fields.clear();
        match records.next(&mut fields) {
            Ok(Some(_)) if records.position() < text.len() => {}
            Ok(_) => return false,
            // Nothing that follows would close the quote.
            Err(Unclosed(at)) => return text.len() - at > LONGEST_LINE,
        }
    }
    true
}

impl Survey<'_> {
    pub(in crate::read) fn names(&self) -> &[String] {
        &self.plan.names
    }

    /// Goes through the file once more and hands its columns to `take`, some rows at a time.
    pub(in crate::read) fn for_each_batch(
        &self,
        bounds: Bounds,
        cancelled: Cancelled<'_>,
        mut take: impl FnMut(&[ArrayRef]) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let (plan, line_end) = (&self.plan, self.line_end);
        let mut windows = Windows::new(self.opened, self.label.as_deref(), bounds, cancelled)?;
        windows.prefix(plan.start)?;
        windows.skip(plan.start, line_end);
        let mut findings = Findings::new(&plan.types);
        while let Some(window) = windows.next(line_end, |text| chunks::cuts(text, &plan.dialect, bounds.chunk))? {
            let chunks = plan.chunks_of(&window, cancelled)?;
            findings.add(&window.part, &chunks);
            if !findings.within(&self.findings) {
                return Err(self.opened.changed());
            }
            for arrays in plan.arrays(chunks, &window.part, 0, &window.ends, &self.types)? {
                take(&arrays)?;
            }
        }
        if findings == self.findings { Ok(()) } else { Err(self.opened.changed()) }
    }
}

impl Plan<'_> {
    fn chunks_of(&self, window: &Window<'_>, cancelled: Cancelled<'_>) -> Result<Vec<super::Chunk>, DataError> {
        if let Some(at) = window.unclosed {
            return Err(super::unclosed(self.file, &window.part, at, &self.dialect));
        }
        self.chunks(&window.part, 0, &window.ends, cancelled)
    }
}
