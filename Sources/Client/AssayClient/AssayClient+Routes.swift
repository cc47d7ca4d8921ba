package import APIProtocol
import AssayCrypto
package import AssayDomain
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

extension AssayClient {
    static let api = "/api/v1"

    // MARK: The server itself

    /// Throws `server-unreachable`, or the server's own code, unless it is ready.
    package func checkReady() async throws {
        _ = try await transport.call(transport.request(.GET, "/readyz"), isRepeatable: true)
    }

    /// The server's figures in the text form of Prometheus.
    package func metrics() async throws -> String { try await text("/metrics") }

    /// The server's own description of its routes.
    package func openAPI() async throws -> String { try await text(Self.api + "/openapi.yaml") }

    // MARK: Repositories

    package func repositories(
        kind: Repository.Kind? = nil, prefix: String? = nil, after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<Repository> {
        let list: ListResponse<Repository> = try await get(
            "/repositories", ["kind": kind?.rawValue, "prefix": prefix, "after": after, "limit": limit])
        for item in list.items {
            try AnswerCheck.demand(
                (kind.map { $0 == item.kind } ?? true) && (prefix.map { item.name.text.hasPrefix($0) } ?? true),
                asked: "repositories \(kind?.rawValue ?? "") \(prefix ?? "")",
                answered: "\(item.name), a \(item.kind.rawValue)")
        }
        return list
    }

    package func repository(_ name: RepositoryName) async throws -> Repository {
        let repository: Repository = try await get("/repositories/\(name)")
        try AnswerCheck.demand(repository.name, is: name)
        return repository
    }

    package func createRepository(_ request: CreateRepositoryRequest) async throws -> Repository {
        let repository: Repository = try await send(.POST, "/repositories", request, isRepeatable: true)
        try AnswerCheck.demand(repository.name, is: request.name)
        return repository
    }

    // MARK: Versions

    /// A part of a repository's versions, newest first, that fit everything asked for; `annotation` is KEY=VALUE.
    package func versions(
        in repository: RepositoryName, framework: String? = nil, runID: String? = nil, annotation: String? = nil,
        after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<Version> {
        let list: ListResponse<Version> = try await get(
            "/versions",
            [
                "repository": repository, "framework": framework, "run_id": runID, "annotation": annotation,
                "after": after, "limit": limit,
            ])
        try AnswerCheck.demand(list.items, areOf: repository, \.repository)
        return list
    }

    /// The version that a reference names now. Throws `answer-mismatch` for any other one, as all routes do.
    package func version(_ reference: Reference) async throws -> Version {
        let version: Version = try await get("/versions/\(reference)")
        try reference.check(answer: version)
        return version
    }

    /// Makes a version of blobs that were pushed; safe to repeat, since equal content is the same version.
    package func publish(_ request: PublishRequest) async throws -> PublishResponse {
        let response: PublishResponse = try await send(.POST, "/versions", request, isRepeatable: true)
        let digest = Digest.sha256(of: request.manifest.utf8)
        try Reference(request.repository, .digest(digest)).check(answer: response.version)
        if let tag = request.tag {
            try Reference(request.repository, .tag(try Tag(parsing: tag))).check(answer: response.version)
        }
        return response
    }

    package func annotate(_ reference: Reference, _ request: AnnotateRequest) async throws -> Version {
        let version: Version = try await send(.PATCH, "/versions/\(reference)", request, isRepeatable: true)
        try reference.check(answer: version)
        return version
    }

    /// Deletes a version by its number or digest. Throws `in-use` where something needs it, and `method-not-allowed`
    /// where the registry offers no deletes.
    package func deleteVersion(_ reference: Reference) async throws {
        do {
            _ = try await transport.call(request(.DELETE, "/versions/\(reference)"), isRepeatable: false)
        } catch let error as AssayError where error.code == .methodNotAllowed {
            throw AssayError(
                .methodNotAllowed, "\(reference) is not deleted", reason: "this registry offers no deletes",
                remedy: "ask its operator", cause: error)
        }
    }

    /// Versions whose words match.
    package func search(
        _ words: String, kind: Repository.Kind? = nil, limit: Int? = nil
    ) async throws -> ListResponse<Version> {
        let list: ListResponse<Version> = try await get(
            "/search", ["q": words, "kind": kind?.rawValue, "limit": limit])
        for item in list.items {
            try AnswerCheck.demand(
                kind.map { $0 == item.kind } ?? true, asked: "a \(kind?.rawValue ?? "")",
                answered: "\(item.reference), a \(item.kind.rawValue)")
        }
        return list
    }

    // MARK: Aliases

    package func aliases(in repository: RepositoryName) async throws -> ListResponse<Alias> {
        let list: ListResponse<Alias> = try await get("/aliases", ["repository": repository])
        try AnswerCheck.demand(list.items, areOf: repository, \.repository)
        return list
    }

    package func alias(_ reference: Reference) async throws -> Alias {
        let alias: Alias = try await get("/aliases/\(reference)")
        try reference.check(answerOf: alias.repository, alias.name)
        return alias
    }

    package func moveAlias(_ reference: Reference, _ request: MoveAliasRequest) async throws -> AliasMove {
        let move: AliasMove = try await send(.PUT, "/aliases/\(reference)", request, isRepeatable: false)
        try AnswerCheck.demand(move, isOf: reference, to: request.version, from: request.expected)
        return move
    }

    package func removeAlias(_ reference: Reference) async throws -> AliasMove {
        let move: AliasMove = try decode(
            await transport.call(request(.DELETE, "/aliases/\(reference)"), isRepeatable: false).body)
        try AnswerCheck.demand(move, isOf: reference, to: nil)
        return move
    }

    /// The moves of an alias, newest first.
    package func aliasMoves(
        of reference: Reference, after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<AliasMove> {
        let list: ListResponse<AliasMove> = try await get(
            "/alias-moves", ["alias": reference, "after": after, "limit": limit])
        for move in list.items { try reference.check(answerOf: move.repository, move.name) }
        return list
    }

    // MARK: Policies

    package func policies(in repository: RepositoryName) async throws -> ListResponse<PolicyResponse> {
        let list: ListResponse<PolicyResponse> = try await get("/policies", ["repository": repository])
        for item in list.items { try item.check(answers: Reference(repository, item.alias)) }
        return list
    }

    package func policy(of alias: Reference) async throws -> PolicyResponse {
        let response: PolicyResponse = try await get("/policies/\(alias)")
        try response.check(answers: alias)
        return response
    }

    /// Sets a policy; `creates` makes the repository if it is not there, `allowsUnknown` lets it bound metrics that
    /// nothing measures.
    package func setPolicy(
        _ policy: Policy, of alias: Reference, creates: Bool = false, allowsUnknown: Bool = false
    ) async throws -> PolicyResponse {
        let query: Query = [
            "create": creates ? true : nil, "allow_unknown": allowsUnknown ? true : nil,
        ]
        let response: PolicyResponse = try await send(
            .PUT, "/policies/\(alias)", policy, query: query, isRepeatable: true)
        try response.check(answers: alias)
        try AnswerCheck.demand(
            response.policy == policy, asked: "the policy that was sent", answered: "policy \(response.digest)")
        return response
    }

    package func removePolicy(of alias: Reference) async throws {
        _ = try await transport.call(request(.DELETE, "/policies/\(alias)"), isRepeatable: false)
    }

    // MARK: Verification and promotion

    package func verify(_ request: VerifyRequest) async throws -> Verification {
        let verification: Verification = try await send(.POST, "/verifications", request, isRepeatable: false)
        try verification.check(answers: request)
        return verification
    }

    package func verifications(of reference: Reference, limit: Int? = nil) async throws -> ListResponse<Verification> {
        let list: ListResponse<Verification> = try await get(
            "/verifications", ["reference": reference, "limit": limit])
        for item in list.items { try reference.check(answer: item.subject) }
        return list
    }

    package func verification(_ id: VerificationID) async throws -> Verification {
        let verification: Verification = try await get("/verifications/\(id)")
        try AnswerCheck.demand(verification.id == id, asked: "\(id)", answered: "\(verification.id)")
        return verification
    }

    package func report(of id: VerificationID) async throws -> VerificationReport {
        let report: VerificationReport = try await get("/verifications/\(id)/report")
        try AnswerCheck.demand(report.verification == id, asked: "\(id)", answered: "\(report.verification)")
        return report
    }

    /// The report of a verification, of the same version and data.
    package func report(of verification: Verification) async throws -> VerificationReport {
        let report = try await report(of: verification.id)
        try verification.check(answer: report)
        return report
    }

    /// What a policy says of a version now; the alias's own if none is given.
    package func checkPolicy(
        _ policy: Policy?, of alias: AliasName, on reference: Reference
    ) async throws -> PromotionResponse {
        let version = try await numbered(reference)
        let query: Query = ["reference": version, "alias": alias.text]
        let response: PromotionResponse =
            if let policy {
                try await send(.POST, "/policy-checks", policy, query: query, isRepeatable: true)
            } else {
                try decode(await transport.call(request(.POST, "/policy-checks", query), isRepeatable: true).body)
            }
        try response.check(decidesOn: version, for: alias)
        return response
    }

    /// A version by its number, which is all that some answers say of it. Throws as `version`.
    package func numbered(_ reference: Reference) async throws -> Reference {
        if case .tag(.number) = reference.selector { return reference }
        return try await version(reference).reference
    }

    /// Throws `promotion-refused` with the table of requirements in the problem document of its `RemoteFailure`.
    package func promote(_ request: PromoteRequest) async throws -> PromotionResponse {
        let version = try await numbered(request.reference)
        let response: PromotionResponse = try await send(
            .POST, "/promotions", PromoteRequest(reference: version, alias: request.alias, dryRun: request.dryRun),
            isRepeatable: false)
        try response.check(decidesOn: version, for: request.alias)
        return response
    }

    /// Throws as `promote`, `never-held` and `permission-denied`.
    package func rollBack(_ request: RollbackRequest) async throws -> PromotionResponse {
        let response: PromotionResponse = try await send(.POST, "/rollbacks", request, isRepeatable: false)
        try response.check(decidesOn: request.to, for: request.alias)
        return response
    }

    /// Withdraws a version, or lets it be used again. Throws `version-not-found`, and `request-invalid` for a version
    /// that is to be used again and is not withdrawn.
    package func withdraw(_ request: WithdrawRequest) async throws -> Version {
        let version: Version = try await send(.POST, "/withdrawals", request, isRepeatable: false)
        try request.reference.check(answer: version)
        try AnswerCheck.demand(
            (version.withdrawn == nil) == (request.reinstate ?? false),
            asked: request.reinstate ?? false ? "a version that may be used again" : "a version that is withdrawn",
            answered: version.withdrawn == nil ? "one that may be used" : "one that is withdrawn")
        return version
    }

    /// The best version of a repository by its signed reports on a dataset, and what was found of every version.
    package func selection(
        in repository: RepositoryName, on dataset: Reference? = nil, _ criteria: SelectionCriteria
    ) async throws -> SelectionResponse {
        func list(_ bounds: [String: Double]) -> String? {
            bounds.isEmpty ? nil : bounds.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ",")
        }
        let response: SelectionResponse = try await get(
            "/selections/\(repository)",
            [
                "dataset": dataset, "min": list(criteria.min), "max": list(criteria.max),
                "max_p50_milliseconds": criteria.maxP50Milliseconds,
                "max_p99_milliseconds": criteria.maxP99Milliseconds, "max_bytes": criteria.maxBytes,
                "threads": criteria.threads, "batch": criteria.batch, "by": criteria.order,
                "labels": criteria.labels.isEmpty
                    ? nil : criteria.labels.map(\.description).joined(separator: ","),
            ])
        if let dataset, let told = response.dataset { try dataset.check(answer: told) }
        guard let selected = response.selected else { return response }
        try AnswerCheck.demand(selected.repository, is: repository)
        try AnswerCheck.demand(
            response.candidates.contains {
                $0.number == selected.number && $0.digest == selected.manifestDigest && $0.isFitting
            }, asked: "the best of the versions that fit", answered: "\(selected.reference), which is none of them")
        return response
    }

    // MARK: Evidence

    package func lineage(
        of reference: Reference, direction: LineageGraph.Direction, depth: Int? = nil
    ) async throws -> LineageResponse {
        let version = try await numbered(reference)
        let graph: LineageResponse = try await get(
            "/lineage/\(version)", ["direction": direction.rawValue, "depth": depth])
        try graph.check(answers: version, direction)
        return graph
    }

    /// The same graph in the language of Graphviz.
    package func lineageDOT(
        of reference: Reference, direction: LineageGraph.Direction, depth: Int? = nil
    ) async throws -> String {
        let version = try await numbered(reference)
        let text = try await text(
            "\(Self.api)/lineage/\(version)", ["direction": direction.rawValue, "depth": depth, "format": "dot"])
        try AnswerCheck.demand(
            text.utf8.split(separator: UInt8(ascii: "\n")).contains {
                $0.elementsEqual("  \"\(version)\" [style=bold];".utf8)
            }, asked: "the graph of \(version)", answered: "another graph")
        return text
    }

    package func attestations(of reference: Reference) async throws -> ListResponse<AttestationResponse> {
        let list: ListResponse<AttestationResponse> = try await get("/attestations", ["reference": reference])
        guard list.items.count <= Self.attestationsMax else {
            throw AssayError(
                .tooManyEntries, "the server lists over \(Self.attestationsMax) attestations of \(reference)",
                reason: "a registry decides nothing about a version that has as many")
        }
        return list
    }

    /// The most that are attached to a version of which anything is decided; each is asked for by itself.
    private static let attestationsMax = 10_000

    /// Attaches a signature or a statement to a version; safe to repeat.
    package func attest(_ request: AttestRequest) async throws -> AttestationResponse {
        let response: AttestationResponse = try await send(.POST, "/attestations", request, isRepeatable: true)
        let type = request.signature == nil ? MediaType.dsseEnvelope : MediaType.sigstoreBundle
        try AnswerCheck.demand(response.artifactType == type, asked: type, answered: response.artifactType)
        // A statement that is there in the same words stays as it is; a signature is always the one that was sent.
        if let signature = request.signature {
            let digest = Digest.sha256(of: signature.utf8)
            try AnswerCheck.demand(
                response.envelopeDigest == digest, asked: "\(digest)", answered: "\(response.envelopeDigest)")
        }
        return response
    }

    /// What the files of a version are by their content. Throws `answer-mismatch` for files that it does not have.
    package func inspections(of version: Version, paths: [String]) async throws -> [FileInspection] {
        let list: ListResponse<FileInspection> = try await get("/inspections/\(version.reference)")
        let known = Set(paths.map { ExactText($0) })
        for item in list.items {
            try AnswerCheck.demand(
                known.contains(ExactText(item.path)), asked: "the files of \(version.reference)",
                answered: Printable.quote(item.path, limit: 200))
        }
        return list.items
    }

    /// The version's bill of materials as it stands now (CycloneDX 1.6, JSON).
    package func bill(of reference: Reference) async throws -> [UInt8] {
        let version = try await version(reference)
        let bytes = try await bytes("\(Self.api)/bills/\(version.reference)")
        struct Bill: Decodable {
            struct Metadata: Decodable { let component: Component }
            struct Component: Decodable { let hashes: [Hash] }
            struct Hash: Decodable { let content: String }
            let metadata: Metadata
        }
        // Read in its own words: CycloneDX writes its names in camel case.
        let bill = try? JSON.decodeVerbatim(Bill.self, from: bytes)
        let digests = bill?.metadata.component.hashes.map(\.content) ?? []
        try AnswerCheck.demand(
            digests.contains(version.manifestDigest.hex), asked: "the bill of \(version.manifestDigest)",
            answered: "that of \(digests.first ?? "nothing")")
        return bytes
    }

    /// Has the registry attach what can be derived of a version: its bill of materials, and proofs of the audit log.
    package func seal(_ reference: Reference) async throws -> SealResponse {
        try await send(.POST, "/seals", SealRequest(reference: reference), isRepeatable: true)
    }

    // MARK: Trust root and upkeep

    package func keys() async throws -> ListResponse<TrustedKey> { try await get("/keys") }

    package func trust(_ request: TrustKeyRequest) async throws -> TrustedKey {
        let key: TrustedKey = try await send(.POST, "/keys", request, isRepeatable: true)
        let id = try TrustAnchor.identity(ofPEM: request.pem, role: request.role).id
        try AnswerCheck.demand(
            // A name is kept as it can be printed.
            key.id == id && key.role == request.role && key.name == Printable.escape(request.name)
                && key.repositories == request.repositories && key.revokedAt == nil,
            asked: "the key \(id) as \(request.role.rawValue)", answered: "\(key.id) as \(key.role.rawValue)")
        return key
    }

    /// Sets from when and until when a key counts; the id is the hex SHA-256 of its PEM text.
    package func limitKey(_ id: String, _ request: LimitKeyRequest) async throws -> TrustedKey {
        let key: TrustedKey = try await send(
            .PATCH, "/keys/\(PercentEncoding.encode(id))", request, isRepeatable: true)
        try AnswerCheck.demand(
            key.id == id && key.validFrom == request.validFrom?.time
                && key.validUntil == request.validUntil?.time,
            asked: "the key \(id) within other times", answered: "\(key.id)")
        return key
    }

    /// Gives the registry another key of its own.
    package func rotateKey(_ request: RotateKeyRequest) async throws -> RotateKeyResponse {
        try await send(.POST, "/key-rotations", request, isRepeatable: false)
    }

    /// Takes a key out of what is trusted; `since` is kept as the date from which on it may have been misused.
    package func revokeKey(_ id: String, since: Timestamp? = nil) async throws {
        _ = try await transport.call(
            request(.DELETE, "/keys/\(PercentEncoding.encode(id))", ["since": since]), isRepeatable: false)
    }

    /// What the server takes.
    package func limits() async throws -> LimitsResponse { try await get("/limits") }

    /// What a collection of garbage would remove now; nothing is removed.
    package func garbage() async throws -> GarbageResponse { try await get("/garbage") }

    /// Removes the unfinished uploads that nobody writes to at the moment.
    package func dropUploads() async throws -> UploadsResponse {
        try decode(await transport.call(request(.DELETE, "/uploads"), isRepeatable: true).body)
    }

    // MARK: Requests

    func request(_ method: HTTPMethod, _ path: String, _ query: Query = [:]) -> HTTPClientRequest {
        transport.request(method, Self.api + path, query: query)
    }

    func get<Answer: Decodable>(_ path: String, _ query: Query = [:]) async throws -> Answer {
        try decode(await transport.call(request(.GET, path, query), isRepeatable: true).body)
    }

    private func text(_ path: String, _ query: Query = [:]) async throws -> String {
        String(decoding: try await bytes(path, query), as: UTF8.self)
    }

    func bytes(_ path: String, _ query: Query = [:]) async throws -> [UInt8] {
        try await transport.call(transport.request(.GET, path, query: query), isRepeatable: true).body
    }

    func send<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ message: some Encodable, query: Query = [:], isRepeatable: Bool
    ) async throws -> Answer {
        let request = try self.message(method, path, message, query: query)
        return try decode(await transport.call(request, isRepeatable: isRepeatable).body)
    }

    /// A request with a JSON body.
    func message(
        _ method: HTTPMethod, _ path: String, _ message: some Encodable, query: Query = [:]
    ) throws -> HTTPClientRequest {
        var request = request(method, path, query)
        request.headers.add(name: "Content-Type", value: MediaType.json)
        request.body = .bytes(ByteBuffer(bytes: try JSON.encode(message)))
        return request
    }

    /// An answer that cannot be read is the server's fault, not the caller's.
    func decode<Answer: Decodable>(_ body: [UInt8]) throws -> Answer {
        do {
            return try JSON.decode(Answer.self, from: body)
        } catch let error as AssayError {
            throw AssayError(
                .serverRefused, "the server's answer cannot be read", reason: error.reason ?? error.message,
                remedy: "check that the server and this program are of the same release", cause: error)
        }
    }
}
