import EvaluationProtocol
import ONNXRuntime

/// Compares a candidate's times with a baseline's until every demanded bound is decided or the budget is used up.
///
/// Single runs of both take turns in random order, so that what changes over time (clock rate, other processes,
/// temperature) meets both alike. That leaves the luck of where a session's memory lies, the same for all its runs, so
/// the unit of evidence is a pair of fresh sessions: each gives one ratio, and the median of those is compared.
struct LatencyComparison {
    /// After how many pairs of sessions beyond the fewest possible the data is looked at.
    private static let looks = [0, 4, 10, 18]
    static let sessionsMin = 5
    private static let pairsRange = 30...600
    /// Pairs of one session go on for about so long, as far as `pairsRange` allows.
    private static let sessionNanoseconds: UInt64 = 60_000_000

    let settings: LatencySettings
    let batchSize: Int
    /// Looks at the candidate's answers, which are those of its own measurement.
    let watch: AnswerWatch
    /// Looks at the baseline's too, so that both are disturbed alike; what it sees is not judged.
    private let baselineWatch = AnswerWatch()
    /// A run in a fresh session.
    let candidate: () throws(EvaluationFailure) -> OnnxRun
    let baseline: () throws(EvaluationFailure) -> OnnxRun

    /// What single pairs of sessions came to, and all times together.
    private struct Times {
        var candidate: [UInt64] = []
        var baseline: [UInt64] = []
        var ratios: [LatencyStatistic: [Double]] = [:]
    }

    /// Measures until decided; no session begins after `end`, except for the first.
    func measure(until end: UInt64, progress: (Int, Int) -> Void) throws(EvaluationFailure) -> ComparisonFigures {
        let confidence = 1 - (1 - settings.confidence) / Double(Self.looks.count)
        let fewest = max(Self.sessionsMin, MedianInterval.countMin(confidence: confidence))
        let looks = Self.looks.map { fewest + $0 }
        var order = SplitMix64(seed: settings.seed)
        var times = Times()
        var pairs = 0
        var ratios: [LatencyStatistic: RatioFigures] = [:]
        for session in 1...(looks.last ?? fewest) {
            let pair = try sessionPair(&order)
            if session == 1 { pairs = try pairCount(pair, sessions: fewest) }
            try measure(pair, pairs: pairs, order: &order, into: &times)
            progress(session, looks.last ?? fewest)
            let isOver = MonotonicClock.nanoseconds >= end
            guard isOver || looks.contains(session) else { continue }
            ratios = times.ratios.mapValues { RatioFigures(sessions: $0, confidence: confidence) }
            if isOver || isDecided(ratios) { break }
        }
        if times.candidate.count < LatencyFigures.runsForP99 { ratios[.p99] = nil }
        return ComparisonFigures(
            baseline: LatencyFigures(nanoseconds: times.baseline, batchSize: batchSize),
            candidate: LatencyFigures(nanoseconds: times.candidate, batchSize: batchSize),
            ratios: ratios, confidence: settings.confidence, pairsPerSession: pairs)
    }

    private func isDecided(_ ratios: [LatencyStatistic: RatioFigures]) -> Bool {
        settings.maxRatios.allSatisfy { statistic, bound in
            guard let figures = ratios[statistic], let lower = figures.lower, let upper = figures.upper else {
                return false
            }
            return upper <= bound || lower > bound
        }
    }

    private struct Pair {
        let candidate: LatencyMeasurement
        let baseline: LatencyMeasurement
    }

    /// Two sessions, warmed up; which of them is made first is drawn.
    private func sessionPair(_ order: inout SplitMix64) throws(EvaluationFailure) -> Pair {
        let isBaselineFirst = order.next() & 1 == 1
        let first = try isBaselineFirst ? baseline() : candidate()
        let second = try isBaselineFirst ? candidate() : baseline()
        let pair = Pair(
            candidate: .init(run: isBaselineFirst ? second : first, watch: watch),
            baseline: .init(run: isBaselineFirst ? first : second, watch: baselineWatch))
        try EvaluationFailure.ofRunning { () throws(OnnxError) in
            _ = try pair.candidate.warmUp(runsMax: settings.warmUpRuns)
            _ = try pair.baseline.warmUp(runsMax: settings.warmUpRuns)
        }
        return pair
    }

    /// Short runs are noisier, so a session has more of them; a bound on p99 needs enough for one.
    private func pairCount(_ pair: Pair, sessions: Int) throws(EvaluationFailure) -> Int {
        let nanoseconds = try EvaluationFailure.ofRunning { () throws(OnnxError) in try pair.candidate.time() }
        let fitting = Int(clamping: Self.sessionNanoseconds / max(1, nanoseconds))
        let count = min(max(fitting, Self.pairsRange.lowerBound), Self.pairsRange.upperBound)
        guard settings.maxRatios[.p99] != nil else { return count }
        return max(count, (LatencyFigures.runsForP99 + sessions - 1) / sessions)
    }

    private func measure(
        _ pair: Pair, pairs: Int, order: inout SplitMix64, into times: inout Times
    ) throws(EvaluationFailure) {
        var (candidate, baseline): ([UInt64], [UInt64]) = ([], [])
        try EvaluationFailure.ofRunning { () throws(OnnxError) in
            for _ in 0..<pairs {
                let isBaselineFirst = order.next() & 1 == 1
                if isBaselineFirst { baseline.append(try pair.baseline.time()) }
                candidate.append(try pair.candidate.time())
                if !isBaselineFirst { baseline.append(try pair.baseline.time()) }
            }
        }
        let sorted = (candidate.sorted().map { Double($0) }, baseline.sorted().map { Double($0) })
        for statistic in LatencyStatistic.allCases {
            let ratio = statistic.value(ofSorted: sorted.0) / max(1, statistic.value(ofSorted: sorted.1))
            times.ratios[statistic, default: []].append(ratio)
        }
        times.candidate += candidate
        times.baseline += baseline
    }
}

extension RatioFigures {
    fileprivate init(sessions: [Double], confidence: Double) {
        let interval = MedianInterval(sessions, confidence: confidence)
        self.init(
            ratio: interval.median, lower: interval.bounds?.lowerBound, upper: interval.bounds?.upperBound,
            sessions: sessions)
    }
}
