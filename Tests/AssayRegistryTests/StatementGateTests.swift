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
    private func push(_ envelope: [UInt8], note: String) async throws {
        let manifest = try await referrer(of: envelope, note: note).bytes
        _ = try await test.registry.publish(
            Publish.Request(
                repository: version.repository, manifest: manifest, mediaType: MediaType.imageManifest,
                intent: .content), by: .local)
    }

    private func referrer(of envelope: [UInt8], note: String) async throws -> Manifest {
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

    @Test func `a no is not buried below what anybody may push`() async throws {
        try await protect(#""attestations":[{"type":"\#(Self.review)","where":{"approved":true}}]"#)
        try await attach(try envelope(#"{"approved":true}"#))
        let noise = Array("noise".utf8)
        let first = try await referrer(of: noise, note: "number")
        for number in 1...1_000 {
            let bytes = Array(String(decoding: first.bytes, as: UTF8.self).replacing("number", with: "\(number)").utf8)
            try await test.index.attach(
                Attachment(
                    blobs: [],
                    referrer: try Manifest(
                        parsing: bytes, digest: .sha256(of: bytes), contentType: MediaType.imageManifest)),
                to: version.manifestDigest, in: version.repository, origin: nil, actor: "test",
                at: Timestamp(milliseconds: 1_800_000_000_000))
        }
        try await attach(try envelope(#"{"approved":false}"#))
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
