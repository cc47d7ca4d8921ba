import EvaluationProtocol
import Testing

@testable import ModelEvaluator

@Suite struct `Paired comparison` {
    /// Values by scipy.stats.binomtest(n10, n01 + n10, 0.5, alternative="greater").
    @Test(arguments: [
        (0, 0, 1.0, 1.0), (0, 5, 0.03125, 1.0), (2, 8, 0.0546875, 0.9892578125),
        (10, 10, 0.5880985260009766, 0.5880985260009766),
    ])
    func `McNemar's test is exact`(n01: Int, n10: Int, worse: Double, better: Double) {
        let figures = PairedShares(count: 100, n01: n01, n10: n10).mcNemar
        #expect(abs(figures.pWorse - worse) < 1e-12)
        #expect(abs(figures.pBetter - better) < 1e-12)
    }

    @Test func `samples are counted where exactly one model is right`() {
        let shares = PairedShares(candidate: [true, true, false, false], baseline: [true, false, true, false])
        #expect((shares.count, shares.n01, shares.n10) == (4, 1, 1))
    }

    @Test func `models that never differ still leave a doubt that shrinks with the samples`() {
        // With no differing sample the bound solves n d / (1 - d) = z^2.
        let bound = PairedShares(count: 500, n01: 0, n10: 0).bound(confidence: 0.95)
        let square = 1.6448536269514722 * 1.6448536269514722
        #expect(abs(bound.upper - square / (500 + square)) < 1e-9)
        #expect(abs(bound.lower + bound.upper) < 1e-9)
    }

    @Test func `at its bound a supposed difference is so many standard errors away`() {
        // Tango's score at the upper bound, with the likeliest share found by search instead of the formula.
        let shares = PairedShares(count: 50, n01: 12, n10: 2)
        let bound = shares.bound(confidence: 0.975)
        for (difference, z) in [(bound.lower, 1.959963984540054), (bound.upper, -1.959963984540054)] {
            func likelihood(_ share: Double) -> Double {
                12 * logarithm(share + difference) + 2 * logarithm(share)
                    + 36 * logarithm(1 - 2 * share - difference)
            }
            var low = max(0, -difference) + 1e-12
            var high = (1 - difference) / 2 - 1e-12
            for _ in 0..<300 {
                let (left, right) = (low + (high - low) / 3, high - (high - low) / 3)
                if likelihood(left) < likelihood(right) { low = left } else { high = right }
            }
            let variance = 50 * (2 * low + difference * (1 - difference))
            #expect(abs((12 - 2 - 50 * difference) / variance.squareRoot() - z) < 1e-4)
        }
        #expect(bound.lower < 0.2 && 0.2 < bound.upper)
    }

    @Test(arguments: [(0.5, 0), (0.95, 1.6448536269514722), (0.999, 3.090232306167813)])
    func `quantiles of the normal distribution are exact`(probability: Double, quantile: Double) {
        #expect(abs(normalQuantile(probability) - quantile) < 1e-9)
    }

    private func errors(_ candidate: [Double], _ baseline: [Double], seed: UInt64 = 1) -> [String: PairedMetric] {
        let zeros = [Double](repeating: 0, count: candidate.count)
        return PairedBootstrap(
            candidate: RegressionScorer(expected: zeros, predicted: candidate, columns: 1),
            baseline: RegressionScorer(expected: zeros, predicted: baseline, columns: 1), seed: seed
        ).metrics { _ in }
    }

    @Test func `the same answers differ by nothing in every resample`() throws {
        let metric = try #require(errors([1, 2, 3], [1, 2, 3])["mae"])
        #expect(metric.baseline == 2 && metric.difference == 0)
        #expect(metric.bounds.map(\.confidence) == PairedBootstrap.confidences)
        #expect(metric.bounds.allSatisfy { $0.lower == 0 && $0.upper == 0 })
    }

    @Test func `bounds widen with the confidence, hold the difference and depend on the seed alone`() throws {
        let baseline = (0..<60).map { Double($0 % 7) }
        let candidate = (0..<60).map { Double($0 % 7) + Double($0 % 3) - 0.5 }
        let metric = try #require(errors(candidate, baseline)["mae"])
        let (narrow, wide) = (metric.bounds[4], metric.bounds[7])
        #expect(wide.lower < narrow.lower && narrow.upper < wide.upper)
        #expect(narrow.lower < metric.difference && metric.difference < narrow.upper)
        // The mean of 60 independent differences: the bounds at 90 % lie about 1.28 standard errors off.
        let differences = zip(candidate, baseline).map { abs($0) - abs($1) }
        let mean = differences.reduce(0, +) / 60
        let deviation = (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 60 / 60).squareRoot()
        #expect(abs((narrow.upper - mean) / deviation - 1.28) < 0.15)
        #expect(errors(candidate, baseline)["mae"] == metric)
        #expect(errors(candidate, baseline, seed: 2)["mae"] != metric)
    }

    @Test func `few differences bound nothing with a high confidence`() {
        #expect(PairedBootstrap.bounds(of: (0..<10).map(Double.init)).map(\.confidence) == [0.5, 0.6, 0.7, 0.8, 0.9])
        #expect(PairedBootstrap.bounds(of: (0..<10).map(Double.init)).last?.lower == 1)
        #expect(PairedBootstrap.bounds(of: []).isEmpty)
    }

    @Test(arguments: 1...12)
    func `a lower bound is never above the upper one`(count: Int) {
        let bounds = PairedBootstrap.bounds(of: (0..<count).map(Double.init))
        #expect(bounds.allSatisfy { $0.lower <= $0.upper })
        #expect(bounds.isEmpty == (count < 3))
    }
}
