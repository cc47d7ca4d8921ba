import APIProtocol
import AssayClient
import AssayCrypto
import AssayDomain
import NIOHTTP1
import Testing

/// A server that answers with something else than was asked for.
struct AnswerTests {
    /// One answer to everything.
    private struct Constant: StubBehaviour {
        let body: [UInt8]

        func bodyLimit(of head: HTTPRequestHead) -> Int? { nil }
        func answer(_ request: StubRequest) -> StubAnswer { StubAnswer(body: body) }
    }

    /// An answer, and a question that it is none to.
    struct Lie: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let body: [UInt8]
        let ask: @Sendable (AssayClient) async throws -> Void
    }

    private static func code(_ lie: Lie) async throws -> ErrorCode? {
        try await StubServer.run(Constant(body: lie.body)) { url in
            try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate) { client in
                do {
                    try await lie.ask(client)
                    return nil
                } catch let error as AssayError {
                    return error.code
                }
            }
        }
    }

    // MARK: Versions

    @Test(arguments: [
        ("team/model:2", nil), ("team/model:production", nil), ("team/model@\(digest(2))", nil),
        ("team/model:1", ErrorCode.answerMismatch), ("team/other:2", .answerMismatch),
        ("team/model:candidate", .answerMismatch), ("team/other:production", .answerMismatch),
        ("team/model@\(digest(1))", .answerMismatch), ("team/other@\(digest(2))", .answerMismatch),
    ])
    func `a version is taken for what it was asked by and nothing else`(text: String, code: ErrorCode?) async throws {
        let reference = try Reference(parsing: text)
        let found = try await Self.code(
            Lie(testDescription: text, body: JSON.encode(Self.version(2))) { _ = try await $0.version(reference) })
        #expect(found == code)
    }

    // MARK: Every other answer

    @Test(arguments: try lies())
    func `an answer of something else is refused`(lie: Lie) async throws {
        #expect(try await Self.code(lie) == .answerMismatch)
    }

    private static func lies() throws -> [Lie] {
        try versionLies() + aliasLies() + verificationLies() + listLies()
    }

    private static func versionLies() throws -> [Lie] {
        let model = try RepositoryName(parsing: "team/model")
        let first = try Reference(parsing: "team/model:1")
        let manifest = #"{"schemaVersion":2}"#
        let publish = PublishRequest(
            repository: model, kind: nil, manifest: manifest, mediaType: MediaType.imageManifest)
        return [
            try lie("a publish", PublishResponse(version: version(2), isNew: true)) {
                _ = try await $0.publish(publish)
            },
            try lie("an annotation", version(2)) {
                _ = try await $0.annotate(first, AnnotateRequest(annotations: [:]))
            },
            try lie("a repository", repository("team/other")) { _ = try await $0.repository(model) },
            try lie("a promotion", promotion(2)) {
                _ = try await $0.promote(PromoteRequest(reference: first, alias: try AliasName(parsing: "production")))
            },
            try lie("a promotion to another alias", promotion(1, alias: "staging")) {
                _ = try await $0.promote(PromoteRequest(reference: first, alias: try AliasName(parsing: "production")))
            },
            try lie("a check of a policy", promotion(2)) {
                _ = try await $0.checkPolicy(nil, of: try AliasName(parsing: "production"), on: first)
            },
            try lie("a lineage", LineageResponse(graph("team/model", 2))) {
                _ = try await $0.lineage(of: first, direction: .ancestors)
            },
            try lie("a lineage the other way", LineageResponse(graph("team/model", 1))) {
                _ = try await $0.lineage(of: first, direction: .descendants)
            },
            Lie(testDescription: "a graph", body: Array(try graph("team/model", 2).dot.utf8)) {
                _ = try await $0.lineageDOT(of: first, direction: .ancestors)
            },
            try lie("a signature", attestation(MediaType.sigstoreBundle)) {
                _ = try await $0.attest(AttestRequest(reference: first, signature: "{}"))
            },
            try lie("a statement", attestation(MediaType.sigstoreBundle)) {
                _ = try await $0.attest(AttestRequest(reference: first, envelope: "{}"))
            },
        ]
    }

    private static func aliasLies() throws -> [Lie] {
        let production = try Reference(parsing: "team/model:production")
        let two = try #require(VersionNumber(2))
        let other = try move("team/model", "staging", to: 2)
        return [
            try lie("an alias", alias("team/model", "staging")) { _ = try await $0.alias(production) },
            try lie("an alias elsewhere", alias("team/other", "production")) { _ = try await $0.alias(production) },
            try lie("a move of another alias", other) {
                _ = try await $0.moveAlias(production, MoveAliasRequest(version: two))
            },
            try lie("a move to elsewhere", move("team/model", "production", to: 1)) {
                _ = try await $0.moveAlias(production, MoveAliasRequest(version: two))
            },
            try lie("a removal that is a move", move("team/model", "production", to: 2)) {
                _ = try await $0.removeAlias(production)
            },
            try lie("a history", ListResponse(items: [other])) { _ = try await $0.aliasMoves(of: production) },
            try lie("a policy", policy("team/model", "staging")) { _ = try await $0.policy(of: production) },
            try lie("another policy than was sent", policy("team/model", "production")) {
                _ = try await $0.setPolicy(try Policy.parse(Array(#"{"version":1}"#.utf8)), of: production)
            },
        ]
    }

    private static func verificationLies() throws -> [Lie] {
        let request = VerifyRequest(
            reference: try Reference(parsing: "team/model:1"), dataset: try Reference(parsing: "team/data:1"))
        let id = try VerificationID(parsing: "00000000000000aa")
        let beside = try verification(1, data: 1, baseline: 2)
        return [
            try lie("a verification of another version", verification(2, data: 1)) { _ = try await $0.verify(request) },
            try lie("a verification on other data", verification(1, data: 2)) { _ = try await $0.verify(request) },
            try lie("a verification beside another one", beside) { _ = try await $0.verify(request) },
            try lie("another verification", verification(1, data: 1)) { _ = try await $0.verification(id) },
            try lie("another that is cancelled", verification(1, data: 1)) { _ = try await $0.cancel(id) },
        ]
    }

    private static func listLies() throws -> [Lie] {
        let other = try RepositoryName(parsing: "team/other")
        let model = try RepositoryName(parsing: "team/model")
        let first = try Reference(parsing: "team/model:1")
        let moved = AuditEntry(.alias, at: time, actor: "local", [.repository: .text("team/other")])
        let entries = ListResponse(
            items: [AuditEntryResponse(index: 3, entry: moved), AuditEntryResponse(index: 3, entry: moved)])
        return [
            try lie("versions", ListResponse(items: [version(2)])) { _ = try await $0.versions(in: other) },
            try lie("aliases", ListResponse(items: [alias("team/model", "production")])) {
                _ = try await $0.aliases(in: other)
            },
            try lie("policies", ListResponse(items: [policy("team/model", "production")])) {
                _ = try await $0.policies(in: other)
            },
            try lie("repositories", ListResponse(items: [repository("team/model")])) {
                _ = try await $0.repositories(prefix: "other/")
            },
            try lie("datasets", ListResponse(items: [repository("team/model")])) {
                _ = try await $0.repositories(kind: .dataset)
            },
            try lie("what a search finds", ListResponse(items: [version(2)])) {
                _ = try await $0.search("x", kind: .dataset)
            },
            try lie("verifications", ListResponse(items: [verification(2, data: 1)])) {
                _ = try await $0.verifications(of: first)
            },
            try lie("jobs", ListResponse(items: [verification(2, data: 1)])) {
                _ = try await $0.jobs(repository: other)
            },
            try lie("entries of another repository", entries) { _ = try await $0.auditEntries(repository: model) },
            try lie("entries of another kind", entries) { _ = try await $0.auditEntries(kind: .policy) },
            try lie("an entry twice", entries) { _ = try await $0.auditEntries() },
            try lie("entries of before", entries) { _ = try await $0.auditEntries(after: "3") },
        ]
    }

    // MARK: Referrers

    @Test func `a referrer of something else is refused`() async throws {
        let subject = #"{"mediaType":"m","digest":"\#(Self.digest(2))","size":1}"#
        let referrer = Array(#"{"schemaVersion":2,"layers":[],"subject":\#(subject)}"#.utf8)
        let digest = Digest.sha256(of: referrer)
        let server = Paths { path in
            path.contains("/manifests/") ? referrer : Self.index(of: [digest], link: nil)
        }
        #expect(
            try await Self.code(of: server) { client in
                _ = try await client.referrerManifests(
                    of: Self.digest(1), in: try RepositoryName(parsing: "team/model"), countMax: 10)
            } == .answerMismatch)
    }

    @Test func `referrers without end come to an end`() async throws {
        let server = Paths(link: "</v2/team/model/referrers/x?last=again>; rel=\"next\"") { _ in
            Self.index(of: [Self.digest(3)], link: nil)
        }
        #expect(
            try await Self.code(of: server) { client in
                _ = try await client.referrers(of: Self.digest(1), in: try RepositoryName(parsing: "team/model"))
            } == .answerMismatch)
    }

    /// An answer for each path.
    private struct Paths: StubBehaviour {
        var link: String?
        let body: @Sendable (String) -> [UInt8]

        func bodyLimit(of head: HTTPRequestHead) -> Int? { nil }
        func answer(_ request: StubRequest) -> StubAnswer {
            StubAnswer(headers: link.map { ["Link": $0] } ?? [:], body: body(request.uri))
        }
    }

    private static func code(
        of server: Paths, _ ask: @Sendable (AssayClient) async throws -> Void
    ) async throws -> ErrorCode? {
        try await StubServer.run(server) { url in
            try await AssayClient.withClient(of: Endpoint(parsing: url), retry: .immediate) { client in
                do {
                    try await ask(client)
                    return nil
                } catch let error as AssayError {
                    return error.code
                }
            }
        }
    }

    private static func index(of digests: [Digest], link: String?) -> [UInt8] {
        let items = digests.map { #"{"mediaType":"\#(MediaType.imageManifest)","digest":"\#($0)","size":1}"# }
        return Array(#"{"schemaVersion":2,"manifests":[\#(items.joined(separator: ","))]}"#.utf8)
    }

    // MARK: Pages

    @Test func `pages are followed until a cursor comes again`() throws {
        var walk = PageWalk()
        #expect(try walk.step(to: "a") == "a")
        #expect(try walk.step(to: "b") == "b")
        #expect(try walk.step(to: nil) == nil)
        #expect(throws: AssayError.self) { try walk.step(to: "a") }
    }

    @Test func `a list has no more pages than the limit`() throws {
        var walk = PageWalk()
        for page in 0..<PageWalk.pagesMax { _ = try walk.step(to: "\(page)") }
        let error = #expect(throws: AssayError.self) { try walk.step(to: "one more") }
        #expect(error?.code == .tooManyEntries)
    }

    // MARK: Samples

    private static let time = Timestamp(milliseconds: 1)

    private static func lie(
        _ name: String, _ answer: some Encodable, _ ask: @escaping @Sendable (AssayClient) async throws -> Void
    ) throws -> Lie {
        Lie(testDescription: name, body: try JSON.encode(answer), ask: ask)
    }

    private static func digest(_ number: UInt8) -> Digest {
        Digest.sha256(of: [number])
    }

    private static func number(_ number: Int64) throws -> VersionNumber { try #require(VersionNumber(number)) }

    private static func version(_ number: Int64) throws -> Version {
        Version(
            repository: try RepositoryName(parsing: "team/model"), kind: .model, number: try Self.number(number),
            manifestDigest: digest(UInt8(number)), createdAt: time, contentBytes: 1,
            aliases: [try AliasName(parsing: "production")], metadata: VersionMetadata(), model: nil, annotations: [:])
    }

    private static func repository(_ name: String) throws -> Repository {
        Repository(name: try RepositoryName(parsing: name), kind: .model, createdAt: time, versionCount: 1)
    }

    private static func alias(_ repository: String, _ name: String) throws -> Alias {
        Alias(
            repository: try RepositoryName(parsing: repository), name: try AliasName(parsing: name),
            version: try number(2), movedAt: time, policyDigest: nil)
    }

    private static func move(_ repository: String, _ name: String, to target: Int64) throws -> AliasMove {
        AliasMove(
            repository: try RepositoryName(parsing: repository), name: try AliasName(parsing: name), sequence: 1,
            from: nil, to: try number(target), cause: .set, at: time, actor: "local", verdictDigest: nil)
    }

    private static func policy(_ repository: String, _ alias: String) throws -> PolicyResponse {
        PolicyResponse(
            repository: try RepositoryName(parsing: repository), alias: try AliasName(parsing: alias),
            digest: digest(9), policy: try Policy.parse(Array(#"{"version":1,"size":{"max_bytes":7}}"#.utf8)),
            setAt: time, actor: "local")
    }

    private static func promotion(_ version: Int64, alias: String = "production") throws -> PromotionResponse {
        PromotionResponse(
            state: .promoted, version: try number(version), alias: try AliasName(parsing: alias), holder: nil,
            outcomes: [], verifications: [], verdictDigest: nil)
    }

    private static func graph(_ repository: String, _ version: Int64) throws -> LineageGraph {
        LineageGraph(
            root: .version(try RepositoryName(parsing: repository), try number(version)), direction: .ancestors,
            edges: [], isTruncated: false)
    }

    private static func attestation(_ type: String) -> AttestationResponse {
        AttestationResponse(
            manifestDigest: digest(7), artifactType: type, predicateType: nil, envelopeDigest: digest(8),
            createdAt: time)
    }

    private static func verification(_ version: Int64, data: Int64, baseline: Int64? = nil) throws -> Verification {
        func subject(_ name: String, _ version: Int64) throws -> VerificationReport.Subject {
            VerificationReport.Subject(
                repository: try RepositoryName(parsing: name), number: try number(version),
                digest: digest(UInt8(version)))
        }
        return Verification(
            id: VerificationID(bits: 1), subject: try subject("team/model", version),
            dataset: try subject("team/data", data), baseline: try baseline.map { try subject("team/model", $0) },
            settings: VerificationSettings(), createdAt: time)
    }
}
