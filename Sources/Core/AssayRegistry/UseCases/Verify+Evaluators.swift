import AssayDomain
import Logging
import Synchronization

/// The evaluators of this process, and what becomes of jobs whose workers elsewhere fell silent.
extension Verify {
    /// How long an evaluator waits after the store failed, before it tries again.
    private static let pauseAfterFault = Duration.seconds(5)
    /// How often, and how many at a time, leases are looked through.
    private static let looksPerLease = 4
    private static let lookPauseMax = Duration.seconds(5)
    private static let expiredMax = 1_000

    /// Works on the queue until the task is cancelled. No failure of one verification, or of the store, ends it.
    package func run() async throws {
        try await untilDone("interrupted verifications do not wait again") {
            let now = self.steadyClock.now().milliseconds
            try await self.index.requeueInterruptedVerifications(
                leaseUntil: self.leaseEnd,
                atMost: Timestamp(milliseconds: now + max(self.lease, EvaluatorSettings.leaseMax).milliseconds))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Without its program or library an evaluator would fail every job; so they wait for a worker that can.
            if canEvaluate {
                for evaluator in evaluators { group.addTask { try await self.work(as: evaluator) } }
            }
            group.addTask { try await self.watchLeases() }
            try await group.waitForAll()
        }
    }

    /// Why it cannot is told where the server starts.
    private var canEvaluate: Bool { (try? host.checkAvailable()) != nil }

    var leaseEnd: Timestamp { Timestamp(milliseconds: steadyClock.now().milliseconds + lease.milliseconds) }

    /// Tries something that only the store can keep from succeeding until it does.
    private func untilDone(_ failure: String, _ body: () async throws -> Void) async throws {
        while true {
            do {
                return try await body()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.error("\(failure)", metadata: ["error": "\(error)"])
                try await Task.sleep(for: Self.pauseAfterFault)
            }
        }
    }

    // MARK: One evaluator

    private func work(as evaluator: LocalEvaluator) async throws {
        var wakeUps = evaluator.wakeUps.stream.makeAsyncIterator()
        repeat {
            while let claim = try await claim(for: evaluator) {
                // Whatever of it is still this evaluator's after a fault of the store waits again.
                try await untilDone("verification could not be concluded") {
                    guard let verification = try await self.current(claim) else { return }
                    try await self.run(verification, claim: claim, on: evaluator.cpus)
                }
            }
        } while await wakeUps.next() != nil
    }

    private func claim(for evaluator: LocalEvaluator) async throws -> ClaimID? {
        let id = ClaimID(bits: ids.next())
        var isTaken = false
        try await untilDone("no verification could be taken") {
            // After a fault nobody knows whether it was taken; the same claim is not made twice.
            if try await self.current(id) != nil {
                isTaken = true
                return
            }
            let claim = Claim(
                id: id, worker: self.localWorker, threadsMax: evaluator.cpus?.numbers.count, leaseUntil: nil,
                at: self.clock.now())
            isTaken = try await self.index.claimVerification(claim) != nil
        }
        return isTaken ? id : nil
    }

    /// The running verification of a claim; nil if the claim is none any more.
    private func current(_ claim: ClaimID) async throws -> Verification? {
        do {
            let verification = try await index.verification(of: claim)
            return verification.isFinished ? nil : verification
        } catch let error as AssayError where Self.goneCodes.contains(error.code) {
            return nil
        }
    }

    private func run(_ verification: Verification, claim: ClaimID, on cpus: CPUSet?) async throws {
        defer { state.withLock { $0.progress[verification.id] = nil } }
        guard let outcome = try await evaluateUnlessCancelled(verification, claim: claim, on: cpus) else {
            logger.info("verification was cancelled", metadata: ["id": "\(verification.id)"])
            return
        }
        try await conclude(
            verification, claim: claim, environment: outcome.environment, cage: outcome.cage,
            result: outcome.result.map { Self.measurements($0, of: verification) })
    }

    /// Evaluates until there is an outcome, or `cancel` ends it, which gives nil.
    private func evaluateUnlessCancelled(
        _ verification: Verification, claim: ClaimID, on cpus: CPUSet?
    ) async throws -> EvaluationOutcome? {
        let (end, continuation) = AsyncStream.makeStream(of: Void.self)
        state.withLock { $0.running[verification.id] = continuation }
        defer { state.withLock { $0.running[verification.id] = nil } }
        // It may have been cancelled before there was anything to end.
        guard try await current(claim) != nil else { return nil }
        return try await withThrowingTaskGroup(of: EvaluationOutcome?.self) { group in
            group.addTask { try await self.evaluate(verification, on: cpus) }
            group.addTask {
                for await _ in end {}
                return nil
            }
            let first = try await group.next()
            group.cancelAll()
            try Task.checkCancellation()
            return first.flatMap(\.self)
        }
    }

    // MARK: Leases

    private func watchLeases() async throws {
        while true {
            try await untilDone("silent workers could not be dealt with") { try await self.endExpiredLeases() }
            try await Task.sleep(for: min(Self.lookPauseMax, lease / Self.looksPerLease))
        }
    }

    /// Takes jobs from workers that fell silent, which counts as a crash of theirs.
    package func endExpiredLeases() async throws {
        for (claim, verification) in try await index.expiredVerifications(
            now: steadyClock.now(), limit: Self.expiredMax)
        {
            let name = verification.worker?.name.text ?? ""
            logger.info("worker fell silent", metadata: ["id": "\(verification.id)", "worker": "\(name)"])
            try await conclude(
                verification, claim: claim, environment: nil,
                result: .failure(.init("worker-crashed", "the worker \(name) fell silent")))
        }
    }

    // MARK: Ending

    private static let goneCodes: Set<ErrorCode> = [
        .versionNotFound, .verificationNotFound, .claimNotFound, .claimLost,
    ]

    /// Ends a verification of a claim with a signed report, or has it wait again after its first crash.
    func conclude(
        _ verification: Verification, claim: ClaimID, environment: VerificationReport.Environment?,
        cage: VerificationReport.Cage? = nil,
        result: Result<VerificationReport.Measurements, VerificationReport.FailureError>
    ) async throws {
        do {
            if case .failure(let error) = result, error.failure.isWorkerCrash,
                JobQueue.isTriedAgain(after: verification.attempts)
            {
                try await index.giveBack(claim, counts: true)
                return wake()
            }
            var report = VerificationReport(
                verification: verification.id, subject: verification.subject, dataset: verification.dataset,
                settings: verification.settings, evaluator: host.build, worker: verification.worker,
                environment: environment, cage: cage, outcome: result,
                startedAt: verification.startedAt ?? verification.createdAt, finishedAt: clock.now())
            report.baseline = verification.baseline
            try await count(&report, as: verification)
            try await store(report, of: verification, claim: claim)
        } catch let error as AssayError where Self.goneCodes.contains(error.code) {
            // It was cancelled, or its version deleted, meanwhile: nobody asks for the report any more.
            logger.info("verification is gone", metadata: ["id": "\(verification.id)"])
        }
    }
}

extension Verify {
    /// Says in a report whether it is a try, and the how manieth of the version on this data by this build.
    private func count(_ report: inout VerificationReport, as verification: Verification) async throws {
        if verification.isReplay == true {
            report.replay = true
        } else if report.failure?.isConclusive ?? true {
            report.tries =
                try await index.tries(of: report.subject, on: report.dataset.digest, by: report.evaluator) + 1
        }
    }
}

extension Duration {
    /// Whole milliseconds.
    package var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
