//! What is done to all features together.

use trainyard_learn::features::Stage;

use crate::onnx::{
    columns::Features,
    graph::{Graph, Value, int},
};

impl Graph {
    /// The features after a stage.
    pub(super) fn stage(&mut self, stage: &Stage, features: Features) -> Features {
        let Features { x, width } = features;
        let others = |taken: &[u32]| -> Vec<usize> {
            (0..width).filter(|place| taken.binary_search(&(*place as u32)).is_err()).collect()
        };
        match stage {
            Stage::Neighbours { features, count, donors, means } => {
                let places: Vec<usize> = features.iter().map(|&place| place as usize).collect();
                let filled = self.nearest_donors(&x, &places, *count as usize, donors, means);
                let rest = others(features);
                if rest.is_empty() {
                    return Features { x: filled, width };
                }
                // The filled ones go back to where they stood.
                let kept = self.pick(&x, &rest);
                let together = self.beside(&[kept, filled]);
                let order: Vec<usize> = (0..width)
                    .map(|place| match features.binary_search(&(place as u32)) {
                        Ok(at) => rest.len() + at,
                        Err(before) => place - before,
                    })
                    .collect();
                Features { x: self.pick(&together, &order), width }
            }
            Stage::Products { pairs } => {
                let side = |at: usize| pairs.iter().map(|pair| pair[at] as usize).collect::<Vec<usize>>();
                let (first, second) = (self.pick(&x, &side(0)), self.pick(&x, &side(1)));
                let products = self.mul(&first, &second);
                Features { x: self.beside(&[x, products]), width: width + pairs.len() }
            }
            Stage::Components { features, means, directions, .. } => {
                let places: Vec<usize> = features.iter().map(|&place| place as usize).collect();
                let own = self.pick(&x, &places);
                let means = self.list(means);
                let centred = self.sub(&own, &means);
                let turned: Vec<f64> = (0..places.len())
                    .flat_map(|feature| directions.iter().map(move |direction| direction[feature]))
                    .collect();
                let turned = self.matrix(places.len(), directions.len(), &turned);
                let made = self.matmul(&centred, &turned);
                let rest = others(features);
                let kept = (!rest.is_empty()).then(|| self.pick(&x, &rest));
                let parts: Vec<Value> = kept.into_iter().chain([made]).collect();
                Features { x: self.beside(&parts), width: rest.len() + directions.len() }
            }
            Stage::Selection { features, .. } => {
                let places: Vec<usize> = features.iter().map(|&place| place as usize).collect();
                Features { x: self.pick(&x, &places), width: places.len() }
            }
        }
    }

    /// The features at `places`, missing numbers filled with the mean of the nearest donors that have them.
    fn nearest_donors(
        &mut self,
        x: &str,
        places: &[usize],
        count: usize,
        donors: &[Vec<Option<f64>>],
        means: &[Option<f64>],
    ) -> Value {
        let zero = self.number(0.0);
        let own = self.pick(x, places);
        let finite = self.is_finite(&own);
        let known = self.flag(&finite);
        let filled = self.choose(&finite, &own, &zero);
        // Feature by feature, in the plan's order of additions, so that equal distances stay equal.
        let (mut sum, mut common): (Option<Value>, Option<Value>) = (None, None);
        for feature in 0..places.len() {
            let values: Vec<f64> = donors.iter().map(|donor| donor[feature].unwrap_or(0.0)).collect();
            let there: Vec<f64> = donors.iter().map(|donor| f64::from(u8::from(donor[feature].is_some()))).collect();
            let (values, there) = (self.list(&values), self.list(&there));
            let (value, known) = (self.pick(&filled, &[feature]), self.pick(&known, &[feature]));
            let both = self.mul(&known, &there);
            let off = self.sub(&value, &values);
            let square = self.mul(&off, &off);
            let term = self.mul(&square, &both);
            sum = Some(match sum {
                Some(sum) => self.add(&sum, &term),
                None => term,
            });
            common = Some(match common {
                Some(common) => self.add(&common, &both),
                None => both,
            });
        }
        let (Some(sum), Some(common)) = (sum, common) else { return own };
        let distance = self.div(&sum, &common);
        let far = self.number(f64::INFINITY);
        let some = self.op("Greater", &[&common, &zero]);
        let distance = self.choose(&some, &distance, &far);
        let mut made = Vec::with_capacity(places.len());
        for (feature, mean) in means.iter().enumerate() {
            let there: Vec<usize> = (0..donors.len()).filter(|&donor| donors[donor][feature].is_some()).collect();
            let mean = self.number(mean.unwrap_or(f64::NAN));
            let instead = if there.is_empty() {
                mean
            } else {
                let values: Vec<f64> = there.iter().filter_map(|&donor| donors[donor][feature]).collect();
                let values = self.list(&values);
                let distances = self.pick(&distance, &there);
                let most = self.whole(&[count.min(there.len()) as i64]);
                let settings = vec![int("axis", 1), int("largest", 0), int("sorted", 1)];
                let (nearest, at) = self.node_pair("TopK", &[&distances, &most], settings);
                let values = self.look_up(&values, &at);
                // A donor without a number in common is near to nothing.
                let near = self.op("Less", &[&nearest, &far]);
                let near = self.flag(&near);
                let counted = self.mul(&values, &near);
                let (total, count) = (self.row_sum(&counted), self.row_sum(&near));
                let average = self.div(&total, &count);
                let any = self.op("Greater", &[&count, &zero]);
                self.choose(&any, &average, &mean)
            };
            let (value, finite) = (self.pick(&own, &[feature]), self.pick(&finite, &[feature]));
            made.push(self.choose(&finite, &value, &instead));
        }
        self.beside(&made)
    }
}
