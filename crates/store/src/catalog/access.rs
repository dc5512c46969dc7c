//! Who may call: users, their tokens and their sessions. No secret comes here, only what a secret is checked against.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;

use super::{Argument, column, is_dangling};
use crate::{error::StoreError, store::Store};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserRow {
    /// The name, as it is shown and as it is typed.
    pub name: String,
    /// What the user may do.
    pub role: String,
    /// What the password is checked against: a string in the PHC form.
    pub password: String,
    /// When the user was added, in milliseconds since 1970.
    pub created: i64,
}

/// A bearer token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenRow {
    /// The digest of the token, in hexadecimal digits.
    pub digest: String,
    /// The user who calls with it.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it ends, if ever.
    pub expires: Option<i64>,
}

/// A session of a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// The digest of what the browser shows, in hexadecimal digits.
    pub digest: String,
    /// The user who signed in.
    pub name: String,
    /// When it began, in milliseconds since 1970.
    pub created: i64,
    /// When it ends.
    pub expires: i64,
}

const ADD_USER: &str = "BEGIN IMMEDIATE;
     INSERT INTO users (name, role, password, created)
       SELECT value->>0, value->>1, value->>2, value->>3 FROM jsonb_each(?) WHERE true
       ON CONFLICT DO NOTHING RETURNING name;
     COMMIT";

const REMOVE_USER: &str = "BEGIN IMMEDIATE;
     DELETE FROM users WHERE name IN (SELECT value->>0 FROM jsonb_each(?)) RETURNING name;
     COMMIT";

const SET_ROLE: &str = "BEGIN IMMEDIATE;
     UPDATE users SET role = new.value->>1 FROM jsonb_each(?) AS new WHERE name = new.value->>0 RETURNING name;
     COMMIT";

/// Whoever knew the old password is signed out.
const SET_PASSWORD: &str = "BEGIN IMMEDIATE;
     UPDATE users SET password = new.value->>1 FROM jsonb_each(?) AS new WHERE name = new.value->>0 RETURNING name;
     DELETE FROM sessions WHERE name IN (SELECT value->>0 FROM jsonb_each(?));
     COMMIT";

const ADD_TOKEN: &str = "BEGIN IMMEDIATE;
     INSERT INTO tokens (digest, name, created, expires)
       SELECT value->>0, value->>1, value->>2, value->>3 FROM jsonb_each(?);
     COMMIT";

const REVOKE_TOKENS: &str = "BEGIN IMMEDIATE;
     DELETE FROM tokens WHERE name IN (SELECT value->>0 FROM jsonb_each(?)) RETURNING digest;
     COMMIT";

/// A session that begins sweeps away those that have ended.
const ADD_SESSION: &str = "BEGIN IMMEDIATE;
     DELETE FROM sessions WHERE expires <= (SELECT value->>2 FROM jsonb_each(?));
     INSERT INTO sessions (digest, name, created, expires)
       SELECT value->>0, value->>1, value->>2, value->>3 FROM jsonb_each(?);
     COMMIT";

const END_SESSION: &str = "BEGIN IMMEDIATE;
     DELETE FROM sessions WHERE digest IN (SELECT value->>0 FROM jsonb_each(?));
     COMMIT";

impl Store {
    /// The users by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        let rows = self.catalog.rows("SELECT name, role, password, created FROM users ORDER BY name", &[])?;
        rows.iter()
            .map(|row| {
                Ok(UserRow {
                    name: column(row, "name")?,
                    role: column(row, "role")?,
                    password: column(row, "password")?,
                    created: column(row, "created")?,
                })
            })
            .collect()
    }

    /// The user of this name.
    ///
    /// # Errors
    /// `unknown-user`; when the catalog cannot be read.
    pub fn user(&self, name: &str) -> Result<UserRow, StoreError> {
        self.users()?.into_iter().find(|user| user.name == name).ok_or_else(|| self.unknown_user(name))
    }

    /// Adds a user.
    ///
    /// # Errors
    /// `user-exists`; when the catalog cannot be written.
    pub fn add_user(&self, user: &UserRow) -> Result<(), StoreError> {
        self.must_write()?;
        let row = (&user.name, &user.role, &user.password, user.created);
        let added = self.catalog.script(ADD_USER, &[Argument::rows([row])?])?;
        if added.is_empty() {
            let error = StoreError::new("user-exists", format!("there is a user `{}` already", user.name));
            return Err(error.help("`trainyard user role` and `trainyard user password` change a user"));
        }
        Ok(())
    }

    /// Removes a user, with all tokens and sessions.
    ///
    /// # Errors
    /// `unknown-user`; when the catalog cannot be written.
    pub fn remove_user(&self, name: &str) -> Result<(), StoreError> {
        self.changes_a_user(name, REMOVE_USER, &[Argument::rows([(name,)])?])
    }

    /// Gives a user another role.
    ///
    /// # Errors
    /// `unknown-user`; when the catalog cannot be written.
    pub fn set_role(&self, name: &str, role: &str) -> Result<(), StoreError> {
        self.changes_a_user(name, SET_ROLE, &[Argument::rows([(name, role)])?])
    }

    /// Gives a user another password, and ends the user's sessions.
    ///
    /// # Errors
    /// `unknown-user`; when the catalog cannot be written.
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), StoreError> {
        self.changes_a_user(name, SET_PASSWORD, &[Argument::rows([(name, password)])?, Argument::rows([(name,)])?])
    }

    /// The tokens by user, the newest first.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let sql = "SELECT digest, name, created, expires FROM tokens ORDER BY name, created DESC, digest";
        let rows = self.catalog.rows(sql, &[])?;
        rows.iter()
            .map(|row| {
                Ok(TokenRow {
                    digest: column(row, "digest")?,
                    name: column(row, "name")?,
                    created: column(row, "created")?,
                    expires: column(row, "expires")?,
                })
            })
            .collect()
    }

    /// Adds a token.
    ///
    /// # Errors
    /// `unknown-user`; when the catalog cannot be written.
    pub fn add_token(&self, token: &TokenRow) -> Result<(), StoreError> {
        self.must_write()?;
        let row = (&token.digest, &token.name, token.created, token.expires);
        match self.catalog.script(ADD_TOKEN, &[Argument::rows([row])?]) {
            Err(error) if is_dangling(&error) => Err(self.unknown_user(&token.name)),
            other => other.map(drop),
        }
    }

    /// Ends all tokens of a user; gives their number.
    ///
    /// # Errors
    /// `unknown-user`; when the catalog cannot be written.
    pub fn revoke_tokens(&self, name: &str) -> Result<usize, StoreError> {
        self.must_write()?;
        let revoked = self.catalog.script(REVOKE_TOKENS, &[Argument::rows([(name,)])?])?;
        if revoked.is_empty() {
            self.user(name)?;
        }
        Ok(revoked.len())
    }

    /// The session with this digest.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn session_of(&self, digest: &str) -> Result<Option<SessionRow>, StoreError> {
        let sql = "SELECT digest, name, created, expires FROM sessions WHERE digest = ?1";
        self.catalog.row(sql, &[digest])?.as_ref().map(session).transpose()
    }

    /// Begins a session.
    ///
    /// # Errors
    /// `unknown-user`; when the catalog cannot be written.
    pub fn add_session(&self, session: &SessionRow) -> Result<(), StoreError> {
        self.must_write()?;
        let row = (&session.digest, &session.name, session.created, session.expires);
        let rows = [Argument::rows([row])?, Argument::rows([row])?];
        match self.catalog.script(ADD_SESSION, &rows) {
            Err(error) if is_dangling(&error) => Err(self.unknown_user(&session.name)),
            other => other.map(drop),
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn end_session(&self, digest: &str) -> Result<(), StoreError> {
        self.must_write()?;
        self.catalog.script(END_SESSION, &[Argument::rows([(digest,)])?]).map(drop)
    }

    /// Runs a script that gives a row back where there is such a user.
    fn changes_a_user(&self, name: &str, script: &'static str, arguments: &[Argument]) -> Result<(), StoreError> {
        self.must_write()?;
        match self.catalog.script(script, arguments)?.is_empty() {
            true => Err(self.unknown_user(name)),
            false => Ok(()),
        }
    }

    fn unknown_user(&self, name: &str) -> StoreError {
        let known: Vec<String> = self.users().unwrap_or_default().into_iter().map(|user| user.name).collect();
        let problem = trainyard_core::Problem::unknown("unknown-user", "user", name, known.iter().map(String::as_str));
        let error = StoreError::new("unknown-user", problem.message);
        match problem.help {
            Some(help) => error.help(help),
            None => error.help("`trainyard user list` tells who there is"),
        }
    }
}

fn session(row: &SqliteRow) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        digest: column(row, "digest")?,
        name: column(row, "name")?,
        created: column(row, "created")?,
        expires: column(row, "expires")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::store;

    fn user(name: &str) -> UserRow {
        UserRow { name: name.into(), role: "viewer".into(), password: "$argon2id$…".into(), created: 17 }
    }

    fn token(digest: &str, name: &str) -> TokenRow {
        TokenRow { digest: digest.into(), name: name.into(), created: 1, expires: None }
    }

    #[test]
    fn a_user_is_added_once_changed_and_removed_with_everything() {
        let (_folder, store) = store();
        store.add_user(&user("bea")).unwrap();
        store.add_user(&user("al'; DROP TABLE users; --")).unwrap();
        assert_eq!(store.add_user(&user("bea")).unwrap_err().code, "user-exists");
        store.set_role("bea", "admin").unwrap();
        assert_eq!(store.users().unwrap()[1], UserRow { role: "admin".into(), ..user("bea") });
        store.add_token(&token("d1", "bea")).unwrap();
        store.add_token(&TokenRow { expires: Some(9), ..token("d2", "bea") }).unwrap();
        let session = SessionRow { digest: "s".into(), name: "bea".into(), created: 5, expires: 10 };
        store.add_session(&session).unwrap();
        assert_eq!(store.session_of("s").unwrap(), Some(session.clone()));
        store.set_password("bea", "other").unwrap();
        assert_eq!(store.session_of("s").unwrap(), None, "who knew the old password is signed out");
        assert_eq!(store.users().unwrap()[1].password, "other");
        store.add_session(&session).unwrap();
        assert_eq!(store.tokens().unwrap().len(), 2);
        store.remove_user("bea").unwrap();
        assert_eq!((store.tokens().unwrap().len(), store.session_of("s").unwrap()), (0, None));
        assert_eq!(store.users().unwrap().len(), 1);
    }

    #[test]
    fn who_is_not_there_is_told_so() {
        let (_folder, store) = store();
        store.add_user(&user("bea")).unwrap();
        let session = SessionRow { digest: "s".into(), name: "bee".into(), created: 5, expires: 10 };
        let refused = [
            store.set_role("bee", "admin").unwrap_err(),
            store.set_password("bee", "x").unwrap_err(),
            store.remove_user("bee").unwrap_err(),
            store.add_token(&token("d", "bee")).unwrap_err(),
            store.revoke_tokens("bee").unwrap_err(),
            store.add_session(&session).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.code, "unknown-user");
            assert!(error.to_string().contains("`bea`"), "{error}");
        }
    }

    #[test]
    fn sessions_that_have_ended_are_swept_by_the_next() {
        let (_folder, store) = store();
        store.add_user(&user("bea")).unwrap();
        let session =
            |digest: &str, created, expires| SessionRow { digest: digest.into(), name: "bea".into(), created, expires };
        store.add_session(&session("old", 1, 10)).unwrap();
        store.add_session(&session("live", 2, 20)).unwrap();
        store.add_session(&session("new", 10, 30)).unwrap();
        assert_eq!(store.session_of("old").unwrap(), None);
        assert!(store.session_of("live").unwrap().is_some());
        store.end_session("live").unwrap();
        assert_eq!(store.session_of("live").unwrap(), None);
    }

    #[test]
    fn revoking_tells_how_many_tokens_there_were() {
        let (_folder, store) = store();
        store.add_user(&user("bea")).unwrap();
        store.add_token(&token("d1", "bea")).unwrap();
        store.add_token(&token("d2", "bea")).unwrap();
        assert_eq!(store.revoke_tokens("bea").unwrap(), 2);
        assert_eq!(store.revoke_tokens("bea").unwrap(), 0);
    }
}
