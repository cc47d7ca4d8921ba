import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// Signatures and statements that others attach to a version that is there.
struct AttestTests {
    private static let review = "https://example.org/review/v1"

    private let test: TestRegistry
    private let version: Version
    private let stranger: PrivateKey

    init() async throws {
        test = try await TestRegistry()
        version = try #require(try await test.publish(["a.bin": "1"], to: "m").version)
        stranger = try PrivateKey.generate()
    }

    private func statement(_ predicate: String, type: String = review) -> Statement {
        Statement(
            subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: type,
            predicate: Array(predicate.utf8))
    }

    /// An envelope that names a key which did not sign it.
    private func forged(_ predicate: String, as key: PublicKey) throws -> [UInt8] {
        try DSSEEnvelope(
            signing: try statement(predicate).encoded(), type: MediaType.inToto, key: stranger, keyID: key.id
        ).encoded()
    }

    @discardableResult
    private func attach(_ envelope: [UInt8]) async throws -> Attest.Outcome {
        try await test.registry.attest(envelope: envelope, to: version.reference, by: .local)
    }

    private func attestations() async throws -> [AttestationRecord] {
        try await test.registry.catalog.attestations(of: version.reference)
    }

    private func code(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? AssayError)?.code
        }
    }

    /// Pushes an envelope as any OCI client does, with the annotations that it likes.
    private func push(_ envelope: [UInt8], annotations: String) async throws {
        let empty = try await test.push(Array("{}".utf8), to: version.repository)
        let record = try await test.push(envelope, to: version.repository)
        let subject = try #require(
            try await test.index.manifest(.digest(version.manifestDigest), in: version.repository))
        func descriptor(_ type: String, _ digest: Digest, _ size: Int) -> String {
            #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(size)}"#
        }
        let manifest = """
            {"schemaVersion":2,"mediaType":"\(MediaType.imageManifest)","artifactType":"\(MediaType.dsseEnvelope)",
            "config":\(descriptor(MediaType.empty, empty.digest, 2)),
            "layers":[\(descriptor(MediaType.dsseEnvelope, record.digest, envelope.count))],
            "subject":\(descriptor(MediaType.imageManifest, subject.digest, subject.bytes.count)),
            "annotations":\(annotations)}
            """
        _ = try await test.registry.publish(
            Publish.Request(
                repository: version.repository, manifest: Array(manifest.utf8), mediaType: MediaType.imageManifest,
                intent: .content), by: .local)
    }

    @Test func `a known key says the same words once, and is told by what it said first`() async throws {
        let first = try await attach(try statement(#"{"round":1}"#).signed(by: test.releaseKey))
        let second = try await attach(try statement(#"{"round":2}"#).signed(by: test.releaseKey))
        let again = try await attach(try statement(#"{"round":1}"#).signed(by: test.releaseKey))
        #expect(first.isNew && second.isNew && !again.isNew)
        #expect(again.attestation.manifestDigest == first.attestation.manifestDigest)
        #expect(again.attestation.predicateType == Self.review)
        #expect(try await attestations().count == 2)
    }

    @Test func `what a known key did not sign is refused, and keeps nothing out`() async throws {
        #expect(await code { try await attach(forged("{}", as: test.releaseKey.publicKey)) } == .signatureInvalid)
        #expect(try await attestations().isEmpty)
        #expect(try await attach(try statement("{}").signed(by: test.releaseKey)).isNew)
    }

    @Test func `a forged statement that came as a referrer does not stand in for the true one`() async throws {
        try await push(try forged("{}", as: test.releaseKey.publicKey), annotations: "{}")
        #expect(try await attach(try statement("{}").signed(by: test.releaseKey)).isNew)
        #expect(try await attestations().count == 2)
    }

    @Test func `of a key that nobody knows only the same signature is the same`() async throws {
        let envelope = try statement("{}").signed(by: stranger)
        #expect(try await attach(envelope).isNew)
        #expect(try await !attach(envelope).isNew)
        #expect(try await attach(try statement("{}").signed(by: stranger)).isNew)
    }

    @Test(arguments: ["{}", #"{"\#(Annotation.predicateType)":"https://example.org/another"}"#])
    func `what came as a referrer may be attached again, whatever its annotations say`(
        annotations: String
    ) async throws {
        let envelope = try statement("{}").signed(by: stranger)
        try await push(envelope, annotations: annotations)
        let outcome = try await attach(envelope)
        #expect(!outcome.isNew)
        #expect(outcome.attestation.predicateType == Self.review)
        #expect(try await attestations().map(\.manifestDigest) == [outcome.attestation.manifestDigest])
    }

    @Test func `a model signature that claims a known key must be its`() async throws {
        let file = VersionFile(path: "a.bin", digest: Digest.sha256(of: Array("1".utf8)), size: 1)
        func attach(_ bundle: [UInt8]) async throws -> Attest.Outcome {
            try await test.registry.attest(signature: bundle, to: version.reference, by: .local)
        }
        let bundle = String(decoding: try ModelSignature.sign([file], name: "m", key: stranger), as: UTF8.self)
        let lie = bundle.replacing(stranger.publicKey.id, with: test.releaseKey.publicKey.id)
        #expect(await code { _ = try await attach(Array(lie.utf8)) } == .signatureInvalid)
        #expect(try await attach(Array(bundle.utf8)).isNew)
        #expect(try await !attach(Array(bundle.utf8)).isNew)
    }

    @Test func `malformed provenance that came before tells nothing, and stops no push`() async throws {
        try await push(
            try statement(#"{"no":"provenance"}"#, type: PredicateType.provenance).signed(by: stranger),
            annotations: "{}")
        let again = try await test.publish(["a.bin": "1"], to: "m")
        #expect(!again.isNew && again.version?.number == version.number)
    }

    @Test func `bare provenance of before the version tells its sources`() async throws {
        let data = try #require(try await test.publish(["d.csv": "1"], to: "d", kind: .dataset).version)
        let provenance = Provenance(
            builderID: "b", metadata: VersionMetadata(),
            sources: [LineageSource(relation: .trainedOn, name: "d:1", digest: data.manifestDigest)])
        let predicate = try SignedEvidence(key: stranger).predicate(of: provenance)
        try await push(
            try statement(String(decoding: predicate, as: UTF8.self), type: PredicateType.provenance)
                .signed(by: stranger), annotations: "{}")
        _ = try await test.publish(["a.bin": "1"], to: "m")
        let lineage = try await test.registry.catalog.lineage(
            of: version.reference, direction: .ancestors, depth: 3)
        #expect(lineage.edges.contains { $0.relation == .trainedOn })
    }
}
