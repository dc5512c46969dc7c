//! What each estimator says of a row's features.

use trainyard_learn::FittedModel;

use crate::onnx::{
    Refusal,
    columns::Features,
    graph::{Graph, Value},
    likelihoods, linear, neighbours, svm, trees,
};

/// What an estimator says of each row.
#[derive(Clone, Debug)]
pub(super) enum Scores {
    /// A number, `[N, 1]`.
    Values(Value),
    /// A share a class, `[N, classes]`.
    Probabilities { values: Value, classes: usize },
    /// A cluster, `[N, 1]`, whole.
    Clusters(Value),
}

/// What `model` says of the rows of `features`.
pub(super) fn scores(graph: &mut Graph, model: &FittedModel, features: &Features) -> Result<Scores, Refusal> {
    match model {
        FittedModel::GradientBoosting(model) => trees::boosting(graph, model, features),
        FittedModel::Forest(model) => trees::forest(graph, model, features),
        FittedModel::IsolationForest(model) => trees::isolation(graph, model, features),
        FittedModel::Linear(model) => Ok(linear::linear(graph, model, features)),
        FittedModel::Logistic(model) => Ok(linear::logistic(graph, model, features)),
        FittedModel::Mlp(model) => Ok(linear::mlp(graph, model, features)),
        FittedModel::NaiveBayes(model) => Ok(likelihoods::naive_bayes(graph, model, features)),
        FittedModel::GaussianMixture(model) => Ok(likelihoods::mixture(graph, model, features)),
        FittedModel::Knn(model) => Ok(neighbours::knn(graph, model, features)),
        FittedModel::LocalOutlierFactor(model) => Ok(neighbours::outlier_factor(graph, model, features)),
        FittedModel::KMeans(model) => Ok(neighbours::k_means(graph, model, features)),
        FittedModel::Svm(model) => Ok(svm::svm(graph, model, features)),
        FittedModel::Onnx(_) => Err(Refusal::of("a model that came from an ONNX file: that file is it")),
        FittedModel::Ensemble(model) => {
            let mut sum: Option<Scores> = None;
            for member in &model.members {
                let end = member.first.saturating_add(member.features).min(features.width);
                let places: Vec<usize> = (member.first.min(end)..end).collect();
                let own = if places.len() == features.width {
                    features.clone()
                } else {
                    Features { x: graph.pick(&features.x, &places), width: places.len() }
                };
                let said = scores(graph, &member.model, &own)?;
                sum = Some(graph.blend(sum, said, member.weight)?);
            }
            sum.ok_or_else(|| Refusal::of("an ensemble without members"))
        }
    }
}

impl Graph {
    /// Adds a member's weighted word to those before.
    fn blend(&mut self, sum: Option<Scores>, said: Scores, weight: f64) -> Result<Scores, Refusal> {
        let weight = self.number(weight);
        let mut add = |sum: Option<Value>, value: &str| {
            let weighted = self.mul(&weight, value);
            match sum {
                Some(sum) => self.add(&sum, &weighted),
                None => weighted,
            }
        };
        match (sum, said) {
            (None, Scores::Values(value)) => Ok(Scores::Values(add(None, &value))),
            (Some(Scores::Values(sum)), Scores::Values(value)) => Ok(Scores::Values(add(Some(sum), &value))),
            (None, Scores::Probabilities { values, classes }) => {
                Ok(Scores::Probabilities { values: add(None, &values), classes })
            }
            (Some(Scores::Probabilities { values: sum, classes }), Scores::Probabilities { values, classes: own })
                if classes == own =>
            {
                Ok(Scores::Probabilities { values: add(Some(sum), &values), classes })
            }
            _ => Err(Refusal::of("an ensemble of members that predict different things")),
        }
    }

    /// Shares of the classes `present`, among `classes` of which the others have 0.
    pub(super) fn spread(&mut self, shares: Value, present: &[usize], classes: usize) -> Scores {
        if present.len() == classes {
            return Scores::Probabilities { values: shares, classes };
        }
        let zero = self.zeros(&shares, 1);
        let with_zero = self.beside(&[shares, zero]);
        let place = |class: usize| present.iter().position(|&known| known == class).unwrap_or(present.len());
        let places: Vec<usize> = (0..classes).map(place).collect();
        Scores::Probabilities { values: self.pick(&with_zero, &places), classes }
    }

    /// `value`, and NaN for a row that has a missing or infinite feature.
    pub(super) fn unless_missing(&mut self, x: &str, value: &str) -> Value {
        let zero = self.number(0.0);
        let nothing = self.mul(x, &zero);
        let nothing = self.row_sum(&nothing);
        self.add(value, &nothing)
    }
}
