import EvaluationProtocol
import Glibc
import ONNXRuntime

/// Times single runs of one model.
///
/// What is timed is one call of the library's Run; outputs are freed between two runs, outside of the time.
struct LatencyMeasurement {
    /// Fewer runs than this are no distribution: they are made whatever the clock says.
    static let runsMin = 10
    /// Runs whose median is one look at whether the times are steady, and how many looks must agree.
    private static let windowRuns = 5
    private static let windowsCompared = 3
    /// How far apart those medians may lie, as a ratio of the largest to the smallest.
    private static let steadyRatio = 1.05
    /// A model that is not steady by then is measured as it is.
    private static let warmUpNanoseconds: UInt64 = 1_000_000_000

    let run: OnnxRun
    /// Looks at what the runs answer, outside of their time.
    let watch: AnswerWatch

    /// Runs until the times are steady, at most `runsMax` times and hardly longer than a second; answers how often.
    func warmUp(runsMax: Int) throws(OnnxError) -> Int {
        let end = MonotonicClock.nanoseconds + Self.warmUpNanoseconds
        var medians: [Double] = []
        var runs = 0
        while runs < runsMax, runs == 0 || MonotonicClock.nanoseconds < end {
            let times = try times(min(Self.windowRuns, runsMax - runs), until: end)
            runs += times.count
            medians.append(LatencyStatistic.p50.value(ofSorted: times.sorted().map { Double($0) }))
            let last = medians.suffix(Self.windowsCompared)
            if last.count == Self.windowsCompared, let low = last.min(), let high = last.max(),
                high <= low * Self.steadyRatio
            {
                break
            }
        }
        return runs
    }

    /// Nanoseconds of up to `count` runs; fewer, but `runsMin`, if the time is over before.
    func times(
        _ count: Int, until end: UInt64, progress: (Int) -> Void = { _ in }
    ) throws(OnnxError) -> [UInt64] {
        var times: [UInt64] = []
        times.reserveCapacity(count)
        while times.count < count, times.count < Self.runsMin || MonotonicClock.nanoseconds < end {
            times.append(try time())
            progress(times.count)
        }
        return times
    }

    /// Nanoseconds of one run; its outputs are freed after the time is taken.
    func time() throws(OnnxError) -> UInt64 {
        defer { run.releaseOutputs() }
        let start = MonotonicClock.nanoseconds
        try run.execute()
        let nanoseconds = MonotonicClock.nanoseconds - start
        try watch.look(at: run, after: nanoseconds)
        return nanoseconds
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
