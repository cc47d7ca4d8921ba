/// How well the outputs agree with the labels; the formulas are in docs/formats/evaluation.md.
package enum EvaluationMetrics: Equatable, Sendable {
    case classification(ClassificationMetrics)
    case regression(RegressionMetrics)

    /// Every single figure by its wire name: `accuracy`, `macro_f1`, `top_5` and so on, or `mse`, `mae`, `r2`.
    package var named: [String: Double] {
        switch self {
        case .classification(let metrics):
            metrics.topK.reduce(into: ["accuracy": metrics.accuracy, "macro_f1": metrics.macroF1]) {
                $0["top_\($1.key)"] = $1.value
            }
        case .regression(let metrics):
            ["mse": metrics.mse, "mae": metrics.mae, "r2": metrics.r2]
        }
    }
}

/// Agreement of predicted and expected classes.
package struct ClassificationMetrics: Equatable, Codable, Sendable {
    /// Share of samples whose predicted class is the expected one, from 0 to 1.
    package var accuracy: Double
    /// Share of samples whose expected class is among the k best scored, by k.
    package var topK: [Int: Double]
    /// Mean of the F1 of every class that occurs among the labels or the predictions.
    package var macroF1: Double
    /// Absent if there are more classes than the matrix is written for.
    package var confusionMatrix: ConfusionMatrix?

    package init(accuracy: Double, topK: [Int: Double], macroF1: Double, confusionMatrix: ConfusionMatrix?) {
        self.accuracy = accuracy
        self.topK = topK
        self.macroF1 = macroF1
        self.confusionMatrix = confusionMatrix
    }

    private enum CodingKeys: String, CodingKey {
        case accuracy
        case topK = "top_k"
        case macroF1 = "macro_f1"
        case confusionMatrix = "confusion_matrix"
    }
}

/// Samples by expected class (row) and predicted class (column).
package struct ConfusionMatrix: Equatable, Codable, Sendable {
    /// The class of each row and of each column, ascending.
    package var labels: [Int]
    /// `counts[row][column]`, square.
    package var counts: [[Int]]

    package init(labels: [Int], counts: [[Int]]) {
        self.labels = labels
        self.counts = counts
    }
}

/// Distance of predicted and expected values.
package struct RegressionMetrics: Equatable, Codable, Sendable {
    /// Mean squared error.
    package var mse: Double
    /// Mean absolute error.
    package var mae: Double
    /// Coefficient of determination; at most 1.
    package var r2: Double

    package init(mse: Double, mae: Double, r2: Double) {
        self.mse = mse
        self.mae = mae
        self.r2 = r2
    }
}

extension EvaluationMetrics: Codable {
    private enum CodingKeys: String, CodingKey {
        case classification, regression
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let metrics = try values.decodeIfPresent(ClassificationMetrics.self, forKey: .classification) {
            self = .classification(metrics)
        } else {
            self = .regression(try values.decode(RegressionMetrics.self, forKey: .regression))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .classification(let metrics): try values.encode(metrics, forKey: .classification)
        case .regression(let metrics): try values.encode(metrics, forKey: .regression)
        }
    }
}
