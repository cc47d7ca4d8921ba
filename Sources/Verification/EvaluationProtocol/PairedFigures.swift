/// Candidate and baseline on the same samples, metric by metric.
package struct PairedFigures: Equatable, Codable, Sendable {
    /// How often the samples were drawn anew.
    package var resamples: Int
    package var metrics: [String: PairedMetric]
    /// Of a classification.
    package var mcNemar: McNemarFigures?

    package init(resamples: Int, metrics: [String: PairedMetric], mcNemar: McNemarFigures?) {
        self.resamples = resamples
        self.metrics = metrics
        self.mcNemar = mcNemar
    }

    private enum CodingKeys: String, CodingKey {
        case resamples, metrics
        case mcNemar = "mcnemar"
    }
}

/// One metric of both models.
package struct PairedMetric: Equatable, Codable, Sendable {
    package var baseline: Double
    /// Candidate minus baseline.
    package var difference: Double
    /// By rising confidence.
    package var bounds: [DifferenceBound]

    package init(baseline: Double, difference: Double, bounds: [DifferenceBound]) {
        self.baseline = baseline
        self.difference = difference
        self.bounds = bounds
    }
}

/// Between what a difference lies; each of the two bounds on its own holds with the confidence.
package struct DifferenceBound: Equatable, Codable, Sendable {
    package var confidence: Double
    package var lower: Double
    package var upper: Double

    package init(confidence: Double, lower: Double, upper: Double) {
        self.confidence = confidence
        self.lower = lower
        self.upper = upper
    }
}

/// The samples on which exactly one of two models is right, and McNemar's exact test of them.
package struct McNemarFigures: Equatable, Codable, Sendable {
    /// Only the candidate is right.
    package var n01: Int
    /// Only the baseline is right.
    package var n10: Int
    /// How likely at least `n10` of the two are if neither model is better: small if the candidate is worse.
    package var pWorse: Double
    /// How likely at least `n01` of the two are if neither model is better: small if the candidate is better.
    package var pBetter: Double

    package init(n01: Int, n10: Int, pWorse: Double, pBetter: Double) {
        self.n01 = n01
        self.n10 = n10
        self.pWorse = pWorse
        self.pBetter = pBetter
    }

    private enum CodingKeys: String, CodingKey {
        case n01, n10
        case pWorse = "p_worse"
        case pBetter = "p_better"
    }
}
