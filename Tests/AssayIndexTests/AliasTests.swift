import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

struct AliasTests {
    private static let policyDigest = digest(500)

    private func policy(_ seed: Int = 500, at: Int64 = 3) throws -> PolicyRecord {
        PolicyRecord(
            repository: try repositoryName("team/fraud"), alias: try aliasName("production"), digest: digest(seed),
            json: Array(#"{"version":1}"#.utf8), setAt: time(at), actor: "owner")
    }

    private func promotion(
        to target: Int64, policy: Digest = policyDigest, expecting: VersionNumber? = nil, seed: Int = 600,
        basis: PromotionMark, decidedUntil: Timestamp? = nil
    ) throws -> AliasMoveRequest {
        AliasMoveRequest(
            repository: try repositoryName("team/fraud"), name: try aliasName("production"), target: try number(target),
            expectation: .version(expecting),
            cause: .promotion(
                policy: policy, verdict: digest(seed),
                attachment: try Sample.attachment(seed, about: digest(1_000_001)), basis: basis,
                decidedUntil: decidedUntil, rollback: nil),
            actor: "promoter", at: time(9))
    }

    @Test func `a move succeeds only from where the caller believes the alias to be`() async throws {
        try await withIndex { index in
            for seed in 1...3 { try await index.push(seed) }
            let made = try await index.setAlias("candidate", to: 1, expecting: .version(nil))
            let moved = try await index.setAlias("candidate", to: 2, expecting: .version(try number(1)))
            #expect(made.from == nil)
            #expect(try moved.from == number(1))
            #expect(moved.sequence > made.sequence)
            let stale = await code {
                _ = try await index.setAlias("candidate", to: 3, expecting: .version(try number(1)))
            }
            let exists = await code { _ = try await index.setAlias("candidate", to: 3, expecting: .version(nil)) }
            #expect(stale == .aliasConflict)
            #expect(exists == .aliasConflict)
            #expect(try await index.found("team/fraud:candidate").number == number(2))
        }
    }

    /// What a promotion of the first version would be decided by now.
    private func mark(_ index: SQLiteIndex) async throws -> PromotionMark {
        try await index.promotionBasis(
            of: digest(1_000_001), to: try aliasName("production"), in: try repositoryName("team/fraud"),
            verificationsMax: 9
        ).mark
    }

    /// What may change between deciding and moving.
    enum Change: CaseIterable {
        case evidenceDeleted, evidenceAdded, oneForAnother, holderEvidenceAdded, keyTrusted, keyRevoked, policySet
        case policySetTwice, aliasMoved, aliasMovedBack
    }

    @Test(arguments: Change.allCases)
    func `a promotion needs all that it was decided by`(change: Change) async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            try await index.push(1, attachments: [try Sample.attachment(20, about: digest(1_000_001))])
            try await index.push(2)
            let key = TrustedKey(id: "k", name: "k", pem: "p", role: .release, addedAt: time(2))
            try await index.addTrustedKey(key, actor: "x")
            _ = try await index.setAlias("production", to: 2)
            try await index.setPolicy(try policy())
            let before = try await mark(index)
            func add(_ seed: Int, about subject: Int) async throws {
                try await index.attach(
                    try Sample.attachment(seed, about: digest(subject)), to: digest(subject), in: name, origin: nil,
                    actor: "x", at: time(6))
            }
            func delete() async throws {
                try await index.deleteManifest(digest(1_000_020), in: name, actor: "x", at: time(5))
            }
            func unprotected(_ body: () async throws -> Void) async throws {
                try await index.removePolicy(of: try aliasName("production"), in: name, actor: "x", at: time(6))
                try await body()
                try await index.setPolicy(try policy())
            }
            switch change {
            case .evidenceDeleted: try await delete()
            case .evidenceAdded: try await add(21, about: 1_000_001)
            case .oneForAnother:
                try await delete()
                try await add(21, about: 1_000_001)
            case .holderEvidenceAdded: try await add(21, about: 1_000_002)
            case .keyTrusted:
                try await index.addTrustedKey(
                    TrustedKey(id: "l", name: "l", pem: "p", role: .release, addedAt: time(2)), actor: "x")
            case .keyRevoked: _ = try await index.revokeTrustedKey("k", since: time(1), actor: "x", at: time(6))
            case .policySet: try await index.setPolicy(try policy(501, at: 6))
            case .policySetTwice:
                try await index.setPolicy(try policy(501, at: 6))
                try await index.setPolicy(try policy())
            case .aliasMoved: try await unprotected { _ = try await index.setAlias("production", to: 1) }
            case .aliasMovedBack:
                try await unprotected {
                    _ = try await index.setAlias("production", to: 1)
                    _ = try await index.setAlias("production", to: 2)
                }
            }
            let two = try number(2)
            let moved = await code {
                _ = try await index.moveAlias(try promotion(to: 1, expecting: two, basis: before))
            }
            // The same demands are the same policy, whenever they were set.
            #expect(moved == (change == .policySetTwice ? nil : .aliasConflict))
        }
    }

    @Test func `a promotion moves nothing to a version that was not decided on, or when its time is past`() async throws
    {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2)
            try await index.setPolicy(try policy())
            let basis = try await mark(index)
            let other = await code { _ = try await index.moveAlias(try promotion(to: 2, basis: basis)) }
            #expect(other == .aliasConflict)
            let late = await code {
                _ = try await index.moveAlias(try promotion(to: 1, basis: basis, decidedUntil: time(9)))
            }
            #expect(late == .aliasConflict)
            _ = try await index.moveAlias(try promotion(to: 1, basis: basis, decidedUntil: time(10)))
        }
    }

    @Test func `an alias is promoted only by its last move under just its policy`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            func standing() async throws -> Alias.Standing? {
                try await index.alias(try aliasName("production"), in: name)?.standing
            }
            func notPromoted() async throws -> [AliasName]? { try await index.found("team/fraud:1").notPromoted }
            try await index.push(1)
            _ = try await index.setAlias("production", to: 1)
            #expect(try await standing() == nil)
            #expect(try await notPromoted() == nil)
            try await index.setPolicy(try policy())
            #expect(try await standing() == .undecided)
            #expect(try await notPromoted() == [try aliasName("production")])
            #expect(try await index.aliases(in: name).map(\.standing) == [.undecided])
            _ = try await index.moveAlias(
                try promotion(to: 1, expecting: try number(1), basis: try await mark(index)))
            #expect(try await standing() == .promoted)
            #expect(try await notPromoted() == nil)
            try await index.setPolicy(try policy(501, at: 10))
            #expect(try await standing() == .otherPolicy)
            #expect(try await notPromoted() == [try aliasName("production")])
            try await index.setPolicy(try policy())
            #expect(try await standing() == .promoted)
        }
    }

    @Test func `an entry is never of a time before that of the entry before it`() async throws {
        let fixture = try IndexFixture()
        let index = fixture.index
        try await index.push(1, at: 100)
        try await index.push(2, at: 50)
        let move = try await index.setAlias("candidate", to: 1, at: 20)
        try await index.setPolicy(try policy(at: 3))
        let key = TrustedKey(id: "k", name: "k", pem: "p", role: .release, addedAt: time(2))
        try await index.addTrustedKey(key, actor: "x")
        #expect(try await index.found("team/fraud:2").createdAt == time(100))
        #expect(move.at == time(100))
        #expect(try await index.trustedKeys().map(\.addedAt) == [time(100)])
        let entries = try await index.factEntries(from: 0, count: 9).compactMap {
            try $0.map { try AuditEntry(parsing: $0) }
        }
        #expect(entries.map(\.at) == [AssayDomain.Timestamp](repeating: time(100), count: 3))
        #expect(try await index.auditFaults(limit: 99).filter { $0.contains("set back") }.isEmpty)
        try index.close()
        // It holds over a restart too.
        let again = try SQLiteIndex.open(path: fixture.path, log: CountingLog())
        #expect(again.lastEntryTime == time(100))
        try again.close()
    }

    @Test func `of two racing moves exactly one wins`() async throws {
        try await withIndex { index in
            for seed in 1...9 { try await index.push(seed) }
            _ = try await index.setAlias("candidate", to: 1)
            let wins = await withTaskGroup { group in
                for target in Int64(2)...9 {
                    group.addTask {
                        await code {
                            _ = try await index.setAlias("candidate", to: target, expecting: .version(try number(1)))
                        }
                    }
                }
                return await group.reduce(into: [ErrorCode?]()) { $0.append($1) }
            }
            #expect(wins.count { $0 == nil } == 1)
            #expect(wins.count { $0 == .aliasConflict } == 7)
        }
    }

    @Test func `a plain move to the same version writes no history`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let first = try await index.setAlias("candidate", to: 1)
            let again = try await index.setAlias("candidate", to: 1, at: 8)
            #expect(first == again)
        }
    }

    @Test func `an alias is removed and made again, and history keeps all of it`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let name = try repositoryName("team/fraud")
            _ = try await index.setAlias("candidate", to: 1)
            let removal = try await index.setAlias("candidate", to: nil)
            #expect(removal.cause == .removal && removal.to == nil)
            #expect(try await index.alias(try aliasName("candidate"), in: name) == nil)
            let again = await code { _ = try await index.setAlias("candidate", to: nil) }
            #expect(again == .aliasNotFound)
            _ = try await index.setAlias("candidate", to: 1)

            let newest = try await index.aliasHistory(try aliasName("candidate"), in: name, before: nil, limit: 2)
            #expect(newest.items.map(\.cause) == [.set, .removal])
            let before = try #require(newest.next.flatMap { Int64($0) })
            let rest = try await index.aliasHistory(try aliasName("candidate"), in: name, before: before, limit: 2)
            #expect(rest.items.map(\.cause) == [.set])
            #expect(rest.next == nil)
        }
    }

    @Test func `an alias cannot point to what is not there`() async throws {
        try await withIndex { index in
            let nowhere = await code { _ = try await index.setAlias("candidate", to: 1) }
            try await index.push(1)
            let unknown = await code { _ = try await index.setAlias("candidate", to: 2) }
            #expect(nowhere == .versionNotFound)
            #expect(unknown == .versionNotFound)
        }
    }

    @Test func `a protected alias moves by promotion alone`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.setPolicy(try policy())
            let plain = await code { _ = try await index.setAlias("production", to: 1) }
            let pushed = await code { try await index.push(2, tag: "production") }
            #expect(plain == .aliasProtected)
            #expect(pushed == .aliasProtected)
            #expect(try await index.version(try Reference(parsing: "team/fraud:2")) == nil)

            let move = try await index.moveAlias(try promotion(to: 1, basis: try await mark(index)))
            #expect(move.cause == .promotion)
            #expect(move.verdictDigest == digest(600))
            let removal = await code { _ = try await index.setAlias("production", to: nil) }
            #expect(removal == .aliasProtected)
            let name = try repositoryName("team/fraud")
            #expect(try await index.alias(try aliasName("production"), in: name)?.policyDigest == Self.policyDigest)
            #expect(
                try await index.attestations(of: digest(1_000_001), in: name).map(\.envelope.digest) == [digest(600)])
        }
    }

    @Test func `a promotion decided by another policy does not move`() async throws {
        try await withIndex { index in
            try await index.push(1)
            let bare = try await mark(index)
            let unprotected = await code { _ = try await index.moveAlias(try promotion(to: 1, basis: bare)) }
            try await index.setPolicy(try policy(501))
            let other = try await mark(index)
            let replaced = await code { _ = try await index.moveAlias(try promotion(to: 1, basis: other)) }
            #expect(unprotected == .aliasConflict)
            #expect(replaced == .aliasConflict)
            #expect(try await index.attestations(of: digest(1_000_001), in: try repositoryName("team/fraud")).isEmpty)
        }
    }

    @Test func `a policy is replaced, listed and removed`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            let early = await code { try await index.setPolicy(try policy()) }
            #expect(early == .repositoryNotFound)
            try await index.push(1)
            try await index.setPolicy(try policy())
            try await index.setPolicy(try policy(at: 99))
            #expect(try await index.policy(of: try aliasName("production"), in: name) == policy())
            try await index.setPolicy(try policy(501, at: 4))
            #expect(try await index.policies(in: name) == [policy(501, at: 4)])
            try await index.removePolicy(of: try aliasName("production"), in: name, actor: "owner", at: time(7))
            #expect(try await index.policies(in: name).isEmpty)
            let again = await code {
                try await index.removePolicy(of: try aliasName("production"), in: name, actor: "owner", at: time(8))
            }
            #expect(again == .policyNotFound)
            _ = try await index.setAlias("production", to: 1)
        }
    }

    @Test func `aliases and tags stand in byte order, in pages`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            for (seed, tag) in [(1, "b"), (2, "B"), (3, "a_1"), (4, "a-1")] { try await index.push(seed, tag: tag) }
            for seed in 5...10 { try await index.push(seed) }
            #expect(try await index.aliases(in: name).map(\.name.text) == ["B", "a-1", "a_1", "b"])
            let all = ["1", "10", "2", "3", "4", "5", "6", "7", "8", "9", "B", "a-1", "a_1", "b"]
            var pages: [[String]] = []
            var after: String?
            repeat {
                let page = try await index.tags(in: name, after: after, limit: 5)
                pages.append(page.items)
                after = page.next
            } while after != nil
            #expect(pages.map(\.count) == [5, 5, 4])
            #expect(pages.flatMap(\.self) == all)
            #expect(try await index.tags(in: name, after: nil, limit: 14).next == nil)
            #expect(try await index.tags(in: name, after: nil, limit: .max).items == all)
            #expect(try await index.tags(in: name, after: nil, limit: .min).items == [])
            let missing = await code { _ = try await index.tags(in: try repositoryName("no"), after: nil, limit: 1) }
            #expect(missing == .repositoryNotFound)
        }
    }
}
