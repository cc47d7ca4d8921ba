/// What is known of the metrics that a verification measures; their definitions are in docs/formats/evaluation.md.
package enum Metric {
    package enum Direction: Sendable, Hashable {
        case higherIsBetter
        case lowerIsBetter
    }

    /// Every metric but `top_K`, of which there is one for each k that is asked for.
    package static let directions: [String: Direction] = [
        // Classification
        "accuracy": .higherIsBetter, "balanced_accuracy": .higherIsBetter, "macro_f1": .higherIsBetter,
        "weighted_f1": .higherIsBetter, "weighted_precision": .higherIsBetter,
        "weighted_recall": .higherIsBetter, "macro_precision": .higherIsBetter, "macro_recall": .higherIsBetter,
        "roc_auc": .higherIsBetter, "log_loss": .lowerIsBetter, "calibration_error": .lowerIsBetter,
        // Regression
        "mae": .lowerIsBetter, "mse": .lowerIsBetter, "rmse": .lowerIsBetter, "max_error": .lowerIsBetter,
        "r2": .higherIsBetter,
        // Comparison with recorded outputs
        "max_absolute_error": .lowerIsBetter, "max_relative_error": .lowerIsBetter, "cosine": .higherIsBetter,
        "argmax_agreement": .higherIsBetter,
    ]

    /// The `top_K` that are measured.
    package static let topK = [3, 5]

    /// Every name that a verification may give a figure of, in order.
    package static let names = (Array(directions.keys) + topK.map { "top_\($0)" }).sorted()

    /// Which way a metric gets better; a name that is not known counts as one that is better when higher.
    package static func direction(of name: String) -> Direction { directions[name] ?? .higherIsBetter }
}
