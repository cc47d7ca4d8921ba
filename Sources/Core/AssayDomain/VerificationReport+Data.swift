extension VerificationReport {
    /// An input of the model and the array of the dataset that it was given.
    package struct FedInput: Sendable, Hashable, Codable {
        package let input: String
        package let array: String

        package init(input: String, array: String) {
            self.input = input
            self.array = array
        }
    }

    /// What was compared with what.
    package struct Judged: Sendable, Hashable, Codable {
        /// The array of expected values; absent where outputs are compared with recorded ones.
        package let labels: String?
        /// The array that names the columns of scores.
        package let classes: String?
        /// The outputs that predictions were taken from.
        package let predictions: [String]
        /// The output that scores were taken from.
        package let scores: String?
        /// From where it is known what the columns of scores stand for: `dataset`, `class_labels`, `keys`,
        /// `classifier`, `answers`, `numbers`.
        package var classesFrom: String?
        /// What the scores were taken for.
        package var scoreKind: ScoreKind?
        /// Samples whose best score and own class of the model differ; absent if there are not both.
        package var argmaxDiffers: Int?

        package init(labels: String?, classes: String?, predictions: [String], scores: String?) {
            self.labels = labels
            self.classes = classes
            self.predictions = predictions
            self.scores = scores
        }

        /// Every name in it.
        package var names: [String] { [labels, classes, scores, classesFrom].compactMap(\.self) + predictions }
    }

    /// The same samples in batches of other sizes and in another order.
    package struct BatchInvariance: Sendable, Hashable, Codable {
        /// Samples per run of what was judged.
        package let batch: Int
        package let otherBatches: [Int]
        /// Samples that were compared.
        package let samples: Int
        /// Whether every answer was the same bit for bit.
        package let exact: Bool
        /// The largest difference of two numbers; absent with a fault.
        package let maxDifference: Double?
        /// Why there is nothing to compare.
        package let fault: String?

        package init(
            batch: Int, otherBatches: [Int], samples: Int, exact: Bool, maxDifference: Double?, fault: String?
        ) {
            self.batch = batch
            self.otherBatches = otherBatches
            self.samples = samples
            self.exact = exact
            self.maxDifference = maxDifference
            self.fault = fault
        }

        /// In a line.
        package var text: String {
            let others = otherBatches.map(String.init).joined(separator: " and ")
            if let fault { return "not comparable: \(Printable.escape(fault, limit: 400))" }
            let against = "batches of \(batch) against \(others), \(samples) samples"
            if exact { return "bit for bit (\(against))" }
            return "differs by at most \(maxDifference.map(Figure.metric) ?? "-") (\(against))"
        }
    }

    /// Batches, or recorded sets, that were run again with the same batch and threads.
    package struct Determinism: Sendable, Hashable, Codable {
        package let runs: Int
        package let maxDifference: Double

        package init(runs: Int, maxDifference: Double) {
            self.runs = runs
            self.maxDifference = maxDifference
        }
    }
}
