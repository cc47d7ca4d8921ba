import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// Figures that were measured elsewhere, at the gate, over a real store.
struct FigureGateTests {
    private let test: TestRegistry
    private let production: AliasName
    private let version: Version
    private let data: Version
    private let key: PrivateKey

    init() async throws {
        test = try await TestRegistry()
        production = try AliasName(parsing: "production")
        key = try PrivateKey.generate()
        try await test.trust(key.publicKey.pem, as: .evaluation)
        data = try #require(try await test.publish(["test.npz": "data"], to: "data", kind: .dataset).version)
        version = try #require(
            try await test.publish(["model.onnx": "accuracy=0.5"], to: "m", signedBy: test.releaseKey).version)
    }

    private func protect(_ demand: String) async throws {
        let json = #"{"version":1,"measured":{"mmlu":{\#(demand)}},"waivers":{"role":"release"}}"#
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(json.utf8)), of: production, in: version.repository, by: .local)
    }

    private func envelope(
        _ value: String, on dataset: Digest? = nil, by signer: PrivateKey? = nil, at seconds: Int64 = 0
    ) throws -> [UInt8] {
        let predicate =
            #"{"dataset":{"digest":"\#(dataset ?? data.manifestDigest)","name":"data:1"},"#
            + #""metrics":{"mmlu":{"value":\#(value)}},"stated_at":"\#(Timestamp(milliseconds: seconds * 1_000))"}"#
        return try Statement(
            subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: PredicateType.figures,
            predicate: Array(predicate.utf8)
        ).signed(by: signer ?? key)
    }

    private func attach(_ envelope: [UInt8]) async throws {
        _ = try await test.registry.attest(envelope: envelope, to: version.reference, by: .local)
    }

    /// Attaches as part of a push, where nobody looks at what it says.
    private func push(_ envelope: [UInt8]) async throws {
        let manifest = try #require(
            try await test.index.manifest(.digest(version.manifestDigest), in: version.repository))
        _ = try await test.registry.publish(
            Publish.Request(
                repository: version.repository, kind: .model, manifest: manifest.bytes,
                mediaType: MediaType.imageManifest, intent: .version(nil), attestations: [envelope]), by: .local)
    }

    private func line() async throws -> RequirementOutcome {
        let decision = try await test.registry.promote.check(version, for: production, policy: nil).decision
        return try #require(decision.outcomes.first { $0.requirement == "measured.mmlu" })
    }

    private func promote() async throws -> Bool {
        if case .promoted = try await test.registry.promote(version, to: production, dryRun: false, by: .local) {
            return true
        }
        return false
    }

    @Test func `a signed figure promotes, and a newer worse one of the same key does not`() async throws {
        try await protect(#""min":0.6,"role":"evaluation","dataset":"data:1","max_age":"30d""#)
        #expect(try await !promote())
        try await attach(try envelope("0.7"))
        try await attach(try envelope("0.5", at: 1))
        #expect(try await !promote())
        // The old words once more do not become new.
        try await push(try envelope("0.7"))
        #expect(try await !promote())
        try await attach(try envelope("0.7", at: 2))
        #expect(try await promote())
    }

    @Test func `strangers neither add a figure nor hide one`() async throws {
        try await protect(#""min":0.6"#)
        let stranger = try PrivateKey.generate()
        try await attach(try envelope("0.9", by: stranger))
        #expect(try await line().measured == "none by a trusted key")
        try await attach(try envelope("0.7"))
        try await attach(try envelope("0.1", by: stranger, at: 1))
        #expect(try await line().status == .passed)
    }

    @Test func `two signatures in one envelope are the word of both`() async throws {
        let other = try PrivateKey.generate()
        try await test.trust(other.publicKey.pem, as: .training)
        let (first, second) = (try envelope("0.7"), try envelope("0.7", by: other))
        func signature(_ envelope: [UInt8]) throws -> String {
            let text = String(decoding: envelope, as: UTF8.self)
            let start = try #require(text.firstRange(of: #""signatures":["#)).upperBound
            return String(text[start..<(try #require(text[start...].firstIndex(of: "]")))])
        }
        let text = String(decoding: first, as: UTF8.self)
        let both = text.replacing(try signature(first), with: try signature(second) + "," + signature(first))
        try await attach(Array(both.utf8))
        for role in ["evaluation", "training"] {
            try await protect(#""min":0.6,"role":"\#(role)""#)
            #expect(try await line().status == .passed, "\(role)")
        }
    }

    @Test func `a figure grows too old by the time of the log`() async throws {
        try await protect(#""min":0.6,"max_age":"30d""#)
        // It says of itself that it is of the year 2100.
        try await attach(try envelope("0.7", at: 4_102_444_800))
        #expect(try await line().status == .passed)
        test.clock.advance(seconds: 31 * 86_400)
        #expect(try await line().measured.contains("too old"))
        #expect(try await !promote())
        try await attach(try envelope("0.7", at: 4_102_444_801))
        #expect(try await promote())
    }

    @Test func `a key that was revoked or had ended is told`() async throws {
        try await protect(#""min":0.6"#)
        try await attach(try envelope("0.7"))
        #expect(try await line().status == .passed)
        _ = try await test.registry.trust.revoke(key.publicKey.id, since: nil, by: .local)
        let revoked = try await line()
        #expect(revoked.status == .missing)
        #expect(revoked.measured.contains("was revoked"))
        let ended = try PrivateKey.generate()
        _ = try await test.registry.trust.trust(
            ManageTrust.Request(
                pem: ended.publicKey.pem, name: "ended", role: .evaluation, validUntil: test.clock.now()), by: .local)
        test.clock.advance(seconds: 60)
        try await attach(try envelope("0.8", by: ended))
        #expect(try await line().measured.contains("had ended"))
    }

    @Test func `a figure is waived by its own name`() async throws {
        try await protect(#""min":0.6"#)
        try await attach(try envelope("0.5"))
        let policy = try #require(try await test.index.policy(of: production, in: version.repository))
        let waiver = Waiver(
            scope: .init(
                repository: version.repository, version: version.manifestDigest, alias: production,
                policy: policy.digest), requirement: "measured.mmlu", reason: "agreed",
            expiresAt: Timestamp(milliseconds: 4_102_444_800_000))
        func signed(_ key: PrivateKey) throws -> [UInt8] {
            try Statement(
                subjects: [.init(name: "m", digest: version.manifestDigest)], predicateType: PredicateType.waiver,
                predicate: try JSON.encode(waiver)
            ).signed(by: key)
        }
        try await attach(try signed(key))
        #expect(try await line().status == .failed, "a key for figures waives nothing")
        try await attach(try signed(test.releaseKey))
        #expect(try await line().status == .waived)
    }

    @Test func `figures that nobody can read are refused where they are attached, and never count`() async throws {
        let error = await #expect(throws: AssayError.self) { try await attach(try envelope(#""0.9""#)) }
        #expect(error?.code == .requestInvalid)
        #expect(error?.remedy != nil)
        try await protect(#""min":0.6"#)
        try await attach(try envelope("0.7"))
        try await push(try envelope(#""0.9""#, at: 1))
        #expect(try await line().measured.contains("cannot be read"))
    }

    @Test func `data that a policy bounds figures on is kept`() async throws {
        try await protect(#""min":0.6,"dataset":"data:1""#)
        let error = await #expect(throws: AssayError.self) {
            try await test.registry.delete.version(data.reference, by: .local)
        }
        #expect(error?.code == .inUse)
        let unknown = await #expect(throws: AssayError.self) { try await protect(#""min":0.6,"dataset":"data:7""#) }
        #expect(unknown?.code == .versionNotFound)
        let model = await #expect(throws: AssayError.self) { try await protect(#""min":0.6,"dataset":"m:1""#) }
        #expect(model?.code == .datasetUnsupported)
    }
}
