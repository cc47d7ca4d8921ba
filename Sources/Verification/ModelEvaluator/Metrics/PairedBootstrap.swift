import EvaluationProtocol

/// How sure it is that one model is better than another on the same samples.
///
/// The samples are drawn anew with replacement, the same draw for both models, and the difference of each metric is
/// taken again: the spread of these differences tells how much of the measured one may be chance (percentile bootstrap;
/// Efron and Tibshirani, 1993, chapter 13).
struct PairedBootstrap {
    /// The confidences that bounds are given for.
    static let confidences = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999]
    static let resamplesRange = 200...2_000
    /// Steps that all resamples together may need; more samples get fewer resamples.
    private static let costMax = 400_000_000

    let candidate: any MetricScorer
    let baseline: any MetricScorer
    let seed: UInt64

    var resamples: Int {
        let affordable = Self.costMax / max(candidate.cost + baseline.cost, 1)
        return min(max(affordable, Self.resamplesRange.lowerBound), Self.resamplesRange.upperBound)
    }

    /// The figures of every metric that both models have; `progress` is told the resamples so far.
    func metrics(progress: (Int) -> Void) -> [String: PairedMetric] {
        let candidateValues = candidate.values()
        let baselineValues = baseline.values()
        var differences: [String: [Double]] = [:]
        var generator = SplitMix64(seed: seed)
        var weights = [Int](repeating: 0, count: candidate.sampleCount)
        for resample in 1...resamples {
            Self.draw(&weights, with: &generator)
            let answers = (candidate.values(weights: weights), baseline.values(weights: weights))
            for (name, value) in answers.0 {
                if let other = answers.1[name] { differences[name, default: []].append(value - other) }
            }
            progress(resample)
        }
        return candidateValues.reduce(into: [:]) { metrics, entry in
            guard let other = baselineValues[entry.key] else { return }
            metrics[entry.key] = PairedMetric(
                baseline: other, difference: entry.value - other,
                bounds: Self.bounds(of: differences[entry.key] ?? []))
        }
    }

    /// Draws as many samples as there are, each of them any number of times.
    private static func draw(_ weights: inout [Int], with generator: inout SplitMix64) {
        for index in weights.indices { weights[index] = 0 }
        let count = UInt64(weights.count)
        for _ in 0..<weights.count { weights[Int(generator.next().multipliedFullWidth(by: count).high)] += 1 }
    }

    /// The bounds for every confidence that leaves at least one of the differences outside.
    static func bounds(of differences: [Double]) -> [DifferenceBound] {
        let sorted = differences.filter(\.isFinite).sorted()
        return confidences.compactMap { confidence in
            // A little is added against (1 - 0.9) * 2000 being a hair below 200.
            let share = Int((1 - confidence) * Double(sorted.count) + 1e-6)
            // At one half nothing but the median is left inside.
            let outside = min(share, (sorted.count - 1) / 2)
            guard outside > 0 else { return nil }
            return DifferenceBound(
                confidence: confidence, lower: sorted[outside], upper: sorted[sorted.count - 1 - outside])
        }
    }
}
