import AssayCrypto
import AssayDomain
import AssayRegistry
import Synchronization
import TestSupport
import Testing

/// Jobs as evaluators here and workers elsewhere do them, over a real store.
struct JobTests {
    private static let lease: Int64 = 60

    private func registry(places: [CPUSet?] = [nil], labels: [String] = []) async throws -> TestRegistry {
        var settings = EvaluatorSettings()
        settings.places = places
        settings.labels = try labels.map { try WorkerLabel(parsing: $0) }
        settings.lease = .seconds(Self.lease)
        let test = try await TestRegistry(evaluators: settings)
        _ = try await test.publish(["test.npz": "data"], to: "test", kind: .dataset)
        return test
    }

    private func start(
        _ test: TestRegistry, _ script: String = "accuracy=1", name: String = "digits", labels: [String] = [],
        baseline: Version? = nil
    ) async throws -> Verification {
        let version = try #require(try await test.publish(["model.onnx": script], to: name).version)
        var settings = VerificationSettings()
        if !labels.isEmpty { settings.labels = try labels.map { try WorkerLabel(parsing: $0) } }
        return try await test.registry.verify.start(
            subject: version, dataset: try await test.registry.catalog.version(try Reference(parsing: "test:1")),
            baseline: baseline, settings: settings)
    }

    private func worker(_ name: String = "edge-1", _ labels: String...) throws -> Worker {
        try Worker(name: try WorkerName(parsing: name), labels: try labels.map { try WorkerLabel(parsing: $0) })
    }

    private func claim(_ test: TestRegistry, _ worker: Worker, build: String = "scripted 1") async throws -> ClaimedJob?
    {
        try await test.registry.verify.claim(by: worker, build: build, threadsMax: nil)
    }

    private func code(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? AssayError)?.code
        }
    }

    private static let environment = VerificationReport.Environment(
        runtime: "none", cpu: "a cpu\u{7}", isaFlags: [], cores: 2, cpuSet: nil)

    private static func measurements(
        accuracy: Double = 0.5, p50: Double = 9, comparison: VerificationReport.Comparison? = nil,
        fed: [VerificationReport.FedInput] = [.init(input: "x", array: "x")], inputsNamedBy: [String]? = []
    ) -> VerificationReport.Measurements {
        let latency = VerificationReport.Latency(
            p50: p50, p90: 9, p95: 9, p99: nil, mean: 9, tail: 9, max: 9, throughput: 9, runs: 9, quantiles: nil)
        var measurements = VerificationReport.Measurements(
            metrics: ["accuracy": accuracy], confusionMatrix: nil, classes: nil, sampleCount: 1, latency: latency,
            comparison: comparison, loadMicroseconds: 1, firstRunMicroseconds: 1, peakMemoryBytes: 1)
        measurements.fed = fed
        measurements.inputsNamedBy = inputsNamedBy
        return measurements
    }

    private static func figures(_ latency: VerificationReport.Latency) -> VerificationReport.ComparisonFigures {
        .init(latency: latency, candidate: latency, ratios: nil, confidence: nil, pairsPerSession: nil)
    }

    private static func result(_ measurements: VerificationReport.Measurements) -> JobResult {
        JobResult(environment: environment, measurements: measurements, failure: nil)
    }

    private static func failure(_ kind: String) -> JobResult {
        JobResult(environment: nil, measurements: nil, failure: .init(kind: kind, message: "it\nfailed"))
    }

    // MARK: Here

    @Test func `a crash is tried once more and then reported`() async throws {
        let test = try await registry()
        let job = try await start(test, "fail=worker-crashed")
        try await test.finish([job.id])
        let ended = try await test.registry.verify.verification(job.id)
        #expect((ended.state, ended.attempts, test.host.runCount) == (.failed, 2, 2))
        #expect(try await test.registry.verify.report(of: ended).failure?.kind == "worker-crashed")
    }

    @Test func `the report says who measured and on which CPUs`() async throws {
        let cpus = try CPUSet(parsing: "0")
        let test = try await registry(places: [cpus], labels: ["site=core"])
        let job = try await start(test)
        try await test.finish([job.id])
        let report = try await test.registry.verify.report(of: try await test.registry.verify.verification(job.id))
        #expect(report.worker == (try Worker(name: .local, labels: [try WorkerLabel(parsing: "site=core")])))
        #expect(test.host.cpus == [cpus])
    }

    @Test func `evaluators work side by side, each on its own CPUs`() async throws {
        let test = try await registry(places: [try CPUSet(parsing: "0"), try CPUSet(parsing: "1")])
        let first = try await start(test, "accuracy=0.1")
        let second = try await start(test, "accuracy=0.2")
        // The first one to run ends only once the other one has begun.
        test.host.duringNextRun { while test.host.runCount < 2 { await Task.yield() } }
        try await test.finish([first.id, second.id])
        #expect(Set(test.host.cpus.compactMap(\.self).map(\.description)) == ["0", "1"])
    }

    @Test func `cancelling a running job ends its evaluation, and the queue goes on`() async throws {
        let test = try await registry()
        let (job, next) = (try await start(test, "accuracy=0.1"), try await start(test, "accuracy=0.2"))
        let wasEnded = Mutex(false)
        test.host.duringNextRun {
            _ = try await test.registry.verify.cancel(job.id)
            while !Task.isCancelled { await Task.yield() }
            wasEnded.withLock { $0 = true }
            throw CancellationError()
        }
        try await test.finish([next.id])
        #expect(wasEnded.withLock { $0 })
        let ended = try await test.registry.verify.verification(job.id)
        #expect((ended.state, ended.envelopeDigest) == (.cancelled, nil))
        #expect(await code { _ = try await test.registry.verify.report(of: ended) } == .verificationCancelled)
        #expect(await code { _ = try await test.registry.verify.cancel(next.id) } == .verificationEnded)
    }

    @Test func `a job that nobody here can do says what it waits for`() async throws {
        let test = try await registry(labels: ["site=core"])
        let job = try await start(test, labels: ["site=core", "site=edge"])
        let other = try await start(test, "accuracy=0.2")
        #expect(job.waitsFor == ["site=edge"])
        try await test.finish([other.id])
        #expect(try await test.registry.verify.verification(job.id).waitsFor == ["site=edge"])
        #expect(try await claim(test, try worker("edge", "site=core", "site=edge"))?.verification.id == job.id)
        let second = try await start(test, "accuracy=0.3", labels: ["site=edge"])
        #expect(second.waitsFor == nil)
    }

    // MARK: Elsewhere

    @Test func `a worker's measurements become a report that names it`() async throws {
        let test = try await registry(places: [])
        let baseline = try #require(try await test.publish(["model.onnx": "p50=1"], to: "digits").version)
        let job = try await start(test, "accuracy=0.9", labels: ["site=edge"], baseline: baseline)
        #expect(try await claim(test, try worker("core")) == nil)
        let edge = try worker("edge-1", "site=edge")
        let claimed = try #require(try await claim(test, edge))
        #expect(claimed.verification.id == job.id)
        #expect(claimed.files.model.file.digest == Digest.sha256(of: Array("accuracy=0.9".utf8)))
        #expect(claimed.files.baseline?.file.digest == Digest.sha256(of: Array("p50=1".utf8)))
        #expect(claimed.lease == .seconds(Self.lease))
        let step = Verification.Progress(stage: "latency", done: 1, total: 2)
        #expect(try await test.registry.verify.extend(claimed.claim, progress: step).state == .running)
        #expect(try await test.registry.verify.verification(job.id).progress == step)
        let latency = Self.measurements().latency
        let result = Self.result(
            Self.measurements(comparison: .init(baseline: .init(baseline), figures: Self.figures(latency))))
        for _ in 0..<2 {
            #expect(try await test.registry.verify.finish(claimed.claim, result).state == .measured)
        }
        let report = try await test.registry.verify.report(of: try await test.registry.verify.verification(job.id))
        #expect(report.worker == edge)
        #expect(report.measurements?.metrics == ["accuracy": 0.5])
        #expect(report.environment?.cpu == #"a cpu\u{7}"#)
        #expect(report.evaluator == "scripted 1")
    }

    @Test func `a silent worker's job is begun again once, and then failed`() async throws {
        let test = try await registry(places: [])
        let job = try await start(test)
        let (first, second) = (try worker("edge-1"), try worker("edge-2"))
        let lost = try #require(try await claim(test, first)).claim
        try await test.registry.verify.endExpiredLeases()
        #expect(try await claim(test, second) == nil)
        test.steadyClock.advance(seconds: Self.lease)
        try await test.registry.verify.endExpiredLeases()
        let again = try #require(try await claim(test, second))
        #expect((again.verification.id, again.verification.attempts) == (job.id, 2))
        #expect(
            await code { _ = try await test.registry.verify.finish(lost, Self.result(Self.measurements())) }
                == .claimNotFound)
        test.steadyClock.advance(seconds: Self.lease)
        try await test.registry.verify.endExpiredLeases()
        let ended = try await test.registry.verify.verification(job.id)
        let report = try await test.registry.verify.report(of: ended)
        #expect(report.failure?.kind == "worker-crashed")
        #expect(report.failure?.message == "the worker edge-2 fell silent")
        #expect(report.worker == second)
    }

    @Test(arguments: [1, -1])
    func `a clock that is set by ten years ends no lease, and lets none go on`(direction: Int64) async throws {
        let test = try await registry(places: [])
        _ = try await start(test)
        let claimed = try #require(try await claim(test, try worker()))
        test.clock.advance(seconds: direction * 10 * 365 * 86_400)
        try await test.registry.verify.endExpiredLeases()
        #expect(try await test.registry.verify.extend(claimed.claim, progress: nil).attempts == 1)
        test.steadyClock.advance(seconds: Self.lease)
        try await test.registry.verify.endExpiredLeases()
        #expect(await code { _ = try await test.registry.verify.extend(claimed.claim, progress: nil) } == .claimLost)
    }

    @Test func `signs of life keep a lease`() async throws {
        let test = try await registry(places: [])
        _ = try await start(test)
        let claimed = try #require(try await claim(test, try worker()))
        for _ in 0..<3 {
            test.steadyClock.advance(seconds: Self.lease - 10)
            _ = try await test.registry.verify.extend(claimed.claim, progress: nil)
            try await test.registry.verify.endExpiredLeases()
        }
        #expect(try await test.registry.verify.finish(claimed.claim, Self.failure("invalid-model")).state == .failed)
    }

    @Test func `a job that was given back does not count as tried`() async throws {
        let test = try await registry(places: [])
        _ = try await start(test)
        for _ in 0..<3 {
            let claimed = try #require(try await claim(test, try worker()))
            #expect(claimed.verification.attempts == 1)
            try await test.registry.verify.giveBack(claimed.claim)
        }
    }

    @Test func `a cancelled job is lost to its worker`() async throws {
        let test = try await registry(places: [])
        let job = try await start(test)
        let claimed = try #require(try await claim(test, try worker()))
        _ = try await test.registry.verify.cancel(job.id)
        let verify = test.registry.verify
        #expect(await code { _ = try await verify.extend(claimed.claim, progress: nil) } == .claimLost)
        #expect(await code { _ = try await verify.finish(claimed.claim, Self.failure("time-limit")) } == .claimLost)
        #expect(await code { try await verify.giveBack(claimed.claim) } == .claimLost)
        #expect(await code { _ = try await verify.extend(ClaimID(bits: 1), progress: nil) } == .claimNotFound)
    }

    @Test func `a job whose files are not what is needed fails at once`() async throws {
        let test = try await registry(places: [])
        let version = try #require(try await test.publish(["notes.txt": "none"], to: "digits").version)
        let job = try await test.registry.verify.start(
            subject: version, dataset: try await test.registry.catalog.version(try Reference(parsing: "test:1")),
            baseline: nil, settings: VerificationSettings())
        #expect(try await claim(test, try worker()) == nil)
        #expect(try await test.registry.verify.verification(job.id).state == .failed)
    }

    @Test func `another build, and the name of this process, are refused`() async throws {
        let test = try await registry(places: [])
        #expect(await code { _ = try await claim(test, try worker(), build: "scripted 2\n") } == .evaluatorMismatch)
        #expect(await code { _ = try await claim(test, try worker("local")) } == .requestInvalid)
    }

    @Test(
        arguments: try [
            JobResult(environment: nil, measurements: nil, failure: nil),
            JobResult(environment: nil, measurements: measurements(), failure: nil),
            JobResult(
                environment: environment, measurements: measurements(),
                failure: .init(kind: "time-limit", message: "")),
            result(measurements(fed: [])), result(measurements(fed: [.init(input: "\u{7}", array: "x")])),
            result(measurements(inputsNamedBy: nil)), result(measurements(inputsNamedBy: ["policy"])),
            result(measurements(inputsNamedBy: ["me"])),
            result(measurements(p50: -1)), result(measurements(p50: .infinity)), failure(""), failure("a b"),
            failure("Ünsinn"), failure(String(repeating: "a", count: 65)),
            result(
                measurements(
                    comparison: .init(
                        baseline: .init(repository: .init(parsing: "x"), number: .init(1)!, digest: .sha256(of: [])),
                        figures: figures(measurements().latency)))),
        ])
    func `what no evaluator would say is no result`(result: JobResult) async throws {
        let test = try await registry(places: [])
        let job = try await start(test)
        let claimed = try #require(try await claim(test, try worker()))
        #expect(await code { _ = try await test.registry.verify.finish(claimed.claim, result) } == .requestInvalid)
        #expect(try await test.registry.verify.verification(job.id).state == .running)
    }
}
