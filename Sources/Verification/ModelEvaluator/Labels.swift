import EvaluationProtocol
import ONNXRuntime

/// What the outputs should be.
enum Labels: Equatable {
    /// The number of the expected class of each sample.
    case classes([Int])
    /// The expected values, row by row.
    case values([Double], columns: Int)

    /// The labels of an array as the task sees them; with `auto` the element type decides.
    init(_ array: DatasetArray, task: EvaluationTask) throws(EvaluationFailure) {
        let subject = "the dataset's array \(MessageText.quote(array.name))"
        guard let rows = array.rowCount, rows > 0 else {
            throw EvaluationFailure(.invalidDataset, "\(subject) has no rows; at least one sample is needed")
        }
        let columns = array.shape.dropFirst().reduce(1, *)
        let integers = task == .regression ? nil : array.integers()
        if let integers {
            guard columns == 1 else {
                throw EvaluationFailure(
                    .invalidDataset,
                    "\(subject) has shape \(array.shape); one class number per sample, shape [\(rows)], is expected")
            }
            self = .classes(integers)
            return
        }
        guard task != .classification, columns > 0, let values = array.numbers() else {
            throw EvaluationFailure(
                .invalidDataset, "\(subject) holds \(array.elementType.name); class numbers up to 2^63-1 are expected")
        }
        guard values.allSatisfy(\.isFinite) else {
            throw EvaluationFailure(.invalidDataset, "\(subject) holds NaN or an infinity")
        }
        self = .values(values, columns: columns)
    }
}
