import EvaluationProtocol

/// Which arrays of a dataset may go into a model.
///
/// What should come out never goes in: labels and what describes them are no inputs, whatever a model calls its own.
/// Which of the other arrays are is for the dataset and the policy to say, since another column of answers looks like
/// any other array. Where both say it, an input is one for both.
struct InputRule {
    /// Arrays that are no samples in any dataset.
    static let reserved: Set<ByteName> = [
        "label", "labels", "classes", "weight", "weights", "sample_weight", "sample_weights",
    ]

    let labelName: String
    let named: EvaluationInputs

    func isReserved(_ name: ByteName) -> Bool {
        name == ByteName(labelName) || Self.reserved.contains(name) || name.hasPrefix(LabelledData.groupPrefix)
    }

    /// Throws `shape-mismatch` for an input that must not be fed.
    func check(_ input: String) throws(EvaluationFailure) {
        guard !isReserved(ByteName(input)) else {
            throw EvaluationFailure(
                .shapeMismatch,
                "the model has an input \(MessageText.quote(input)): labels, lists of classes, groups and weights are "
                    + "never fed to a model; export it without what its answers are judged by")
        }
        for (namer, names) in named.lists where !names.contains(where: { ByteName($0) == ByteName(input) }) {
            throw EvaluationFailure(
                .shapeMismatch,
                "the model's input \(MessageText.quote(input)) is none of the inputs that the \(namer) names "
                    + "(\(MessageText.list(names))); nothing else is fed to a model")
        }
    }

    /// The axis of an input or output that has the samples; nil where nothing is said, which means the first.
    func batchAxis(of name: String) -> Int? {
        named.batchAxes?.first { ByteName($0.key) == ByteName(name) }?.value
    }

    /// Throws `invalid-dataset` if an axis is told of what is neither an array of the dataset nor an output.
    func checkAxes(arrays: [String], outputs: [String]) throws(EvaluationFailure) {
        let known = Set((arrays + outputs).map { ByteName($0) })
        for name in (named.batchAxes ?? [:]).keys.sorted() where !known.contains(ByteName(name)) {
            throw EvaluationFailure(
                .invalidDataset,
                "the dataset's description tells the batch axis of \(MessageText.quote(name)), which is neither an "
                    + "array of it nor an output of the model")
        }
    }

    /// Throws `invalid-dataset` if the dataset names inputs that are none, or that it does not have.
    func checkNames(_ arrays: [String]) throws(EvaluationFailure) {
        let arrays = Set(arrays.map { ByteName($0) })
        for name in named.dataset ?? [] {
            guard !isReserved(ByteName(name)), arrays.contains(ByteName(name)) else {
                throw EvaluationFailure(
                    .invalidDataset,
                    "the dataset's description names the input \(MessageText.quote(name)), which is "
                        + (isReserved(ByteName(name)) ? "never fed to a model" : "no array of it"))
            }
        }
    }
}

extension EvaluationInputs {
    /// Who names inputs, and which.
    fileprivate var lists: [(namer: String, names: [String])] {
        [("dataset", dataset), ("policy or request", policy)].compactMap { namer, names in names.map { (namer, $0) } }
    }
}
