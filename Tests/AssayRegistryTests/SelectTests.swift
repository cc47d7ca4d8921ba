import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// The choice among versions, over a real store with real signatures.
struct SelectTests {
    private let test: TestRegistry
    private let digits: RepositoryName

    init() async throws {
        test = try await TestRegistry()
        digits = try RepositoryName(parsing: "digits")
        _ = try await test.publish(["test.npz": "data"], to: "digits-test", kind: .dataset)
    }

    private func dataset(_ number: Int = 1) async throws -> Version {
        try await test.registry.catalog.version(try Reference(parsing: "digits-test:\(number)"))
    }

    /// Publishes a version that measures as its script says, and measures it.
    @discardableResult
    private func measured(
        _ script: String, on dataset: Version? = nil, settings: VerificationSettings = VerificationSettings()
    ) async throws -> Version {
        let version = try #require(try await test.publish(["model.onnx": script], to: "digits").version)
        let data = if let dataset { dataset } else { try await self.dataset() }
        try await measure(version, on: data, settings)
        return version
    }

    private func measure(
        _ version: Version, on dataset: Version, _ settings: VerificationSettings = VerificationSettings()
    ) async throws {
        let verification = try await test.registry.verify.start(
            subject: version, dataset: dataset, baseline: nil, settings: settings)
        try await test.finish([verification.id])
    }

    private func select(
        on dataset: Version? = nil, _ change: (inout SelectionCriteria) -> Void = { _ in }
    ) async throws -> Select.Outcome {
        var criteria = SelectionCriteria()
        change(&criteria)
        return try await test.registry.select(digits, on: dataset, criteria)
    }

    @Test func `the fastest of those that are good enough is the best`() async throws {
        try await measured("accuracy=0.99 p50=900")
        let best = try await measured("accuracy=0.97 p50=300")
        try await measured("accuracy=0.90 p50=100")
        let outcome = try await select { $0.min = ["accuracy": 0.95] }
        #expect(outcome.best == best && outcome.dataset?.number.value == 1)
        #expect(outcome.candidates.map(\.isFitting) == [false, true, true])
        let failed = outcome.candidates[0].outcomes.filter { $0.status != .passed }
        #expect(failed.map(\.requirement) == ["accuracy"] && failed.first?.measured == "0.9000")
    }

    @Test func `what decides can be chosen`() async throws {
        let accurate = try await measured("accuracy=0.99 p50=900 and much longer than the other one")
        let fast = try await measured("accuracy=0.97 p50=300")
        #expect(try await select { $0.order = .init("accuracy") }.best == accurate)
        for name in ["p50", "p90", "p99", "mean", "size"] {
            #expect(try await select { $0.order = .init(name) }.best == fast)
        }
        let unknown = try await select { $0.order = .init("auc") }
        #expect(unknown.best == nil && unknown.candidates[0].outcomes.last?.requirement == "auc")
    }

    @Test func `what is withdrawn is not chosen`() async throws {
        let slow = try await measured("accuracy=0.99 p50=900")
        let fast = try await measured("accuracy=0.97 p50=300")
        _ = try await test.registry.withdraw(fast.reference, reason: "it leaks", by: .local)
        let outcome = try await select()
        #expect(outcome.best == slow)
        #expect(outcome.candidates[0].outcomes.first { $0.status == .failed }?.requirement == "withdrawal")
        _ = try await test.registry.withdraw(fast.reference, .reinstate, reason: "it does not", by: .local)
        #expect(try await select().best == fast)
    }

    @Test func `bounds include their own value`() async throws {
        let version = try await measured("accuracy=0.97 p50=300")
        #expect(try await select { $0.maxP99Milliseconds = 0.3 }.best == version)
        #expect(try await select { $0.maxP99Milliseconds = 0.299 }.best == nil)
        #expect(
            try await select {
                $0.min = ["accuracy": 0.97]; $0.max = ["accuracy": 0.97]
            }.best == version)
        #expect(try await select { $0.max = ["accuracy": 0.96] }.best == nil)
        #expect(try await select { $0.maxBytes = version.contentBytes }.best == version)
        #expect(try await select { $0.maxBytes = version.contentBytes - 1 }.best == nil)
    }

    @Test func `what was never measured, or could not be, does not fit`() async throws {
        _ = try await test.publish(["model.onnx": "accuracy=1"], to: "digits")
        try await measured("fail=invalid-model")
        let outcome = try await select()
        #expect(outcome.best == nil)
        let measured = outcome.candidates.flatMap(\.outcomes).map(\.measured)
        #expect(measured.contains("invalid-model: as the script says") && measured.contains("none"))
    }

    @Test func `a report counts by keys that are trusted now`() async throws {
        try await measured("accuracy=0.97")
        let keys = try await test.index.trustedKeys()
        let id = try #require(keys.first { $0.role == .registry }?.id)
        _ = try await test.index.revokeTrustedKey(id, since: keys[0].addedAt, actor: "local", at: keys[0].addedAt)
        let outcome = try await select()
        #expect(outcome.best == nil)
        #expect(outcome.candidates[0].outcomes.map(\.status) == [.failed])
    }

    @Test func `the newest report of a version counts, and of other settings none`() async throws {
        let version = try await measured("accuracy=0.97")
        var settings = VerificationSettings()
        settings.batch = 8
        #expect(try await select { $0.batch = 8 }.best == nil)
        try await measure(version, on: dataset(), settings)
        let (plain, batched) = (try await select(), try await select { $0.batch = 8 })
        #expect(plain.best == version && batched.best == version)
        #expect(plain.candidates[0].verification != batched.candidates[0].verification)
    }

    @Test func `reports of workers without the labels that are asked for do not count`() async throws {
        let version = try await measured("accuracy=0.97 p50=300")
        let local = try #require(
            try await test.registry.verify.verifications(of: version, limit: 1).first?.worker?.labels)
        #expect(try await select { $0.labels = local }.best == version)
        let edge = try WorkerLabel(parsing: "site=edge")
        let elsewhere = try await select { $0.labels = [edge] }
        #expect(elsewhere.best == nil)
        #expect(
            elsewhere.candidates[0].outcomes.map(\.demanded) == ["signed, 1 thread(s), batch 1, site=edge"])
    }

    @Test func `verifications that were cancelled or still wait are passed over`() async throws {
        let version = try await measured("accuracy=0.97")
        let data = try await dataset()
        var verifications: [Verification] = []
        for _ in 0..<2 {
            verifications.append(
                try await test.registry.verify.start(
                    subject: version, dataset: data, baseline: nil, settings: VerificationSettings()))
        }
        _ = try await test.registry.verify.cancel(verifications[1].id)
        #expect(try await select().best == version)
    }

    @Test func `figures of several datasets are not compared`() async throws {
        _ = try await test.publish(["test.npz": "other data"], to: "digits-test", kind: .dataset)
        let first = try await measured("accuracy=0.97")
        let second = try await measured("accuracy=0.98", on: dataset(2))
        let error = try await #require(throws: AssayError.self) { try await select() }
        #expect(error.code == .requestInvalid && error.message.contains("digits-test:1, digits-test:2"))
        #expect(try await select(on: dataset(1)).best == first)
        #expect(try await select(on: dataset(2)).best == second)
        await #expect(throws: AssayError.self) { try await select(on: first) }
    }

    @Test func `what could not be measured on other data is no other data`() async throws {
        let other = try #require(
            try await test.publish(["test.npz": "more"], to: "digits-test", kind: .dataset).version)
        let version = try await measured("accuracy=0.97 p50=300")
        try await measured("fail=time-limit", on: other)
        #expect(try await select().best == version)
    }

    @Test func `bounds that are none are refused`() async throws {
        let changes: [@Sendable (inout SelectionCriteria) -> Void] = [
            { $0.min = ["accuracy": .nan] }, { $0.max = ["": 1] }, { $0.maxP99Milliseconds = 0 },
            { $0.maxP50Milliseconds = .infinity }, { $0.maxBytes = -1 }, { $0.threads = 0 },
            { $0.order = .init("") },
        ]
        for change in changes {
            let error = try await #require(throws: AssayError.self) { try await select(change) }
            #expect(error.code == .requestInvalid)
        }
    }
}
