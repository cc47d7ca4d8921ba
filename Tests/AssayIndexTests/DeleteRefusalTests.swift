import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

/// What keeps a manifest from being deleted, and what ends it.
struct DeleteRefusalTests {
    /// Expects that a version is kept for this reason and that nothing of it changed.
    private func expectKept(_ reference: String, _ reason: String, in index: SQLiteIndex) async throws {
        let before = try await index.found(reference)
        let refusal = await failure { try await index.delete(reference) }
        #expect(refusal?.code == .inUse)
        #expect(refusal?.reason == reason)
        #expect(refusal?.message == "\(before.reference) is not deleted")
        #expect(try await index.found(reference) == before)
    }

    private func failure(of body: () async throws -> Void) async -> AssayError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? AssayError
        }
    }

    @Test func `a version is kept while a protected alias points to it`() async throws {
        try await withIndex { index in
            for seed in 1...2 { try await index.push(seed) }
            _ = try await index.setAlias("candidate", to: 1)
            try await index.protect("production")
            try await index.promote(to: 1, seed: 600)
            try await expectKept(
                "team/fraud:1", "the protected alias team/fraud:production points to it", in: index)
            try await index.promote(to: 2, from: 1, seed: 601)
            try await index.delete("team/fraud:1")
        }
    }

    @Test func `a part of an index is kept while a protected alias points to the index`() async throws {
        try await withIndex { index in
            try await index.push(1)
            _ = try await index.publish(
                Publication(
                    repository: try repositoryName("team/fraud"), kind: nil,
                    manifest: try Sample.index(2, of: digest(1_000_001)), intent: .version(nil), actor: "tester",
                    at: time(2)))
            try await index.protect("production")
            try await index.promote(to: 2, seed: 600)
            try await expectKept(
                "team/fraud:1", "it is part of team/fraud:2, which the protected alias team/fraud:production points to",
                in: index)
            try await index.push(3)
            try await index.promote(to: 3, from: 2, seed: 601)
            try await index.delete("team/fraud:1")
        }
    }

    @Test func `an alias that was protected once keeps nothing`() async throws {
        try await withIndex { index in
            try await index.push(1, tag: "production")
            try await index.protect("production")
            try await expectKept(
                "team/fraud:1", "the protected alias team/fraud:production points to it", in: index)
            let name = try repositoryName("team/fraud")
            try await index.removePolicy(of: try aliasName("production"), in: name, actor: "owner", at: time(7))
            try await index.delete("team/fraud:1")
        }
    }

    @Test func `a version is kept while another one came from it`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "small", lineage: [(.quantizedFrom, "team/fraud:1")])
            try await expectKept("team/fraud:1", "small:1 is quantized-from it", in: index)
            try await index.delete("small:1")
            try await index.delete("team/fraud:1")
        }
    }

    @Test(arguments: ["data:1", "data@\(digest(1_000_002))"])
    func `a dataset is kept while a policy measures with it`(dataset: String) async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "data", kind: .dataset)
            try await index.push(3, to: "data")
            try await index.protect("production", by: #"{"dataset":"\#(dataset)","version":1}"#, seed: 500)
            try await expectKept("data:1", "the policy of team/fraud:production measures with it", in: index)
            try await index.delete("data:2")
            try await index.protect("production", seed: 501)
            try await index.delete("data:1")
        }
    }

    @Test func `every dataset of a policy is kept`() async throws {
        try await withIndex { index in
            try await index.push(1)
            for seed in 2...4 { try await index.push(seed, to: "data", kind: .dataset) }
            let policy =
                #"{"dataset":"data:1","datasets":{"a":{"dataset":"data:2"},"b":{"dataset":"data:2"}},"version":1}"#
            try await index.protect("production", by: policy, seed: 500)
            try await index.protect("staging", by: policy, seed: 500)
            for dataset in ["data:1", "data:2"] {
                try await expectKept(dataset, "the policy of team/fraud:production measures with it", in: index)
            }
            try await index.delete("data:3")
        }
    }

    @Test func `a version is kept while another one was measured with it`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2)
            try await index.push(3, to: "data", kind: .dataset)
            try await index.enqueue(
                try await index.verification(of: "team/fraud:2", on: "data:1", baseline: "team/fraud:1", bits: 1))
            try await expectKept("data:1", "a verification of team/fraud:2 measures with it", in: index)
            try await expectKept("team/fraud:1", "a verification of team/fraud:2 measures with it", in: index)
            try await index.delete("team/fraud:2")
            try await index.delete("team/fraud:1")
            try await index.delete("data:1")
        }
    }

    @Test func `a version that was measured with itself is not kept by that`() async throws {
        try await withIndex { index in
            try await index.push(1, to: "data", kind: .dataset)
            try await index.enqueue(
                try await index.verification(of: "data:1", on: "data:1", baseline: "data:1", bits: 1))
            try await index.delete("data:1")
        }
    }

    @Test func `evidence about what is in production stays, and verdicts stay for ever`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            let subject = digest(1_000_001)
            try await index.push(1, attachments: [try Sample.attachment(20, about: subject)])
            try await index.push(2)
            try await index.protect("production")
            try await index.promote(to: 1, seed: 600)
            func refusal(_ seed: Int) async -> AssayError? {
                await failure {
                    try await index.deleteManifest(digest(1_000_000 + seed), in: name, actor: "tester", at: time(9))
                }
            }
            let kept = await refusal(20)
            #expect(kept?.code == .inUse)
            #expect(
                kept?.reason
                    == "it is evidence about team/fraud:1, which the protected alias team/fraud:production points to")
            #expect(kept?.message == "manifest \(digest(1_000_020)) of team/fraud is not deleted")
            #expect(await refusal(600)?.code == .inUse)

            try await index.promote(to: 2, from: 1, seed: 601)
            #expect(await refusal(600)?.reason == "it is the verdict by which team/fraud:production moved")
            #expect(await refusal(20) == nil)
            try await index.delete("team/fraud:1")
            #expect(await refusal(600)?.code == .inUse)
            #expect(try await index.attestations(of: subject, in: name).map(\.envelope.digest) == [digest(600)])
        }
    }
}
