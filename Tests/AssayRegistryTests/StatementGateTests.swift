import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// What statements say at the gate, over a real store: a no stays a no, and an old yes stays old.
struct StatementGateTests {
    private let test: TestRegistry
    private let production: AliasName
    private let version: Version

    private static let review = "https://example.org/review/v1"

    init() async throws {
        test = try await TestRegistry()
        production = try AliasName(parsing: "production")
        _ = try await test.publish(["test.npz": "data"], to: "data", kind: .dataset)
        version = try #require(
            try await test.publish(["model.onnx": "accuracy=0.5"], to: "m", signedBy: test.releaseKey).version)
    }

    private func protect(_ alias: AliasName, in repository: RepositoryName, by json: String) async throws {
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(json.utf8)), of: alias, in: repository, by: .local)
    }

    private func protect(_ demands: String) async throws {
        try await protect(production, in: version.repository, by: #"{"version":1,\#(demands)}"#)
    }

    private func envelope(_ predicate: String, type: String = review, key: PrivateKey? = nil) throws -> [UInt8] {
        try Statement(
            subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: type,
            predicate: Array(predicate.utf8)
        ).signed(by: key ?? test.releaseKey)
    }

    private func attach(_ envelope: [UInt8]) async throws {
        _ = try await test.registry.attest(envelope: envelope, to: version.reference, by: .local)
    }

    /// Pushes an envelope as a referrer of its own, as any OCI client does.
    private func push(_ envelope: [UInt8], note: String, type: String = MediaType.dsseEnvelope) async throws {
        let manifest = try await referrer(of: envelope, note: note, type: type).bytes
        _ = try await test.registry.publish(
            Publish.Request(
                repository: version.repository, manifest: manifest, mediaType: MediaType.imageManifest,
                intent: .content), by: .local)
    }

    private func referrer(
        of envelope: [UInt8], note: String, type: String = MediaType.dsseEnvelope
    ) async throws -> Manifest {
        let empty = try await test.push(Array("{}".utf8), to: version.repository)
        let record = try await test.push(envelope, to: version.repository)
        let subject = try #require(
            try await test.index.manifest(.digest(version.manifestDigest), in: version.repository))
        func descriptor(_ type: String, _ digest: Digest, _ size: Int) -> String {
            #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(size)}"#
        }
        let manifest = """
            {"schemaVersion":2,"mediaType":"\(MediaType.imageManifest)","artifactType":"\(type)",
            "config":\(descriptor(MediaType.empty, empty.digest, 2)),
            "layers":[\(descriptor(type, record.digest, envelope.count))],
            "subject":\(descriptor(MediaType.imageManifest, subject.digest, subject.bytes.count)),
            "annotations":{"note":"\(note)"}}
            """
        return try Manifest(
            parsing: Array(manifest.utf8), digest: .sha256(of: Array(manifest.utf8)),
            contentType: MediaType.imageManifest)
    }

    private func promote(_ version: Version? = nil, to alias: AliasName? = nil) async throws -> Bool {
        for _ in 0..<5 {
            switch try await test.registry.promote(
                version ?? self.version, to: alias ?? production, dryRun: false, by: .local)
            {
            case .measuring(let ids, _): try await test.finish(ids)
            case .promoted: return true
            default: return false
            }
        }
        return false
    }

    @Test func `a no takes the place of the yes before, and the yes that is attached again does not`() async throws {
        try await protect(#""attestations":[{"type":"\#(Self.review)","where":{"approved":true}}]"#)
        let yes = try envelope(#"{"approved":true}"#)
        try await attach(yes)
        #expect(try await test.registry.promote.check(version, for: production, policy: nil).decision.isPassed)
        try await attach(try envelope(#"{"approved":false}"#))
        #expect(try await !promote())
        // The same bytes under another referrer, the same words in other bytes, and the same words signed once more.
        try await push(yes, note: "again")
        #expect(try await !promote())
        try await push(Array(" ".utf8) + yes + Array("\n".utf8), note: "spaced")
        #expect(try await !promote())
        try await push(try envelope(#"{"approved":true}"#), note: "signed again")
        #expect(try await !promote())
        try await attach(try envelope(#"{"approved":true,"round":2}"#))
        #expect(try await promote(), "new words are new evidence")
    }

    @Test func `a no is not buried below what anybody may push, and no yes dug up`() async throws {
        try await protect(#""attestations":[{"type":"\#(Self.review)","where":{"approved":true}}]"#)
        let yes = try envelope(#"{"approved":true}"#)
        try await attach(yes)
        try await attach(try envelope(#"{"approved":false}"#))
        let noise = Array("noise".utf8)
        let first = String(decoding: try await referrer(of: noise, note: "number").bytes, as: UTF8.self)
        for number in 1...1_100 {
            let other = Digest.sha256(of: Array("noise \(number)".utf8))
            let bytes = Array(first.replacing("\(Digest.sha256(of: noise))", with: "\(other)").utf8)
            try await test.index.attach(
                Attachment(
                    blobs: [BlobRecord(digest: other, size: Int64(noise.count))],
                    referrer: try Manifest(
                        parsing: bytes, digest: .sha256(of: bytes), contentType: MediaType.imageManifest)),
                to: version.manifestDigest, in: version.repository, origin: nil, actor: "test",
                at: Timestamp(milliseconds: 1_800_000_000_000))
        }
        #expect(try await !promote())
        try await push(yes, note: "again")
        #expect(try await !promote())
        try await attach(try envelope(#"{"approved":true,"round":2}"#))
        #expect(try await promote(), "what was said behind the noise is heard")
    }

    @Test func `a yes that came when its key did not count yet is not the newest later`() async throws {
        try await protect(#""attestations":[{"type":"\#(Self.review)","where":{"approved":true}}]"#)
        let key = try PrivateKey.generate()
        _ = try await test.registry.trust.trust(
            ManageTrust.Request(
                pem: key.publicKey.pem, name: "later", role: .training,
                validFrom: test.clock.now().advanced(bySeconds: 1_000)), by: .local)
        let yes = try envelope(#"{"approved":true}"#, key: key)
        try await attach(yes)
        test.clock.advance(seconds: 2_000)
        try await attach(try envelope(#"{"approved":false}"#, key: key))
        #expect(try await !promote())
        try await push(yes, note: "again")
        #expect(try await !promote())
    }

    @Test func `a yes in a sigstore bundle stands where that came`() async throws {
        try await protect(#""attestations":[{"type":"\#(Self.review)","where":{"approved":true}}]"#)
        let yes = try envelope(#"{"approved":true}"#)
        let bundle =
            #"{"mediaType":"\#(MediaType.sigstoreBundle)","verificationMaterial":{"publicKey":{"hint":"x"}},"#
            + #""dsseEnvelope":\#(String(decoding: yes, as: UTF8.self))}"#
        try await push(Array(bundle.utf8), note: "bundle", type: MediaType.sigstoreBundle)
        #expect(try await test.registry.promote.check(version, for: production, policy: nil).decision.isPassed)
        try await attach(try envelope(#"{"approved":false}"#))
        try await push(yes, note: "unwrapped")
        #expect(try await !promote())
    }

    @Test func `provenance that its signer replaced tells no lineage`() async throws {
        try await protect(#""lineage":["trained-on"]"#)
        let data = try #require(try await test.index.version(Reference(parsing: "data:1")))
        func provenance(_ sources: [LineageSource]) throws -> [UInt8] {
            let predicate = try SignedEvidence(key: test.releaseKey).predicate(
                of: Provenance(builderID: "b", metadata: VersionMetadata(), sources: sources))
            return try envelope(String(decoding: predicate, as: UTF8.self), type: PredicateType.provenance)
        }
        try await attach(
            try provenance([LineageSource(relation: .trainedOn, name: "data:1", digest: data.manifestDigest)]))
        #expect(try await test.registry.promote.check(version, for: production, policy: nil).decision.isPassed)
        try await attach(try provenance([]))
        #expect(try await !promote())
    }

    @Test(arguments: [
        #""attestations":[{"type":"report"}]"#, #""attestations":[{"type":"test-result"}]"#,
        #""lineage":["evaluated-on"]"#, #""attestations":[{"type":"verdict"}]"#,
    ])
    func `what failed is not promoted by asking twice`(demand: String) async throws {
        let model = try #require(
            try await test.publish(["model.onnx": "fail=invalid-model"], to: "m", signedBy: test.releaseKey).version)
        try await protect(#""dataset":"data:1","metrics":{"accuracy":{"min":0.1}},\#(demand)"#)
        for _ in 1...3 { #expect(try await !promote(model)) }
        // Its report, test result and verdict are attached; they say no.
        try await protect(demand)
        for _ in 1...3 { #expect(try await !promote(model)) }
    }

    @Test func `a verdict for another alias of the same repository is evidence`() async throws {
        let staging = try AliasName(parsing: "staging")
        try await protect(#""attestations":[{"type":"verdict","where":{"assay_alias":"staging"}}]"#)
        #expect(try await !promote())
        #expect(try await !promote(), "its own verdict is no evidence for it")
        // In another repository somebody else decides, by rules of his own; the registry signs that too.
        let elsewhere = #"{"verificationResult":"PASSED","resourceUri":"evil:1","assay_alias":"staging"}"#
        try await attach(try envelope(elsewhere, type: PredicateType.verdict, key: test.registryKey))
        #expect(try await !promote(), "a verdict of another repository counted")
        try await protect(staging, in: version.repository, by: #"{"version":1}"#)
        #expect(try await promote(to: staging))
        #expect(try await promote())
    }

    @Test func `a policy is of a repository that is there`() async throws {
        let absent = try RepositoryName(parsing: "mm")
        let policy = try Policy.parse(Array(#"{"version":1}"#.utf8))
        let error = await #expect(throws: AssayError.self) {
            _ = try await test.registry.aliases.setPolicy(policy, of: production, in: absent, by: .local)
        }
        #expect(error?.code == .repositoryNotFound)
        #expect(try await test.index.repository(absent) == nil)
        var options = ManageAliases.PolicyOptions()
        options.creates = true
        _ = try await test.registry.aliases.setPolicy(policy, of: production, in: absent, options, by: .local)
        #expect(try await test.index.repository(absent) != nil)
    }
}
