//! Degenerate input to every chart, and snapshots of small ones.

use trainyard_core::record::StepStatus;

use super::{dag::Node, *};
use crate::{dag_mermaid, dag_svg, dag_text, page_check::assert_well_formed};

const ODD: [f64; 9] = [0.0, -1.0, 1.0, 1e300, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];

/// Well-formed, with a title, and every coordinate a number.
fn sound(svg: &str) {
    assert_well_formed(svg);
    assert!(svg.starts_with("<svg ") && svg.contains("<title>") && svg.contains("aria-label=\""), "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("\"inf") && !svg.contains("\"-inf"), "{svg}");
}

fn hostile() -> String {
    format!("</svg><script>alert(\"{}\")</script>&", "long ".repeat(200))
}

#[test]
fn every_chart_takes_odd_numbers_and_hostile_names() {
    let name = hostile();
    let points: Vec<[f64; 2]> = ODD.iter().flat_map(|x| ODD.iter().map(move |y| [*x, *y])).collect();
    let bins: Vec<[f64; 3]> = points.iter().flat_map(|[x, y]| ODD.map(|rows| [*x, *y, rows])).collect();
    for length in [0, 1, 2, points.len()] {
        let points = &points[..length];
        let series: Vec<Series<'_>> =
            (0..9).map(|position| Series { name: &name, points, marked: position % 2 == 0 }).collect();
        for range in [None, Some((0.0, 1.0)), Some((f64::NAN, 3.0)), Some((2.0, 2.0))] {
            let axis = Axis { label: &name, range, whole: false };
            for mark in ODD {
                sound(&curve(&Curves {
                    title: &name,
                    x: axis,
                    y: axis,
                    series: &series,
                    reference: Some([[mark, 0.0], [1.0, mark]]),
                    mark: Some((mark, &name)),
                }));
            }
            sound(&trials(&Trials { title: &name, x: axis, y: axis, points, best: points }));
            for diagonal in [false, true] {
                sound(&scatter(&Scatter { title: &name, x: axis, y: axis, points, diagonal }));
            }
            sound(&histogram(&Histogram {
                title: &name,
                x: axis,
                y: axis,
                bins: &bins[..length],
                mark: Some(f64::NAN),
            }));
        }
        let all: Vec<Bar<'_>> =
            points.iter().map(|[value, deviation]| Bar { name: &name, value: *value, deviation: *deviation }).collect();
        sound(&bars(&name, &all));
        let spans: Vec<Span<'_>> = points
            .iter()
            .map(|[start, seconds]| Span { name: &name, start: *start, seconds: *seconds, status: StepStatus::Ran })
            .collect();
        sound(&gantt(&name, &spans));
        sound(&spark_bars(&name, &bins[..length]));
        sound(&spark_line(&name, &ODD[..length.min(ODD.len())]));
    }
    for [value, low] in &points {
        for strong in [false, true] {
            sound(&interval(&name, &Interval { value: *value, low: *low, high: -low, range: (*low, *value), strong }));
        }
    }
}

#[test]
fn a_heat_map_of_one_class_of_ragged_rows_and_of_many() {
    let name = hostile();
    for counts in [vec![], vec![vec![7]], vec![vec![], vec![u64::MAX, 0, 9]], vec![vec![u64::MAX; 60]; 60]] {
        for names in [vec![], vec![name.clone()], vec![name.clone(); 60]] {
            sound(&heat_map(&HeatMap {
                title: &name,
                rows: "actual",
                columns: "predicted",
                names: &names,
                counts: &counts,
            }));
        }
    }
}

#[test]
fn a_picture_stays_small() {
    let points: Vec<[f64; 2]> = (0..100_000).map(|x| [f64::from(x), f64::from(x).sin()]).collect();
    let axis = Axis::new("x");
    let series = [Series { name: "a", points: &points, marked: false }];
    let curves = Curves { title: "t", x: axis, y: axis, series: &series, ..Curves::default() };
    assert!(curve(&curves).len() < 10_000);
    assert!(scatter(&Scatter { title: "t", x: axis, y: axis, points: &points, diagonal: false }).len() < 60_000);
    let bins: Vec<[f64; 3]> = points.iter().map(|[x, _]| [*x, x + 1.0, 1.0]).collect();
    assert!(histogram(&Histogram { title: "t", x: axis, y: axis, bins: &bins, mark: None }).len() < 20_000);
    assert!(spark_bars("t", &bins).len() < 5_000);
}

fn node(name: &str, uses: &str, status: Option<StepStatus>, from: &[&str]) -> Node {
    Node {
        name: name.to_owned(),
        uses: uses.to_owned(),
        status,
        from: from.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn pipeline() -> Vec<Node> {
    vec![
        node("readings", "acquire/file", Some(StepStatus::Cached), &[]),
        node("parts", "split/random", Some(StepStatus::Ran), &["readings"]),
        node("boosted", "train/gradient-boosting", Some(StepStatus::Ran), &["parts"]),
        node("linear", "train/linear", Some(StepStatus::Failed), &["parts"]),
        node("judged", "evaluate/models", Some(StepStatus::Skipped), &["boosted", "linear", "parts"]),
    ]
}

#[test]
fn a_dag_of_anything() {
    let name = hostile();
    sound(&dag::dag(&[]));
    sound(&dag_svg(&[node(&name, &name, None, &[&name, "unknown"])]));
    let same = vec![node("a", "b", None, &["a", "a"]), node("a", "b", Some(StepStatus::Refused), &["a"])];
    sound(&dag_svg(&same));
    let many: Vec<Node> = (0..500_usize)
        .map(|position| {
            let (near, far) = (format!("s{}", position / 2), format!("s{}", position / 3));
            node(&format!("s{position}"), "run/noop", None, &[&near, &far])
        })
        .collect();
    sound(&dag_svg(&many));
    assert!(!dag_mermaid(&[node(&name, &name, None, &[])]).contains("<script"));
    assert_eq!(dag_text(&[]), "");
}

#[test]
fn the_dag_as_a_file_carries_its_colours() {
    let svg = dag_svg(&pipeline());
    assert!(svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("prefers-color-scheme:dark"));
    sound(&svg);
}

#[test]
fn small_pictures() {
    insta::assert_snapshot!("dag", dag::dag(&pipeline()));
    insta::assert_snapshot!("mermaid", dag_mermaid(&pipeline()));
    insta::assert_snapshot!("text", dag_text(&pipeline()));
    let reach = Interval { value: 3.0, low: 2.5, high: 3.5, range: (2.0, 5.0), strong: true };
    insta::assert_snapshot!("interval", interval("RMSE 3.0 (2.5–3.5)", &reach));
    insta::assert_snapshot!("spark", spark_bars("a", &[[0.0, 1.0, 4.0], [1.0, 2.0, 8.0], [2.0, 3.0, 0.0]]));
    let both = [Bar { name: "a", value: 2.0, deviation: 0.5 }, Bar { name: "b", value: -0.5, deviation: 0.0 }];
    insta::assert_snapshot!("bars", bars("importance", &both));
    let series = [
        Series { name: "a", points: &[[0.0, 0.0], [0.2, 0.8], [1.0, 1.0]], marked: false },
        Series { name: "b", points: &[[0.0, 0.0], [1.0, 1.0]], marked: true },
    ];
    let axes = (Axis::share("false positive rate"), Axis::share("true positive rate"));
    let curves = Curves { title: "ROC", x: axes.0, y: axes.1, series: &series, ..Curves::default() };
    insta::assert_snapshot!("curve", curve(&curves));
}
