import Testing

@testable import AssayCommands

struct PolicyDraftTests {
    /// Against `binomtest(count, n).proportion_ci(0.95, "wilson")` of SciPy.
    @Test(arguments: [
        (1.0, 500, 0.992376, 1.0), (0.958, 500, 0.936648, 0.972368), (0.5, 10, 0.236593, 0.763407),
        (0.0, 1, 0, 0.793451),
    ])
    func `the interval of a share is Wilson's`(share: Double, samples: Int, lower: Double, upper: Double) throws {
        let interval = try #require(PolicyDraft.interval(of: share, samples: samples))
        #expect(abs(interval.lowerBound - lower) < 2e-6 && abs(interval.upperBound - upper) < 2e-6, "\(interval)")
    }

    @Test(arguments: [(1.1, 10), (-0.1, 10), (0.5, 0), (.nan, 10)])
    func `what is no share has no interval`(share: Double, samples: Int) {
        #expect(PolicyDraft.interval(of: share, samples: samples) == nil)
    }
}
