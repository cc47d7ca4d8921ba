import AssayAuditLog
import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

struct SealTests {
    private let test: TestRegistry
    private let version: Version

    init() async throws {
        test = try await TestRegistry()
        version = try #require(
            try await test.publish(
                ["a.bin": "1"], to: "m", signedBy: test.releaseKey, metadata: VersionMetadata(license: "MIT")
            ).version)
    }

    private func referrers(_ type: String) async throws -> [Descriptor] {
        try await test.index.referrers(
            of: version.manifestDigest, in: version.repository, artifactType: type, after: nil, limit: 100
        ).items
    }

    private func bills() async throws -> [AttestationRecord] {
        try await test.registry.catalog.attestations(of: version.reference)
            .filter { $0.predicateType == PredicateType.bill }
    }

    @Test func `a bill is attached once, with a statement of the registry that holds its bytes`() async throws {
        #expect(try await test.registry.seal(version.reference) == 3)
        #expect(try await test.registry.seal(version.reference) == 0)
        #expect(try await referrers(MediaType.cycloneDX).count == 1)
        #expect(try await referrers(MediaType.logProof).count == 1)
        let statement = try #require(try await bills().first)
        let envelope = try DSSEEnvelope(
            parsing: try await test.blobs.content(of: statement.envelope.digest, bytesMax: 1 << 20))
        #expect(try envelope.verify(trusted: [test.registryKey.publicKey]) == test.registryKey.publicKey)
        #expect(
            try envelope.unverifiedStatement().predicate == (try await test.registry.seal.bill(of: version.reference)))
    }

    @Test func `a bill is made anew after new provenance`() async throws {
        _ = try await test.registry.seal(version.reference)
        let told = try SignedEvidence(key: test.releaseKey).predicate(
            of: Provenance(
                builderID: "b", metadata: VersionMetadata(),
                sources: [LineageSource(relation: .trainedOn, name: "d:1", digest: Digest.sha256(of: [1]))]))
        let statement = Statement(
            subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: PredicateType.provenance,
            predicate: told)
        _ = try await test.registry.attest(
            envelope: try statement.signed(by: test.releaseKey), to: version.reference, by: .local)
        _ = try await test.registry.seal(version.reference)
        #expect(try await bills().count == 2)
    }

    @Test func `a bill that somebody pushed is not taken for the registry's`() async throws {
        let empty = try await test.push(Array("{}".utf8), to: version.repository)
        let junk = try await test.push(Array(#"{"bomFormat":"CycloneDX"}"#.utf8), to: version.repository)
        let subject = try #require(
            try await test.index.manifest(.digest(version.manifestDigest), in: version.repository))
        let manifest = """
            {"schemaVersion":2,"mediaType":"\(MediaType.imageManifest)","artifactType":"\(MediaType.cycloneDX)",
            "config":{"mediaType":"\(MediaType.empty)","digest":"\(empty.digest)","size":2},
            "layers":[{"mediaType":"\(MediaType.cycloneDX)","digest":"\(junk.digest)","size":\(junk.size)}],
            "subject":{"mediaType":"\(subject.mediaType)","digest":"\(subject.digest)","size":\(subject.bytes.count)}}
            """
        _ = try await test.registry.publish(
            Publish.Request(
                repository: version.repository, manifest: Array(manifest.utf8), mediaType: MediaType.imageManifest,
                intent: .content), by: .local)
        _ = try await test.registry.seal(version.reference)
        #expect(try await referrers(MediaType.cycloneDX).count == 2)
        #expect(try await bills().count == 1)
    }

    // MARK: What others pushed

    private func attach(_ document: [UInt8], type: String, _ annotations: [String: String] = [:]) async throws {
        _ = try await test.push(Array("{}".utf8), to: version.repository)
        let record = try await test.push(document, to: version.repository)
        let subject = try #require(
            try await test.index.manifest(.digest(version.manifestDigest), in: version.repository)
        ).parsed().descriptor
        let referrer = try Referrer.document(record, type: type, annotations: annotations, subject: subject)
        _ = try await test.registry.publish(
            Publish.Request(
                repository: version.repository, manifest: referrer, mediaType: MediaType.imageManifest,
                intent: .content), by: .local)
    }

    private func annotations(_ index: Int64, of log: String) -> [String: String] {
        [
            Annotation.logOrigin: log, Annotation.logIndex: String(index), Annotation.logKind: "version",
            Annotation.logSubject: "\(version.reference)",
        ]
    }

    private func origin(of registry: TestRegistry) -> String {
        String(decoding: registry.log.head.checkpoint.prefix { $0 != 0x0A }, as: UTF8.self)
    }

    @Test(arguments: [false, true])
    func `a false bill that nobody who is trusted signed does not keep the true one away`(isSigned: Bool) async throws {
        let bill = Array(#"{"bomFormat":"CycloneDX","fake":true}"#.utf8)
        let statement = Statement(
            subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: PredicateType.bill,
            predicate: bill)
        var envelope = try statement.signed(by: try PrivateKey.generate())
        if !isSigned {
            let text = String(decoding: envelope, as: UTF8.self)
            envelope = Array(text.replacing(/"sig": ?"[^"]*"/, with: #""sig":"AAAA""#).utf8)
        }
        try await attach(bill, type: MediaType.cycloneDX)
        try await attach(
            envelope, type: MediaType.dsseEnvelope, [Annotation.predicateType: PredicateType.bill])
        #expect(try await test.registry.seal(version.reference) == 3)
        #expect(try await test.registry.seal(version.reference) == 0)
    }

    @Test func `garbage that is called provenance makes no bill again`() async throws {
        _ = try await test.registry.seal(version.reference)
        try await attach(
            Array("x".utf8), type: MediaType.dsseEnvelope, [Annotation.predicateType: PredicateType.provenance])
        #expect(try await test.registry.seal(version.reference) == 0)
    }

    @Test func `annotations prove no entry of the log`() async throws {
        let mine = try #require(try await test.index.logIndexes(of: version.number, in: version.repository).first)
        try await attach(Array("x".utf8), type: MediaType.logProof, annotations(mine, of: origin(of: test)))
        try await attach(
            try await test.log.proof(of: 0), type: MediaType.logProof, annotations(mine, of: origin(of: test)))
        #expect(try await test.registry.seal(version.reference) == 3)
        #expect(try await test.registry.seal(version.reference) == 0)
    }

    @Test(arguments: [false, true])
    func `the proof of another log counts if that is trusted`(isTrusted: Bool) async throws {
        let other = try await TestRegistry()
        let same = try #require(try await other.publish(["a.bin": "1"], to: "m").version)
        #expect(same.manifestDigest == version.manifestDigest)
        let index = try #require(try await other.index.logIndexes(of: same.number, in: same.repository).first)
        try await attach(
            try await other.log.proof(of: index), type: MediaType.logProof, annotations(index, of: origin(of: other)))
        if isTrusted { try await test.trust(other.logKey.publicKey.pem, as: .log) }
        #expect(try await test.registry.seal(version.reference) == (isTrusted ? 2 : 3))
        #expect(try await test.registry.seal(version.reference) == 0)
    }
}
