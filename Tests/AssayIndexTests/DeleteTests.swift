import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

/// What goes with a manifest, and what stays.
struct DeleteTests {
    private static let manifest = digest(1_000_001)

    @Test func `a version goes with everything that is its own`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            try await index.push(9, to: "data", kind: .dataset)
            try await index.push(
                1, tag: "latest", metadata: VersionMetadata(description: "digits", runId: "run-1"),
                lineage: [(.trainedOn, "data:1")])
            try await index.push(2)
            _ = try await index.annotate(name, try number(1), changes: ["stage": "tested"])
            try await index.delete("team/fraud:1")

            for reference in ["team/fraud:1", "team/fraud:latest", "team/fraud@\(Self.manifest)"] {
                let reference = try Reference(parsing: reference)
                #expect(try await index.version(reference) == nil)
                #expect(try await index.manifest(reference.selector, in: name) == nil)
            }
            #expect(try await index.tags(in: name, after: nil, limit: 9).items == ["2"])
            #expect(try await index.repository(name)?.versionCount == 1)
            #expect(try await index.search("digits", kind: nil, limit: 9).isEmpty)
            #expect(try await index.relations(of: .version(name, try number(1))).isEmpty)
            let annotated = VersionQuery(repository: name, annotation: ("stage", "tested"), limit: 9)
            #expect(try await index.versions(annotated).items.isEmpty)
            let results = try await index.lineage(of: .run("run-1"), direction: .descendants, depth: 9, edgesMax: 9)
            #expect(results.edges.isEmpty)
            try await index.delete("data:1")
        }
    }

    @Test func `the content of a deleted version is the next version when it comes back`() async throws {
        try await withIndex { index in
            try await index.push(1, metadata: VersionMetadata(framework: "onnx"))
            try await index.push(2)
            try await index.delete("team/fraud:2")
            let again = try await index.push(2)
            #expect(again.isNew)
            #expect(try again.version?.number == number(3))
            try await index.delete("team/fraud:1")
            try await index.delete("team/fraud:3")
            let first = try #require(try await index.push(1).version)
            #expect(try first.number == number(4))
            #expect(first.metadata.framework == nil && first.annotations.isEmpty)
            #expect(try await index.repository(try repositoryName("team/fraud"))?.versionCount == 1)
        }
    }

    @Test func `a number is not given again, not even when somebody asks for it`() async throws {
        try await withIndex { index in
            try await index.push(1, tag: "7")
            try await index.push(2, tag: "3")
            try await index.delete("team/fraud:7")
            for seed in [1, 3] {
                let refusal = await code { try await index.push(seed, tag: "7") }
                #expect(refusal == .tagImmutable)
            }
            #expect(try await index.push(4, tag: "5").version?.number == number(5))
            #expect(try await index.push(5).version?.number == number(8))
            #expect(try await index.push(1, to: "other", tag: "7").isNew)
        }
    }

    @Test func `the history keeps the aliases of a deleted version`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            for alias in ["b", "a"] { try await index.push(1, tag: alias) }
            try await index.push(2, tag: "c")
            try await index.deleteManifest(Self.manifest, in: name, actor: "owner", at: time(9))
            #expect(try await index.aliases(in: name).map(\.name.text) == ["c"])
            for alias in ["a", "b"] {
                let moves = try await index.aliasHistory(try aliasName(alias), in: name, before: nil, limit: 9).items
                let last = try #require(moves.first)
                #expect(moves.map(\.cause) == [.removal, .set])
                #expect(try last.from == number(1) && last.to == nil && last.actor == "owner" && last.at == time(9))
            }
        }
    }

    @Test func `what was deleted is not there to be deleted again`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            func delete(in name: RepositoryName) async -> ErrorCode? {
                await code { try await index.deleteManifest(Self.manifest, in: name, actor: "tester", at: time(9)) }
            }
            #expect(await delete(in: name) == .repositoryNotFound)
            try await index.push(1)
            try await index.push(1, to: "other")
            #expect(await delete(in: name) == nil)
            #expect(await delete(in: name) == .manifestNotFound)
            #expect(try await index.found("other:1").manifestDigest == Self.manifest)
        }
    }

    @Test func `a deleted referrer leaves the list, and a deleted subject leaves its referrers`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            try await index.push(
                1, attachments: [20, 21].map { try Sample.attachment($0, about: Self.manifest) })
            try await index.deleteManifest(digest(1_000_020), in: name, actor: "tester", at: time(9))
            func referrers() async throws -> [Digest] {
                try await index.referrers(of: Self.manifest, in: name, artifactType: nil, after: nil, limit: 9)
                    .items.map(\.digest)
            }
            #expect(try await referrers() == [digest(1_000_021)])
            #expect(try await index.attestations(of: Self.manifest, in: name).map(\.envelope.digest) == [digest(21)])
            try await index.delete("team/fraud:1")
            #expect(try await referrers() == [digest(1_000_021)])
        }
    }

    @Test func `a child of an index can be deleted`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            try await index.push(1)
            let parent = try Sample.index(2, of: Self.manifest)
            _ = try await index.publish(
                Publication(
                    repository: name, kind: nil, manifest: parent, intent: .version(nil), actor: "tester", at: time(2)))
            try await index.delete("team/fraud:1")
            #expect(try await index.manifest(.digest(parent.digest), in: name)?.parsed() == parent)
        }
    }

    @Test func `a report takes the verification with it that it ended`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "data", kind: .dataset)
            let measured = try await index.measure("team/fraud:1", on: "data:1", bits: 1, seed: 40)
            let other = try await index.measure("team/fraud:1", on: "data:1", bits: 2, seed: 41)
            let name = measured.subject.repository
            try await index.deleteManifest(digest(1_000_040), in: name, actor: "tester", at: time(9))
            #expect(try await index.verifications(of: Self.manifest, in: name, limit: 9) == [other])
            #expect(try await index.verification(measured.id) == nil)
            #expect(try await index.relations(of: .version(name, try number(1))) == [.evaluatedOn])
        }
    }

    @Test func `a waiting verification goes with its version`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.push(2, to: "data", kind: .dataset)
            try await index.enqueue(try await index.verification(of: "team/fraud:1", on: "data:1", bits: 1))
            let claimed = try #require(try await index.claim(7))
            try await index.delete("team/fraud:1")
            let finished = await code {
                try await index.finish(
                    claimed, claim: ClaimID(bits: 7),
                    attaching: [try Sample.attachment(40, about: Self.manifest)], tryBy: nil, actor: "tester")
            }
            #expect(finished == .claimNotFound)
            try await index.requeueInterruptedVerifications(leaseUntil: time(1), atMost: time(1_000))
            #expect(try await index.claim(8) == nil)
            #expect(try await index.attestations(of: Self.manifest, in: claimed.subject.repository).isEmpty)
        }
    }

    @Test func `evidence is attached to what is there alone`() async throws {
        try await withIndex { index in
            let name = try repositoryName("team/fraud")
            func attach() async throws {
                let evidence = try Sample.attachment(40, about: Self.manifest)
                try await index.attach(evidence, to: Self.manifest, in: name, origin: nil, actor: "tester", at: time(5))
            }
            #expect(await code(of: attach) == .manifestNotFound)
            try await index.push(1)
            try await attach()
            #expect(try await index.attestations(of: Self.manifest, in: name).map(\.createdAt) == [time(5)])
            try await index.delete("team/fraud:1")
            #expect(await code(of: attach) == .manifestNotFound)
        }
    }

    // MARK: Blobs

    @Test func `a blob leaves one repository and stays in the others`() async throws {
        try await withIndex { index in
            let (here, there) = (try repositoryName("here"), try repositoryName("there"))
            for name in [here, there] {
                try await index.linkBlob(digest(1), size: 7, to: name, at: time(1), leasedUntil: time(50))
            }
            try await index.deleteBlob(digest(1), in: here, actor: "tester", at: time(9))
            #expect(try await index.blobSize(digest(1), in: here) == nil)
            #expect(try await index.blobSize(digest(1), in: there) == 7)
            #expect(
                await code { try await index.deleteBlob(digest(1), in: here, actor: "tester", at: time(9)) }
                    == .blobNotFound)
            #expect(
                await code {
                    try await index.deleteBlob(digest(1), in: try repositoryName("no"), actor: "tester", at: time(9))
                } == .blobNotFound)
            #expect(try await index.unreferencedBlobs(now: time(50), limit: 9).isEmpty)
            try await index.deleteBlob(digest(1), in: there, actor: "tester", at: time(9))
            #expect(try await index.unreferencedBlobs(now: time(2), limit: 9).map(\.digest) == [digest(1)])
            try await index.linkBlob(digest(1), size: 7, to: here, at: time(3), leasedUntil: time(60))
            #expect(try await index.unreferencedBlobs(now: time(4), limit: 9).isEmpty)
        }
    }

    @Test func `a blob stays while a manifest of its repository names it`() async throws {
        try await withIndex { index in
            let (name, other) = (try repositoryName("team/fraud"), try repositoryName("other"))
            try await index.push(1)
            try await index.linkBlob(digest(1), size: Sample.layerBytes, to: other, at: time(1), leasedUntil: time(1))
            #expect(
                await code { try await index.deleteBlob(digest(1), in: name, actor: "tester", at: time(9)) } == .inUse)
            try await index.deleteBlob(digest(1), in: other, actor: "tester", at: time(9))
            #expect(try await index.unreferencedBlobs(now: time(9), limit: 9).isEmpty)
            try await index.delete("team/fraud:1")
            #expect(try await index.blobSize(digest(1), in: name) == Sample.layerBytes)
            #expect(try await index.unreferencedBlobs(now: time(9), limit: 9).map(\.digest) == [digest(1)])
            try await index.deleteBlob(digest(1), in: name, actor: "tester", at: time(9))
            let again = Publication(
                repository: name, kind: nil, manifest: try Sample.manifest(1), intent: .version(nil), actor: "tester",
                at: time(9))
            #expect(await code { _ = try await index.publish(again) } == .blobUnknown)
        }
    }
}
