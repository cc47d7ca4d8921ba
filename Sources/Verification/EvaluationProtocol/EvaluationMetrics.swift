/// How well the outputs agree with what was expected; the formulas are in docs/formats/evaluation.md.
package struct EvaluationMetrics: Equatable, Sendable {
    /// What was compared with what.
    package enum Kind: String, Codable, Sendable {
        case classification
        case regression
        /// Outputs with recorded outputs, set by set.
        case golden
        /// With a teacher's answers alone: the data has no labels.
        case unlabelled
    }

    package var kind: Kind
    /// Every single figure by its wire name: `accuracy`, `top_5`, `rmse`, `cosine` and so on.
    package var values: [String: Double]
    /// The table of the classes, in the order of the confusion matrix; absent above `classesMax` classes.
    package var classes: [ClassFigures]?
    /// Absent if there are more classes than the matrix is written for.
    package var confusionMatrix: ConfusionMatrix?
    /// By group and by the group's value; absent if the dataset has no groups.
    package var slices: [String: [String: SliceFigures]]?
    /// Present if a baseline answered the same samples.
    package var paired: PairedFigures?
    /// Why there is a baseline and no comparison with it, as a sentence.
    package var pairedFailure: String?
    /// Why a metric that such data can have is not among the values, by its name.
    package var leftOut: [String: String]?

    package init(
        kind: Kind, values: [String: Double], classes: [ClassFigures]? = nil, confusionMatrix: ConfusionMatrix? = nil,
        slices: [String: [String: SliceFigures]]? = nil, paired: PairedFigures? = nil
    ) {
        self.kind = kind
        self.values = values
        self.classes = classes
        self.confusionMatrix = confusionMatrix
        self.slices = slices
        self.paired = paired
    }
}

extension EvaluationMetrics: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, values, classes, slices, paired
        case confusionMatrix = "confusion_matrix"
        case pairedFailure = "paired_failure"
        case leftOut = "left_out"
    }
}

/// One class of a classification.
package struct ClassFigures: Equatable, Codable, Sendable {
    package var name: String
    /// Samples that are of the class.
    package var samples: Int
    package var precision: Double
    package var recall: Double
    package var f1: Double

    package init(name: String, samples: Int, precision: Double, recall: Double, f1: Double) {
        self.name = name
        self.samples = samples
        self.precision = precision
        self.recall = recall
        self.f1 = f1
    }

    private enum CodingKeys: String, CodingKey {
        case name = "class"
        case samples, precision, recall, f1
    }
}

/// Samples by expected class (row) and predicted class (column).
package struct ConfusionMatrix: Equatable, Codable, Sendable {
    /// The class of each row and of each column, ascending.
    package var labels: [String]
    /// `counts[row][column]`, square.
    package var counts: [[Int]]

    package init(labels: [String], counts: [[Int]]) {
        self.labels = labels
        self.counts = counts
    }
}

/// The samples of one value of a group.
package struct SliceFigures: Equatable, Codable, Sendable {
    package var samples: Int
    package var metrics: [String: Double]

    package init(samples: Int, metrics: [String: Double]) {
        self.samples = samples
        self.metrics = metrics
    }
}
