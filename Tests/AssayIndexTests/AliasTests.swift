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
        evidence: [Digest] = []
    ) throws -> AliasMoveRequest {
        AliasMoveRequest(
            repository: try repositoryName("team/fraud"), name: try aliasName("production"), target: try number(target),
            expectation: .version(expecting),
            cause: .promotion(
                policy: policy, verdict: digest(seed),
                attachment: try Sample.attachment(seed, about: digest(1_000_001)), evidence: evidence),
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

    @Test func `a promotion needs the evidence that it was decided by`() async throws {
        try await withIndex { index in
            try await index.push(1, attachments: [try Sample.attachment(20, about: digest(1_000_001))])
            try await index.setPolicy(try policy())
            let seen = [digest(1_000_020)]
            try await index.deleteManifest(seen[0], in: try repositoryName("team/fraud"), actor: "x", at: time(5))
            #expect(
                await code { _ = try await index.moveAlias(try promotion(to: 1, evidence: seen)) } == .aliasConflict)
            _ = try await index.moveAlias(try promotion(to: 1))
        }
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

            let move = try await index.moveAlias(try promotion(to: 1))
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
            let unprotected = await code { _ = try await index.moveAlias(try promotion(to: 1)) }
            try await index.setPolicy(try policy(501))
            let replaced = await code { _ = try await index.moveAlias(try promotion(to: 1)) }
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
