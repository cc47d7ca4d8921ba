import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

/// The queue as it is kept: claims, leases, and what ends them.
struct JobTests {
    private static let claim = ClaimID(bits: 7)

    /// Two models of two repositories, and data; `queued` of the first one are in the queue, then one of the second.
    private func withJobs(_ queued: Int = 1, _ body: (SQLiteIndex) async throws -> Void) async throws {
        try await withIndex { index in
            try await index.push(1, to: "a")
            try await index.push(2, to: "b")
            try await index.push(3, to: "data", kind: .dataset)
            for bits in 1...UInt64(queued) {
                try await index.enqueue(try await index.verification(of: "a:1", on: "data:1", bits: bits))
            }
            try await index.enqueue(try await index.verification(of: "b:1", on: "data:1", bits: 100))
            try await body(index)
        }
    }

    private func state(_ bits: UInt64, _ index: SQLiteIndex) async throws -> Verification.State? {
        try await index.verification(VerificationID(bits: bits))?.state
    }

    private func listed(_ index: SQLiteIndex, _ query: JobQuery) async throws -> [VerificationID] {
        try await index.verifications(query).items.map(\.id)
    }

    @Test func `repositories take turns, and within one the oldest comes first`() async throws {
        try await withJobs(3) { index in
            try await index.enqueue(try await index.verification(of: "a:1", on: "data:1", bits: 1))
            var order: [VerificationID?] = []
            for claim in UInt64(11)...15 { order.append(try await index.claim(claim)?.id) }
            #expect(order == [1, 100, 2, 3].map { VerificationID(bits: $0) } + [nil])
            let first = try #require(try await index.verification(VerificationID(bits: 1)))
            #expect((first.state, first.attempts, first.startedAt) == (.running, 1, time(2)))
            #expect(first.worker?.name == .local)
            #expect(try await index.verification(of: ClaimID(bits: 11)) == first)
        }
    }

    @Test func `a job goes to a worker that has its labels and enough CPUs`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "data", kind: .dataset)
            let label = try WorkerLabel(parsing: "site=edge")
            let subject = VerificationReport.Subject(try await index.found("team/fraud:1"))
            try await index.enqueue(
                Verification(
                    id: VerificationID(bits: 1), subject: subject,
                    dataset: VerificationReport.Subject(try await index.found("data:1")), baseline: nil,
                    settings: VerificationSettings(threads: 2, labels: [label]), createdAt: time(1)))
            #expect(try await index.claim(11) == nil)
            #expect(try await index.claim(12, labels: ["site=edge"], threadsMax: 1) == nil)
            #expect(try await index.claim(13, labels: ["cpu=avx2", "site=edge"], threadsMax: 2) != nil)
        }
    }

    @Test func `what this process ran waits again, and what a worker runs keeps its lease`() async throws {
        try await withJobs { index in
            _ = try await index.claim(11)
            _ = try await index.claim(12, leaseUntil: 50)
            try await index.requeueInterruptedVerifications(leaseUntil: time(80), atMost: time(99))
            let waiting = try #require(try await index.verification(VerificationID(bits: 1)))
            #expect((waiting.state, waiting.attempts, waiting.startedAt) == (.queued, 0, nil))
            let running = try #require(try await index.verification(VerificationID(bits: 100)))
            #expect((running.state, running.leaseUntil) == (.running, time(80)))
            try await index.requeueInterruptedVerifications(leaseUntil: time(60), atMost: time(99))
            #expect(try await index.verification(VerificationID(bits: 100))?.leaseUntil == time(80))
            // The clock was set back by the next start.
            try await index.requeueInterruptedVerifications(leaseUntil: time(20), atMost: time(30))
            #expect(try await index.verification(VerificationID(bits: 100))?.leaseUntil == time(30))
        }
    }

    @Test func `a lease ends unless it is extended`() async throws {
        try await withJobs { index in
            _ = try await index.claim(7, leaseUntil: 50)
            #expect(try await index.expiredVerifications(now: time(50), limit: 9).isEmpty)
            let expired = try await index.expiredVerifications(now: time(51), limit: 9)
            #expect(expired.map(\.claim) == [Self.claim])
            #expect(try await index.extendLease(of: Self.claim, until: time(90)).leaseUntil == time(90))
            #expect(try await index.expiredVerifications(now: time(89), limit: 9).isEmpty)
        }
    }

    @Test(arguments: [(true, 1), (false, 0)])
    func `what is given back waits, and the claim is lost`(counts: Bool, attempts: Int) async throws {
        try await withJobs { index in
            _ = try await index.claim(7, leaseUntil: 50)
            try await index.giveBack(Self.claim, counts: counts)
            let waiting = try #require(try await index.verification(VerificationID(bits: 1)))
            #expect((waiting.state, waiting.attempts, waiting.leaseUntil) == (.queued, attempts, nil))
            #expect(await code { try await index.giveBack(Self.claim, counts: counts) } == .claimLost)
            #expect(await code { _ = try await index.extendLease(of: Self.claim, until: time(90)) } == .claimLost)
            for claim in UInt64(20)...21 { _ = try await index.claim(claim) }
            #expect(await code { _ = try await index.verification(of: Self.claim) } == .claimNotFound)
        }
    }

    @Test func `a cancelled job has an end and no report, and its claim is lost`() async throws {
        try await withJobs { index in
            let running = try #require(try await index.claim(7, leaseUntil: 50))
            let cancelled = try await index.cancelVerification(running.id, at: time(9))
            #expect((cancelled.state, cancelled.finishedAt, cancelled.leaseUntil) == (.cancelled, time(9), nil))
            #expect(try await index.cancelVerification(running.id, at: time(10)) == cancelled)
            _ = try await index.cancelVerification(VerificationID(bits: 100), at: time(9))
            #expect(try await index.claim(8) == nil)
            var ended = running
            (ended.state, ended.finishedAt, ended.envelopeDigest) = (.measured, time(11), digest(40))
            let report = try Sample.attachment(40, about: ended.subject.digest)
            #expect(
                await code {
                    try await index.finish(ended, claim: Self.claim, attaching: [report], tryBy: nil, actor: "tester")
                } == .claimLost)
            #expect(try await state(1, index) == .cancelled)
            #expect(try await index.attestations(of: ended.subject.digest, in: ended.subject.repository).isEmpty)
            let unknown = await code { _ = try await index.cancelVerification(VerificationID(bits: 5), at: time(9)) }
            #expect(unknown == .verificationNotFound)
        }
    }

    @Test func `a report is not cancelled, and telling it again changes nothing`() async throws {
        try await withJobs { index in
            var ended = try #require(try await index.claim(7, leaseUntil: 50))
            (ended.state, ended.finishedAt, ended.envelopeDigest) = (.failed, time(9), digest(40))
            let report = try Sample.attachment(40, about: ended.subject.digest)
            for _ in 0..<2 {
                try await index.finish(ended, claim: Self.claim, attaching: [report], tryBy: nil, actor: "tester")
            }
            #expect(try await index.verification(of: Self.claim).state == .failed)
            #expect(await code { _ = try await index.cancelVerification(ended.id, at: time(10)) } == .verificationEnded)
            #expect(await code { try await index.giveBack(Self.claim, counts: true) } == .claimLost)
            #expect(try await index.expiredVerifications(now: time(99), limit: 9).isEmpty)
        }
    }

    @Test func `jobs are listed newest first, by state and repository, in pages`() async throws {
        try await withJobs(3) { index in
            _ = try await index.claim(7)
            let a = try repositoryName("a")
            let ids = [100, 3, 2, 1].map { VerificationID(bits: $0) }
            #expect(try await listed(index, JobQuery(limit: 9)) == ids)
            #expect(try await listed(index, JobQuery(repository: a, limit: 9)) == Array(ids.dropFirst()))
            #expect(try await listed(index, JobQuery(state: .running, limit: 9)) == [ids[3]])
            #expect(try await listed(index, JobQuery(state: .queued, repository: a, limit: 9)) == [ids[1], ids[2]])
            #expect(try await listed(index, JobQuery(repository: try repositoryName("none"), limit: 9)).isEmpty)
            let page = try await index.verifications(JobQuery(limit: 3))
            let before = try #require(page.next.flatMap { Int64($0) })
            #expect(try await listed(index, JobQuery(before: before, limit: 3)) == [ids[3]])
        }
    }
}
