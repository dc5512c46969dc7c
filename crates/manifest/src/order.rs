//! The steps in an order in which each comes after those it takes from, as near to the file's order as can be.

use trainyard_core::Problem;

use crate::{expand::Instances, findings::Findings, findings::shown, wiring::Wire};

/// The order. Every circle is reported once, at the name that closes it.
pub(crate) fn order(instances: &Instances<'_>, wires: &[Vec<Wire>], findings: &mut Findings) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; wires.len()];
    let mut order = Vec::with_capacity(wires.len());
    let before: Vec<Vec<(usize, usize)>> = wires
        .iter()
        .map(|wires| {
            wires.iter().enumerate().flat_map(|(wire, of)| of.edges.iter().map(move |edge| (edge.step, wire))).collect()
        })
        .collect();
    // An explicit stack: a chain of ten thousand steps must not need a deep call stack.
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for start in 0..wires.len() {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        stack.push((start, 0));
        while let Some((step, next)) = stack.last_mut() {
            let step = *step;
            let Some(&(source, wire)) = before[step].get(*next) else {
                state[step] = State::Done;
                order.push(step);
                stack.pop();
                continue;
            };
            *next += 1;
            match state[source] {
                State::New => {
                    state[source] = State::Open;
                    stack.push((source, 0));
                }
                State::Open => {
                    let from = stack.iter().position(|(open, _)| *open == source).unwrap_or(0);
                    let circle = stack[from..].iter().map(|(step, _)| *step).collect::<Vec<_>>();
                    findings.at(wires[step][wire].span, cycle(instances, &circle));
                }
                State::Done => {}
            }
        }
    }
    order
}

/// `circle`: each step takes from the next, the last from the first.
fn cycle(instances: &Instances<'_>, circle: &[usize]) -> Problem {
    const SHOWN: usize = 12;
    let name = |step: &usize| format!("`{}`", shown(&instances.all[*step].name));
    let mut names: Vec<String> = circle.iter().take(SHOWN).map(name).collect();
    if circle.len() > SHOWN {
        names.push(format!("{} more", circle.len() - SHOWN));
    }
    names.extend(circle.first().map(name));
    let message = match circle {
        [own] => format!("{} takes from itself", name(own)),
        _ => format!("steps take from each other in a circle: {}", names.join(" ← ")),
    };
    Problem::error("cycle", message).help("a step can only take from steps that do not wait for it")
}
