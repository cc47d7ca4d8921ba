import EvaluationProtocol
import Glibc
import ONNXRuntime

/// Times single runs of one or two models, in blocks that alternate at random.
///
/// Interleaving makes what changes over time (clock rate, other processes, temperature) meet both models alike. What is
/// timed is one call of the library's Run; outputs are freed between two runs, outside of the time.
struct LatencyMeasurement {
    /// Runs of one model before the other one may have its turn.
    private static let blockRuns = 50

    let candidate: OnnxRun
    let baseline: OnnxRun?
    let settings: LatencySettings

    /// Nanoseconds of each counted run.
    struct Times {
        var candidate: [UInt64] = []
        var baseline: [UInt64] = []
    }

    /// Warms up, then measures; `progress` is told the counted runs of each model so far.
    func measure(progress: (Int) -> Void) throws(OnnxError) -> Times {
        var discarded: [UInt64] = []
        try measure(candidate, runs: settings.warmUpRuns, into: &discarded)
        if let baseline { try measure(baseline, runs: settings.warmUpRuns, into: &discarded) }
        var times = Times()
        times.candidate.reserveCapacity(settings.measuredRuns)
        times.baseline.reserveCapacity(baseline == nil ? 0 : settings.measuredRuns)
        var order = SplitMix64(seed: settings.seed)
        var done = 0
        while done < settings.measuredRuns {
            let runs = min(Self.blockRuns, settings.measuredRuns - done)
            let isBaselineFirst = order.next() & 1 == 1
            if isBaselineFirst, let baseline { try measure(baseline, runs: runs, into: &times.baseline) }
            try measure(candidate, runs: runs, into: &times.candidate)
            if !isBaselineFirst, let baseline { try measure(baseline, runs: runs, into: &times.baseline) }
            done += runs
            progress(done)
        }
        return times
    }

    private func measure(_ model: OnnxRun, runs: Int, into times: inout [UInt64]) throws(OnnxError) {
        for _ in 0..<runs {
            times.append(try Self.time(model))
            model.releaseOutputs()
        }
    }

    /// Nanoseconds of one run, whose outputs stay.
    static func time(_ model: OnnxRun) throws(OnnxError) -> UInt64 {
        let start = MonotonicClock.nanoseconds
        try model.execute()
        return MonotonicClock.nanoseconds - start
    }
}

/// The system's clock that never goes back.
enum MonotonicClock {
    static var nanoseconds: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}

/// A small generator whose sequence is the same for the same seed on every machine (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
