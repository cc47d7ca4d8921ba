import EvaluationProtocol
import Testing

@testable import ModelEvaluator

@Suite struct `Latency figures` {
    @Test func `percentiles are by nearest rank`() {
        let sorted = (1...10).map(Double.init)
        #expect(LatencyFigures.percentile(50, of: sorted) == 5)
        #expect(LatencyFigures.percentile(90, of: sorted) == 9)
        #expect(LatencyFigures.percentile(99, of: sorted) == 10)
        #expect(LatencyFigures.percentile(99, of: [7]) == 7)
    }

    @Test func `times are turned to microseconds and throughput counts samples`() {
        let figures = LatencyFigures(nanoseconds: [4_000, 1_000, 3_000, 2_000], batchSize: 5)
        #expect(figures.p50 == 2)
        #expect(figures.mean == 2.5)
        #expect(figures.min == 1)
        #expect(figures.max == 4)
        #expect(figures.throughput == 2_000_000)
        #expect(figures.runs == 4)
        #expect(figures.tail == 4 && figures.p95 == 4)
        #expect(figures.quantiles.count == 101 && figures.quantiles[0] == 1 && figures.quantiles[100] == 4)
    }

    @Test(arguments: [(599, nil), (600, 594.0)])
    func `fewer than 600 runs have no p99`(runs: Int, p99: Double?) {
        #expect(LatencyFigures(nanoseconds: (1...UInt64(runs)).map { $0 * 1_000 }, batchSize: 1).p99 == p99)
    }

    @Test func `the tail is the mean of the slowest tenth`() {
        #expect(LatencyStatistic.tail.value(ofSorted: (1...30).map(Double.init)) == 29)
        #expect(LatencyStatistic.tail.value(ofSorted: [1, 2, 3]) == 3)
    }

    @Test func `the order of blocks is the same for the same seed`() {
        var first = SplitMix64(seed: 0)
        var second = SplitMix64(seed: 0)
        // The published first output of the generator for seed 0.
        #expect(first.next() == 0xE220_A839_7B1D_CDAF)
        _ = second.next()
        #expect(first.next() == second.next())
    }

    @Test func `progress is told at the start of a stage and then once per interval`() {
        var pace = ProgressPace(intervalNanoseconds: 100)
        let calls: [(EvaluationStage, UInt64)] = [
            (.accuracy, 0), (.accuracy, 99), (.accuracy, 100), (.latency, 101), (.latency, 200),
        ]
        #expect(calls.map { pace.isDue($0, now: $1) } == [true, false, true, true, false])
    }
}

@Suite struct `Median interval` {
    @Test func `the outermost of six values are the first to hold 95 percent`() {
        // P(all on one side of the median) = 2 / 2^n.
        #expect(MedianInterval.countMin(confidence: 0.95) == 6)
        #expect(MedianInterval.countMin(confidence: 0.99) == 8)
        #expect(MedianInterval([3, 1, 2, 5, 4], confidence: 0.95) == .init([1, 2, 3, 4, 5], confidence: 0.95))
        #expect(MedianInterval([1, 2, 3, 4, 5], confidence: 0.95).bounds == nil)
        #expect(MedianInterval([6, 1, 2, 3, 4, 5], confidence: 0.95).bounds == 1...6)
        #expect(MedianInterval([6, 1, 2, 3, 4, 5], confidence: 0.95).median == 3.5)
    }

    @Test(arguments: [(10, 0.95, 2), (20, 0.95, 6), (25, 0.99, 6), (30, 0.95, 10)])
    func `ranks are those of the published tables`(count: Int, confidence: Double, rank: Int) {
        #expect(MedianInterval.rank(of: count, confidence: confidence) == rank)
    }

    @Test func `the interval misses the median as rarely as it says`() {
        var random = SplitMix64(seed: 7)
        var missed = 0
        for _ in 0..<20_000 {
            // Skewed values whose median is 0.25.
            let values = (0..<11).map { _ in
                let uniform = Double(random.next() >> 11) / Double(1 << 53)
                return uniform * uniform
            }
            if let bounds = MedianInterval(values, confidence: 0.95).bounds, !bounds.contains(0.25) { missed += 1 }
        }
        // With 11 values the interval of ranks 2 to 10 holds 98.8 %.
        #expect((150...330).contains(missed), "\(missed) of 20,000")
    }
}

@Suite struct `Machine` {
    @Test func `the first processor's name and the flags that matter are taken`() {
        let machine = EvaluationResult.Machine(
            cpuInformation:
                "processor\t: 0\nmodel name\t: Some: CPU\nflags\t\t: fpu avx2 fma avx\n\nmodel name\t: Other\n",
            cores: 2)
        #expect(machine == .init(cpuModel: "Some: CPU", isaFlags: ["avx", "avx2", "fma"], cores: 2))
    }

    @Test func `a text without the fields gives unknown`() {
        #expect(
            EvaluationResult.Machine(cpuInformation: "", cores: 1) == .init(cpuModel: "unknown", isaFlags: [], cores: 1)
        )
    }

    @Test(arguments: [("Name:\tx\nVmHWM:\t  12 kB\n", 12_288), ("VmHWM:\n", 0), ("", 0)])
    func `the peak of memory is read in bytes`(status: String, bytes: Int) {
        #expect(ProcessMemory.peakBytes(status: status) == bytes)
    }
}
