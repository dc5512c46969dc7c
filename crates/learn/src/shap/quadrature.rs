//! Gauss-Legendre quadrature on 0 … 1, from plain arithmetic so that it has the same bits on every machine.
//!
//! With `m` points it is exact for polynomials of degree `2m - 1`.

/// Halvings of an interval until neighbouring numbers are left.
const HALVINGS: usize = 80;

/// Points and weights of one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rule {
    /// Points in 0 … 1, ascending.
    pub(super) points: Vec<f64>,
    /// Their weights, which sum to one.
    pub(super) weights: Vec<f64>,
}

/// The rules for products of few factors.
#[derive(Clone, Debug)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    /// Rules for products of up to `degree + 1` factors.
    pub(super) fn up_to(degree: usize) -> Self {
        let mut rules = vec![Rule::default()];
        let mut roots: Vec<f64> = Vec::new();
        for count in 1..=degree / 2 + 1 {
            // the roots of one Legendre polynomial lie between those of the one before
            let bounds: Vec<f64> = [-1.0].into_iter().chain(roots).chain([1.0]).collect();
            roots = bounds.windows(2).map(|pair| root(count, pair[0], pair[1])).collect();
            let weight = |x: &f64| {
                let slope = legendre(count, *x).1;
                1.0 / ((1.0 - x * x) * slope * slope)
            };
            rules.push(Rule {
                points: roots.iter().map(|x| 0.5 + 0.5 * x).collect(),
                weights: roots.iter().map(weight).collect(),
            });
        }
        Self(rules)
    }

    /// The smallest rule that is exact for polynomials of `degree`, which is at most that of [`Self::up_to`].
    pub(super) fn exact_for(&self, degree: usize) -> &Rule {
        &self.0[(degree / 2 + 1).min(self.0.len() - 1)]
    }
}

/// The root of the Legendre polynomial of degree `count` between `low` and `high`.
fn root(count: usize, mut low: f64, mut high: f64) -> f64 {
    let sign = legendre(count, high).0 > 0.0;
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if (legendre(count, middle).0 > 0.0) == sign { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}

/// The Legendre polynomial of degree `count` and its slope, inside -1 … 1 for the slope.
fn legendre(count: usize, x: f64) -> (f64, f64) {
    let (mut before, mut now) = (1.0, x);
    for n in 2..=count {
        let n = n as f64;
        (before, now) = (now, ((2.0 * n - 1.0) * x * now - (n - 1.0) * before) / n);
    }
    (now, count as f64 * (x * now - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_integrated_exactly() {
        let rules = Rules::up_to(39);
        for degree in 0..=39 {
            let rule = rules.exact_for(degree);
            assert_eq!(rule.points.len(), degree / 2 + 1);
            let found: f64 = rule.points.iter().zip(&rule.weights).map(|(t, w)| w * t.powi(degree as i32)).sum();
            assert!((found - 1.0 / (degree + 1) as f64).abs() < 1e-14, "{degree}: {found}");
        }
    }

    #[test]
    fn two_points_are_those_of_the_textbook() {
        let rule = Rules::up_to(3).exact_for(3).clone();
        let off = 0.5 / 3.0_f64.sqrt();
        assert!((rule.points[0] - (0.5 - off)).abs() < 1e-15 && (rule.points[1] - (0.5 + off)).abs() < 1e-15);
        assert!((rule.weights[0] - 0.5).abs() < 1e-15);
    }
}
