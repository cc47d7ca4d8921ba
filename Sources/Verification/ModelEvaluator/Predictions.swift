import EvaluationProtocol
import ONNXRuntime

/// Collects what a model answers, batch by batch, and turns it into something that can be scored.
protocol Predictions {
    /// Adds the answers of a batch at the outputs of the roles, in their order; its samples begin at `start`, and the
    /// first `skipped` were already added before.
    mutating func add(_ answers: [BatchAnswer], start: Int, count: Int, skipped: Int) throws(EvaluationFailure)
    /// The scorer of everything that was added.
    func scored(topK: [Int]) throws(EvaluationFailure) -> ScoredAnswers
}

/// What became of all answers of a model.
struct ScoredAnswers {
    let scorer: any MetricScorer
    var classesFrom: EvaluationResult.ClassSource?
    var scoreKind: ScoreKind?
    /// Samples whose best score and own class differ.
    var argmaxDiffers: Int?
    var hasScores = false
}

/// The answers to a regression.
struct ValuePredictions: Predictions {
    let expected: [Double]
    let columns: Int
    private var predicted: [Double] = []

    init(expected: [Double], columns: Int) {
        self.expected = expected
        self.columns = columns
    }

    mutating func add(_ answers: [BatchAnswer], start: Int, count: Int, skipped: Int) throws(EvaluationFailure) {
        guard case .tensor(let output)? = answers.first, case .floatingPoint(let values) = output.elements,
            output.shape.first == count, values.count == count * columns
        else {
            throw EvaluationFailure(
                .shapeMismatch, "the model's output changes its shape or type from batch to batch",
                remedy: "measure with --batch 1 (policy: latency.batch), or export the model anew")
        }
        predicted += values[(skipped * columns)...]
    }

    func scored(topK: [Int]) throws(EvaluationFailure) -> ScoredAnswers {
        ScoredAnswers(scorer: RegressionScorer(expected: expected, predicted: predicted, columns: columns))
    }
}

extension BatchAnswer {
    /// Throws `non-finite-output` for an answer that is NaN or an infinity.
    func requireFinite(start: Int, count: Int) throws(EvaluationFailure) {
        let isFinite =
            switch self {
            case .tensor(let output):
                if case .floatingPoint(let values) = output.elements { values.allSatisfy(\.isFinite) } else { true }
            case .maps(let maps): maps.allSatisfy { $0.values.allSatisfy(\.isFinite) }
            }
        guard isFinite else {
            throw EvaluationFailure(
                .nonFiniteOutput, "the model answers NaN or an infinity for samples \(start) to \(start + count - 1)",
                remedy: "look at these samples, and at overflows of the model's precision")
        }
    }
}
