//! Tags and parameters: a key and a value of anything that is tracked.

use crate::{
    catalog::{Bind, Transaction},
    error::StoreError,
    store::Store,
};

/// What has a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged<'a> {
    /// An experiment.
    Experiment(i64),
    /// A run.
    Run(&'a str),
    /// A registered model.
    Model(&'a str),
    /// A version of a registered model.
    Version(&'a str, u64),
    /// A logged model.
    LoggedModel(&'a str),
}

impl Tagged<'_> {
    /// The table and the columns that name the owner.
    const fn table(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Experiment(_) => ("experiment_tags", &["experiment"]),
            Self::Run(_) => ("run_tags", &["run"]),
            Self::Model(_) => ("model_tags", &["name"]),
            Self::Version(..) => ("version_tags", &["name", "version"]),
            Self::LoggedModel(_) => ("logged_model_tags", &["model"]),
        }
    }

    fn owner(self) -> Vec<Bind> {
        match self {
            Self::Experiment(id) => vec![id.into()],
            Self::Run(name) | Self::Model(name) | Self::LoggedModel(name) => vec![name.into()],
            Self::Version(name, version) => vec![name.into(), Bind::Integer(i64::try_from(version).unwrap_or(-1))],
        }
    }
}

impl Store {
    /// Sets a tag; one of the same key is replaced.
    ///
    /// # Errors
    /// `dangling-reference` where there is no such owner; when the catalog cannot be written.
    pub fn set_tag(&self, of: Tagged<'_>, key: &str, value: &str) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.transaction(|transaction| set(transaction, of, [(key, value)]))
    }

    /// Sets several tags.
    ///
    /// # Errors
    /// As [`Store::set_tag`].
    pub fn set_tags(&self, of: Tagged<'_>, tags: &[(String, String)]) -> Result<(), StoreError> {
        self.must_write()?;
        let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        self.catalog.transaction(|transaction| set(transaction, of, tags))
    }

    /// Removes a tag; false where there is none.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn delete_tag(&self, of: Tagged<'_>, key: &str) -> Result<bool, StoreError> {
        self.must_write()?;
        let (table, columns) = of.table();
        let owned: Vec<String> = columns.iter().map(|column| format!("{column} = ?")).collect();
        let sql = format!("DELETE FROM {table} WHERE {} AND key = ? RETURNING key", owned.join(" AND "));
        let mut arguments = of.owner();
        arguments.push(key.into());
        Ok(!self.catalog.made(sql, &arguments)?.is_empty())
    }
}

/// Sets tags within a transaction.
pub(super) fn set<'t>(
    transaction: &mut Transaction<'_>,
    of: Tagged<'_>,
    tags: impl IntoIterator<Item = (&'t str, &'t str)>,
) -> Result<(), StoreError> {
    let tags: Vec<(&str, &str)> = tags.into_iter().collect();
    if tags.is_empty() {
        return Ok(());
    }
    let (table, columns) = of.table();
    let names = columns.join(", ");
    let marks = vec!["?"; columns.len()].join(", ");
    let sql = format!(
        "INSERT INTO {table} ({names}, key, value) SELECT {marks}, value->>0, value->>1 FROM jsonb_each(?) WHERE true
         ON CONFLICT DO UPDATE SET value = excluded.value"
    );
    let mut arguments = of.owner();
    arguments.push(Bind::Text(crate::catalog::text(&tags)?));
    transaction.made(sql, &arguments).map(drop)
}
