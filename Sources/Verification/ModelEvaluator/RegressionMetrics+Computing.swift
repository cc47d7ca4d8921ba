import EvaluationProtocol

extension RegressionMetrics {
    /// The metrics of predictions beside the expected values, both row by row with `columns` values per sample.
    ///
    /// Both arrays have the same number of elements, a multiple of `columns` and not zero. A figure is infinite or NaN
    /// if the errors are too large for a Double.
    init(expected: [Double], predicted: [Double], columns: Int) {
        let errors = zip(expected, predicted).map { $1 - $0 }
        let count = Double(errors.count)
        let scores = (0..<columns).map { column in
            Self.determination(
                expected: stride(from: column, to: expected.count, by: columns).map { expected[$0] },
                errors: stride(from: column, to: errors.count, by: columns).map { errors[$0] })
        }
        self.init(
            mse: errors.reduce(0) { $0 + $1 * $1 } / count,
            mae: errors.reduce(0) { $0 + abs($1) } / count,
            r2: scores.reduce(0, +) / Double(columns))
    }

    /// 1 - (sum of squared errors) / (sum of squared distances from the mean) of one column.
    ///
    /// Where all expected values are equal the quotient has no meaning: 1 if every prediction is exact, 0 otherwise.
    private static func determination(expected: [Double], errors: [Double]) -> Double {
        let mean = expected.reduce(0, +) / Double(expected.count)
        let residual = errors.reduce(0) { $0 + $1 * $1 }
        let total = expected.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        guard total > 0 else { return residual == 0 ? 1 : 0 }
        return 1 - residual / total
    }
}
