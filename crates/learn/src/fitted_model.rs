//! A fitted model of any estimator, as it lies in a model package.

use serde::{Deserialize, Serialize};

use crate::{
    Columns, Estimator, Fitted, Prediction,
    boosting::{Forest, ForestModel, GradientBoosting, GradientBoostingModel},
    ensemble::EnsembleModel,
    features::Wants,
    gaussian_mixture::{GaussianMixture, GaussianMixtureModel},
    isolation_forest::{IsolationForest, IsolationForestModel},
    k_means::{KMeans, KMeansModel},
    knn::{Knn, KnnModel},
    linear::{Linear, LinearModel},
    local_outlier_factor::{LocalOutlierFactor, LocalOutlierFactorModel},
    logistic::{Logistic, LogisticModel},
    mlp::{Mlp, MlpModel},
    naive_bayes::{NaiveBayes, NaiveBayesModel},
    onnx::OnnxModel,
    svm::{Svm, SvmModel},
};

/// A fitted model, stored under the name of its estimator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FittedModel {
    /// Trees added one after the other.
    GradientBoosting(GradientBoostingModel),
    /// Trees averaged.
    Forest(ForestModel),
    /// Linear regression.
    Linear(LinearModel),
    /// Logistic regression.
    Logistic(LogisticModel),
    /// The rows most like a row.
    Knn(KnnModel),
    /// Features taken as independent within a class.
    NaiveBayes(NaiveBayesModel),
    /// Borders as wide as possible.
    Svm(SvmModel),
    /// Layers of weighted sums.
    Mlp(MlpModel),
    /// Random cuts that set a row apart.
    IsolationForest(IsolationForestModel),
    /// How sparse it is around a row.
    LocalOutlierFactor(LocalOutlierFactorModel),
    /// The nearest of some centres.
    KMeans(KMeansModel),
    /// Clusters of ellipsoidal shape.
    GaussianMixture(GaussianMixtureModel),
    /// Several of these, averaged.
    Ensemble(EnsembleModel),
    /// A model that was trained elsewhere.
    Onnx(OnnxModel),
}

impl FittedModel {
    /// The name of the estimator that fitted it.
    #[must_use]
    pub const fn estimator(&self) -> &'static str {
        match self {
            Self::GradientBoosting(_) => GradientBoosting::NAME,
            Self::Forest(_) => Forest::NAME,
            Self::Linear(_) => Linear::NAME,
            Self::Logistic(_) => Logistic::NAME,
            Self::Knn(_) => Knn::NAME,
            Self::NaiveBayes(_) => NaiveBayes::NAME,
            Self::Svm(_) => Svm::NAME,
            Self::Mlp(_) => Mlp::NAME,
            Self::IsolationForest(_) => IsolationForest::NAME,
            Self::LocalOutlierFactor(_) => LocalOutlierFactor::NAME,
            Self::KMeans(_) => KMeans::NAME,
            Self::GaussianMixture(_) => GaussianMixture::NAME,
            Self::Ensemble(_) => "ensemble",
            Self::Onnx(_) => "onnx",
        }
    }
}

/// The form of features that the estimator of that name learns from; none for a name that is no estimator.
#[must_use]
pub fn wants(estimator: &str) -> Option<Wants> {
    match estimator {
        GradientBoosting::NAME | Forest::NAME => Some(Wants::Native),
        Linear::NAME
        | Logistic::NAME
        | Knn::NAME
        | NaiveBayes::NAME
        | Svm::NAME
        | Mlp::NAME
        | IsolationForest::NAME
        | LocalOutlierFactor::NAME
        | KMeans::NAME
        | GaussianMixture::NAME => Some(Wants::Dense),
        _ => None,
    }
}

impl Fitted for FittedModel {
    fn predict_columns(&self, x: Columns<'_>) -> Prediction {
        match self {
            Self::GradientBoosting(model) => model.predict_columns(x),
            Self::Forest(model) => model.predict_columns(x),
            Self::Linear(model) => model.predict_columns(x),
            Self::Logistic(model) => model.predict_columns(x),
            Self::Knn(model) => model.predict_columns(x),
            Self::NaiveBayes(model) => model.predict_columns(x),
            Self::Svm(model) => model.predict_columns(x),
            Self::Mlp(model) => model.predict_columns(x),
            Self::IsolationForest(model) => model.predict_columns(x),
            Self::LocalOutlierFactor(model) => model.predict_columns(x),
            Self::KMeans(model) => model.predict_columns(x),
            Self::GaussianMixture(model) => model.predict_columns(x),
            Self::Ensemble(model) => model.predict_columns(x),
            Self::Onnx(model) => model.predict_columns(x),
        }
    }
}

impl From<GradientBoostingModel> for FittedModel {
    fn from(model: GradientBoostingModel) -> Self {
        Self::GradientBoosting(model)
    }
}

impl From<ForestModel> for FittedModel {
    fn from(model: ForestModel) -> Self {
        Self::Forest(model)
    }
}

impl From<LinearModel> for FittedModel {
    fn from(model: LinearModel) -> Self {
        Self::Linear(model)
    }
}

impl From<LogisticModel> for FittedModel {
    fn from(model: LogisticModel) -> Self {
        Self::Logistic(model)
    }
}

impl From<KnnModel> for FittedModel {
    fn from(model: KnnModel) -> Self {
        Self::Knn(model)
    }
}

impl From<NaiveBayesModel> for FittedModel {
    fn from(model: NaiveBayesModel) -> Self {
        Self::NaiveBayes(model)
    }
}

impl From<SvmModel> for FittedModel {
    fn from(model: SvmModel) -> Self {
        Self::Svm(model)
    }
}

impl From<MlpModel> for FittedModel {
    fn from(model: MlpModel) -> Self {
        Self::Mlp(model)
    }
}

impl From<IsolationForestModel> for FittedModel {
    fn from(model: IsolationForestModel) -> Self {
        Self::IsolationForest(model)
    }
}

impl From<LocalOutlierFactorModel> for FittedModel {
    fn from(model: LocalOutlierFactorModel) -> Self {
        Self::LocalOutlierFactor(model)
    }
}

impl From<KMeansModel> for FittedModel {
    fn from(model: KMeansModel) -> Self {
        Self::KMeans(model)
    }
}

impl From<GaussianMixtureModel> for FittedModel {
    fn from(model: GaussianMixtureModel) -> Self {
        Self::GaussianMixture(model)
    }
}
