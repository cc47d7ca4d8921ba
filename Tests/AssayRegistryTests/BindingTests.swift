import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// The gate between a manifest and the files that are signed and measured.
struct BindingTests {
    private let test: TestRegistry
    private let production: AliasName
    private let name: RepositoryName

    init() async throws {
        test = try await TestRegistry()
        production = try AliasName(parsing: "production")
        name = try RepositoryName(parsing: "m")
        _ = try await test.registry.publish.createRepository(name, kind: .model)
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(#"{"version":1}"#.utf8)), of: production, in: name, by: .local)
    }

    private static func descriptor(_ record: BlobRecord, _ type: String, path: String? = nil, more: String = "")
        -> String
    {
        let title = path.map { #","annotations":{"org.opencontainers.image.title":"\#($0)"}"# } ?? ""
        return #"{"mediaType":"\#(type)","digest":"\#(record.digest)","size":\#(record.size)\#(title)\#(more)}"#
    }

    /// A manifest of another producer: one file, and whatever `more` adds.
    private func foreign(
        _ type: String = "application/octet-stream", config: String = #"{"Entrypoint":["x"]}"#, more: String = ""
    ) async throws -> [UInt8] {
        let file = try await test.push(Array("weights".utf8), to: name)
        let config = try await test.push(Array(config.utf8), to: name)
        return Array(
            """
            {"schemaVersion":2,"mediaType":"\(MediaType.imageManifest)",\
            "config":\(Self.descriptor(config, "application/vnd.oci.image.config.v1+json")),\
            "layers":[\(Self.descriptor(file, type, path: "model.onnx"))]\(more)}
            """.utf8)
    }

    private func publish(_ manifest: [UInt8]) async throws -> Version {
        try #require(
            try await test.registry.publish(
                Publish.Request(
                    repository: name, manifest: manifest, mediaType: MediaType.imageManifest, intent: .version(nil)),
                by: .local
            ).version)
    }

    /// As a store of before holds it, when nobody asked how else it could be read.
    private func store(_ bytes: [UInt8]) async throws -> Version {
        let manifest = try Manifest(parsing: bytes, digest: .sha256(of: bytes), contentType: MediaType.imageManifest)
        return try #require(
            try await test.index.publish(
                Publication(
                    repository: name, kind: nil, manifest: manifest, intent: .version(nil), actor: "local",
                    at: test.clock.now())
            ).version)
    }

    private func signFiles(_ version: Version) async throws {
        let files = try ModelPack.files(of: try await manifest(of: version))
        _ = try await test.registry.attest(
            signature: try ModelSignature.sign(files, name: "m", key: test.releaseKey), to: version.reference,
            by: .local)
    }

    private func manifest(of version: Version) async throws -> Manifest {
        try #require(try await test.index.manifest(.digest(version.manifestDigest), in: name)).parsed()
    }

    private func outcome(_ version: Version) async throws -> RequirementOutcome? {
        let outcome = try await test.registry.promote(version, to: production, dryRun: false, by: .local)
        switch outcome {
        case .promoted(let decision, _, _), .refused(let decision, _, _):
            return decision.outcomes.first { $0.requirement == "manifest" }
        default: return nil
        }
    }

    private func promotes(_ version: Version) async throws -> Bool {
        if case .promoted = try await test.registry.promote(version, to: production, dryRun: false, by: .local) {
            return true
        }
        return false
    }

    private func refusal(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? AssayError)?.code
        }
    }

    @Test func `the form that is written here needs no second signature`() async throws {
        let version = try #require(try await test.publish(["a.bin": "1"], to: "m", signedBy: test.releaseKey).version)
        #expect(try await outcome(version)?.measured == "plain form 2")
    }

    @Test func `files alone bind no manifest of another producer`() async throws {
        let version = try await publish(try await foreign())
        try await signFiles(version)
        let found = try #require(try await outcome(version))
        #expect(found.status == .missing)
        let binding = try BindingPredicate.statement(binding: try await manifest(of: version), name: "m")
        for key in [try PrivateKey.generate(), test.registryKey] {
            _ = try await test.registry.attest(
                envelope: try binding.signed(by: key), to: version.reference, by: .local)
            #expect(try await outcome(version)?.status == .missing)
        }
        _ = try await test.registry.attest(
            envelope: try binding.signed(by: test.releaseKey), to: version.reference, by: .local)
        #expect(try await promotes(version))
    }

    @Test func `no other statement of a release key binds`() async throws {
        let version = try await publish(try await foreign())
        try await signFiles(version)
        let binding = try BindingPredicate.statement(binding: try await manifest(of: version), name: "m")
        for type in [PredicateType.bill, PredicateType.testResult, "https://example.org/approval"] {
            let said = Statement(subjects: binding.subjects, predicateType: type, predicate: binding.predicate)
            _ = try await test.registry.attest(
                envelope: try said.signed(by: test.releaseKey), to: version.reference, by: .local)
        }
        #expect(try await outcome(version)?.status == .missing)
    }

    @Test func `a key that may not sign here, or was revoked, binds nothing`() async throws {
        let version = try await publish(try await foreign())
        try await signFiles(version)
        let elsewhere = try PrivateKey.generate()
        _ = try await test.registry.trust.trust(
            ManageTrust.Request(
                pem: elsewhere.publicKey.pem, name: "other", role: .release,
                repositories: [try RepositoryPattern(parsing: "other/*")]), by: .local)
        let binding = try BindingPredicate.statement(binding: try await manifest(of: version), name: "m")
        _ = try await test.registry.attest(
            envelope: try binding.signed(by: elsewhere), to: version.reference, by: .local)
        #expect(try await outcome(version)?.status == .missing)
    }

    @Test(arguments: [#","Layers":[]"#, #","layer\u017f":[]"#, #","manifests":[]"#, #","Config":null"#])
    func `what a store of before holds is asked again`(more: String) async throws {
        let bytes = try await foreign(more: more)
        #expect(await refusal { _ = try await publish(bytes) } == .manifestInvalid)
        let version = try await store(bytes)
        try await signFiles(version)
        #expect(await refusal { _ = try await promotes(version) } == .manifestAmbiguous)
        let manifest = try await manifest(of: version)
        #expect(
            await refusal { _ = try BindingPredicate.statement(binding: manifest, name: "m") } == .manifestInvalid)
    }

    @Test func `a packed layer is never promoted nor measured`() async throws {
        let version = try await publish(try await foreign("application/vnd.cncf.model.weight.v1.tar+gzip"))
        try await signFiles(version)
        #expect(await refusal { _ = try await promotes(version) } == .manifestAmbiguous)
        let data = try #require(
            try await test.publish(["test.npz": "data"], to: "d", kind: .dataset).version)
        #expect(
            await refusal {
                _ = try await test.registry.verify.start(
                    subject: version, dataset: data, baseline: nil, settings: VerificationSettings())
            } == .manifestAmbiguous)
    }
}
