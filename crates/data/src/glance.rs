//! Some rows of a table as text, to look at.

use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::{DataError, Table};

/// Characters shown of a cell.
const WIDEST: usize = 200;

/// The first rows of a table, or those after `skip`; a cell without a value is none.
///
/// # Errors
/// When a table in a file cannot be read.
pub fn glance(table: &Table, skip: usize, most: usize) -> Result<Vec<Vec<Option<String>>>, DataError> {
    let options = FormatOptions::default();
    let (mut rows, mut skip) = (Vec::new(), skip);
    for batch in table.scan() {
        let batch = batch?;
        let formatters = batch
            .columns()
            .iter()
            .map(|array| ArrayFormatter::try_new(array.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in skip.min(batch.num_rows())..batch.num_rows() {
            if rows.len() == most {
                return Ok(rows);
            }
            let cells = batch.columns().iter().zip(&formatters).map(|(array, formatter)| {
                if array.is_null(row) {
                    return Ok(None);
                }
                let text = formatter.value(row).try_to_string()?;
                Ok(Some(match text.char_indices().nth(WIDEST) {
                    Some((end, _)) => format!("{}…", &text[..end]),
                    None => text,
                }))
            });
            rows.push(cells.collect::<Result<Vec<_>, arrow::error::ArrowError>>()?);
        }
        skip = skip.saturating_sub(batch.num_rows());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cells;

    #[test]
    fn rows_are_shown_from_anywhere() {
        let texts = vec!["a".to_owned(), "ü".repeat(300), String::new()];
        let table = Cells::table(vec![("n", Cells::Counts(vec![1, 2, 3])), ("t", Cells::Texts(texts))]).unwrap();
        let shown = glance(&table, 1, 1).unwrap();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0][0].as_deref(), Some("2"));
        assert_eq!(shown[0][1].as_ref().map(|text| text.chars().count()), Some(201));
        assert!(glance(&table, 3, 5).unwrap().is_empty());
    }
}
