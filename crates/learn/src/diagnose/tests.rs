//! Each mistake is found where it is made, and clean data raise no alarm.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trainyard_core::{Severity, Warning, evaluation::Task};

use super::*;
use crate::{FrameColumn, Values};

fn noise(rows: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..rows).map(|_| random.random::<f64>() - 0.5).collect()
}

fn frame(columns: Vec<(&str, Values)>) -> Frame {
    let rows = columns.first().map_or(0, |(_, values)| values.len());
    let columns = columns.into_iter().map(|(name, values)| FrameColumn { name: name.to_owned(), values }).collect();
    Frame { columns, rows }
}

fn number(values: impl IntoIterator<Item = f64>) -> Values {
    Values::Number(values.into_iter().collect())
}

fn category(rows: usize, level: impl Fn(usize) -> usize) -> Values {
    let codes: Vec<u32> = (0..rows).map(|row| level(row) as u32).collect();
    let count = codes.iter().max().map_or(0, |most| most + 1);
    Values::Category { codes, levels: (0..count).map(|level| format!("l{level}")).collect() }
}

fn look(frame: &Frame, target: &[f64], task: Task) -> Vec<Warning> {
    let classes: Vec<String> = match task {
        Task::Regression => Vec::new(),
        _ => (0..=target.iter().fold(0.0_f64, |a, b| a.max(*b)) as usize).map(|class| format!("c{class}")).collect(),
    };
    warnings(&Subject { frame, target, name: "y", task, classes: &classes })
}

fn codes(warnings: &[Warning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[test]
fn clean_data_raise_no_alarm() {
    for seed in 0..20 {
        let rows = 400 + 37 * seed as usize;
        let x = |offset: u64| noise(rows, 1000 * seed + offset);
        let data = frame(vec![
            ("a", number(x(1))),
            ("b", number(x(2).into_iter().zip(x(1)).map(|(b, a)| b + 2.0 * a))),
            ("c", category(rows, |row| (row * 7919) % 5)),
            ("flag", number(x(3).into_iter().map(|value| f64::from(value > 0.3)))),
            ("count", number(x(4).into_iter().map(|value| (value * 20.0).round()))),
        ]);
        let y: Vec<f64> = x(1).iter().zip(x(5)).map(|(a, e)| 10.0 + 3.0 * a + e).collect();
        assert_eq!(look(&data, &y, Task::Regression), [], "seed {seed}");
        let classes: Vec<f64> = y.iter().map(|value| f64::from(*value > 10.3)).collect();
        assert_eq!(look(&data, &classes, Task::Binary), [], "seed {seed}");
        let thirds: Vec<f64> = y.iter().map(|value| f64::from(*value > 9.7) + f64::from(*value > 10.5)).collect();
        assert_eq!(look(&data, &thirds, Task::Multiclass), [], "seed {seed}");
        let subject = Subject { frame: &data, target: &y, name: "y", task: Task::Regression, classes: &[] };
        let parts: Vec<u8> = x(6).into_iter().map(|value| u8::from(value > 0.2)).collect();
        assert_eq!(row_order::warning(&subject, &parts), None);
        assert_eq!(group_column::find(&data, |_| true), None);
    }
}

#[test]
fn one_feature_that_gives_the_answer() {
    let rows = 2_000;
    let y = noise(rows, 1);
    let found = |values: Values, target: &[f64], task| {
        let data = frame(vec![("x", number(noise(rows, 2))), ("leak", values)]);
        let all = look(&data, target, task);
        let leaks: Vec<&Warning> = all.iter().filter(|warning| warning.code == "target-leakage").collect();
        assert!(leaks.iter().all(|warning| warning.severity == Severity::High && warning.help.is_some()));
        leaks.iter().map(|warning| warning.message.clone()).collect::<Vec<_>>()
    };
    let unit = number(y.iter().map(|value| 7.0 - 3.0 * value));
    assert_eq!(found(unit, &y, Task::Regression), ["`leak` gives `y` away: it is the target in another unit"]);
    let bent = number(y.iter().map(|value| (9.0 * value).exp()));
    assert_eq!(found(bent, &y, Task::Regression), ["`leak` gives `y` away: their correlation is 1.000"]);
    let steps: Vec<f64> = (0..rows).map(|row| ((row * 7919) % 7) as f64 + 0.01 * y[row]).collect();
    let level = category(rows, |row| (row * 7919) % 7);
    assert_eq!(
        found(level, &steps, Task::Regression),
        ["`leak` gives `y` away: its value alone explains 99.99 % of the variance"]
    );
    let rare: Vec<f64> = y.iter().map(|value| f64::from(*value > 0.4)).collect();
    let order = number(y.iter().map(|value| value.powi(3)));
    assert!(found(order, &rare, Task::Binary)[0].contains("AUC 1.0000"));
    // A flag that is set on some of the rare rows only, and never elsewhere.
    let flag = number(y.iter().map(|value| f64::from(*value > 0.47)));
    let told = found(flag, &rare, Task::Binary);
    assert!(told[0].contains("with value 1, ") && told[0].contains("rarer class (9.9 % of all)"), "{told:?}");
    let three: Vec<f64> = (0..rows).map(|row| ((row * 7919) % 3) as f64).collect();
    let level = category(rows, |row| (row * 7919) % 3);
    assert_eq!(
        found(level, &three, Task::Multiclass),
        ["`leak` gives `y` away: its value alone tells the class of 100 % of the rows"]
    );
}

#[test]
fn parts_that_add_up() {
    let rows = 3_000;
    let (a, b, c) = (noise(rows, 1), noise(rows, 2), noise(rows, 3));
    // A quarter of the rows adds up otherwise.
    let total: Vec<f64> =
        (0..rows).map(|row| a[row] + b[row] + 2.5 + if row % 4 == 0 { 0.1 * c[row] } else { 0.0 }).collect();
    let data = frame(vec![("fee", number(b.clone())), ("total", number(total)), ("other", number(c))]);
    let all = look(&data, &a, Task::Regression);
    let sum = all.iter().find(|warning| warning.code == "target-is-sum").expect("it is a sum");
    assert_eq!(sum.message, "`y` is −`fee` + `total` in 75 % of the rows");
    let noisy: Vec<f64> = a.iter().zip(noise(rows, 4)).map(|(a, e)| a + 0.01 * e).collect();
    assert!(!codes(&look(&data, &noisy, Task::Regression)).contains(&"target-is-sum"));
}

#[test]
fn columns_that_name_rows_or_say_nothing() {
    let rows = 1_200;
    let mut late = vec![0.0; rows];
    late[7] = 1.0;
    let data = frame(vec![
        ("x", number(noise(rows, 1))),
        ("id", number((0..rows).map(|row| (row + row / 3) as f64))),
        ("code", category(rows, |row| row)),
        ("empty", number(vec![f64::NAN; rows])),
        ("same", category(rows, |_| 0)),
        ("hardly", number(late)),
        ("x_again", number(noise(rows, 1).iter().map(|value| 1.0 - 2.0 * value))),
        ("level", number((0..rows).map(|row| ((row * 7919) % 4) as f64))),
        ("level_name", category(rows, |row| [2, 0, 3, 1][(row * 7919) % 4])),
    ]);
    let all = look(&data, &noise(rows, 2), Task::Regression);
    assert_eq!(codes(&all), ["identifier-column", "near-duplicate-column", "near-constant-column", "constant-column"]);
    assert!(all[0].message.contains("`id`, `code`"), "{}", all[0].message);
    assert_eq!(
        all[1].message,
        "columns that say the same: `x` and `x_again` (correlation -1.000), `level` and `level_name` (each tells the other)"
    );
    assert!(all[2].message.contains("`hardly`") && all[3].message.contains("`empty`, `same`"));
}

#[test]
fn targets_that_are_rare_or_cut_off() {
    let rows = 2_000;
    let data = frame(vec![("x", number(noise(rows, 1)))]);
    let rare: Vec<f64> = noise(rows, 2).iter().map(|value| f64::from(*value > 0.47)).collect();
    let all = look(&data, &rare, Task::Binary);
    assert_eq!(codes(&all), ["class-imbalance"]);
    assert!(all[0].numbers["share"] < 0.05);
    let cut: Vec<f64> = noise(rows, 2).iter().map(|value| (100.0 * value).min(45.0)).collect();
    let all = look(&data, &cut, Task::Regression);
    assert_eq!(codes(&all), ["capped-target"]);
    assert_eq!(all[0].numbers["value"], 45.0);
    // Few values, each of them frequent, are an amount in whole units.
    let whole: Vec<f64> = noise(rows, 2).iter().map(|value| (60.0 * value).round()).collect();
    assert_eq!(look(&data, &whole, Task::Regression), []);
}

#[test]
fn rows_that_belong_together() {
    let (units, cycles) = (12, 40);
    let rows = units * cycles;
    let data = frame(vec![
        ("x", number(noise(rows, 1))),
        ("engine_nr", number((0..rows).map(|row| (row / cycles) as f64))),
        ("cycle", number((0..rows).map(|row| (row % cycles) as f64))),
    ]);
    let left: Vec<f64> = (0..rows).map(|row| (cycles - row % cycles) as f64).collect();
    let subject = Subject { frame: &data, target: &left, name: "y", task: Task::Regression, classes: &[] };
    let random: Vec<u8> = noise(rows, 3).iter().map(|value| u8::from(*value > 0.2)).collect();
    let found = group_column::find(&data, |_| true).expect("in blocks");
    assert_eq!(found.column, "engine_nr");
    assert!(found.reason.contains("within each `engine_nr`, `cycle` counts up"), "{}", found.reason);
    let together: Vec<u8> = (0..rows).map(|row| u8::from(row / cycles > 8)).collect();
    assert_eq!(group_column::find(&data, |name| name != "engine_nr"), None);

    assert!(row_order::warning(&subject, &random).is_some());
    assert_eq!(row_order::warning(&subject, &together), None);
    // Sorted by the target is no news.
    let sorted: Vec<f64> = (0..rows).map(|row| row as f64).collect();
    assert_eq!(row_order::warning(&Subject { target: &sorted, ..subject }, &random), None);
    let runs: Vec<f64> = (0..rows).map(|row| ((row / 20) % 2) as f64).collect();
    let classes = ["no".to_owned(), "yes".to_owned()];
    let occupied = Subject { target: &runs, task: Task::Binary, classes: &classes, ..subject };
    let warned = row_order::warning(&occupied, &random).expect("in runs");
    // 23 changes between 480 rows, half of them of either class: kappa = 1 − 2 · 23 / 479.
    assert!((warned.numbers["agreement"] - (1.0 - 46.0 / 479.0)).abs() < 1e-12);
}

#[test]
fn nothing_is_found_in_nothing() {
    for rows in [0, 1, 2] {
        let data = frame(vec![("x", number(vec![f64::NAN; rows])), ("c", category(rows, |_| 0))]);
        let target = vec![f64::NAN; rows];
        for task in [Task::Regression, Task::Binary, Task::Multiclass] {
            let found = look(&data, &target, task);
            assert!(found.iter().all(|warning| warning.code == "constant-column" || warning.code == "class-imbalance"));
        }
        let subject = Subject { frame: &data, target: &target, name: "y", task: Task::Regression, classes: &[] };
        assert_eq!(row_order::warning(&subject, &vec![0; rows]), None);
        assert_eq!(group_column::find(&data, |_| true), None);
    }
}

#[test]
fn a_large_table_takes_little() {
    let rows = 100_000;
    let columns: Vec<(String, Values)> =
        (0..20).map(|column| (format!("x{column}"), number(noise(rows, column)))).collect();
    let data = frame(columns.iter().map(|(name, values)| (name.as_str(), values.clone())).collect());
    let target: Vec<f64> = noise(rows, 99).iter().map(|value| f64::from(*value > 0.0)).collect();
    let started = std::time::Instant::now();
    let rows = picked(&(0..rows).collect::<Vec<_>>());
    let few = data.take(&rows);
    let of: Vec<f64> = rows.iter().map(|&row| target[row]).collect();
    assert_eq!(look(&few, &of, Task::Binary), []);
    let took = started.elapsed();
    println!("100 000 rows of 20 features in {took:?}");
    // Far above what it takes, since test machines are busy.
    assert!(took.as_secs_f64() < 2.0, "{took:?}");
}
