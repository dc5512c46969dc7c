//! Stores in trouble: read-only, of a newer version, with work half done; and data that goes stale.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use crate::sandbox::{Sandbox, done};

const PIPELINE: &str = "name: small
steps:
  data:
    uses: acquire/file
    with: {path: data.csv}
  tidy:
    uses: prepare/sql
    from: data
    with: {query: SELECT a * 2 AS b FROM data}
";

fn small() -> Sandbox {
    let sandbox = Sandbox::pipeline(PIPELINE);
    sandbox.write("data.csv", "a\n1\n2\n3\n");
    sandbox
}

fn open_to_all(path: &std::path::Path, write: bool) {
    let meta = fs::metadata(path).unwrap();
    let mode = match (meta.is_dir(), write) {
        (true, true) => 0o777,
        (true, false) => 0o555,
        (false, true) => 0o666,
        (false, false) => 0o444,
    };
    if meta.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        fs::read_dir(path).unwrap().for_each(|entry| open_to_all(&entry.unwrap().path(), write));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_that_cannot_be_written_is_refused_in_words() {
    let sandbox = small();
    sandbox.run(&["run", "--json"]).expect(0);
    open_to_all(&sandbox.path(""), true);
    open_to_all(&sandbox.path(".trainyard"), false);
    // For root no folder is read-only, so another user tries, with a copy of the program that lies open to all.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("trainyard");
    fs::copy(env!("CARGO_BIN_EXE_trainyard"), &program).unwrap();
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(sandbox.path(""));
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        command.output()
    };
    match run(&["run", "--set", "seed=1", "--json"]).and_then(|_| run(&["run", "--json"])) {
        Ok(output) => {
            let output = done(output);
            assert_ne!(output.code, 0, "{}", output.out);
            let document = output.json();
            assert_eq!(document["error"]["code"], "store-read-only", "{document}");
            assert!(document["error"]["help"].is_string(), "{document}");
            assert!(!output.err.contains("panicked"), "{}", output.err);
            let runs = done(run(&["runs", "--json"]).unwrap()).expect(0).json();
            assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "reading goes on");
        }
        Err(error) => println!("skipped: another user cannot start the program ({error})"),
    }
    open_to_all(&sandbox.path(".trainyard"), true);
    sandbox.run(&["run", "--json"]).expect(0);
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let sandbox = small();
    sandbox.run(&["run", "--json"]).expect(0);
    let catalog = sandbox.path(".trainyard/catalog.db");
    let mut bytes = fs::read(&catalog).unwrap();
    // SQLite's user version: four bytes at 60, the highest first.
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    fs::write(&catalog, &bytes).unwrap();
    for command in [&["run", "--json"][..], &["runs", "--json"], &["plan", "--json"], &["store", "gc", "--json"]] {
        let output = sandbox.run(command);
        assert!([1, 2].contains(&output.code), "{command:?}: {}\n{}", output.out, output.err);
        let document = output.json();
        assert_eq!(document["error"]["code"], "store-too-new", "{command:?}: {document}");
        assert!(document["error"]["message"].as_str().unwrap().contains("9999"), "{document}");
    }
    assert_eq!(fs::read(&catalog).unwrap(), bytes, "nothing was written");
}

#[test]
fn a_killed_run_does_nothing_twice() {
    let pipeline = format!(
        "{PIPELINE}  slow:
    uses: run/command
    from: tidy
    with: {{command: [sh, -c, \"echo x >> started; while [ ! -e go ]; do sleep 0.05; done\"]}}
"
    );
    let sandbox = Sandbox::pipeline(&pipeline);
    sandbox.write("data.csv", "a\n1\n2\n3\n");
    let mut child = sandbox
        .command(&["run", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let kept = || {
        let document = sandbox.run(&["plan", "--json"]).json();
        document["steps"].as_array().is_some_and(|steps| steps.iter().take(2).all(|step| step["status"] == "cached"))
    };
    while !sandbox.path("started").exists() || !kept() {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "it does not get going");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.write("go", "");
    assert!(fs::read_dir(sandbox.path(".trainyard/tmp")).unwrap().count() > 0, "it left its scratch folder");
    let again = sandbox.run(&["run", "--json"]);
    let statuses: Vec<String> = again.statuses().into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses[..3], ["cached", "cached", "ran"], "{}\n{}", again.out, again.err);
    sandbox.run(&["store", "gc", "--json"]).expect(0);
    assert_eq!(fs::read_dir(sandbox.path(".trainyard/tmp")).unwrap().count(), 0, "and that is swept up");
    sandbox.run(&["store", "verify", "--json"]).expect(0);
}

#[test]
fn data_that_went_stale_is_told_although_nothing_changed() {
    let contract = |fresh: &str| {
        let validate =
            format!("  checked:\n    uses: validate/table\n    from: data\n    with: {{fresh: {{at: {fresh}}}}}\n");
        format!("name: fresh\nsteps:\n  data:\n    uses: acquire/file\n    with: {{path: data.csv}}\n{validate}")
    };
    let sandbox = Sandbox::pipeline(&contract("{within: 2d, now: 2026-01-03}"));
    sandbox.write("data.csv", "at,x\n2026-01-01T00:00:00,1\n2025-12-31T12:00:00,2\n");
    sandbox.run(&["run", "--json"]).expect(0);
    let again = sandbox.run(&["run", "--json"]).expect(0);
    assert!(again.statuses().iter().all(|(_, status)| status == "cached"), "a stated moment does not pass");
    sandbox.write("pipeline.yaml", contract("{within: 2d, now: 2026-01-04}"));
    let stale = sandbox.run(&["run", "--json"]).expect(1).json();
    assert_eq!(stale["steps"][1]["error"]["code"], "stale-data", "{stale}");
    assert!(stale["steps"][1]["error"]["message"].as_str().unwrap().contains("3d0h"), "{stale}");
    sandbox.write("pipeline.yaml", contract("{within: soon}"));
    assert_eq!(sandbox.run(&["check", "--json"]).expect(2).json()["problems"][0]["line"], 9);

    // By the clock: good for a few seconds, and found as long as that.
    sandbox.write("pipeline.yaml", contract("{within: 20s}"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (days, seconds) = (now / 86_400, now % 86_400);
    // The date of the day, counted from 1970 as the calendar is.
    let date = civil(days as i64);
    sandbox.write(
        "data.csv",
        format!("at,x\n{date}T{:02}:{:02}:{:02}Z,1\n", seconds / 3600, seconds / 60 % 60, seconds % 60),
    );
    let started = Instant::now();
    sandbox.run(&["run", "--json"]).expect(0);
    let second = sandbox.run(&["run", "--json"]);
    if started.elapsed() < Duration::from_secs(15) {
        assert!(second.expect(0).statuses().iter().all(|(_, status)| status == "cached"));
    }
    std::thread::sleep(Duration::from_secs(22).saturating_sub(started.elapsed()));
    let stale = sandbox.run(&["run", "--json"]).expect(1).json();
    assert_eq!(stale["steps"][0]["status"], "cached");
    assert_eq!(stale["steps"][1]["error"]["code"], "stale-data", "{stale}");
}

/// The date that many days after 1970-01-01 (H. Hinnant, chrono-compatible low-level date algorithms).
fn civil(days: i64) -> String {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (date, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{date:02}", year + era * 400 + i64::from(month <= 2))
}
