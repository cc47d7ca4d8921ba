import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import Foundation
import TestSupport
import Testing

/// What happens between a decision and the move of the alias: the verdict is stored in between, and there these tests
/// step in.
struct PromotionRaceTests {
    private let test: TestRegistry
    private let production: AliasName
    private let digits: RepositoryName

    init() async throws {
        test = try await TestRegistry()
        production = try AliasName(parsing: "production")
        digits = try RepositoryName(parsing: "digits")
        _ = try await test.publish(["test.npz": "data"], to: "digits-test", kind: .dataset)
    }

    private func protect(_ json: String) async throws {
        _ = try await test.registry.publish.createRepository(digits, kind: .model)
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(json.utf8)), of: production, in: digits, by: .local)
    }

    private func version(_ script: String) async throws -> Version {
        try #require(
            try await test.publish(["model.onnx": script], to: "digits", signedBy: test.releaseKey).version)
    }

    private func promote(_ version: Version) async throws -> Promote.Outcome {
        for _ in 0..<9 {
            let outcome = try await test.registry.promote(version, to: production, dryRun: false, by: .local)
            guard case .measuring(let ids, _) = outcome else { return outcome }
            try await test.finish(ids)
        }
        throw AssayError(.internalError, "the promotion measures without end")
    }

    private func holder() async throws -> VersionNumber? {
        try await test.index.version(Reference(digits, production))?.number
    }

    private func attest(
        _ predicate: some Encodable, as type: String, on version: Version, by key: PrivateKey
    ) async throws {
        let statement = Statement(
            subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: type,
            predicate: try JSON.encode(predicate))
        _ = try await test.registry.attest(envelope: try statement.signed(by: key), to: version.reference, by: .local)
    }

    private static let bare = #"{"version":1}"#

    @Test func `a key that is revoked between deciding and moving stops the move`() async throws {
        try await protect(Self.bare)
        let version = try await version("a")
        test.hookedBlobs.beforeNextPut { [test] in
            _ = try await test.registry.trust.revoke(test.releaseKey.publicKey.id, since: nil, by: .local)
        }
        guard case .refused(let decision, _, _) = try await promote(version) else {
            Issue.record("it was promoted by a key that was revoked before the move")
            return
        }
        #expect(decision.outcomes.first?.requirement == "signature")
        #expect(try await holder() == nil)
    }

    @Test func `a waiver that ends between deciding and moving waives nothing`() async throws {
        try await protect(#"{"version":1,"size":{"max_bytes":0},"waivers":{"role":"release"}}"#)
        let version = try await version("a")
        let end = test.clock.now().advanced(bySeconds: 100)
        let policy = try #require(try await test.index.policy(of: production, in: version.repository)).digest
        try await attest(
            Waiver(
                scope: .init(
                    repository: version.repository, version: version.manifestDigest, alias: production, policy: policy),
                requirement: "size", reason: "soon smaller", expiresAt: end),
            as: PredicateType.waiver, on: version, by: test.releaseKey)
        guard
            case .refused = try await {
                test.hookedBlobs.beforeNextPut { [test] in test.clock.advance(seconds: 200) }
                return try await promote(version)
            }()
        else {
            Issue.record("a waiver counted after its end")
            return
        }
        #expect(try await holder() == nil)
    }

    @Test func `evidence that comes in between is part of the decision`() async throws {
        try await protect(#"{"version":1,"attestations":[{"type":"provenance","role":"release"}]}"#)
        let version = try await version("a")
        let told = try SignedEvidence(key: test.releaseKey).predicate(
            of: Provenance(builderID: "b", metadata: VersionMetadata(), sources: []))
        let statement = Statement(
            subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: PredicateType.provenance,
            predicate: told)
        _ = try await test.registry.attest(
            envelope: try statement.signed(by: test.releaseKey), to: version.reference, by: .local)
        // Nothing of what is added decides; that it was decided by all that there is does.
        test.hookedBlobs.beforeNextPut { [test] in
            let other = Statement(
                subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: "https://x.org/note/v1",
                predicate: Array("{}".utf8))
            _ = try await test.registry.attest(
                envelope: try other.signed(by: test.releaseKey), to: version.reference, by: .local)
        }
        guard case .promoted = try await promote(version) else {
            Issue.record("it was not decided again")
            return
        }
        let verdicts = try await test.registry.catalog.attestations(of: version.reference)
            .filter { $0.predicateType == PredicateType.verdict }
        #expect(verdicts.count == 1)
    }

    @Test func `a report that comes in between is the one that decides`() async throws {
        try await protect(
            #"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9}},"tries":{"max":1}}"#)
        let version = try await version("accuracy=0.95")
        guard
            case .measuring(let ids, _) = try await test.registry.promote(
                version, to: production, dryRun: false, by: .local)
        else {
            Issue.record("it was not measured")
            return
        }
        try await test.finish(ids)
        let policy = try Policy.parse(
            Array(#"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9}}}"#.utf8))
        let settings = try #require(policy.verificationSettings)
        test.hookedBlobs.beforeNextPut { [test] in
            let data = try await test.registry.catalog.version(try Reference(parsing: "digits-test:1"))
            let again = try await test.registry.verify.start(
                subject: version, dataset: data, baseline: nil, settings: settings)
            try await test.finish([again.id])
        }
        guard case .refused(let decision, _, _) = try await promote(version) else {
            Issue.record("the second try did not count")
            return
        }
        #expect(decision.outcomes.contains { $0.requirement == "tries" && $0.measured == "2" && $0.status == .failed })
    }

    @Test func `a policy that is replaced in between decides`() async throws {
        try await protect(Self.bare)
        let version = try await version("a")
        test.hookedBlobs.beforeNextPut { [self] in
            try await protect(#"{"version":1,"size":{"max_bytes":0}}"#)
        }
        guard case .refused(let decision, _, _) = try await promote(version) else {
            Issue.record("the replaced policy decided")
            return
        }
        #expect(decision.outcomes.map(\.requirement) == ["signature", "manifest", "size"])
    }

    @Test func `a holder that moves in between is the one that is compared with`() async throws {
        try await protect(
            #"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.5,"max_drop":0.01}}}"#)
        let worse = try await version("accuracy=0.6")
        let better = try await version("accuracy=0.9")
        // Both are measured before they race.
        for version in [worse, better] {
            guard
                case .measuring(let ids, _) = try await test.registry.promote(
                    version, to: production, dryRun: false, by: .local)
            else { continue }
            try await test.finish(ids)
        }
        test.hookedBlobs.beforeNextPut { [self] in _ = try await promote(better) }
        guard case .refused(let decision, let current, _) = try await promote(worse) else {
            Issue.record("the worse version won")
            return
        }
        #expect(current == better.number)
        #expect(decision.outcomes.contains { $0.requirement == "accuracy.drop" && $0.status == .failed })
        #expect(try await holder() == better.number)
    }

    @Test func `what changes each time ends as a conflict, and nothing moves`() async throws {
        try await protect(Self.bare)
        let version = try await version("a")
        let keys = try (0..<9).map { _ in try PrivateKey.generate().publicKey.pem }
        test.hookedBlobs.beforePuts(keys.map { pem in { [test] in try await test.trust(pem, as: .training) } })
        let error = await #expect(throws: AssayError.self) { try await promote(version) }
        #expect(error?.code == .aliasConflict)
        #expect(try await holder() == nil)
    }

    @Test func `a registry's key that is rotated in between signs the verdict that counts`() async throws {
        try await protect(Self.bare)
        let version = try await version("a")
        test.hookedBlobs.beforeNextPut { [test] in _ = try await test.registry.trust.rotate(by: .local) }
        guard case .promoted(_, _, let verdict) = try await promote(version) else {
            Issue.record("it was not promoted")
            return
        }
        let envelope = try DSSEEnvelope(parsing: try await test.blobs.content(of: verdict, bytesMax: 1 << 20))
        #expect(try envelope.verify(trusted: [test.keys.signer.key.publicKey]) == test.keys.signer.key.publicKey)
    }

    // MARK: Content

    private func damage(_ text: String) throws {
        try damage(Digest.sha256(of: Array(text.utf8)))
    }

    private func damage(_ digest: Digest) throws {
        let path = "\(test.folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count / 2] ^= 1
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.write(contentsOf: bytes)
        try file.close()
    }

    @Test(arguments: [1, 70_000, 5_000_000])
    func `a version whose bytes were changed on disk is refused, whatever was measured before`(padding: Int)
        async throws
    {
        let text = "accuracy=0.95 " + String(repeating: "x", count: padding)
        try await protect(#"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9}}}"#)
        let version = try await version(text)
        guard
            case .measuring(let ids, _) = try await test.registry.promote(
                version, to: production, dryRun: false, by: .local)
        else {
            Issue.record("it was not measured")
            return
        }
        try await test.finish(ids)
        try damage(text)
        guard case .refused(let decision, _, _) = try await promote(version) else {
            Issue.record("damaged bytes were promoted")
            return
        }
        #expect(decision.outcomes.contains { $0.requirement == "content" && $0.status == .failed })
        #expect(test.host.runCount == 1)
    }

    @Test func `a config whose bytes were changed on disk is found too`() async throws {
        try await protect(Self.bare)
        let version = try await version("a")
        let manifest = try await test.registry.catalog.manifest(.digest(version.manifestDigest), in: digits).parsed()
        try damage(try #require(manifest.config).digest)
        guard case .refused(let decision, _, _) = try await promote(version) else {
            Issue.record("a damaged config was promoted")
            return
        }
        #expect(decision.outcomes.contains { $0.requirement == "content" && $0.status == .failed })
    }

    @Test func `a damaged report is measured anew`() async throws {
        try await protect(#"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9}}}"#)
        let version = try await version("accuracy=0.95")
        guard
            case .measuring(let ids, _) = try await test.registry.promote(
                version, to: production, dryRun: false, by: .local)
        else {
            Issue.record("it was not measured")
            return
        }
        try await test.finish(ids)
        let first = try await test.registry.verify.verification(ids[0])
        try damage(try #require(first.envelopeDigest))
        guard case .promoted = try await promote(version) else {
            Issue.record("the damaged report was in the way")
            return
        }
        #expect(test.host.runCount == 2)
        // A damaged verdict is no obstacle either: it is decided again.
        let last = try await test.registry.aliases.history(of: production, in: digits, before: nil, limit: 1).items
        try damage(try #require(last.first?.verdictDigest))
        guard case .promoted = try await promote(version) else {
            Issue.record("the damaged verdict was in the way")
            return
        }
        #expect(test.host.runCount == 2)
    }
}
