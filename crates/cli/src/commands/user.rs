//! `trainyard user`: who may call a server that other machines reach, and who changed what.

use std::{
    fmt::Write as _,
    io::{BufRead, IsTerminal},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use chrono::DateTime;
use clap::ValueEnum;
use serde_json::{Value, json};
use trainyard_core::Problem;
use trainyard_server::{check_name, hash_password, new_token};
use trainyard_store::{Mode, TokenRow, UserRow};

use crate::{
    args::{Args, UserAction, UserRole},
    failure::Failure,
    output::Output,
    project,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

pub(super) fn user(args: &Args, action: &UserAction, output: &Output) -> Result<ExitCode, Failure> {
    match action {
        UserAction::Add { name, role } => {
            check_name(name).map_err(call)?;
            let store = project::open_or_make(args)?;
            if store.users()?.iter().any(|user| user.name == *name) {
                let failure = Failure::call("user-exists", format!("there is a user `{name}` already"));
                return Err(failure.help("`trainyard user role` and `trainyard user password` change a user"));
            }
            let password = hash_password(&asked_password(name)?).map_err(call)?;
            let role = role_name(*role);
            store.add_user(&UserRow { name: name.clone(), role: role.clone(), password, created: now() })?;
            output.answer(&json!({"user": name, "role": role}), &format!("`{name}` may call as {role}\n"));
        }
        UserAction::List => list(args, output)?,
        UserAction::Remove { name } => {
            project::open_nearby(args, Mode::Write)?.remove_user(name).map_err(wrong_name)?;
            output.answer(&json!({"removed": name}), &format!("`{name}` may call no more\n"));
        }
        UserAction::Role { name, role } => {
            let role = role_name(*role);
            project::open_nearby(args, Mode::Write)?.set_role(name, &role).map_err(wrong_name)?;
            output.answer(&json!({"user": name, "role": role}), &format!("`{name}` may call as {role}\n"));
        }
        UserAction::Password { name } => {
            let store = project::open_nearby(args, Mode::Write)?;
            // Before anyone types a password.
            store.user(name).map_err(wrong_name)?;
            let password = hash_password(&asked_password(name)?).map_err(call)?;
            store.set_password(name, &password).map_err(wrong_name)?;
            output.answer(&json!({"user": name}), &format!("`{name}` has another password, and is signed out\n"));
        }
        UserAction::Token { name, revoke: true, .. } => {
            let revoked = project::open_nearby(args, Mode::Write)?.revoke_tokens(name).map_err(wrong_name)?;
            output.answer(&json!({"user": name, "revoked": revoked}), &format!("{revoked} tokens have ended\n"));
        }
        UserAction::Token { name, expires, .. } => {
            let store = project::open_nearby(args, Mode::Write)?;
            let (token, digest) = new_token().map_err(call)?;
            let created = now();
            let expires = expires.map(|days| created + i64::from(days) * DAY);
            store.add_token(&TokenRow { digest, name: name.clone(), created, expires }).map_err(wrong_name)?;
            let document = json!({"user": name, "token": token, "expires": expires});
            output.answer(
                &document,
                &format!("{token}\nit is shown this once; send it as `Authorization: Bearer TOKEN`\n"),
            );
        }
        UserAction::Log { limit } => log(args, *limit, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &Args, output: &Output) -> Result<(), Failure> {
    let store = project::open_nearby(args, Mode::Read)?;
    let (users, tokens, now) = (store.users()?, store.tokens()?, now());
    let live = |user: &UserRow| {
        let live = |token: &&TokenRow| token.name == user.name && token.expires.is_none_or(|end| end > now);
        tokens.iter().filter(live).count()
    };
    let mut words = String::new();
    let width = users.iter().map(|user| user.name.len()).max().unwrap_or(0);
    let documents: Vec<Value> = users
        .iter()
        .map(|user| {
            let tokens = live(user);
            let _ = writeln!(
                words,
                "{:width$}  {:9}  {} tokens, since {}",
                user.name,
                user.role,
                tokens,
                time(user.created)
            );
            json!({"name": user.name, "role": user.role, "tokens": tokens, "created": user.created})
        })
        .collect();
    if users.is_empty() {
        words.push_str("there are no users; `trainyard user add NAME --role ROLE` adds one\n");
    }
    output.answer(&json!({"users": documents}), &words);
    Ok(())
}

fn log(args: &Args, limit: u32, output: &Output) -> Result<(), Failure> {
    let rows = project::open_nearby(args, Mode::Read)?.audit(None, limit)?;
    let mut words = String::new();
    for row in &rows {
        let entry = &row.entry;
        let shown = [&entry.who, &entry.address, &entry.method, &entry.path, &entry.target].map(|text| printable(text));
        let [who, address, method, path, target] = shown;
        let _ = writeln!(
            words,
            "{}  {who:12}  {address:15}  {method:6} {path}  {}  {target}",
            time(entry.time),
            entry.status
        );
    }
    if rows.is_empty() {
        words.push_str("nothing has been changed by a request yet\n");
    }
    output.answer(&json!({ "audit": rows }), &words);
    Ok(())
}

/// Text of callers, without what would move the terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

fn time(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds)
        .map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// The password: typed twice, unseen, or the first line of standard input.
fn asked_password(name: &str) -> Result<String, Failure> {
    let unread = |error: std::io::Error| Failure::call("io", format!("the password cannot be read: {error}"));
    if std::io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        let ask = |what: &str| terminal.write_str(what).and_then(|()| terminal.read_secure_line()).map_err(unread);
        let password = ask(&format!("password of {name}: "))?;
        if ask("the same again: ")? != password {
            return Err(Failure::call("bad-password", "the two passwords differ"));
        }
        return Ok(password);
    }
    let mut line = String::new();
    std::io::Read::take(std::io::stdin().lock(), 64 << 10).read_line(&mut line).map_err(unread)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn role_name(role: UserRole) -> String {
    role.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn call(problem: Problem) -> Failure {
    let failure = Failure::call(problem.code, problem.message);
    Failure { help: problem.help, ..failure }
}

/// The call names a user who is not there.
fn wrong_name(error: trainyard_store::StoreError) -> Failure {
    let failure = Failure::from(error);
    if failure.code == "unknown-user" { Failure { exit: 2, ..failure } } else { failure }
}

#[cfg(test)]
mod tests {
    use trainyard_server::Role;

    use super::*;

    #[test]
    fn the_roles_of_the_command_line_are_those_of_the_server() {
        let names: Vec<String> = UserRole::value_variants().iter().map(|role| role_name(*role)).collect();
        assert_eq!(names, Role::ALL.map(Role::name));
    }

    #[test]
    fn what_callers_sent_moves_no_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
    }
}
