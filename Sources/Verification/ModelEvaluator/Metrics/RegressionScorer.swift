/// The metrics of a regression with several values per sample.
///
/// Definitions: scikit-learn, user guide, "Regression metrics", averaged over the columns with equal weights.
struct RegressionScorer: MetricScorer {
    private let expected: [Double]
    private let errors: [Double]
    private let columns: Int

    /// Takes values row by row, `columns` per sample.
    init(expected: [Double], predicted: [Double], columns: Int) {
        self.expected = expected
        errors = zip(expected, predicted).map { $1 - $0 }
        self.columns = columns
    }

    var sampleCount: Int { expected.count / columns }
    var cost: Int { 3 * expected.count }

    /// A figure is infinite or NaN if the errors are too large for a Double.
    func values(weights: [Int]) -> [String: Double] {
        let total = Double(weights.reduce(0, +))
        guard total > 0 else { return [:] }
        let columns = (0..<columns).map { column(at: $0, weights: weights, total: total) }
        func mean(_ value: (Column) -> Double) -> Double {
            columns.reduce(0) { $0 + value($1) } / Double(columns.count)
        }
        return [
            "mae": mean { $0.absolute / total }, "mse": mean { $0.squares / total },
            "rmse": mean { ($0.squares / total).squareRoot() }, "r2": mean(\.determination),
            "max_error": columns.reduce(0) { max($0, $1.largest) },
        ]
    }

    /// The sums over one column.
    private struct Column {
        var absolute = 0.0
        var squares = 0.0
        var largest = 0.0
        /// Squared distances of the expected values from their mean.
        var spread = 0.0

        /// Where all expected values are equal the quotient has no meaning: 1 if all is exact, 0 otherwise.
        var determination: Double { spread > 0 ? 1 - squares / spread : squares == 0 ? 1 : 0 }
    }

    private func column(at position: Int, weights: [Int], total: Double) -> Column {
        var sum = 0.0
        for row in weights.indices where weights[row] != 0 {
            sum += Double(weights[row]) * expected[row * columns + position]
        }
        let mean = sum / total
        var column = Column()
        for row in weights.indices where weights[row] != 0 {
            let weight = Double(weights[row])
            let error = errors[row * columns + position]
            let distance = expected[row * columns + position] - mean
            column.absolute += weight * abs(error)
            column.squares += weight * error * error
            column.spread += weight * distance * distance
            column.largest = max(column.largest, abs(error))
        }
        return column
    }
}
