extension VerificationReport {
    /// One class of a classification.
    package struct ClassFigures: Sendable, Hashable, Codable {
        package let `class`: String
        /// Samples that are of the class.
        package let samples: Int
        package let precision: Double
        package let recall: Double
        package let f1: Double

        package init(class name: String, samples: Int, precision: Double, recall: Double, f1: Double) {
            `class` = name
            self.samples = samples
            self.precision = precision
            self.recall = recall
            self.f1 = f1
        }
    }

    /// The samples of one value of a group.
    package struct SliceFigures: Sendable, Hashable, Codable {
        package let samples: Int
        package let metrics: [String: Double]

        package init(samples: Int, metrics: [String: Double]) {
            self.samples = samples
            self.metrics = metrics
        }
    }

    /// Subject and baseline on the same samples; what the figures are is told in docs/formats/evaluation.md.
    package struct PairedFigures: Sendable, Hashable, Codable {
        /// How often the samples were drawn anew.
        package let resamples: Int
        package let metrics: [String: PairedMetric]
        /// Of a classification.
        package let mcnemar: McNemar?

        package init(resamples: Int, metrics: [String: PairedMetric], mcnemar: McNemar?) {
            self.resamples = resamples
            self.metrics = metrics
            self.mcnemar = mcnemar
        }
    }

    package struct PairedMetric: Sendable, Hashable, Codable {
        package let baseline: Double
        /// Subject minus baseline.
        package let difference: Double
        /// By rising confidence.
        package let bounds: [DifferenceBound]

        package init(baseline: Double, difference: Double, bounds: [DifferenceBound]) {
            self.baseline = baseline
            self.difference = difference
            self.bounds = bounds
        }

        /// The bounds of the lowest confidence that is not below one; nil without any.
        package func bound(confidence: Double) -> DifferenceBound? { bounds.first { $0.confidence >= confidence } }
    }

    /// Between what a difference lies; each of the two bounds on its own holds with the confidence.
    package struct DifferenceBound: Sendable, Hashable, Codable {
        package let confidence: Double
        package let lower: Double
        package let upper: Double

        package init(confidence: Double, lower: Double, upper: Double) {
            self.confidence = confidence
            self.lower = lower
            self.upper = upper
        }
    }

    /// The samples on which exactly one of the two is right, and the exact test of them.
    package struct McNemar: Sendable, Hashable, Codable {
        /// Only the subject is right.
        package let n01: Int
        /// Only the baseline is right.
        package let n10: Int
        /// One-sided: small if the subject is worse.
        package let pWorse: Double
        /// One-sided: small if the subject is better.
        package let pBetter: Double

        package init(n01: Int, n10: Int, pWorse: Double, pBetter: Double) {
            self.n01 = n01
            self.n10 = n10
            self.pWorse = pWorse
            self.pBetter = pBetter
        }
    }
}
