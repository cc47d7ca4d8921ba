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
