/// How far a model answers as its teacher does, on the same samples; definitions: docs/formats/agreement.md.
package struct TeacherFigures: Equatable, Codable, Sendable {
    package var samples: Int
    /// By wire name: `agreement`, `js_mean`, `flips`, `retained_accuracy` and so on.
    package var figures: [String: AgreementFigure]
    /// What shares are of: `agreeing`, `ties`, `to_worse` and so on.
    package var counts: [String: Int]
    /// The teacher's own metrics on the same samples; none without labels.
    package var metrics: [String: Double]
    /// The agreement over the samples of every value of a group.
    package var slices: [String: [String: AgreementFigure]]?
    /// Why figures are not among them, by their names.
    package var leftOut: [String: String]
    /// The model's times over the teacher's.
    package var latency: ComparisonFigures?

    package init(
        samples: Int, figures: [String: AgreementFigure], counts: [String: Int], metrics: [String: Double],
        slices: [String: [String: AgreementFigure]]? = nil, leftOut: [String: String] = [:],
        latency: ComparisonFigures? = nil
    ) {
        self.samples = samples
        self.figures = figures
        self.counts = counts
        self.metrics = metrics
        self.slices = slices
        self.leftOut = leftOut
        self.latency = latency
    }

    private enum CodingKeys: String, CodingKey {
        case samples, figures, counts, metrics, slices, latency
        case leftOut = "left_out"
    }
}

/// One figure, and between what it lies.
package struct AgreementFigure: Equatable, Codable, Sendable {
    package var value: Double
    /// The samples that it is of.
    package var samples: Int
    /// By rising confidence; each bound on its own holds with it. Absent where there is none.
    package var bounds: [DifferenceBound]?

    package init(value: Double, samples: Int, bounds: [DifferenceBound]? = nil) {
        self.value = value
        self.samples = samples
        self.bounds = bounds
    }
}
