package import APIProtocol
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
        try await get("/repositories", ["kind": kind?.rawValue, "prefix": prefix, "after": after, "limit": limit])
    }

    package func repository(_ name: RepositoryName) async throws -> Repository {
        try await get("/repositories/\(name)")
    }

    package func createRepository(_ request: CreateRepositoryRequest) async throws -> Repository {
        try await send(.POST, "/repositories", request, isRepeatable: true)
    }

    // MARK: Versions

    /// A part of a repository's versions, newest first, that fit everything asked for; `annotation` is KEY=VALUE.
    package func versions(
        in repository: RepositoryName, framework: String? = nil, runID: String? = nil, annotation: String? = nil,
        after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<Version> {
        try await get(
            "/versions",
            [
                "repository": repository, "framework": framework, "run_id": runID, "annotation": annotation,
                "after": after, "limit": limit,
            ])
    }

    /// The version that a reference names now.
    package func version(_ reference: Reference) async throws -> Version { try await get("/versions/\(reference)") }

    /// Makes a version of blobs that were pushed; safe to repeat, since equal content is the same version.
    package func publish(_ request: PublishRequest) async throws -> PublishResponse {
        try await send(.POST, "/versions", request, isRepeatable: true)
    }

    package func annotate(_ reference: Reference, _ request: AnnotateRequest) async throws -> Version {
        try await send(.PATCH, "/versions/\(reference)", request, isRepeatable: true)
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
        try await get("/search", ["q": words, "kind": kind?.rawValue, "limit": limit])
    }

    // MARK: Aliases

    package func aliases(in repository: RepositoryName) async throws -> ListResponse<Alias> {
        try await get("/aliases", ["repository": repository])
    }

    package func alias(_ reference: Reference) async throws -> Alias { try await get("/aliases/\(reference)") }

    package func moveAlias(_ reference: Reference, _ request: MoveAliasRequest) async throws -> AliasMove {
        try await send(.PUT, "/aliases/\(reference)", request, isRepeatable: false)
    }

    package func removeAlias(_ reference: Reference) async throws -> AliasMove {
        try decode(await transport.call(request(.DELETE, "/aliases/\(reference)"), isRepeatable: false).body)
    }

    /// The moves of an alias, newest first.
    package func aliasMoves(
        of reference: Reference, after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<AliasMove> {
        try await get("/alias-moves", ["alias": reference, "after": after, "limit": limit])
    }

    // MARK: Policies

    package func policies(in repository: RepositoryName) async throws -> ListResponse<PolicyResponse> {
        try await get("/policies", ["repository": repository])
    }

    package func policy(of alias: Reference) async throws -> PolicyResponse { try await get("/policies/\(alias)") }

    package func setPolicy(_ policy: Policy, of alias: Reference) async throws -> PolicyResponse {
        try await send(.PUT, "/policies/\(alias)", policy, isRepeatable: true)
    }

    package func removePolicy(of alias: Reference) async throws {
        _ = try await transport.call(request(.DELETE, "/policies/\(alias)"), isRepeatable: false)
    }

    // MARK: Verification and promotion

    package func verify(_ request: VerifyRequest) async throws -> Verification {
        try await send(.POST, "/verifications", request, isRepeatable: false)
    }

    package func verifications(of reference: Reference, limit: Int? = nil) async throws -> ListResponse<Verification> {
        try await get("/verifications", ["reference": reference, "limit": limit])
    }

    package func verification(_ id: VerificationID) async throws -> Verification {
        try await get("/verifications/\(id)")
    }

    package func report(of id: VerificationID) async throws -> VerificationReport {
        try await get("/verifications/\(id)/report")
    }

    /// What a policy says of a version now; the alias's own if none is given.
    package func checkPolicy(
        _ policy: Policy?, of alias: AliasName, on reference: Reference
    ) async throws -> PromotionResponse {
        let query: Query = ["reference": reference, "alias": alias.text]
        guard let policy else {
            return try decode(
                await transport.call(request(.POST, "/policy-checks", query), isRepeatable: true).body)
        }
        return try await send(.POST, "/policy-checks", policy, query: query, isRepeatable: true)
    }

    /// Throws `promotion-refused` with the table of requirements in the problem document of its `RemoteFailure`.
    package func promote(_ request: PromoteRequest) async throws -> PromotionResponse {
        try await send(.POST, "/promotions", request, isRepeatable: false)
    }

    /// The best version of a repository by its signed reports on a dataset, and what was found of every version.
    package func selection(
        in repository: RepositoryName, on dataset: Reference? = nil, _ criteria: SelectionCriteria
    ) async throws -> SelectionResponse {
        func list(_ bounds: [String: Double]) -> String? {
            bounds.isEmpty ? nil : bounds.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ",")
        }
        return try await get(
            "/selections/\(repository)",
            [
                "dataset": dataset, "min": list(criteria.min), "max": list(criteria.max),
                "max_p50_milliseconds": criteria.maxP50Milliseconds,
                "max_p99_milliseconds": criteria.maxP99Milliseconds, "max_bytes": criteria.maxBytes,
                "threads": criteria.threads, "batch": criteria.batch, "by": criteria.order,
                "labels": criteria.labels.isEmpty
                    ? nil : criteria.labels.map(\.description).joined(separator: ","),
            ])
    }

    // MARK: Evidence

    package func lineage(
        of reference: Reference, direction: LineageGraph.Direction, depth: Int? = nil
    ) async throws -> LineageResponse {
        try await get("/lineage/\(reference)", ["direction": direction.rawValue, "depth": depth])
    }

    /// The same graph in the language of Graphviz.
    package func lineageDOT(
        of reference: Reference, direction: LineageGraph.Direction, depth: Int? = nil
    ) async throws -> String {
        try await text(
            "\(Self.api)/lineage/\(reference)", ["direction": direction.rawValue, "depth": depth, "format": "dot"])
    }

    package func attestations(of reference: Reference) async throws -> ListResponse<AttestationResponse> {
        try await get("/attestations", ["reference": reference])
    }

    /// Attaches a signature or a statement to a version; safe to repeat.
    package func attest(_ request: AttestRequest) async throws -> AttestationResponse {
        try await send(.POST, "/attestations", request, isRepeatable: true)
    }

    /// The version's bill of materials as it stands now (CycloneDX 1.6, JSON).
    package func bill(of reference: Reference) async throws -> [UInt8] {
        try await bytes("\(Self.api)/bills/\(reference)")
    }

    /// Has the registry attach what can be derived of a version: its bill of materials, and proofs of the audit log.
    package func seal(_ reference: Reference) async throws -> SealResponse {
        try await send(.POST, "/seals", SealRequest(reference: reference), isRepeatable: true)
    }

    // MARK: Trust root and upkeep

    package func keys() async throws -> ListResponse<TrustedKey> { try await get("/keys") }

    package func trust(_ request: TrustKeyRequest) async throws -> TrustedKey {
        try await send(.POST, "/keys", request, isRepeatable: true)
    }

    /// Sets from when and until when a key counts; the id is the hex SHA-256 of its PEM text.
    package func limitKey(_ id: String, _ request: LimitKeyRequest) async throws -> TrustedKey {
        try await send(.PATCH, "/keys/\(PercentEncoding.encode(id))", request, isRepeatable: true)
    }

    /// Takes a key out of what is trusted; `since` is kept as the date from which on it may have been misused.
    package func revokeKey(_ id: String, since: Timestamp? = nil) async throws {
        _ = try await transport.call(
            request(.DELETE, "/keys/\(PercentEncoding.encode(id))", ["since": since]), isRepeatable: false)
    }

    /// What a collection of garbage would remove now; nothing is removed.
    package func garbage() async throws -> GarbageResponse { try await get("/garbage") }

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
