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

        package init(labels: String?, classes: String?, predictions: [String], scores: String?) {
            self.labels = labels
            self.classes = classes
            self.predictions = predictions
            self.scores = scores
        }

        /// Every name in it.
        package var names: [String] { [labels, classes, scores].compactMap(\.self) + predictions }
    }
}
