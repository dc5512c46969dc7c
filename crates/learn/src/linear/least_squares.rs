//! The least-squares solution by orthogonal transformations, in one pass over the rows.
//!
//! The rows are reduced block by block to the triangle of `[X y]` (sequential QR: Golub and Van Loan, Matrix
//! Computations, 5.2 and 5.3), so that the condition number is not squared and memory does not grow with the rows.
//! Dependent columns are found by QR with column pivoting on columns of unit length.

use faer::{
    Mat, MatRef, Par,
    linalg::{
        solvers::{ColPivQr, Qr, SolveLstsq},
        triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place},
    },
};

use crate::{
    LearnError, Sample, chunks,
    dense_sample::weighted_mean,
    linear::{LinearModel, Params, StandardErrors, coordinate_descent},
};

/// Rows reduced at once; fixed, so that the result does not depend on the number of threads.
const BLOCK: usize = 4096;

/// A column counts as dependent when less than this share of its length is outside the span of the others.
const INDEPENDENT: f64 = 1e-10;

/// Fits on a sample already checked.
pub(super) fn fit(params: &Params, train: &Sample<'_>, weights: &[f64]) -> Result<LinearModel, LearnError> {
    let total: f64 = weights.iter().sum();
    let centre_of = |values: &[f64]| if params.intercept { weighted_mean(values, weights, total) } else { 0.0 };
    let count = train.x.features.len();
    let centres: Vec<f64> = chunks::map(count, 1, |range| centre_of(&train.x.features[range.start].values));
    let target_centre = centre_of(train.y);

    let mut triangle = reduce(train, weights, &centres, target_centre);
    if params.l2 > 0.0 {
        let penalty = Mat::from_fn(count, count + 1, |row, column| if row == column { params.l2.sqrt() } else { 0.0 });
        triangle = upper(stack(&triangle, &penalty));
    }
    let triangle = Mat::from_fn(count + 1, count + 1, |row, column| {
        if row < triangle.nrows() && row <= column { triangle[(row, column)] } else { 0.0 }
    });
    let r = triangle.get(..count, ..count);
    let z = triangle.get(..count, count..);

    let pivoted = Pivoted::of(r);
    let coefficients = if params.l1 > 0.0 {
        coordinate_descent::lasso(triangle.as_ref(), params.l1)?
    } else {
        let solved = if pivoted.rank == count { solve_upper(r, z) } else { pivoted.smallest(z) };
        (0..count).map(|column| solved[(column, 0)]).collect()
    };
    let intercept =
        target_centre - centres.iter().zip(&coefficients).map(|(centre, slope)| centre * slope).sum::<f64>();
    if !intercept.is_finite() || coefficients.iter().any(|slope| !slope.is_finite()) {
        return Err(LearnError {
            code: "overflow",
            message: "the numbers are too large for least squares".to_owned(),
            help: Some("scale the features, or look for outliers".to_owned()),
            field: None,
        });
    }
    let rows = weights.iter().filter(|&&weight| weight > 0.0).count();
    let freedom = rows.saturating_sub(count + usize::from(params.intercept));
    let standard_errors = (params.l2 == 0.0 && params.l1 == 0.0 && pivoted.rank == count && freedom > 0).then(|| {
        let residual = triangle[(count, count)].powi(2) / freedom as f64;
        standard_errors(r, residual, params.intercept.then_some((&centres, total)))
    });
    let features = train.x.features.iter().map(|feature| feature.name.clone()).collect();
    Ok(LinearModel { features, coefficients, intercept, rank: pivoted.rank, standard_errors })
}

/// The triangle of the weighted, centred `[X y]`; fewer rows than columns when the sample has fewer.
fn reduce(train: &Sample<'_>, weights: &[f64], centres: &[f64], target_centre: f64) -> Mat<f64> {
    let count = centres.len();
    let triangles = chunks::map(train.y.len(), BLOCK, |range| {
        let roots: Vec<f64> = weights[range.clone()].iter().map(|weight| weight.sqrt()).collect();
        let mut block = Mat::zeros(range.len(), count + 1);
        let targets = std::iter::once((train.y, target_centre));
        let columns = train.x.features.iter().map(|feature| feature.values.as_slice()).zip(centres.iter().copied());
        for (column, (values, centre)) in columns.chain(targets).enumerate() {
            let into = block.col_as_slice_mut(column).iter_mut();
            for ((into, value), root) in into.zip(&values[range.clone()]).zip(&roots) {
                *into = (value - centre) * root;
            }
        }
        upper(block)
    });
    triangles
        .into_iter()
        .reduce(|above, below| upper(stack(&above, &below)))
        .unwrap_or_else(|| Mat::zeros(0, count + 1))
}

fn stack(above: &Mat<f64>, below: &Mat<f64>) -> Mat<f64> {
    let rows = above.nrows();
    Mat::from_fn(rows + below.nrows(), above.ncols(), |row, column| {
        if row < rows { above[(row, column)] } else { below[(row - rows, column)] }
    })
}

fn upper(block: Mat<f64>) -> Mat<f64> {
    Qr::new(block.as_ref()).thin_R().to_owned()
}

fn solve_upper(triangle: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut solution = right.to_owned();
    solve_upper_triangular_in_place(triangle, solution.as_mut(), Par::Seq);
    solution
}

/// A triangle with its columns at unit length, factored with column pivoting.
struct Pivoted {
    lengths: Vec<f64>,
    factors: ColPivQr<f64>,
    /// `order[place]` is the column at `place` after pivoting.
    order: Vec<usize>,
    rank: usize,
}

impl Pivoted {
    fn of(r: MatRef<'_, f64>) -> Self {
        let count = r.ncols();
        let length = |column: usize| {
            let length = r.col(column).norm_l2();
            if length > 0.0 && length.is_finite() { length } else { 1.0 }
        };
        let lengths: Vec<f64> = (0..count).map(length).collect();
        let unit = Mat::from_fn(count, count, |row, column| r[(row, column)] / lengths[column]);
        let factors = ColPivQr::new(unit.as_ref());
        let order = factors.P().arrays().0.to_vec();
        let pivot = |place: usize| factors.thin_R()[(place, place)].abs();
        let rank = (0..count).take_while(|&place| pivot(place) > INDEPENDENT).count();
        Self { lengths, factors, order, rank }
    }

    /// The solution of smallest norm: any solution, less its part in the null space.
    fn smallest(&self, z: MatRef<'_, f64>) -> Mat<f64> {
        let count = self.lengths.len();
        let rank = self.rank;
        if rank == 0 {
            return Mat::zeros(count, 1);
        }
        let q = self.factors.compute_thin_Q();
        let r = self.factors.thin_R();
        let rotated = q.transpose() * z;
        let basic = solve_upper(r.get(..rank, ..rank), rotated.get(..rank, ..));
        let dependent = solve_upper(r.get(..rank, ..rank), r.get(..rank, rank..));
        let mut solution = Mat::zeros(count, 1);
        let mut null = Mat::zeros(count, count - rank);
        for (place, &column) in self.order.iter().enumerate() {
            let length = self.lengths[column];
            if place < rank {
                solution[(column, 0)] = basic[(place, 0)] / length;
                for free in 0..count - rank {
                    null[(column, free)] = -dependent[(place, free)] / length;
                }
            } else {
                null[(column, place - rank)] = 1.0 / length;
            }
        }
        let within = Qr::new(null.as_ref()).solve_lstsq(&solution);
        solution - null * within
    }
}

fn standard_errors(r: MatRef<'_, f64>, residual: f64, centred: Option<(&Vec<f64>, f64)>) -> StandardErrors {
    let count = r.ncols();
    let inverse = solve_upper(r, Mat::<f64>::identity(count, count).as_ref());
    let coefficients = (0..count).map(|row| inverse.row(row).norm_l2() * residual.sqrt()).collect();
    let intercept = centred.map(|(centres, total)| {
        let mut leaned = Mat::from_fn(count, 1, |row, _| centres[row]);
        solve_lower_triangular_in_place(r.transpose(), leaned.as_mut(), Par::Seq);
        (residual * (1.0 / total + leaned.squared_norm_l2())).sqrt()
    });
    StandardErrors { coefficients, intercept }
}
